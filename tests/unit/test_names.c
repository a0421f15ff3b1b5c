#include <check.h>

#include "names.h"
#include "oom.h"

static struct split_member members[] = {
    {{"b", 1}, {"1", 1}},
    {{"\\u0061", 6}, {"2", 1}},
    {{"b", 1}, {"3", 1}},
    {{"", 0}, {"4", 1}},
};

START_TEST(decodes_only_what_must_be)
{
    struct slice raw = SLICE("plain"), out;
    struct arena a = {0};
    struct err err;

    ck_assert(names_decode(raw, &a, &out, &err));
    ck_assert_ptr_eq(out.at, raw.at);
    ck_assert(names_decode(SLICE("\\ud83d"), &a, &out, &err));
    ck_assert(slice_equal(out, SLICE("\xED\xA0\xBD")));
    ck_assert(names_decode(SLICE(""), &a, &out, &err));
    ck_assert_uint_eq(out.len, 0);
    arena_done(&a);
}
END_TEST

START_TEST(sorts_by_characters_then_place)
{
    static const size_t order[] = {3, 1, 0, 2};
    struct arena a = {0};
    struct name *sorted;
    struct err err;

    ck_assert(names_sort(members, COUNT_OF(members), &a, &sorted, &err));
    for (size_t i = 0; i < COUNT_OF(order); i++)
        ck_assert_uint_eq(sorted[i].index, order[i]);
    ck_assert(names_sort(members, 0, &a, &sorted, &err));
    arena_done(&a);
}
END_TEST

START_TEST(a_long_name_is_cut_between_characters)
{
    struct split_member twins[2] = {{.name = {NULL, 0}}};
    struct arena a = {0};
    char name[100];
    struct err err;

    memset(name, 'a', sizeof(name));
    memcpy(name + NAMES_SHOWN - 1, "\xC3\xA9", 2);
    twins[0].name = twins[1].name = (struct slice){name, sizeof(name)};
    ck_assert(!names_unique(twins, 2, &a, &err));
    ck_assert_int_eq(err.kind, ERR_INVALID);
    ck_assert_ptr_null(strchr(err.text, '\xC3'));
    arena_done(&a);
}
END_TEST

static bool sort_and_look(struct arena *arena, struct err *err)
{
    return names_unique(members, 2, arena, err);
}

START_TEST(memory_ends)
{
    oom_sweep(sort_and_look);
}
END_TEST

Suite *suite_names(void);

START_TEST(writes_pointers)
{
    static const char *const names[][2] = {
        {"a", "a"},
        {"", ""},
        {"\\u0061/~\\n", "a~1~0\n"},
        {"\\u0000a", "\\u0000a"},
        {"\\ud83da", "\\ud83da"},
        {"a: : b", "a:%20:%20b"},
        {"0123456789012345678901234567890123456789012345678\xC3\xA9",
         "012345678901234567890123456789012345678901234567"},
        {"01234567890123456789012345678901234567890123456\xC3\xA9",
         "01234567890123456789012345678901234567890123456"},
    };
    struct arena a = {0};

    for (size_t i = 0; i < COUNT_OF(names); i++) {
        char out[NAMES_POINTER_LEN];

        names_pointer(slice_of(names[i][0]), &a, out);
        ck_assert_str_eq(out, names[i][1]);
    }
    arena_done(&a);
}
END_TEST

Suite *suite_names(void)
{
    Suite *suite = suite_create("names");
    TCase *tests = tcase_create("names");

    tcase_add_test(tests, decodes_only_what_must_be);
    tcase_add_test(tests, sorts_by_characters_then_place);
    tcase_add_test(tests, a_long_name_is_cut_between_characters);
    tcase_add_test(tests, writes_pointers);
    tcase_add_test(tests, memory_ends);
    suite_add_tcase(suite, tests);
    return suite;
}

#include <check.h>

#include "base64.h"
#include "cursor.h"
#include "oom.h"

START_TEST(there_and_back)
{
    char big[300];
    struct slice parts[4] = {SLICE("a\0b"), {NULL, 0}, SLICE(""), {big, sizeof(big)}}, back[4];
    struct arena a = {0};
    struct slice text;
    struct err err;

    memset(big, 'x', sizeof(big));
    text = cursor_encode('s', parts, 4, &a);
    ck_assert(cursor_decode(text, 's', back, 4, &a, &err));
    for (int i = 0; i < 4; i++) {
        ck_assert(slice_present(back[i]) == slice_present(parts[i]));
        ck_assert(slice_equal(back[i], parts[i]));
    }
    text = cursor_encode('n', NULL, 0, &a);
    ck_assert(cursor_decode(text, 'n', NULL, 0, &a, &err));
    arena_done(&a);
}
END_TEST

START_TEST(owners_differ)
{
    static const struct slice of[][3] = {
        {SLICE("a"), SLICE("b"), {NULL, 0}}, {SLICE("ab"), SLICE(""), {NULL, 0}},
        {SLICE("a"), {NULL, 0}, SLICE("b")}, {SLICE("a"), SLICE("b"), SLICE("")},
        {SLICE(""), SLICE("ab"), {NULL, 0}}, {{NULL, 0}, SLICE("ab"), {NULL, 0}},
    };

    for (size_t i = 0; i < COUNT_OF(of); i++)
        for (size_t k = 0; k < COUNT_OF(of); k++) {
            char one[CURSOR_OWNER_LEN], other[CURSOR_OWNER_LEN];

            ck_assert(slice_equal(cursor_owner(of[i], 3, one), cursor_owner(of[k], 3, other)) ==
                      (i == k));
        }
}
END_TEST

static void refuse(struct slice text, size_t n)
{
    struct slice parts[4] = {SLICE("untouched")};
    struct arena a = {0};
    struct err err;

    ck_assert(!cursor_decode(text, 's', parts, n, &a, &err));
    ck_assert_int_eq(err.kind, ERR_INVALID);
    ck_assert_str_eq(err.text, "is not a cursor of this list; send one that it gave, unchanged");
    ck_assert(slice_equal(parts[0], SLICE("untouched")));
    arena_done(&a);
}

START_TEST(refuses_what_is_of_another_list)
{
    struct slice parts[] = {SLICE("a"), SLICE("b")};
    struct arena a = {0};
    struct slice text = cursor_encode('s', parts, 2, &a);

    refuse(cursor_encode('t', parts, 2, &a), 2);
    refuse(text, 1);
    refuse(text, 3);
    refuse((struct slice){text.at, text.len - 2}, 2);
    refuse(SLICE(""), 1);
    refuse(SLICE("not base64url!"), 1);
    refuse((struct slice){NULL, 0}, 1);
    arena_done(&a);
}
END_TEST

START_TEST(refuses_wrong_lengths)
{
    static const struct slice raw[] = {
        {"s", 1},
        {"s\x80", 2},
        {"s\x03"
         "a",
         3},
        {"s\x80\x80\x80\x80\x80\x01", 7},
        {"s\xFF\xFF\xFF\xFF\x7F"
         "a",
         7},
    };
    struct arena a = {0};

    refuse(base64_encode_url(raw[_i], &a), 1);
    arena_done(&a);
}
END_TEST

START_TEST(integers)
{
    static const int64_t numbers[] = {0, 1, -1, INT64_MAX, INT64_MIN};
    static const char *const bad[] = {"",
                                      "-",
                                      "+1",
                                      "1a",
                                      "a",
                                      " 1",
                                      "9223372036854775808",
                                      "-9223372036854775809",
                                      "99999999999999999999"};
    struct arena a = {0};
    struct err err;
    int64_t n;

    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        ck_assert(cursor_to_int(cursor_int(numbers[i], &a), &n, &err));
        ck_assert_int_eq(n, numbers[i]);
    }
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        ck_assert(!cursor_to_int(slice_of(bad[i]), &n, &err));
        ck_assert_int_eq(err.kind, ERR_INVALID);
    }
    ck_assert(!cursor_to_int((struct slice){NULL, 0}, &n, &err));
    arena_done(&a);
}
END_TEST

static bool encode(struct arena *arena, struct err *err)
{
    struct slice parts[] = {SLICE("abc"), cursor_int(12, arena)};

    if (!parts[1].at || !cursor_encode('s', parts, 2, arena).at)
        return err_set(err, ERR_NO_MEMORY, "failed");
    return true;
}

START_TEST(memory_ends_encoding)
{
    oom_sweep(encode);
}
END_TEST

START_TEST(memory_ends_decoding)
{
    struct arena a = {0};
    struct slice part;
    struct err err;
    bool ok;

    oom_set(true);
    ok = cursor_decode(SLICE("cwJh"), 's', &part, 1, &a, &err);
    oom_set(false);
    ck_assert(!ok);
    ck_assert_int_eq(err.kind, ERR_NO_MEMORY);
    ck_assert(cursor_decode(SLICE("cwJh"), 's', &part, 1, &a, &err));
    ck_assert(slice_equal(part, SLICE("a")));
    arena_done(&a);
}
END_TEST

Suite *suite_cursor(void);

Suite *suite_cursor(void)
{
    Suite *suite = suite_create("cursor");
    TCase *tests = tcase_create("cursor");

    tcase_add_test(tests, there_and_back);
    tcase_add_test(tests, owners_differ);
    tcase_add_test(tests, refuses_what_is_of_another_list);
    tcase_add_loop_test(tests, refuses_wrong_lengths, 0, 5);
    tcase_add_test(tests, integers);
    tcase_add_test(tests, memory_ends_encoding);
    tcase_add_test(tests, memory_ends_decoding);
    suite_add_tcase(suite, tests);
    return suite;
}

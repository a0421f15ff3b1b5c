/* test_sorted.c - lists that are sorted once, and then searched. */
#include <check.h>
#include <stdio.h>

#include "compiler.h"
#include "sorted.h"

Suite *suite_sorted(void);

enum { MANY = 3000, NAME_SIZE = 16 };

START_TEST(numbers_stay_once)
{
    int64_t some[] = {7, 0, INT64_MAX, 7, -3, 0, 7, INT64_MIN};
    static const int64_t left[] = {INT64_MIN, -3, 7, INT64_MAX};

    ck_assert_uint_eq(sorted_numbers(some, COUNT_OF(some)), COUNT_OF(left));
    ck_assert_mem_eq(some, left, sizeof(left));
    for (size_t i = 0; i < COUNT_OF(left); i++)
        ck_assert_ptr_eq(sorted_number(some, COUNT_OF(left), left[i]), &some[i]);
    ck_assert_ptr_null(sorted_number(some, COUNT_OF(left), 8));
    ck_assert_ptr_null(sorted_number(some, COUNT_OF(left), 0));
}
END_TEST

START_TEST(nothing_is_found_in_nothing)
{
    int64_t zero = 0;
    struct wanted_list list = {NULL, 0};
    struct channel_version of = {SLICE("a"), SLICE("1")};

    ck_assert_uint_eq(sorted_numbers(NULL, 0), 0);
    ck_assert_uint_eq(sorted_numbers(&zero, 1), 0);
    ck_assert_ptr_null(sorted_number(NULL, 0, 1));
    ck_assert_uint_eq(sorted_texts(NULL, 0), 0);
    ck_assert(!sorted_has(NULL, 0, SLICE("")));
    wanted_sort(&list);
    ck_assert_ptr_null(wanted_find(&list, &of));
}
END_TEST

START_TEST(texts_stay_once)
{
    struct slice some[] = {SLICE("b"), SLICE("ab"),  SLICE(""),     SLICE("b"), {NULL, 0},
                           SLICE("a"), SLICE("a\0"), SLICE("\xFF"), SLICE("ab")};
    static const struct slice left[] = {SLICE(""),   SLICE("a"), SLICE("a\0"),
                                        SLICE("ab"), SLICE("b"), SLICE("\xFF")};

    ck_assert_uint_eq(sorted_texts(some, COUNT_OF(some)), COUNT_OF(left));
    for (size_t i = 0; i < COUNT_OF(left); i++) {
        ck_assert(slice_equal(some[i], left[i]));
        ck_assert(sorted_has(some, COUNT_OF(left), left[i]));
    }
    ck_assert(sorted_has(some, COUNT_OF(left), (struct slice){NULL, 0}));
    ck_assert(!sorted_has(some, COUNT_OF(left), SLICE("aa")));
    ck_assert(!sorted_has(some, COUNT_OF(left), SLICE("c")));
}
END_TEST

static const struct channel_version *name_of(size_t i)
{
    static struct channel_version of;
    static char channel[NAME_SIZE], version[NAME_SIZE];

    snprintf(channel, sizeof(channel), "c%zu", i / 3);
    snprintf(version, sizeof(version), "%zu", i % 3 + 1);
    of = (struct channel_version){slice_of(channel), slice_of(version)};
    return &of;
}

/* Each name comes twice: every entry is found once under its name, and under no other. */
START_TEST(all_of_a_name_are_found)
{
    static struct wanted items[2 * MANY];
    static char texts[MANY][2][NAME_SIZE];
    static int seen[2 * MANY];
    struct wanted_list list = {items, 2 * MANY};

    for (size_t i = 0; i < list.n; i++) {
        size_t number = i * 7 % MANY; /* unsorted */
        const struct channel_version *of = name_of(number);

        snprintf(texts[number][0], NAME_SIZE, "%.*s", SLICE_ARGS(of->channel));
        snprintf(texts[number][1], NAME_SIZE, "%.*s", SLICE_ARGS(of->version));
        items[i] = (struct wanted){{slice_of(texts[number][0]), slice_of(texts[number][1])}, i};
    }
    wanted_sort(&list);
    for (size_t number = 0; number < MANY; number++) {
        const struct wanted *w = wanted_find(&list, name_of(number));

        for (; w; w = wanted_next(&list, w)) {
            ck_assert_uint_eq(w->index * 7 % MANY, number);
            seen[w->index]++;
        }
    }
    for (size_t i = 0; i < list.n; i++)
        ck_assert_int_eq(seen[i], 1);
    ck_assert_ptr_null(wanted_find(&list, name_of(MANY)));
    ck_assert_ptr_null(wanted_find(&list, &(struct channel_version){SLICE("c1"), {NULL, 0}}));
}
END_TEST

Suite *suite_sorted(void)
{
    Suite *suite = suite_create("sorted");
    TCase *tc = tcase_create("sorted");

    tcase_add_test(tc, numbers_stay_once);
    tcase_add_test(tc, nothing_is_found_in_nothing);
    tcase_add_test(tc, texts_stay_once);
    tcase_add_test(tc, all_of_a_name_are_found);
    suite_add_tcase(suite, tc);
    return suite;
}

/* test_id_set.c - a bounded set of ids. */
#include <check.h>
#include <stdio.h>

#include "id_set.h"
#include "oom.h"

Suite *suite_id_set(void);

enum { MAX = 1000 };

static struct id_set set;

static void setup(void)
{
    id_set_init(&set, MAX);
}

static void teardown(void)
{
    id_set_clear(&set);
}

static struct pair_id id_of(const char *tenant, const char *id)
{
    return (struct pair_id){slice_of(tenant), slice_of(id)};
}

START_TEST(holds_what_was_added)
{
    char name[8] = "s1";

    ck_assert(!id_set_has(&set, id_of("t", "s1")));
    ck_assert(!id_set_has(&set, (struct pair_id){SLICE("t"), {NULL, 0}}));
    id_set_add(&set, id_of("t", name), 1);
    id_set_add(&set, id_of("t", name), 2);
    name[0] = 'x'; /* the set has its own copy */
    ck_assert_uint_eq(set.n, 1);
    ck_assert(id_set_has(&set, id_of("t", "s1")));
    ck_assert(!id_set_has(&set, id_of("u", "s1")));
    ck_assert(!id_set_has(&set, id_of("ts", "1")));
    ck_assert(id_set_has(&set, (struct pair_id){SLICE("t"), {NULL, 0}}));
    id_set_clear(&set);
    ck_assert(!id_set_has(&set, id_of("t", "s1")));
}
END_TEST

START_TEST(when_full_it_holds_everything)
{
    char name[16];

    for (int i = 0; i < MAX; i++) {
        snprintf(name, sizeof(name), "s%d", i);
        id_set_add(&set, id_of("t", name), i);
    }
    ck_assert(!set.full && !id_set_has(&set, id_of("t", "other")));
    id_set_add(&set, id_of("t", "s7"), MAX); /* it is known already */
    ck_assert(!set.full);
    id_set_add(&set, id_of("t", "one more"), MAX);
    ck_assert(set.full && id_set_has(&set, id_of("t", "other")));
    id_set_clear(&set);
    ck_assert(!set.full && !id_set_has(&set, id_of("t", "s7")));
}
END_TEST

START_TEST(without_memory_it_is_full)
{
    oom_set(true);
    id_set_add(&set, id_of("t", "s"), 1);
    oom_set(false);
    ck_assert(set.full && set.n == 0 && id_set_has(&set, id_of("t", "any")));
}
END_TEST

static bool is_even(struct id_entry *e, void *ctx)
{
    int *seen = ctx;

    (*seen)++;
    e->told = true;
    return e->added_ns % 2 == 0;
}

START_TEST(filters)
{
    char name[16];
    int seen = 0;

    id_set_filter(&set, is_even, &seen);
    ck_assert_int_eq(seen, 0);
    for (int i = 0; i < 100; i++) {
        snprintf(name, sizeof(name), "s%d", i);
        id_set_add(&set, id_of("t", name), i);
    }
    id_set_filter(&set, is_even, &seen);
    ck_assert_int_eq(seen, 100);
    ck_assert_uint_eq(set.n, 50);
    ck_assert(id_set_has(&set, id_of("t", "s8")) && !id_set_has(&set, id_of("t", "s9")));
}
END_TEST

static bool keep_old(struct id_entry *e, void *ctx)
{
    *(int64_t *)ctx = e->added_ns;
    return e->told;
}

START_TEST(a_time_only_rises_and_what_is_added_anew_is_untold)
{
    int64_t added = 0;
    int seen = 0;

    id_set_add(&set, id_of("t", "s"), 8);
    id_set_add(&set, id_of("t", "s"), 4);
    id_set_filter(&set, is_even, &seen); /* is_even() marks it as told */
    id_set_filter(&set, keep_old, &added);
    ck_assert_int_eq(added, 8);
    ck_assert_uint_eq(set.n, 1);
    id_set_add(&set, id_of("t", "s"), 10);
    id_set_filter(&set, keep_old, &added);
    ck_assert_uint_eq(set.n, 0);
}
END_TEST

Suite *suite_id_set(void)
{
    Suite *s = suite_create("id_set");
    TCase *tc = tcase_create("id_set");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, holds_what_was_added);
    tcase_add_test(tc, when_full_it_holds_everything);
    tcase_add_test(tc, without_memory_it_is_full);
    tcase_add_test(tc, filters);
    tcase_add_test(tc, a_time_only_rises_and_what_is_added_anew_is_untold);
    suite_add_tcase(s, tc);
    return s;
}

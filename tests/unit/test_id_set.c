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

static bool is_even(const struct id_entry *e, void *ctx)
{
    int *seen = ctx;

    (*seen)++;
    return e->added_ns % 2 == 0;
}

/* Adds s0, s1 ... at the times 0, 1 ... */
static void add(int n)
{
    char name[16];

    for (int i = 0; i < n; i++) {
        snprintf(name, sizeof(name), "s%d", i);
        id_set_add(&set, id_of("t", name), i);
    }
}

START_TEST(filters)
{
    int seen = 0;

    (void)id_set_filter(&set, MAX, is_even, &seen);
    ck_assert_int_eq(seen, 0);
    add(100);
    ck_assert_uint_eq(id_set_filter(&set, 20, is_even, &seen), 20);
    ck_assert_uint_eq(set.n, 80);
    ck_assert_uint_eq(id_set_filter(&set, 40, is_even, &seen), 30);
    ck_assert_uint_eq(set.n, 50);
    ck_assert(id_set_has(&set, id_of("t", "s8")) && !id_set_has(&set, id_of("t", "s9")));
}
END_TEST

static bool is_of(const struct id_entry *e, void *ctx)
{
    return e->added_ns == *(int64_t *)ctx;
}

START_TEST(a_time_only_rises)
{
    int64_t time = 8;

    id_set_add(&set, id_of("t", "s"), 8);
    id_set_add(&set, id_of("t", "s"), 4);
    (void)id_set_filter(&set, MAX, is_of, &time);
    ck_assert_uint_eq(set.n, 1);
    time = 10;
    id_set_add(&set, id_of("t", "s"), time);
    (void)id_set_filter(&set, MAX, is_of, &time);
    ck_assert_uint_eq(set.n, 1);
}
END_TEST

/* Tells all that are not told, and counts them. */
static int tell(void)
{
    const struct id_entry *e;
    int n = 0;

    while (id_set_untold(&set, &e, 1) > 0) {
        id_set_tell(&set, e->key, INT64_MAX);
        n++;
    }
    return n;
}

START_TEST(each_is_told_once_until_it_is_added_anew)
{
    const struct id_entry *entries[9];
    int seen = 0;

    ck_assert_int_eq(tell(), 0);
    add(10);
    ck_assert_int_eq(tell(), 10);
    ck_assert_int_eq(tell(), 0);
    add(3);
    ck_assert_uint_eq(id_set_untold(&set, entries, 2), 2);
    ck_assert_uint_eq(id_set_untold(&set, entries, 9), 3);
    id_set_tell(&set, entries[0]->key, entries[0]->added_ns);
    id_set_tell(&set, entries[1]->key, entries[1]->added_ns - 1); /* it was added since */
    id_set_tell(&set, id_of("t", "none"), INT64_MAX);
    ck_assert_int_eq(tell(), 2);
    id_set_retell(&set);
    id_set_retell(&set);
    (void)id_set_filter(&set, MAX, is_even, &seen); /* told or not */
    ck_assert_int_eq(tell(), 5);
    (void)id_set_filter(&set, MAX, is_even, &seen);
    id_set_retell(&set);
    ck_assert_int_eq(tell(), 5);
    id_set_clear(&set);
    ck_assert_int_eq(tell(), 0);
}
END_TEST

static bool flag(const char *id, int64_t asked_ns)
{
    id_set_flag(&set, id_of("t", id), asked_ns);
    return id_set_flagged(&set, id_of("t", id));
}

START_TEST(what_was_asked_before_something_was_unflagged_flags_nothing)
{
    ck_assert(!flag("s1", 5)); /* the set does not hold it */
    add(2);
    ck_assert(!id_set_flagged(&set, id_of("t", "s1")));
    ck_assert(flag("s1", 5) && !id_set_flagged(&set, id_of("t", "s0")));
    add(2);
    id_set_retell(&set);
    ck_assert(id_set_flagged(&set, id_of("t", "s1")));
    id_set_unflag(&set, id_of("t", "s1"), 8);
    ck_assert(!flag("s1", 7) && flag("s1", 8) && flag("s0", 8));
    id_set_unflag_all(&set, 6);
    ck_assert(!id_set_flagged(&set, id_of("t", "s1")) && !id_set_flagged(&set, id_of("t", "s0")));
    ck_assert(!flag("s1", 7) && flag("s1", 8));
    id_set_unflag_all(&set, 9);
    ck_assert(!flag("s1", 8) && flag("s1", 9));
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
    tcase_add_test(tc, a_time_only_rises);
    tcase_add_test(tc, each_is_told_once_until_it_is_added_anew);
    tcase_add_test(tc, what_was_asked_before_something_was_unflagged_flags_nothing);
    suite_add_tcase(s, tc);
    return s;
}

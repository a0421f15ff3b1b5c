#include <check.h>
#include <pthread.h>
#include <stdlib.h>

#include "clock.h"

enum { THREADS = 4, ROUNDS = 20000 };

static void real_clock(void)
{
    clock_fake(0, 0);
}

START_TEST(clocks_go_on)
{
    int64_t ns = clock_now_ns();

    ck_assert_int_gt(clock_now_us(), INT64_C(1700000000) * 1000000);
    ck_assert_int_ge(clock_now_ns(), ns);
}
END_TEST

START_TEST(clocks_can_be_fixed)
{
    clock_fake(5, 7);
    ck_assert_int_eq(clock_now_ns(), 5);
    ck_assert_int_eq(clock_now_us(), 7);
}
END_TEST

START_TEST(stamps_rise_while_the_clock_stands_or_goes_back)
{
    int64_t last, next;

    clock_fake(1, 1000);
    stamp_set_node(42);
    last = stamp_next();
    ck_assert_int_eq(stamp_us(last), 1000);
    ck_assert_int_eq(last & 1023, 42);
    next = stamp_next();
    ck_assert_int_eq(next, last + 1024);
    clock_fake(1, 500);
    last = stamp_next();
    ck_assert_int_eq(last, next + 1024);
    clock_fake(1, 2000);
    ck_assert_int_eq(stamp_us(stamp_next()), 2000);
}
END_TEST

START_TEST(a_run_of_stamps_is_taken_at_once)
{
    int64_t first;

    clock_fake(1, 1000);
    first = stamp_take(100);
    ck_assert_int_eq(stamp_us(first), 1000);
    ck_assert_int_eq(stamp_us(stamp_next()), 1100);
}
END_TEST

START_TEST(observed_stamps_are_passed)
{
    int64_t seen = INT64_C(5000) << STAMP_NODE_BITS | 1023;

    clock_fake(1, 1000);
    stamp_set_node(0);
    stamp_observe(seen);
    ck_assert_int_gt(stamp_next(), seen);
    stamp_observe(1);
    ck_assert_int_gt(stamp_next(), seen + 1);
}
END_TEST

START_TEST(its_own_bounds_are_told_from_others)
{
    int64_t bounds[STAMP_OWN], bound;

    clock_fake(1, 7000 * S_US);
    stamp_set_node(42);
    bound = stamp_bound(S_US);
    ck_assert_int_eq(stamp_us(bound), 7001 * S_US);
    ck_assert_int_eq(bound & 1023, 42);
    ck_assert(stamp_is_own(bound));
    ck_assert(!stamp_is_own(bound + 1));
    ck_assert(!stamp_is_own(bound + 1024));
    ck_assert_uint_eq(stamp_own(bounds), 1);
    ck_assert_int_eq(bounds[0], bound);
    clock_fake(1, 7002 * S_US);
    ck_assert_int_gt(stamp_next(), bound); /* reached */
    ck_assert_uint_eq(stamp_own(bounds), 0);
    for (int i = 0; i < 2 * STAMP_OWN; i++)
        bound = stamp_bound(S_US);
    ck_assert(stamp_is_own(bound));
    ck_assert_uint_eq(stamp_own(bounds), STAMP_OWN);
}
END_TEST

START_TEST(a_bound_covers_what_is_made_meanwhile)
{
    int64_t bound;

    clock_fake(1, 8000 * S_US);
    bound = stamp_bound(S_US);
    ck_assert(!stamp_may_pass(bound, S_US / 2));
    ck_assert(stamp_may_pass(bound, S_US + 1));
    clock_fake(1, 8000 * S_US + 600000);
    ck_assert(stamp_may_pass(bound, S_US / 2));
    stamp_observe(bound + (5 * S_US << STAMP_NODE_BITS)); /* of a faster clock */
    ck_assert(stamp_may_pass(bound, 0));
    bound = stamp_bound(S_US);
    ck_assert_int_lt(stamp_us(bound), stamp_us(stamp_next()) + S_US / 10);
    ck_assert(!stamp_may_pass(bound, S_US / 2));
    ck_assert_int_lt(stamp_take(10000), bound);
    ck_assert_int_lt(stamp_next(), bound);
}
END_TEST

static void *take_many(void *out)
{
    int64_t *stamps = out;

    for (int i = 0; i < ROUNDS; i++) {
        stamps[i] = stamp_next();
        if (i > 0 && stamps[i] <= stamps[i - 1])
            return out;
    }
    return NULL;
}

static int compare(const void *left, const void *right)
{
    const int64_t *a = left, *b = right;

    return (*a > *b) - (*a < *b);
}

START_TEST(threads_never_share_a_stamp)
{
    static int64_t stamps[THREADS][ROUNDS];
    pthread_t threads[THREADS];
    int same = 0;

    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, take_many, stamps[i]), 0);
    for (int i = 0; i < THREADS; i++) {
        void *failed;

        pthread_join(threads[i], &failed);
        ck_assert_ptr_null(failed);
    }
    qsort(stamps, (size_t)THREADS * ROUNDS, sizeof(stamps[0][0]), compare);
    for (int i = 1; i < THREADS * ROUNDS; i++)
        same += stamps[i / ROUNDS][i % ROUNDS] == stamps[(i - 1) / ROUNDS][(i - 1) % ROUNDS];
    ck_assert_int_eq(same, 0);
}
END_TEST

Suite *suite_clock(void);

Suite *suite_clock(void)
{
    Suite *suite = suite_create("clock");
    TCase *tests = tcase_create("clock");

    tcase_add_checked_fixture(tests, NULL, real_clock);
    tcase_add_test(tests, clocks_go_on);
    tcase_add_test(tests, clocks_can_be_fixed);
    tcase_add_test(tests, stamps_rise_while_the_clock_stands_or_goes_back);
    tcase_add_test(tests, a_run_of_stamps_is_taken_at_once);
    tcase_add_test(tests, observed_stamps_are_passed);
    tcase_add_test(tests, its_own_bounds_are_told_from_others);
    tcase_add_test(tests, a_bound_covers_what_is_made_meanwhile);
    tcase_add_test(tests, threads_never_share_a_stamp);
    suite_add_tcase(suite, tests);
    return suite;
}

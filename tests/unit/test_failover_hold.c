/* test_failover_hold.c - lanes wait for the end of a hold, and no longer. */
#include "failover_hold.h"

#include <check.h>
#include <stdbool.h>

#include "clock.h"

Suite *suite_failover_hold(void);

static struct hold hold;

static void setup(void)
{
    hold_init(&hold);
}

static void teardown(void)
{
    hold_done(&hold);
}

static void *wait_for_it(void *done)
{
    hold_wait(&hold);
    atomic_store((atomic_bool *)done, true);
    return NULL;
}

START_TEST(without_one_nobody_waits)
{
    hold_wait(&hold);
    hold_end(&hold);
    hold_wait(&hold);
}
END_TEST

START_TEST(its_end_lets_all_go_on)
{
    atomic_bool done[2] = {false, false};
    pthread_t threads[2];

    hold_begin(&hold);
    atomic_store(&hold.until_ns, clock_now_ns() + 3600 * S_NS);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, wait_for_it, &done[i]), 0);
    ck_assert(!done[0] && !done[1]);
    hold_end(&hold);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    ck_assert(done[0] && done[1]);
}
END_TEST

START_TEST(it_ends_by_itself_and_does_not_begin_at_once_again)
{
    hold_begin(&hold);
    hold_wait(&hold);
    hold_begin(&hold);
    ck_assert_int_lt(atomic_load(&hold.until_ns), clock_now_ns());
    hold_wait(&hold);
}
END_TEST

Suite *suite_failover_hold(void)
{
    Suite *s = suite_create("failover_hold");
    TCase *tc = tcase_create("failover_hold");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, without_one_nobody_waits);
    tcase_add_test(tc, its_end_lets_all_go_on);
    tcase_add_test(tc, it_ends_by_itself_and_does_not_begin_at_once_again);
    suite_add_tcase(s, tc);
    return s;
}

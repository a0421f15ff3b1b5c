/* test_breaker.c - when a store is asked, and when it is left alone. */
#include <check.h>

#include "breaker.h"

Suite *suite_breaker(void);

#define MS INT64_C(1000000)

static const struct breaker_config config = {
    .failures = 3, .window_ns = 1000 * MS, .pause_min_ns = 100 * MS, .pause_max_ns = 400 * MS};
static struct breaker b;

static void setup(void)
{
    breaker_init(&b, &config, 42);
}

START_TEST(opens_after_failures_within_the_window)
{
    ck_assert(!breaker_failed(&b, 0) && !breaker_failed(&b, 10 * MS));
    ck_assert(breaker_closed(&b) && breaker_allows(&b, 20 * MS));
    ck_assert(breaker_failed(&b, 20 * MS));
    ck_assert(!breaker_closed(&b) && !breaker_allows(&b, 21 * MS));
}
END_TEST

START_TEST(failures_far_apart_do_not_count)
{
    for (int i = 0; i < 20; i++)
        ck_assert(!breaker_failed(&b, i * 600 * MS));
    ck_assert(breaker_closed(&b));
}
END_TEST

START_TEST(success_begins_anew)
{
    ck_assert(!breaker_failed(&b, 0) && !breaker_failed(&b, 1));
    ck_assert(!breaker_succeeded(&b));
    ck_assert(!breaker_failed(&b, 2) && !breaker_failed(&b, 3));
    ck_assert(breaker_failed(&b, 4));
}
END_TEST

START_TEST(one_failed_probe_opens)
{
    ck_assert(breaker_tripped(&b, 0));
    ck_assert(!breaker_tripped(&b, 1));
    ck_assert(!breaker_closed(&b));
}
END_TEST

START_TEST(one_probe_decides)
{
    ck_assert(breaker_tripped(&b, 0));
    ck_assert(!breaker_allows(&b, 49 * MS));
    ck_assert(breaker_allows(&b, 100 * MS)); /* between half the pause and all of it */
    ck_assert(!breaker_allows(&b, 100 * MS));
    ck_assert(breaker_succeeded(&b));
    ck_assert(breaker_closed(&b) && breaker_allows(&b, 100 * MS));
}
END_TEST

/* How long the breaker stays open after a failure at `now`, in ms. */
static int64_t opened_for(int64_t now)
{
    int64_t ms = 0;

    while (!breaker_allows(&b, now + ms * MS))
        ms++;
    return ms;
}

START_TEST(pauses_double_up_to_the_longest)
{
    static const int64_t longest[] = {100, 200, 400, 400, 400};
    int64_t now = 0;

    ck_assert(breaker_tripped(&b, now));
    for (size_t i = 0; i < COUNT_OF(longest); i++) {
        int64_t ms = opened_for(now);

        ck_assert_int_ge(ms, longest[i] / 2);
        ck_assert_int_le(ms, longest[i] + 1);
        now += ms * MS;
        ck_assert(!breaker_failed(&b, now)); /* it was open already */
    }
    ck_assert(breaker_allows(&b, now + 401 * MS));
    ck_assert(breaker_succeeded(&b));
    ck_assert(breaker_tripped(&b, now));
    ck_assert_int_le(opened_for(now), 101);
}
END_TEST

START_TEST(late_failures_of_an_open_one_change_nothing)
{
    int64_t retry;

    ck_assert(breaker_tripped(&b, 0));
    retry = b.retry_ns;
    for (int i = 0; i < 10; i++)
        ck_assert(!breaker_failed(&b, i * MS));
    ck_assert_int_eq(b.retry_ns, retry);
}
END_TEST

START_TEST(instances_do_not_ask_in_step)
{
    struct breaker other;

    breaker_init(&other, &config, 44);
    ck_assert(breaker_tripped(&b, 0) && breaker_tripped(&other, 0));
    ck_assert_int_ne(b.retry_ns, other.retry_ns);
}
END_TEST

START_TEST(one_failure_may_be_enough)
{
    struct breaker_config one = config;

    one.failures = 1;
    breaker_init(&b, &one, 0);
    ck_assert(breaker_failed(&b, 0));
}
END_TEST

Suite *suite_breaker(void)
{
    Suite *s = suite_create("breaker");
    TCase *tc = tcase_create("breaker");

    tcase_add_checked_fixture(tc, setup, NULL);
    tcase_add_test(tc, opens_after_failures_within_the_window);
    tcase_add_test(tc, failures_far_apart_do_not_count);
    tcase_add_test(tc, success_begins_anew);
    tcase_add_test(tc, one_failed_probe_opens);
    tcase_add_test(tc, one_probe_decides);
    tcase_add_test(tc, pauses_double_up_to_the_longest);
    tcase_add_test(tc, late_failures_of_an_open_one_change_nothing);
    tcase_add_test(tc, instances_do_not_ask_in_step);
    tcase_add_test(tc, one_failure_may_be_enough);
    suite_add_tcase(s, tc);
    return s;
}

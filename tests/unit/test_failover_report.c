/* test_failover_report.c - the names of the states. */
#include <check.h>
#include <string.h>

#include "failover_report.h"

Suite *suite_failover_report(void);

/* Dashboards know these names from /health and /metrics. */
START_TEST(names)
{
    ck_assert_str_eq(failover_state_name(FAILOVER_STARTING), "starting");
    ck_assert_str_eq(failover_state_name(FAILOVER_NORMAL), "normal");
    ck_assert_str_eq(failover_state_name(FAILOVER_ON_FALLBACK), "on_fallback");
    ck_assert_str_eq(failover_state_name(FAILOVER_RECOVERING), "recovering");
    ck_assert_str_eq(failover_state_name(FAILOVER_FALLBACK_DOWN), "fallback_down");
    ck_assert_str_eq(failover_state_name(FAILOVER_FILLING), "filling");
    ck_assert_str_eq(failover_state_name(FAILOVER_BOTH_DOWN), "both_down");
}
END_TEST

START_TEST(each_has_its_own)
{
    for (int i = 0; i < FAILOVER_STATES; i++)
        for (int k = 0; k < i; k++)
            ck_assert_str_ne(failover_state_name((enum failover_state)i),
                             failover_state_name((enum failover_state)k));
}
END_TEST

START_TEST(which_states_serve)
{
    for (int i = 0; i < FAILOVER_STATES; i++)
        ck_assert(failover_serves((enum failover_state)i) ==
                  (i != FAILOVER_STARTING && i != FAILOVER_BOTH_DOWN));
}
END_TEST

Suite *suite_failover_report(void)
{
    Suite *s = suite_create("failover_report");
    TCase *tc = tcase_create("failover_report");

    tcase_add_test(tc, names);
    tcase_add_test(tc, each_has_its_own);
    tcase_add_test(tc, which_states_serve);
    suite_add_tcase(s, tc);
    return s;
}

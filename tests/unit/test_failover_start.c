/* test_failover_start.c - from which store a new process serves. */
#include <check.h>

#include "clock.h"
#include "failover_look.h"
#include "pairing.h"

Suite *suite_failover_start(void);

static void see(void)
{
    pairing_look();
    for (int i = 0; i < 2; i++)
        state_look(failover, i, &reads[i].pair_read, clock_now_ns());
}

static enum failover_state state(void)
{
    struct failover_report report;

    state_report(failover, &report);
    return report.state;
}

/* A pair, and a new process that has looked at both stores. */
static void restart(void)
{
    (void)pairing_settle();
    pairing_end();
    pairing_begin(false);
    see();
}

/* A process that is restarted serves at once, but not from a primary that may have forgotten something: the
 * fallback serves while the primary is filled. */
START_TEST(a_new_process_serves_from_no_primary_that_has_forgotten)
{
    bool whole = _i == 0;
    struct err err;

    restart();
    if (!whole)
        reads[0].pair_read.out.incarnation = SLICE("restored");
    ck_assert(!state_ready(failover, PRIMARY) && !state_ready(failover, FALLBACK));
    ck_assert_msg(pairing_judge(true, true, &err), "%s", err.text);
    ck_assert(state_ready(failover, PRIMARY) == whole && state_behind(failover) != whole);
    ck_assert(state_ready(failover, FALLBACK));
    (void)pairing_settle();
    ck_assert(state_ready(failover, PRIMARY) && !state_behind(failover));
}
END_TEST

/* No note can be written into the primary: it can be read all the same, if it has forgotten nothing. */
START_TEST(a_primary_that_takes_no_notes_is_read)
{
    const struct op_pair_read *seen[] = {&reads[0].pair_read, &reads[1].pair_read};
    struct err err;

    restart();
    sides_fail(&sides, _i, 1);
    ck_assert(!fill_judge(failover, &fill, seen, sides.faults, &err));
    sides_fail(&sides, _i, 0);
    ck_assert(state_ready(failover, PRIMARY));
}
END_TEST

/* The fallback has forgotten something, perhaps the primary too, and takes no note of it. Lanes may write to it already:
 * to it alone. */
START_TEST(a_fallback_that_takes_no_notes_is_known)
{
    const struct op_pair_read *seen[] = {&reads[0].pair_read, &reads[1].pair_read};
    struct met met;
    struct err err;

    restart();
    if (_i > 0) /* it was read until now */
        pairing_judge_both();
    pairing_look();
    for (int i = _i == 2 ? 0 : 1; i < 2; i++)
        reads[i].pair_read.out.incarnation = SLICE("restored");
    sides_fail(&sides, FALLBACK, 1);
    ck_assert(!fill_judge(failover, &fill, seen, sides.faults, &err));
    sides_fail(&sides, FALLBACK, 0);
    ck_assert(state_usable(failover) && !state_filled(failover, FALLBACK));
    met = acquaintance_meet(&known[FALLBACK], SLICE("restored"), pairing_noted(0, "pair"), 0);
    ck_assert(acquaintance_admits(&known[FALLBACK], &met, &err));
    met = acquaintance_meet(&known[FALLBACK], SLICE("empty"), (struct slice){NULL, 0}, 0);
    ck_assert(!acquaintance_admits(&known[FALLBACK], &met, &err));
}
END_TEST

/* While an instance that names the stores the other way round lives, a process counts as starting: also
 * between its looks at the stores and what follows from them. */
START_TEST(beside_a_rival_a_process_is_starting)
{
    struct err err;

    restart();
    ck_assert_msg(pairing_judge(true, true, &err), "%s", err.text);
    ck_assert_int_eq(state(), FAILOVER_NORMAL);
    pairing_note(0, "seat", "fallback");
    for (int i = 0; i < 3; i++) {
        see();
        if (i > 0)
            ck_assert_int_eq(state(), FAILOVER_STARTING);
        ck_assert(!pairing_judge(true, true, &err));
        ck_assert_int_eq(state(), FAILOVER_STARTING);
    }
    pairing_note(0, "seat", "primary");
    see();
    ck_assert_int_eq(state(), FAILOVER_STARTING);
    ck_assert_msg(pairing_judge(true, true, &err), "%s", err.text);
    ck_assert_int_eq(state(), FAILOVER_NORMAL);
}
END_TEST

Suite *suite_failover_start(void)
{
    Suite *s = suite_create("failover_start");
    TCase *tc = tcase_create("failover_start");

    tcase_add_checked_fixture(tc, pairing_setup, pairing_teardown);
    tcase_add_loop_test(tc, a_new_process_serves_from_no_primary_that_has_forgotten, 0, 2);
    tcase_add_loop_test(tc, a_primary_that_takes_no_notes_is_read, 0, 2);
    tcase_add_loop_test(tc, a_fallback_that_takes_no_notes_is_known, 0, 3);
    tcase_add_test(tc, beside_a_rival_a_process_is_starting);
    suite_add_tcase(s, tc);
    return s;
}

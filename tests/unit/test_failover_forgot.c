/* test_failover_forgot.c - stores that forget while others forget, fill, or cannot be written. */
#include <check.h>
#include <inttypes.h>
#include <stdio.h>

#include "failover.h"
#include "pairing.h"

Suite *suite_failover_forgot(void);

/* A store is not any more what its peer remembers. */
static void forget(int side)
{
    pairing_note(!side, "peer", "0 another");
}

/* Each store holds a session that the other one lacks, and no entry says so. */
static void part(void)
{
    sides_session(&sides, 0, "s0");
    sides_session(&sides, 1, "s1");
}

static void check_equal(void)
{
    (void)pairing_settle();
    for (int i = 0; i < 2; i++)
        ck_assert_uint_eq(sides_count(&sides, i, RECORD_SESSION), 2);
    ck_assert_int_eq(pairing_settle(), 0);
}

START_TEST(both_are_filled_from_each_other)
{
    (void)pairing_settle();
    part();
    forget(0);
    forget(1);
    pairing_judge_both();
    ck_assert(!state_filled(failover, PRIMARY) && !state_filled(failover, FALLBACK));
    check_equal();
}
END_TEST

/* The one that forgets first is being filled when the other one does. */
START_TEST(a_store_forgets_while_it_fills_the_other)
{
    (void)pairing_settle();
    part();
    forget(!_i);
    pairing_judge_both();
    ck_assert(fill.active && (int)fill.to == !_i);
    forget(_i);
    pairing_judge_both();
    ck_assert(fill.active && fill.to == PRIMARY);
    ck_assert(!state_filled(failover, PRIMARY) && !state_filled(failover, FALLBACK));
    check_equal();
}
END_TEST

/* It has begun to fill the fallback; another instance finds that the primary must be filled first. */
START_TEST(another_instance_fills_the_source)
{
    (void)pairing_settle();
    part();
    forget(1);
    pairing_judge_both();
    ck_assert(fill.active && fill.to == FALLBACK);
    pairing_note(0, "filled", NULL);
    pairing_judge_both();
    ck_assert(fill.active && fill.to == PRIMARY && !state_filled(failover, PRIMARY));
    check_equal();
}
END_TEST

/* By the number of the fill: a higher one is another instance's, a lower one an older state of the store. */
START_TEST(what_was_filled_is_forgotten)
{
    char number[24];
    struct err err;
    bool more;

    (void)pairing_settle();
    part();
    forget(1);
    pairing_judge_both();
    ck_assert_msg(fill_step(failover, &fill, sides.stores, &more, &err), "%s", err.text);
    snprintf(number, sizeof(number), "%" PRId64, fill.number + (_i == 0 ? 1 : -1));
    pairing_note(1, "fill", number);
    if (_i == 1)
        pairing_note(1, "filled", "1");
    pairing_judge_both();
    ck_assert(fill.active && fill.to == FALLBACK && fill.place.stage == 0 && !fill.place.in_tenant);
    pairing_look();
    ck_assert(!slice_present(pairing_noted(1, "filled")));
    ck_assert(slice_equal(pairing_noted(1, "fill"), slice_of(number)) == (_i == 0));
    pairing_judge_both();
    ck_assert(fill.active);
}
END_TEST

/* Two instances do not interrupt each other. */
START_TEST(a_fill_that_is_under_way_keeps_its_number)
{
    int64_t number;

    (void)pairing_settle();
    forget(1);
    pairing_judge_both();
    number = fill.number;
    pairing_end();
    pairing_begin(false);
    pairing_judge_both();
    ck_assert(fill.active && fill.number == number);
}
END_TEST

/* What is known of a store is known though no note can be written. */
START_TEST(lanes_learn_without_notes)
{
    const struct op_pair_read *seen[] = {&reads[0].pair_read, &reads[1].pair_read};
    struct err err;

    (void)pairing_settle();
    pairing_end();
    pairing_begin(false);
    pairing_look();
    sides_fail(&sides, 0, 1);
    ck_assert(!fill_judge(failover, &fill, seen, sides.faults, &err));
    sides_fail(&sides, 0, 0);
    ck_assert(known[0].known && known[1].known);
}
END_TEST

START_TEST(lanes_learn_from_one_store)
{
    struct err err;

    (void)pairing_settle();
    pairing_end();
    pairing_begin(false);
    pairing_look();
    reads[_i].pair_read.out.position = 50;
    ck_assert(pairing_judge(_i == 0, _i == 1, &err));
    ck_assert(known[_i].known && !known[!_i].known && known[_i].position == 50);
    reads[_i].pair_read.out.position = 70;
    ck_assert(pairing_judge(_i == 0, _i == 1, &err));
    ck_assert_int_eq(known[_i].position, 70);
}
END_TEST

static bool is_read_alone(enum side side)
{
    struct err err;

    pairing_look();
    ck_assert_msg(pairing_judge(side == PRIMARY, side == FALLBACK, &err), "%s", err.text);
    return state_filled(failover, side);
}

/* Another instance has found that it has forgotten something, and this one cannot reach the other store. */
START_TEST(a_store_that_says_it_is_not_filled_is_not_read)
{
    (void)pairing_settle();
    pairing_note(_i, "filled", NULL);
    pairing_note(_i, "fill", "7168");
    ck_assert(!is_read_alone(_i));
    pairing_note(_i, "filled", "1");
    pairing_note(_i, "fill", "8192");
    ck_assert(!is_read_alone(_i)); /* the end of another fill than the one that was seen */
    pairing_note(_i, "fill", "7168");
    ck_assert(is_read_alone(_i));
    for (int again = 0; again < 2; again++) { /* it forgets once more while it is filled */
        pairing_note(_i, "filled", NULL);
        pairing_note(_i, "fill", again ? "9216" : "8192");
        ck_assert(!is_read_alone(_i));
    }
    pairing_note(_i, "filled", "1");
    ck_assert(is_read_alone(_i));
}
END_TEST

/* This process has begun the fill that another instance ends. */
START_TEST(a_fill_that_another_instance_ends_is_known)
{
    char number[24];

    (void)pairing_settle();
    part();
    forget(_i);
    pairing_judge_both();
    ck_assert(fill.active && (int)fill.to == _i);
    ck_assert(!is_read_alone(_i));
    snprintf(number, sizeof(number), "%" PRId64, fill.number);
    pairing_note(_i, "fill", number);
    pairing_note(_i, "filled", "1");
    ck_assert(is_read_alone(_i));
}
END_TEST

/* This process has found that itself. Whether the note could be written it does not know. */
START_TEST(a_store_that_must_be_filled_is_not_read)
{
    struct err err;

    (void)pairing_settle();
    forget(_i);
    pairing_look();
    sides_fail(&sides, _i, 1);
    ck_assert(!fill_judge(failover, &fill,
                          (const struct op_pair_read *[]){&reads[0].pair_read, &reads[1].pair_read},
                          sides.faults, &err));
    sides_fail(&sides, _i, 0);
    ck_assert(!state_filled(failover, (enum side)_i));
    ck_assert(!is_read_alone(_i));
}
END_TEST

/* Redis counts its notes: one more could hide that it is older. */
START_TEST(a_new_process_writes_no_note_before_it_has_judged)
{
    struct slice before;

    (void)pairing_settle();
    pairing_look();
    before = pairing_noted(1, "echo");
    pairing_end();
    pairing_begin(false);
    pairing_judge_both();
    pairing_look();
    ck_assert(slice_present(before) && slice_equal(pairing_noted(1, "echo"), before));
}
END_TEST

Suite *suite_failover_forgot(void)
{
    Suite *s = suite_create("failover_forgot");
    TCase *tc = tcase_create("failover_forgot");

    tcase_add_checked_fixture(tc, pairing_setup, pairing_teardown);
    tcase_add_test(tc, both_are_filled_from_each_other);
    tcase_add_loop_test(tc, a_store_forgets_while_it_fills_the_other, 0, 2);
    tcase_add_test(tc, another_instance_fills_the_source);
    tcase_add_loop_test(tc, what_was_filled_is_forgotten, 0, 2);
    tcase_add_test(tc, a_fill_that_is_under_way_keeps_its_number);
    tcase_add_test(tc, lanes_learn_without_notes);
    tcase_add_loop_test(tc, lanes_learn_from_one_store, 0, 2);
    tcase_add_loop_test(tc, a_store_that_says_it_is_not_filled_is_not_read, 0, 2);
    tcase_add_loop_test(tc, a_fill_that_another_instance_ends_is_known, 0, 2);
    tcase_add_loop_test(tc, a_store_that_must_be_filled_is_not_read, 0, 2);
    tcase_add_test(tc, a_new_process_writes_no_note_before_it_has_judged);
    suite_add_tcase(s, tc);
    return s;
}

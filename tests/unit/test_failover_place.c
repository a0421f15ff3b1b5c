/* test_failover_place.c - makes a conversation or thread in one store equal to that in the other. */
#include <check.h>
#include <stdio.h>

#include "clock.h"
#include "failover_place.h"
#include "sides.h"

Suite *suite_failover_place(void);

static struct sides sides;

static void setup(void)
{
    sides_open(&sides);
}

static void teardown(void)
{
    sides_close(&sides);
}

static struct place_change change_of(enum record_kind kind, const char *id)
{
    return (struct place_change){.of = {SLICE("default"), slice_of(id)},
                                 .name = {kind, {.id = slice_of(id)}},
                                 .number = stamp_next()};
}

static void place(const struct place_change *change)
{
    struct err err = {0};

    ck_assert_msg(failover_place(sides.stores[0], sides.stores[1], change, &err), "%s", err.text);
}

START_TEST(messages_that_only_the_other_store_has_go)
{
    struct place_change change;

    for (int i = 0; i < 450; i++) { /* more than a page */
        char id[16];

        snprintf(id, sizeof(id), "m%03d", i);
        sides_message(&sides, 1, "s", id);
        if (i % 3 == 0 || i == 449)
            sides_message(&sides, 0, "s", id);
    }
    sides_message(&sides, 1, "another", "m000");
    change = change_of(RECORD_MESSAGES, "s");
    sides_message(&sides, 1, "s", "later");
    place(&change);
    ck_assert_uint_eq(sides_count(&sides, 0, RECORD_MESSAGE), 151);
    ck_assert_uint_eq(sides_count(&sides, 1, RECORD_MESSAGE), 151 + 2);
    place(&change);
    ck_assert_uint_eq(sides_count(&sides, 1, RECORD_MESSAGE), 151 + 2);
}
END_TEST

START_TEST(of_a_conversation_that_is_not_there_all_goes)
{
    struct place_change change;

    sides_message(&sides, 1, "s", "m1");
    sides_message(&sides, 1, "s", "m2");
    sides_message(&sides, 1, "t", "m1");
    change = change_of(RECORD_MESSAGES, "s");
    place(&change);
    ck_assert_uint_eq(sides_count(&sides, 1, RECORD_MESSAGE), 1);
}
END_TEST

START_TEST(checkpoints_and_writes_that_only_the_other_store_has_go)
{
    struct place_change change;

    for (int i = 0; i < 2; i++) {
        sides_checkpoint(&sides, i, "t", "c2");
        sides_writes(&sides, i, "t", "c2", "k");
    }
    sides_checkpoint(&sides, 1, "t", "c1");
    sides_writes(&sides, 1, "t", "c1", "k");
    sides_writes(&sides, 1, "t", "early", "k"); /* before their checkpoint */
    sides_writes(&sides, 1, "t", "c2", "l");    /* the other store has others */
    sides_checkpoint(&sides, 1, "u", "c1");
    change = change_of(RECORD_CHECKPOINTS, "t");
    sides_checkpoint(&sides, 1, "t", "c3");
    sides_writes(&sides, 1, "t", "late", "k");
    place(&change);
    ck_assert_uint_eq(sides_count(&sides, 1, RECORD_CHECKPOINT), 3); /* c2, c3; c1 of u */
    ck_assert_uint_eq(sides_count(&sides, 1, RECORD_TASK), 2);       /* c2, c3, and c1 of u */
    ck_assert_uint_eq(sides_count(&sides, 0, RECORD_CHECKPOINT), 1);
}
END_TEST

static struct slice parent_in(int side, size_t i)
{
    size_t n;

    return sides_read(&sides, side, RECORD_CHECKPOINT, &n)[i].checkpoint.parent_id;
}

/* The other store has removed the parent too, but its child came later: as when a fill brings what it read. */
START_TEST(a_parent_that_was_removed_before_its_child_came)
{
    struct op prune = sides_op(&sides, OP_THREAD_PRUNE, "t"),
              merge = sides_op(&sides, OP_MERGE, "t");
    struct record gone = {.kind = RECORD_CHECKPOINT,
                          .key = {.id = SLICE("t"), .ns = SLICE(""), .sub = SLICE("c1")}};
    struct place_change change;

    sides_checkpoint(&sides, 0, "t", "c1");
    gone.gone = stamp_next();
    sides_child(&sides, 0, "t", "c2", SLICE("c1"));
    sides_child(&sides, 0, "t", "c3", SLICE("c2"));
    change = change_of(RECORD_CONTENTS, "t");
    place(&change);
    merge.merge.items = &gone;
    merge.merge.n = 1;
    sides_run(&sides, 1, &merge);
    ck_assert(slice_equal(parent_in(1, 0), SLICE("c1")));

    prune.thread_prune.keep_last = 2;
    prune.stamp = stamp_next();
    prune.replicate = true;
    sides_run(&sides, 0, &prune);
    ck_assert(!slice_present(parent_in(0, 0)));
    change = change_of(RECORD_CHECKPOINTS, "t");
    place(&change);
    ck_assert_uint_eq(sides_count(&sides, 1, RECORD_CHECKPOINT), 2);
    ck_assert(!slice_present(parent_in(1, 0)));
    ck_assert(slice_equal(parent_in(1, 1), SLICE("c2")));
}
END_TEST

START_TEST(contents_of_a_thread_are_copied)
{
    struct place_change change;

    for (int i = 0; i < 250; i++) {
        char id[16];

        snprintf(id, sizeof(id), "c%03d", i);
        sides_checkpoint(&sides, 0, "t", id);
    }
    sides_writes(&sides, 0, "t", "c001", "k");
    sides_checkpoint(&sides, 0, "u", "c1");
    change = change_of(RECORD_CONTENTS, "t");
    place(&change);
    ck_assert_uint_eq(sides_count(&sides, 1, RECORD_CHECKPOINT), 250);
    ck_assert_uint_eq(sides_count(&sides, 1, RECORD_VALUE), 250);
    ck_assert_uint_eq(sides_count(&sides, 1, RECORD_TASK), 1);
}
END_TEST

/* A part of the thread had come before, and was swept away by a removal that was copied then. */
START_TEST(contents_come_with_the_row_of_their_thread)
{
    struct place_change change;
    struct op merge = sides_op(&sides, OP_MERGE, "t");
    struct record early[2];
    int64_t updated_us;
    size_t n;

    sides_checkpoint(&sides, 0, "t", "c1");
    early[0] = sides_read(&sides, 0, RECORD_THREAD, &n)[0];
    early[1] = sides_read(&sides, 0, RECORD_VALUE, &n)[0];
    updated_us = early[0].thread.updated_us;
    ck_assert_int_gt(updated_us, 0);
    merge.merge.items = early;
    merge.merge.n = 2;
    sides_run(&sides, 1, &merge);
    change = change_of(RECORD_CHECKPOINTS, "t");
    place(&change);
    ck_assert_uint_eq(sides_count(&sides, 1, RECORD_VALUE), 0);
    change = change_of(RECORD_CONTENTS, "t");
    place(&change);
    ck_assert_int_eq(sides_read(&sides, 1, RECORD_THREAD, &n)[0].thread.updated_us, updated_us);
}
END_TEST

/* A call of a store fails; another run does the rest. */
START_TEST(goes_on_where_it_was_lost)
{
    static const struct {
        int side;
        size_t call;
    } lost[] = {{0, 1}, {1, 1}, {1, 2}, {1, 3}};
    struct place_change change;
    struct err err = {0};

    for (int i = 0; i < 250; i++) {
        char id[16];

        snprintf(id, sizeof(id), "m%03d", i);
        sides_message(&sides, 1, "s", id);
    }
    change = change_of(RECORD_MESSAGES, "s");
    for (size_t i = 0; i < COUNT_OF(lost); i++) {
        sides_fail(&sides, lost[i].side, lost[i].call);
        ck_assert(!failover_place(sides.faults[0], sides.faults[1], &change, &err));
        ck_assert_int_eq(err.kind, ERR_UNAVAILABLE);
        sides_fail(&sides, lost[i].side, 0);
    }
    ck_assert_uint_eq(sides_count(&sides, 1, RECORD_MESSAGE), 50);
    ck_assert_msg(failover_place(sides.faults[0], sides.faults[1], &change, &err), "%s", err.text);
    ck_assert_uint_eq(sides_count(&sides, 1, RECORD_MESSAGE), 0);
}
END_TEST

Suite *suite_failover_place(void)
{
    Suite *s = suite_create("failover_place");
    TCase *tc = tcase_create("failover_place");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, messages_that_only_the_other_store_has_go);
    tcase_add_test(tc, of_a_conversation_that_is_not_there_all_goes);
    tcase_add_test(tc, checkpoints_and_writes_that_only_the_other_store_has_go);
    tcase_add_test(tc, a_parent_that_was_removed_before_its_child_came);
    tcase_add_test(tc, contents_of_a_thread_are_copied);
    tcase_add_test(tc, contents_come_with_the_row_of_their_thread);
    tcase_add_test(tc, goes_on_where_it_was_lost);
    suite_add_tcase(s, tc);
    return s;
}

/* test_failover_fill.c - what two stores know of each other, and filling one from the other. */
#include <check.h>
#include <inttypes.h>
#include <stdio.h>

#include "clock.h"
#include "closure.h"
#include "failover.h"
#include "failover_place.h"
#include "pair_notes.h"
#include "pairing.h"

Suite *suite_failover_fill(void);

static bool put_alone(struct backend *store, const char *id)
{
    struct op op = sides_op(&sides, OP_SESSION_PUT, id), *ops[] = {&op};
    struct err err = {0};

    op.session_put.user_id = SLICE("u");
    op.session_put.metadata = SLICE("{}");
    return backend_execute(store, ops, 1, &err) && op.status.kind == ERR_OK;
}

START_TEST(a_store_that_was_changed_alone_fills_the_other)
{
    struct op get = sides_op(&sides, OP_SESSION_GET, "s1"), *ops[] = {&get};
    struct backend *store;
    struct err err = {0};

    pairing_settle();
    store = sides_use_alone(&sides, _i);
    ck_assert(backend_execute(store, ops, 1, &err)); /* reading notes nothing */
    ck_assert_int_eq(pairing_settle(), 0);
    ck_assert(put_alone(store, "s1"));
    pairing_look();
    ck_assert(slice_present(pairing_noted(_i, "alone")));
    ck_assert_int_eq(pairing_settle(), 1);
    ck_assert_uint_eq(sides_count(&sides, !_i, RECORD_SESSION), 1);
    ck_assert(!slice_present(pairing_noted(_i, "alone")));
    ck_assert_int_eq(pairing_settle(), 0);
}
END_TEST

START_TEST(both_were_changed_alone)
{
    ck_assert(put_alone(sides_use_alone(&sides, 0), "s0")); /* not one of a pair yet, so nothing is
                                                               noted */
    pairing_look();
    ck_assert(!slice_present(pairing_noted(0, "alone")));
    pairing_settle();
    ck_assert(put_alone(sides_use_alone(&sides, 0), "s1") &&
              put_alone(sides_use_alone(&sides, 1), "s2"));
    ck_assert_int_eq(pairing_settle(), 2);
    for (int i = 0; i < 2; i++)
        ck_assert_uint_eq(sides_count(&sides, i, RECORD_SESSION), 3);
    ck_assert_int_eq(pairing_settle(), 0);
}
END_TEST

/* Neither the look nor the note may fail. */
START_TEST(without_the_note_nothing_is_changed_alone)
{
    struct backend *store;

    pairing_settle();
    store = sides_use_alone(&sides, 1);
    sides_fail(&sides, 1, (size_t)_i);
    ck_assert(!put_alone(store, "s1"));
    sides_fail(&sides, 1, 0);
    ck_assert_uint_eq(sides_count(&sides, 1, RECORD_SESSION), 0);
    ck_assert(put_alone(store, "s1"));
    ck_assert_int_eq(pairing_settle(), 1);
}
END_TEST

START_TEST(two_new_stores_become_a_pair)
{
    ck_assert_int_eq(pairing_settle(), 1);
    pairing_look();
    ck_assert_uint_eq(pairing_noted(0, "pair").len, 16);
    ck_assert(slice_equal(pairing_noted(0, "pair"), pairing_noted(1, "pair")));
    ck_assert(slice_present(pairing_noted(0, "filled")) &&
              slice_present(pairing_noted(1, "filled")));
    ck_assert(slice_present(pairing_noted(0, "peer")) &&
              slice_present(pairing_noted(1, "peer beat")));
    ck_assert_int_eq(pairing_settle(), 0);
}
END_TEST

START_TEST(a_new_fallback_is_filled)
{
    for (int i = 0; i < 600; i++) { /* more than a page */
        char id[16];

        snprintf(id, sizeof(id), "s%03d", i);
        sides_session(&sides, 0, id);
    }
    sides_message(&sides, 0, "s001", "m1");
    sides_checkpoint(&sides, 0, "t", "c1");
    sides_writes(&sides, 0, "t", "c1", "k");
    pairing_judge_both();
    pairing_judge_both();
    ck_assert(fill.active && fill.to == FALLBACK && !state_filled(failover, FALLBACK));
    pairing_fill();
    ck_assert(!fill.active);
    for (enum record_kind kind = RECORD_SESSION; kind < RECORD_KIND_COUNT; kind++)
        ck_assert_uint_eq(sides_count(&sides, 1, kind), sides_count(&sides, 0, kind));
    ck_assert_uint_eq(sides_count(&sides, 1, RECORD_SESSION), 600);
}
END_TEST

START_TEST(every_tenant_is_filled)
{
    static const char *const tenants[] = {"a", "default", "z"};
    struct op op;

    for (int i = 0; i < 3; i++) {
        op = sides_op(&sides, OP_SESSION_PUT, "s1");
        op.tenant = slice_of(tenants[i]);
        op.session_put.user_id = SLICE("u");
        op.session_put.metadata = SLICE("{}");
        sides_run(&sides, 0, &op);
    }
    pairing_settle();
    for (int i = 0; i < 3; i++) {
        op = sides_op(&sides, OP_SESSION_GET, "s1");
        op.tenant = slice_of(tenants[i]);
        sides_run(&sides, 1, &op);
    }
}
END_TEST

START_TEST(a_fallback_of_another_pair_is_refused)
{
    struct err err;

    pairing_settle();
    pairing_note(1, "pair", "another");
    pairing_look();
    ck_assert(!pairing_judge(true, true, &err));
    ck_assert_int_eq(err.kind, ERR_CONFIG);
    ck_assert(failover->foreign && !fill.active && !state_filled(failover, FALLBACK));
}
END_TEST

/* It was used by itself before. */
START_TEST(a_fallback_with_data_of_its_own_is_refused)
{
    struct err err;

    sides_session(&sides, 0, "s1");
    if (_i == 1)
        pairing_note(0, "pair", "p");
    sides_session(&sides, 1, "s2");
    for (int i = 0; i < 2; i++) {
        pairing_look();
        ck_assert(!pairing_judge(true, true, &err));
        ck_assert_int_eq(err.kind, ERR_CONFIG);
        ck_assert(failover->foreign && !fill.active && !state_filled(failover, FALLBACK));
        ck_assert(!state_usable(failover) && !slice_present(pairing_noted(1, "pair")));
    }
    sides_close(&sides);
    sides_open(&sides); /* emptied */
    sides_session(&sides, 0, "s1");
    ck_assert_int_eq(pairing_settle(), 1);
}
END_TEST

/* What lanes copy before the next look is none of its own. */
START_TEST(a_new_fallback_has_its_pair_id_before_it_has_data)
{
    sides_session(&sides, 0, "s1");
    if (_i == 1)
        pairing_note(0, "pair", "p");
    pairing_judge_both();
    pairing_look();
    ck_assert(slice_equal(pairing_noted(0, "pair"), pairing_noted(1, "pair")));
    ck_assert(slice_present(pairing_noted(1, "pair")) && state_usable(failover));
    sides_session(&sides, 1, "s2");
    pairing_end();
    pairing_begin(false);
    (void)pairing_settle();
}
END_TEST

/* Lanes write until the look that finds it. */
START_TEST(a_fallback_that_was_emptied_under_this_process_is_filled)
{
    sides_session(&sides, 0, "s1");
    pairing_judge_both();
    pairing_note(1, "pair", NULL);
    sides_session(&sides, 1, "s2");
    ck_assert_int_eq(pairing_settle(), 1);
}
END_TEST

/* Another instance has given the fallback its pair id, and data, since it was looked at. */
START_TEST(a_fallback_that_another_instance_has_named_is_looked_at_again)
{
    struct err err;

    pairing_note(0, "pair", "p");
    pairing_look();
    pairing_note(1, "pair", "p");
    sides_session(&sides, 1, "s1");
    ck_assert(!pairing_judge(true, true, &err));
    ck_assert_int_eq(err.kind, ERR_UNAVAILABLE);
    ck_assert(!failover->foreign);
    (void)pairing_settle();
}
END_TEST

START_TEST(an_emptied_primary_is_filled)
{
    sides_session(&sides, 1, "s1");
    pairing_note(1, "pair", "p");
    pairing_note(1, "filled", "1");
    pairing_judge_both();
    ck_assert(fill.active && fill.to == PRIMARY && !state_filled(failover, PRIMARY));
    pairing_fill();
    ck_assert_uint_eq(sides_count(&sides, 0, RECORD_SESSION), 1);
    pairing_judge_both();
    ck_assert(slice_equal(pairing_noted(0, "pair"), SLICE("p")));
    pairing_settle();
}
END_TEST

START_TEST(a_primary_of_no_pair_is_not_overwritten)
{
    struct err err;

    sides_session(&sides, 0, "s1");
    sides_session(&sides, 1, "s2");
    pairing_note(1, "pair", "p");
    pairing_note(1, "filled", "1");
    pairing_look();
    ck_assert(!pairing_judge(true, true, &err));
    ck_assert_int_eq(err.kind, ERR_CONFIG);
    ck_assert(failover->foreign && !fill.active);
    ck_assert_uint_eq(sides_count(&sides, 0, RECORD_SESSION), 1);
}
END_TEST

/* Checks that this side, which has forgotten something, is filled from the other one. */
static void is_filled(int side)
{
    struct err err;

    ck_assert_msg(pairing_judge(true, true, &err), "%s", err.text);
    ck_assert(fill.active && (int)fill.to == side);
    ck_assert(!state_filled(failover, (enum side)side));
    pairing_fill();
    pairing_settle();
}

START_TEST(another_incarnation_has_forgotten)
{
    pairing_settle();
    pairing_look();
    reads[_i].pair_read.out.incarnation = SLICE("another");
    is_filled(_i);
}
END_TEST

START_TEST(a_lower_position_has_forgotten)
{
    pairing_settle();
    pairing_look();
    reads[_i].pair_read.out.position -= 1;
    is_filled(_i);
}
END_TEST

static void set_beat(int side, int64_t seconds_ago)
{
    int64_t beat = stamp_next() - (seconds_ago * 1000000 << STAMP_NODE_BITS);

    pairing_note(side, "beat", arena_printf(&sides.arena, "%" PRId64, beat).at);
    pairing_look();
}

/* A store is a copy from before: its peer has seen later beats. */
START_TEST(an_older_beat_has_forgotten)
{
    pairing_settle();
    set_beat(_i, 120);
    is_filled(_i);
}
END_TEST

START_TEST(a_beat_may_be_a_little_older)
{
    pairing_settle();
    set_beat(_i, 30);
    ck_assert_int_eq(pairing_settle(), 0);
}
END_TEST

START_TEST(a_beat_of_one_instance_is_not_older)
{
    pairing_end();
    pairing_begin(true);
    pairing_settle();
    set_beat(_i, 30);
    is_filled(_i);
}
END_TEST

/* A beat that was in doubt comes when the peer has seen a later one. */
START_TEST(a_beat_of_one_instance_may_come_late)
{
    struct fault_plan *plan = &sides.plans[_i];
    struct err err;

    pairing_end();
    pairing_begin(true);
    pairing_settle();
    sides.stores[_i] = sides.faults[_i];
    plan->mode = FAULT_DELAYED;
    plan->overtakes = 4; /* two looks, each of which reads and writes */
    atomic_store(&plan->at, atomic_load(&plan->calls) + 2);
    pairing_look();
    ck_assert(!pairing_judge(true, true, &err));
    ck_assert_int_eq(err.kind, ERR_IN_DOUBT);
    for (int i = 0; i < 4; i++) {
        pairing_judge_both();
        ck_assert(!fill.active);
    }
}
END_TEST

START_TEST(a_damaged_note_of_the_peer_has_forgotten)
{
    pairing_settle();
    pairing_note(0, "peer", "without a blank");
    pairing_look();
    is_filled(1);
}
END_TEST

/* A new process that sees the fallback alone believes what that says of itself. */
START_TEST(the_fallback_alone)
{
    struct err err;

    pairing_settle();
    pairing_end();
    pairing_begin(false);
    pairing_look();
    ck_assert(pairing_judge(false, true, &err));
    ck_assert(state_filled(failover, FALLBACK) && !fill.met);
    pairing_note(1, "filled", NULL);
    pairing_look();
    ck_assert(pairing_judge(false, true, &err));
    ck_assert(!state_filled(failover, FALLBACK));
    ck_assert(pairing_judge(false, false, &err));
}
END_TEST

START_TEST(lanes_are_told_what_the_stores_are)
{
    struct met met;
    struct err err;

    pairing_settle();
    pairing_look();
    for (int i = 0; i < 2; i++) {
        met = acquaintance_meet(&known[i], reads[i].pair_read.out.incarnation,
                                pairing_noted(0, "pair"), reads[i].pair_read.out.position);
        ck_assert(!met.early && acquaintance_admits(&known[i], &met, &err));
        met = acquaintance_meet(&known[i], SLICE("another"), pairing_noted(0, "pair"), 0);
        ck_assert(!acquaintance_admits(&known[i], &met, &err));
    }
}
END_TEST

/* Each call of each store fails once. The fill goes on from the page at which it was lost. */
START_TEST(goes_on_where_it_was_lost)
{
    bool more = true;
    struct err err;

    sides_session(&sides, 0, "s1");
    sides_message(&sides, 0, "s1", "m1");
    sides_checkpoint(&sides, 0, "t", "c1");
    pairing_judge_both();
    pairing_judge_both();
    ck_assert(fill.active);
    for (int step = 0; more; step++) {
        int side = step % 2;

        ck_assert_int_lt(step, 60);
        sides_fail(&sides, side, 1);
        if (!fill_step(failover, &fill, sides.faults, &more, &err)) {
            ck_assert_int_eq(err.kind, ERR_UNAVAILABLE);
            more = true;
        }
        sides_fail(&sides, side, 0);
        if (more)
            ck_assert_msg(fill_step(failover, &fill, sides.faults, &more, &err), "%s", err.text);
    }
    for (enum record_kind kind = RECORD_SESSION; kind < RECORD_KIND_COUNT; kind++)
        ck_assert_uint_eq(sides_count(&sides, 1, kind), sides_count(&sides, 0, kind));
    pairing_settle();
}
END_TEST

/* Puts a checkpoint into both stores and removes it from both, as a pair does. */
static void put_and_prune(void)
{
    struct closure c = closure_between(sides.stores[0], sides.stores[1], SLICE("default"));
    struct record_key key = {.id = SLICE("t"), .ns = SLICE(""), .sub = SLICE("c0")};
    struct op prune = sides_op(&sides, OP_THREAD_PRUNE, "t");
    struct place_change change = {.of = {SLICE("default"), SLICE("t")},
                                  .name = {RECORD_CHECKPOINTS, {.id = SLICE("t")}}};
    struct err err;
    bool applied;

    sides_checkpoint(&sides, 0, "t", "c0");
    ck_assert(closure_bring(&c, &key, &applied, &err) && applied);
    change.number = stamp_next();
    prune.thread_prune.keep_last = 2;
    sides_run(&sides, 0, &prune);
    ck_assert_int_eq(prune.thread_prune.out.removed, 1);
    ck_assert_msg(failover_place(sides.stores[0], sides.stores[1], &change, &err), "%s", err.text);
}

/* Before each page something is removed: values that wait for their checkpoint go with it, and come
 * again. */
START_TEST(checkpoints_go_while_a_store_is_filled)
{
    static const char *const ids[] = {"c1", "c2"};
    struct err err = {0};
    bool more = true;

    for (size_t i = 0; i < COUNT_OF(ids); i++)
        sides_checkpoint(&sides, 0, "t", ids[i]);
    pairing_judge_both();
    pairing_judge_both();
    ck_assert(fill.active);
    for (int step = 0; more; step++) {
        if (step == _i)
            put_and_prune();
        ck_assert_msg(fill_step(failover, &fill, sides.stores, &more, &err), "%s", err.text);
    }
    for (enum record_kind kind = RECORD_SESSION; kind < RECORD_KIND_COUNT; kind++)
        ck_assert_uint_eq(sides_count(&sides, 1, kind), sides_count(&sides, 0, kind));
    for (size_t i = 0; i < COUNT_OF(ids); i++) {
        struct op get = sides_op(&sides, OP_CHECKPOINT_GET, "t");

        get.checkpoint_get.ns = SLICE("");
        get.checkpoint_get.checkpoint_id = slice_of(ids[i]);
        sides_run(&sides, 1, &get);
    }
}
END_TEST

/* A checkpoint is removed before it has come: its values do not stay. */
START_TEST(values_whose_checkpoint_went_go)
{
    struct op prune = sides_op(&sides, OP_THREAD_PRUNE, "t");
    struct place_change change = {.of = {SLICE("default"), SLICE("t")},
                                  .name = {RECORD_CHECKPOINTS, {.id = SLICE("t")}}};
    struct err err = {0};

    for (int i = 0; i < 2; i++)
        sides_checkpoint(&sides, 0, "t", i ? "c2" : "c1");
    pairing_judge_both();
    pairing_judge_both();
    for (bool more = true; sides_count(&sides, 1, RECORD_VALUE) == 0;)
        ck_assert(fill_step(failover, &fill, sides.stores, &more, &err) && more);
    prune.thread_prune.keep_last = 1;
    sides_run(&sides, 0, &prune);
    change.number = stamp_next();
    ck_assert_msg(failover_place(sides.stores[0], sides.stores[1], &change, &err), "%s", err.text);
    pairing_fill();
    ck_assert_uint_eq(sides_count(&sides, 1, RECORD_CHECKPOINT), 1);
    ck_assert_uint_eq(sides_count(&sides, 1, RECORD_VALUE), 1);
}
END_TEST

/* Reads as if the store had lost the values of thread "t". */
static bool hide(struct backend *self, struct op *const ops[], size_t n, struct err *err)
{
    if (!backend_execute(sides.stores[0], ops, n, err))
        return false;
    for (size_t i = 0; i < n; i++) {
        struct record *items = ops[i]->read_range.out.items;
        size_t left = 0;

        if (ops[i]->type == OP_RECORDS_GET && ops[i]->records_get.names->kind == RECORD_VALUE)
            ops[i]->records_get.out.n = 0;
        if (ops[i]->type != OP_READ_RANGE || ops[i]->read_range.kind != RECORD_VALUE)
            continue;
        for (size_t k = 0; k < ops[i]->read_range.out.n; k++)
            if (!slice_equal(items[k].key.id, SLICE("t")))
                items[left++] = items[k];
        ops[i]->read_range.out.n = left;
    }
    return self != NULL;
}

/* The rest is copied, and what was left out is reported. */
START_TEST(a_checkpoint_without_its_value_is_left_out)
{
    static const struct backend_ops hiding = {.name = "hiding", .execute = hide};
    struct backend from = {.ops = &hiding}, *stores[] = {&from, sides.stores[1]};
    struct err err;

    for (int i = 0; i < 2; i++)
        sides_checkpoint(&sides, 0, i ? "u" : "t", "c1");
    pairing_judge_both();
    pairing_judge_both();
    for (bool more = true; more;)
        ck_assert_msg(fill_step(failover, &fill, stores, &more, &err), "%s", err.text);
    ck_assert_uint_eq(sides_count(&sides, 1, RECORD_CHECKPOINT), 1);
    ck_assert_int_eq(fill.left_out.kind, ERR_DAMAGED);
    ck_assert_ptr_nonnull(strstr(fill.left_out.text, "checkpoint c1 of thread t"));
}
END_TEST

/* A note that cannot be written is reported, and written at the next look. */
START_TEST(a_store_that_is_lost_while_it_is_judged)
{
    const struct op_pair_read *seen[] = {&reads[0].pair_read, &reads[1].pair_read};
    struct err err;

    for (int side = 0; side < 2; side++) {
        pairing_settle();
        pairing_look();
        sides_fail(&sides, side, 1);
        ck_assert(!fill_judge(failover, &fill, seen, sides.faults, &err));
        ck_assert_int_eq(err.kind, ERR_UNAVAILABLE);
        sides_fail(&sides, side, 0);
        ck_assert_int_eq(pairing_settle(), 0);
    }
}
END_TEST

/* A fill does not begin if the store could not be told of it. */
START_TEST(a_fill_that_cannot_be_noted_begins_later)
{
    const struct op_pair_read *seen[] = {&reads[0].pair_read, &reads[1].pair_read};
    struct err err;

    sides_session(&sides, 0, "s1");
    pairing_judge_both(); /* gives the pair its id */
    pairing_look();
    sides_fail(&sides, 1, 1);
    ck_assert(!fill_judge(failover, &fill, seen, sides.faults, &err));
    ck_assert(!fill.active && !state_filled(failover, FALLBACK));
    sides_fail(&sides, 1, 0);
    ck_assert_int_eq(pairing_settle(), 1);
    pairing_look();
    ck_assert(slice_present(pairing_noted(1, "pair")) &&
              slice_equal(pairing_noted(0, "pair"), pairing_noted(1, "pair")));
    ck_assert_uint_eq(sides_count(&sides, 1, RECORD_SESSION), 1);
}
END_TEST

/* A fill begins again if the store loses meanwhile what it was given. */
START_TEST(a_fill_that_is_lost_begins_again)
{
    sides_session(&sides, 0, "s1");
    pairing_judge_both();
    pairing_judge_both();
    ck_assert(fill.active);
    fill.place.stage = 1; /* the session was copied */
    pairing_note(1, "pair", NULL);
    pairing_judge_both();
    ck_assert(fill.active && fill.place.stage == 0);
    (void)pairing_settle();
    ck_assert_uint_eq(sides_count(&sides, 1, RECORD_SESSION), 1);
    pairing_look();
    ck_assert(slice_equal(pairing_noted(0, "pair"), pairing_noted(1, "pair")));
}
END_TEST

static bool judge(bool primary, bool fallback, struct err *err)
{
    pairing_look();
    return pairing_judge(primary, fallback, err);
}

/* Another instance, to which this primary is the fallback, looks at both. */
static void rival_looks(void)
{
    set_beat(0, 0);
    pairing_note(0, "seat", "fallback");
    sides_pass(1000);
}

/* While it looks neither store serves; some seconds after its last look they do again. */
START_TEST(only_one_of_two_that_name_the_stores_differently_serves)
{
    struct err err;

    clock_fake(INT64_C(1000000000), INT64_C(1800000000000000));
    (void)pairing_settle();
    for (int i = 0; i < 7; i++) {
        rival_looks();
        ck_assert(!judge(true, _i == 0, &err));
        ck_assert_int_eq(err.kind, ERR_CONFIG);
        ck_assert(!state_filled(failover, PRIMARY) && !state_filled(failover, FALLBACK));
        ck_assert(!state_ready(failover, PRIMARY) && !state_ready(failover, FALLBACK));
        ck_assert(slice_equal(pairing_noted(0, "seat"), SLICE("fallback")));
    }
    for (int i = 0; i < 4; i++) {
        sides_pass(1000);
        ck_assert(!judge(true, true, &err));
    }
    sides_pass(1000);
    ck_assert_msg(judge(true, _i == 0, &err), "%s", err.text);
    ck_assert(state_filled(failover, PRIMARY) && state_filled(failover, FALLBACK) == (_i == 0));
    (void)pairing_settle();
    ck_assert(slice_equal(pairing_noted(0, "seat"), SLICE("primary")));
    clock_fake(0, 0);
}
END_TEST

/* That the rival's store does not answer for a moment is not its end; some seconds later it may be. */
START_TEST(a_silent_primary_does_not_end_a_rival)
{
    struct err err;

    clock_fake(INT64_C(1000000000), INT64_C(1800000000000000));
    (void)pairing_settle();
    rival_looks();
    ck_assert(!judge(true, true, &err));
    for (int i = 0; i < 4; i++) {
        sides_pass(1000);
        ck_assert(!judge(false, true, &err));
        ck_assert(!state_filled(failover, FALLBACK) && !state_ready(failover, FALLBACK));
    }
    sides_pass(1000);
    ck_assert_msg(judge(false, true, &err), "%s", err.text);
    ck_assert(state_filled(failover, FALLBACK));
    clock_fake(0, 0);
}
END_TEST

/* The fallback is another one by then. */
START_TEST(after_a_rival_a_primary_may_serve_by_itself)
{
    struct err err;

    clock_fake(INT64_C(1000000000), INT64_C(1800000000000000));
    (void)pairing_settle();
    rival_looks();
    ck_assert(!judge(true, true, &err));
    pairing_note(1, "pair", "another");
    sides_pass(5000);
    ck_assert(!judge(true, true, &err));
    ck_assert(failover->foreign && failover->filled[PRIMARY] && !failover->filled[FALLBACK]);
    clock_fake(0, 0);
}
END_TEST

Suite *suite_failover_fill(void)
{
    Suite *s = suite_create("failover_fill");
    TCase *tc = tcase_create("failover_fill");

    tcase_add_checked_fixture(tc, pairing_setup, pairing_teardown);
    tcase_add_test(tc, two_new_stores_become_a_pair);
    tcase_add_loop_test(tc, a_store_that_was_changed_alone_fills_the_other, 0, 2);
    tcase_add_test(tc, both_were_changed_alone);
    tcase_add_loop_test(tc, without_the_note_nothing_is_changed_alone, 1, 3);
    tcase_add_test(tc, a_new_fallback_is_filled);
    tcase_add_test(tc, every_tenant_is_filled);
    tcase_add_test(tc, a_fallback_of_another_pair_is_refused);
    tcase_add_loop_test(tc, a_fallback_with_data_of_its_own_is_refused, 0, 2);
    tcase_add_loop_test(tc, a_new_fallback_has_its_pair_id_before_it_has_data, 0, 2);
    tcase_add_test(tc, a_fallback_that_was_emptied_under_this_process_is_filled);
    tcase_add_test(tc, a_fallback_that_another_instance_has_named_is_looked_at_again);
    tcase_add_test(tc, an_emptied_primary_is_filled);
    tcase_add_test(tc, a_primary_of_no_pair_is_not_overwritten);
    tcase_add_loop_test(tc, another_incarnation_has_forgotten, 0, 2);
    tcase_add_loop_test(tc, a_lower_position_has_forgotten, 0, 2);
    tcase_add_loop_test(tc, an_older_beat_has_forgotten, 0, 2);
    tcase_add_loop_test(tc, a_beat_may_be_a_little_older, 0, 2);
    tcase_add_loop_test(tc, a_beat_of_one_instance_is_not_older, 0, 2);
    tcase_add_loop_test(tc, a_beat_of_one_instance_may_come_late, 0, 2);
    tcase_add_test(tc, a_damaged_note_of_the_peer_has_forgotten);
    tcase_add_test(tc, the_fallback_alone);
    tcase_add_test(tc, lanes_are_told_what_the_stores_are);
    tcase_add_test(tc, goes_on_where_it_was_lost);
    tcase_add_loop_test(tc, checkpoints_go_while_a_store_is_filled, 0, 12);
    tcase_add_test(tc, values_whose_checkpoint_went_go);
    tcase_add_test(tc, a_checkpoint_without_its_value_is_left_out);
    tcase_add_test(tc, a_store_that_is_lost_while_it_is_judged);
    tcase_add_test(tc, a_fill_that_cannot_be_noted_begins_later);
    tcase_add_test(tc, a_fill_that_is_lost_begins_again);
    tcase_add_loop_test(tc, only_one_of_two_that_name_the_stores_differently_serves, 0, 2);
    tcase_add_test(tc, a_silent_primary_does_not_end_a_rival);
    tcase_add_test(tc, after_a_rival_a_primary_may_serve_by_itself);
    suite_add_tcase(s, tc);
    return s;
}

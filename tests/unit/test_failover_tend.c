/* test_failover_tend.c - when both stores are looked at, and what follows from what a look finds. */
#include <check.h>

#include "acquaintance.h"
#include "clock.h"
#include "failover.h"
#include "failover_look.h"
#include "failover_tend.h"
#include "oom.h"
#include "sides.h"

Suite *suite_failover_tend(void);

enum { POLL_MS = 1000 }; /* as sides_begin() has it */

static struct sides sides;
static struct failover *failover;

static void setup(void)
{
    failover = sides_begin(&sides, 1, INT64_C(2000000000));
}

static void teardown(void)
{
    sides_end(&sides, failover);
}

static int64_t tend(void)
{
    return failover_tend(failover, sides.faults[0], sides.faults[1]);
}

static size_t calls(int side)
{
    return atomic_load(&sides.plans[side].calls);
}

static struct failover_report report(void)
{
    struct failover_report r;

    failover_report(failover, &r);
    return r;
}

/* Tends the stores until nothing is left to do. */
static void settle(void)
{
    int rounds = 0;

    do {
        sides_pass(POLL_MS);
        ck_assert_int_lt(rounds++, 60);
    } while (tend() == 0 || report().state != FAILOVER_NORMAL);
}

static void see(enum side side)
{
    struct op read = sides_op(&sides, OP_PAIR_READ, NULL);

    read.pair_read.limit = 10;
    sides_run(&sides, side, &read);
    state_look(failover, side, &read.pair_read, clock_now_ns());
}

/* A primary that was never called may not answer. */
START_TEST(it_starts_until_both_were_compared_or_it_has_waited)
{
    ck_assert_int_eq(report().state, FAILOVER_STARTING);
    see(FALLBACK);
    ck_assert_int_eq(report().state, FAILOVER_STARTING);
    see(PRIMARY);
    ck_assert_int_eq(report().state, FAILOVER_STARTING);
    if (_i == 0)
        (void)tend();
    else
        sides_pass(15001);
    ck_assert_int_ne(report().state, FAILOVER_STARTING);
}
END_TEST

START_TEST(nothing_is_asked_between_two_looks)
{
    size_t before[2];

    settle();
    before[0] = calls(0);
    before[1] = calls(1);
    for (int i = 0; i < 9; i++) {
        sides_pass(POLL_MS / 10);
        ck_assert_int_le(tend(), 100); /* entries that lanes have copied are cleared meanwhile */
    }
    ck_assert(calls(0) == before[0] && calls(1) == before[1]);
    sides_pass(POLL_MS / 10 + 1);
    (void)tend();
    ck_assert(calls(0) > before[0] && calls(1) > before[1]);
}
END_TEST

START_TEST(without_memory_it_comes_back_later)
{
    int64_t ms;

    oom_set(true);
    ms = tend();
    oom_set(false);
    ck_assert_int_eq(ms, POLL_MS);
    ck_assert(calls(0) == 0 && calls(1) == 0);
    settle();
}
END_TEST

static int64_t requests(int side, bool alone)
{
    struct op get = sides_op(&sides, OP_SESSION_GET, "s1");

    get.alone = alone;
    sides_run(&sides, side, &get);
    return get.session_get.out.session.request_count;
}

static size_t waiting(int side)
{
    struct op read = sides_op(&sides, OP_PAIR_READ, NULL);

    read.pair_read.limit = 10;
    sides_run(&sides, side, &read);
    return read.pair_read.out.n;
}

static void put_in_primary(const char *id)
{
    struct op op = sides_op(&sides, OP_SESSION_PUT, id);

    op.session_put.user_id = SLICE("u");
    op.session_put.metadata = SLICE("{}");
    op.replicate = true;
    sides_run(&sides, PRIMARY, &op);
}

/* An entry that no lane has copied is copied once two looks have found it. */
START_TEST(what_waits_is_copied_and_cleared)
{
    settle();
    put_in_primary("s1");
    sides_pass(POLL_MS);
    (void)tend();
    ck_assert_uint_eq(sides_count(&sides, 1, RECORD_SESSION), 0); /* a lane may be about to */
    ck_assert_int_eq(report().primary.outbox, 1);
    settle();
    settle();
    ck_assert_uint_eq(sides_count(&sides, 1, RECORD_SESSION), 1);
    ck_assert_uint_eq(waiting(0), 0);
    ck_assert_int_eq(report().copied, 1);
}
END_TEST

/* Lanes have so many changes under way that one look finds some thousands. */
START_TEST(a_long_outbox_is_read_whole_and_copied_by_and_by)
{
    enum { ENTRIES = 1500 };
    struct op op = sides_op(&sides, OP_SESSION_GET, "other");

    settle();
    for (int i = 0; i < ENTRIES; i++)
        put_in_primary(arena_printf(&sides.arena, "s%d", i).at);
    sides_pass(POLL_MS);
    (void)tend();
    ck_assert_int_eq(report().primary.outbox, ENTRIES);
    ck_assert(!report().primary.more && !state_lacks(failover, &op));
    ck_assert_int_eq(report().state, FAILOVER_NORMAL);
    while (report().copied == 0) {
        sides_pass(POLL_MS);
        (void)tend();
    }
    ck_assert_int_eq(report().copied, 1000);
    settle();
    settle();
    ck_assert_int_eq(report().copied, ENTRIES);
    ck_assert_uint_eq(waiting(0), 0);
}
END_TEST

START_TEST(what_is_missing_is_found_when_nothing_of_it_waits)
{
    struct op op, read;
    struct pair_id lost = {SLICE("default"), SLICE("s1")};

    settle();
    op = sides_op(&sides, OP_PAIR_CHANGE, NULL);
    op.pair_change.missing = &lost;
    op.pair_change.n_missing = 1;
    for (int side = 0; side < 2; side++)
        sides_run(&sides, side, &op);
    settle();
    settle();
    for (int side = 0; side < 2; side++) {
        read = sides_op(&sides, OP_PAIR_READ, NULL);
        read.pair_read.limit = 10;
        sides_run(&sides, side, &read);
        ck_assert_uint_eq(read.pair_read.out.n_missing, 0);
    }
}
END_TEST

/* While an addition is pending, an entry of the fallback names it, since the primary may forget what it
 * counted. */
START_TEST(an_addition_waits_until_the_fallback_knows_it_was_counted)
{
    struct op patch;

    settle();
    sides_session(&sides, 0, "s1");
    sides_session(&sides, 1, "s1");
    patch = sides_op(&sides, OP_SESSION_PATCH, "s1");
    patch.alone = patch.replicate = true;
    patch.repeat = (struct op_repeat){.present = true, .op_id = {7}};
    patch.session_patch.increment_requests = true;
    sides_run(&sides, 1, &patch);
    while (waiting(1) > 0) {
        ck_assert(requests(1, true) == 1 && requests(1, false) == 0);
        sides_pass(POLL_MS);
        (void)tend();
    }
    ck_assert(requests(0, false) == 1 && waiting(0) == 0);
    ck_assert(requests(1, true) == 1 && requests(1, false) == 1);
}
END_TEST

/* Another instance uses the fallback, and has created a session of this id there. */
START_TEST(a_condition_that_the_fallback_may_know_better_is_in_doubt)
{
    struct op elsewhere = sides_op(&sides, OP_SESSION_PUT, "s1"), op = elsewhere, *ops[] = {&op};
    struct err err = {0};
    struct backend *lane;

    settle();
    lane = failover_open(failover, sides.faults[0], sides.faults[1], &err);
    ck_assert_msg(lane != NULL, "%s", err.text);
    elsewhere.alone = elsewhere.replicate = true;
    sides_run(&sides, 1, &elsewhere);
    op.stamp = stamp_next();
    op.session_put.create_only = true;
    ck_assert(backend_execute(lane, ops, 1, &err));
    ck_assert_int_eq(op.status.kind, ERR_IN_DOUBT);
    ck_assert_int_eq(report().state, FAILOVER_RECOVERING);
    settle();
    ck_assert(waiting(0) == 0 && waiting(1) == 0);
    op.stamp = stamp_next();
    ck_assert(backend_execute(lane, ops, 1, &err));
    ck_assert_int_eq(op.status.kind, ERR_EXISTS);
    backend_close(lane);
    sides.faults[0] = sides.faults[1] = NULL; /* the lane owned them */
}
END_TEST

/* The fallback refuses an id since it knows that it is missing it: it answers all the same. */
START_TEST(a_refusal_is_no_loss)
{
    struct pair_id id = {SLICE("default"), SLICE("s1")};
    struct op change = sides_op(&sides, OP_PAIR_CHANGE, NULL), get, *ops[] = {&get};
    struct err err = {0};
    struct backend *lane;

    settle();
    sides_session(&sides, 1, "s2");
    change.pair_change.missing = &id;
    change.pair_change.n_missing = 1;
    sides_run(&sides, 1, &change);
    lane = failover_open(failover, sides.faults[0], sides.faults[1], &err);
    ck_assert_msg(lane != NULL, "%s", err.text);
    sides.plans[0].persistent = true;
    sides_fail(&sides, 0, 1);
    for (int i = 0; i < 10; i++) {
        get = sides_op(&sides, OP_SESSION_GET, i % 2 ? "s2" : "s1");
        ck_assert(backend_execute(lane, ops, 1, &err));
        ck_assert_int_eq(get.status.kind, i % 2 ? ERR_OK : ERR_UNAVAILABLE);
        ck_assert(report().fallback.up);
    }
    backend_close(lane);
    sides.faults[0] = sides.faults[1] = NULL; /* the lane owned them */
}
END_TEST

/* A store that is down is left alone for a while, and reported; the other one is still looked at. */
START_TEST(a_store_that_is_lost)
{
    static const enum failover_state states[] = {FAILOVER_ON_FALLBACK, FAILOVER_FALLBACK_DOWN};
    size_t other;

    settle();
    sides.plans[_i].persistent = true;
    sides_fail(&sides, _i, 1);
    other = calls(!_i);
    for (int i = 0; i < 3; i++) {
        sides_pass(POLL_MS);
        (void)tend();
    }
    ck_assert_int_eq(report().state, states[_i]);
    ck_assert(!(_i ? report().fallback.up : report().primary.up));
    ck_assert_str_ne(_i ? report().fallback.problem : report().primary.problem, "");
    ck_assert_uint_ge(calls(!_i), other + 3);
    sides.plans[_i].persistent = false;
    sides_fail(&sides, _i, 0);
    for (int i = 0; i < 5; i++)
        settle();
    ck_assert(report().primary.up && report().fallback.up);
}
END_TEST

static struct backend *open_lane(void)
{
    struct err err = {0};
    struct backend *lane = failover_open(failover, sides.faults[0], sides.faults[1], &err);

    ck_assert(lane != NULL);
    return lane;
}

static void close_lane(struct backend *lane)
{
    backend_close(lane);
    sides.faults[0] = sides.faults[1] = NULL;
}

/* A service that starts while the primary is down does not serve from a fallback that may lack changes. */
START_TEST(at_the_start_the_fallback_may_lack_something)
{
    struct op get = sides_op(&sides, OP_SESSION_GET, "s1"), *ops[] = {&get};
    struct backend *lane = open_lane();
    struct err err = {0};

    sides_session(&sides, 1, "s1");
    see(FALLBACK);
    state_lost(failover, PRIMARY, true, "gone");
    ck_assert(backend_execute(lane, ops, 1, &err));
    ck_assert_int_eq(get.status.kind, ERR_UNAVAILABLE);
    close_lane(lane);
}
END_TEST

/* Before the fallback serves, it learns what it lacks. */
START_TEST(the_fallback_is_told_before_it_serves)
{
    struct op put, get, read, *ops[1];
    struct backend *lane = open_lane();
    struct err err = {0};

    settle();
    sides_session(&sides, 1, "other");
    state_lost(failover, FALLBACK, true, "gone");
    put = sides_op(&sides, OP_SESSION_PUT, "s1");
    put.session_put.user_id = SLICE("u");
    put.session_put.metadata = SLICE("{}");
    ops[0] = &put;
    ck_assert(backend_execute(lane, ops, 1, &err));
    ck_assert_int_eq(put.status.kind, ERR_OK);
    state_answered(failover, FALLBACK);
    state_lost(failover, PRIMARY, true, "gone");
    get = sides_op(&sides, OP_SESSION_GET, "other");
    ops[0] = &get;
    ck_assert(backend_execute(lane, ops, 1, &err));
    ck_assert_int_eq(get.status.kind, ERR_OK);
    read = sides_op(&sides, OP_PAIR_READ, NULL);
    read.pair_read.limit = 10;
    sides_run(&sides, 1, &read);
    ck_assert_uint_eq(read.pair_read.out.n_missing, 1);
    close_lane(lane);
}
END_TEST

/* A copy of a thread is refused while its target differs. */
START_TEST(a_copy_over_what_differs_is_refused)
{
    struct op op;

    settle();
    op = sides_op(&sides, OP_SESSION_PATCH, "to");
    state_unsynced(failover, &op);
    op = sides_op(&sides, OP_THREAD_COPY, "from");
    op.thread_copy.to = SLICE("to");
    ck_assert(!state_settled(failover, &op));
    op.thread_copy.to = SLICE("elsewhere");
    ck_assert(state_settled(failover, &op));
}
END_TEST

/* What an op changes besides its own id waits too. */
START_TEST(what_an_op_changes_besides_its_id_waits)
{
    struct record copies[] = {{.kind = RECORD_SESSION, .key = {.id = SLICE("swept")}}};
    struct op op;

    settle();
    op = sides_op(&sides, OP_CLEANUP, NULL);
    op.copies = copies;
    op.n_copies = 1;
    state_unsynced(failover, &op);
    op = sides_op(&sides, OP_SESSION_GET, "swept");
    ck_assert(state_lacks(failover, &op));
}
END_TEST

static size_t n_missing(int side)
{
    struct op read = sides_op(&sides, OP_PAIR_READ, NULL);

    read.pair_read.limit = 10;
    sides_run(&sides, side, &read);
    return read.pair_read.out.n_missing;
}

/* While its change waits in the primary, the fallback lacks an id, though the change is under way. */
START_TEST(what_is_missing_stays_so_while_it_waits)
{
    struct pair_id lost = {SLICE("default"), SLICE("s1")};
    struct op op;

    settle();
    op = sides_op(&sides, OP_PAIR_CHANGE, NULL);
    op.pair_change.missing = &lost;
    op.pair_change.n_missing = 1;
    sides_run(&sides, 1, &op);
    put_in_primary("s1");
    sides_pass(POLL_MS);
    (void)tend();
    ck_assert_uint_eq(waiting(0), 1);
    ck_assert_uint_eq(n_missing(1), 1);
}
END_TEST

/* The note that the fallback lacks an id fails; the change that is made again brings it. */
START_TEST(what_could_not_be_noted_is_noted_by_the_next_change)
{
    struct op put, *ops[] = {&put};
    struct backend *lane = open_lane();
    struct err err = {0};

    settle();
    state_lost(failover, FALLBACK, true, "gone");
    put = sides_op(&sides, OP_SESSION_PUT, "s1");
    put.session_put.user_id = SLICE("u");
    put.session_put.metadata = SLICE("{}");
    sides_fail(&sides, 0, 2);
    ck_assert(backend_execute(lane, ops, 1, &err));
    ck_assert_int_eq(put.status.kind, ERR_IN_DOUBT);
    sides_fail(&sides, 0, 0);
    ck_assert_uint_eq(n_missing(0), 0);
    state_answered(failover, PRIMARY);
    put.stamp = stamp_next();
    ck_assert(backend_execute(lane, ops, 1, &err));
    ck_assert_int_eq(put.status.kind, ERR_OK);
    ck_assert_uint_eq(n_missing(0), 1);
    close_lane(lane);
}
END_TEST

/* What was not read may concern any id. */
START_TEST(an_outbox_that_was_not_read_whole_settles_nothing)
{
    struct pair_id id = {SLICE("default"), SLICE("s1")};
    struct op_pair_read read = {.out = {.more = true}};
    struct op op;

    settle();
    op = sides_op(&sides, OP_MESSAGE_TRIM, "s1");
    ck_assert(state_settled(failover, &op));
    state_look(failover, PRIMARY, &read, clock_now_ns());
    ck_assert(!state_settled(failover, &op));
    failover->unsynced.full = true;
    read = (struct op_pair_read){.out = {.missing = &id, .n_missing = 1}};
    failover->unsynced.added_ns = clock_now_ns() + 1; /* a lane has added one since */
    state_look(failover, PRIMARY, &read, clock_now_ns());
    ck_assert(failover->unsynced.full);
    sides_pass(1);
    state_look(failover, PRIMARY, &read, clock_now_ns());
    ck_assert(!failover->unsynced.full && !state_settled(failover, &op));
    op = sides_op(&sides, OP_MESSAGE_TRIM, "s2");
    ck_assert(state_settled(failover, &op));
}
END_TEST

/* What the primary has noted and was told to drop, it must be told anew when the fallback is lost in the next second. */
START_TEST(what_is_not_noted_any_more_is_noted_again)
{
    struct op change = sides_op(&sides, OP_PAIR_CHANGE, NULL);
    struct op op = sides_op(&sides, OP_SESSION_PUT, "s1");
    struct pair_id id = {op.tenant, op.id}, ids[1];

    settle();
    change.pair_change = (struct op_pair_change){.missing = &id, .n_missing = 1};
    sides_run(&sides, 0, &change);
    state_unsynced(failover, &op);
    ck_assert_uint_eq(state_unflagged(failover, &op, ids, 1), 1);
    state_flagged(failover, ids, 1, clock_now_ns());
    ck_assert_uint_eq(state_unflagged(failover, &op, ids, 1), 0);
    sides_pass(POLL_MS);
    (void)tend();
    ck_assert(state_lacks(failover, &op)); /* until the next look */
    ck_assert_uint_eq(state_unflagged(failover, &op, ids, 1), 1);
}
END_TEST

static struct acquaintance primary;

/* The fallback is lost, and meanwhile a look finds that the primary has forgotten something. */
static bool lose_both(struct backend *self UNUSED, struct op *const ops[] UNUSED, size_t n UNUSED,
                      struct err *err)
{
    acquaintance_learn(&primary, &(struct learnt){.pair = SLICE("p"), .forgot = true});
    return err_set(err, ERR_UNAVAILABLE, "told to fail");
}

static void close_nothing(struct backend *self UNUSED)
{
}

/* A change that it may have forgotten is not made there by the question whether it stands: no entry would say so. */
START_TEST(a_change_that_may_be_forgotten_is_not_checked)
{
    static const struct backend_ops lost = {
        .name = "lost", .execute = lose_both, .close = close_nothing};
    struct backend fallback = {.ops = &lost}, *lane;
    struct op put, *ops[] = {&put};
    struct err err = {0};
    size_t before;

    settle();
    acquaintance_init(&primary);
    failover->cfg.stores[PRIMARY] = &primary;
    lane = failover_open(failover, sides.faults[0], &fallback, &err);
    ck_assert(lane != NULL);
    put = sides_op(&sides, OP_SESSION_PUT, "s1");
    put.session_put.user_id = SLICE("u");
    put.session_put.metadata = SLICE("{}");
    before = calls(0);
    ck_assert(backend_execute(lane, ops, 1, &err));
    ck_assert_int_eq(put.status.kind, ERR_IN_DOUBT);
    ck_assert_uint_eq(calls(0), before + 1);
    backend_close(lane);
    sides.faults[0] = NULL;
}
END_TEST

/* The primary has forgotten something, and the fallback has not heard yet of what is not there any more: that waits
 * behind more than one look brings over. */
START_TEST(what_was_removed_does_not_come_back_with_a_fill)
{
    struct pair_note other = {.name = SLICE("peer"), .text = SLICE("0 another")};
    struct op put, trim, change;

    settle();
    for (int i = 0; i < 1000; i++) {
        put = sides_op(&sides, OP_SESSION_PUT, "s0");
        put.session_put.user_id = SLICE("u");
        put.session_put.metadata = SLICE("{}");
        put.replicate = true;
        sides_run(&sides, 0, &put);
    }
    for (int side = 0; side < 2; side++) {
        sides_session(&sides, side, "s1");
        sides_message(&sides, side, "s1", "m1");
        sides_message(&sides, side, "s1", "m2");
    }
    trim = sides_op(&sides, OP_MESSAGE_TRIM, "s1");
    trim.message_trim.keep_last = 1;
    trim.replicate = true;
    sides_run(&sides, 0, &trim);
    change = sides_op(&sides, OP_PAIR_CHANGE, NULL);
    change.pair_change = (struct op_pair_change){.notes = &other, .n_notes = 1};
    sides_run(&sides, 1, &change);
    settle();
    for (int side = 0; side < 2; side++)
        ck_assert_uint_eq(sides_count(&sides, side, RECORD_MESSAGE), 1);
}
END_TEST

Suite *suite_failover_tend(void)
{
    Suite *s = suite_create("failover_tend");
    TCase *tc = tcase_create("failover_tend");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, it_starts_until_both_were_compared_or_it_has_waited, 0, 2);
    tcase_add_test(tc, nothing_is_asked_between_two_looks);
    tcase_add_test(tc, without_memory_it_comes_back_later);
    tcase_add_test(tc, what_waits_is_copied_and_cleared);
    tcase_add_test(tc, what_is_not_noted_any_more_is_noted_again);
    tcase_add_test(tc, a_long_outbox_is_read_whole_and_copied_by_and_by);
    tcase_add_test(tc, a_refusal_is_no_loss);
    tcase_add_test(tc, what_is_missing_is_found_when_nothing_of_it_waits);
    tcase_add_test(tc, an_addition_waits_until_the_fallback_knows_it_was_counted);
    tcase_add_test(tc, a_condition_that_the_fallback_may_know_better_is_in_doubt);
    tcase_add_loop_test(tc, a_store_that_is_lost, 0, 2);
    tcase_add_test(tc, what_an_op_changes_besides_its_id_waits);
    tcase_add_test(tc, a_copy_over_what_differs_is_refused);
    tcase_add_test(tc, the_fallback_is_told_before_it_serves);
    tcase_add_test(tc, at_the_start_the_fallback_may_lack_something);
    tcase_add_test(tc, an_outbox_that_was_not_read_whole_settles_nothing);
    tcase_add_test(tc, what_could_not_be_noted_is_noted_by_the_next_change);
    tcase_add_test(tc, what_is_missing_stays_so_while_it_waits);
    tcase_add_test(tc, what_was_removed_does_not_come_back_with_a_fill);
    tcase_add_test(tc, a_change_that_may_be_forgotten_is_not_checked);
    suite_add_tcase(s, tc);
    return s;
}

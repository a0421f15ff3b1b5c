/* test_settle.c - a fallback that takes the place of the primary counts the additions that it has kept. */
#include <check.h>
#include <inttypes.h>
#include <stdio.h>

#include "alone.h"
#include "clock.h"
#include "pairing.h"
#include "settle.h"

Suite *suite_settle(void);

static int64_t added; /* how many so far: each makes an op id */

/* Leaves an addition of one request pending in the fallback. */
static void add(const char *id)
{
    struct op op = sides_op(&sides, OP_SESSION_PATCH, id);

    added++;
    memcpy(op.repeat.op_id, &added, sizeof(added));
    op.alone = op.replicate = op.fence = true;
    op.session_patch.increment_requests = true;
    sides_run(&sides, FALLBACK, &op);
}

static int64_t requests(int side, const char *id)
{
    struct op op = sides_op(&sides, OP_SESSION_GET, id);

    sides_run(&sides, side, &op);
    return op.session_get.out.session.request_count;
}

static struct slice seen(int side, const char *name)
{
    pairing_look();
    return pairing_noted(side, name);
}

static const struct pair_note before = {.name = SLICE("seat"), .text = SEAT_SETTLING};

static void settle_all(void)
{
    struct err err;

    ck_assert_msg(settle_pending(sides.stores[FALLBACK], &before, SEAT_PRIMARY, &err), "%s",
                  err.text);
}

START_TEST(all_that_is_pending_is_counted_once)
{
    enum { SESSIONS = 7, EACH = 200 }; /* more than a page of entries */
    char id[16];

    for (int i = 0; i < SESSIONS; i++) {
        snprintf(id, sizeof(id), "s%d", i);
        sides_session(&sides, FALLBACK, id);
    }
    for (int i = 0; i < SESSIONS * EACH; i++) {
        snprintf(id, sizeof(id), "s%d", i % SESSIONS);
        add(id);
    }
    for (int round = 0; round < 2; round++) {
        settle_all();
        for (int i = 0; i < SESSIONS; i++) {
            snprintf(id, sizeof(id), "s%d", i);
            ck_assert_int_eq(requests(FALLBACK, id), EACH);
        }
    }
    ck_assert(slice_equal(seen(FALLBACK, "seat"), SEAT_PRIMARY));
}
END_TEST

START_TEST(where_nothing_is_pending_it_does_not_begin)
{
    const struct pair_note no_seat = {.name = SLICE("before"), .text = SLICE("1")};
    struct err err;

    sides_session(&sides, FALLBACK, "s1");
    ck_assert(settle_pending(sides.stores[FALLBACK], &no_seat, SEAT_ALONE, &err));
    ck_assert(!slice_present(seen(FALLBACK, "before")));
    ck_assert(slice_equal(seen(FALLBACK, "seat"), SEAT_ALONE));
}
END_TEST

/* Makes an op of this call to the fallback fail, counted from now. */
static void fail_op(size_t call, enum err_kind kind)
{
    sides_fail(&sides, FALLBACK, call);
    sides.plans[FALLBACK].mode = FAULT_OP;
    sides.plans[FALLBACK].kind = kind;
}

/* It may be met when it is read, or when it is counted. */
START_TEST(what_is_damaged_stays_and_the_rest_is_counted)
{
    struct err err;

    for (size_t call = 2; call <= 4;
         call += 2) { /* the entries, what is pending, the note, the count */
        sides_session(&sides, FALLBACK, "s1");
        sides_session(&sides, FALLBACK, "s2");
        add("s1");
        add("s2");
        fail_op(call, ERR_DAMAGED);
        ck_assert_msg(settle_pending(sides.faults[FALLBACK], &before, SEAT_PRIMARY, &err), "%s",
                      err.text);
        sides_fail(&sides, FALLBACK, 0);
        ck_assert_int_eq(requests(FALLBACK, "s1") + requests(FALLBACK, "s2"), added - 1);
        ck_assert(slice_equal(seen(FALLBACK, "seat"), SEAT_SETTLING));
        settle_all();
        ck_assert_int_eq(requests(FALLBACK, "s1") + requests(FALLBACK, "s2"), added);
        ck_assert(slice_equal(seen(FALLBACK, "seat"), SEAT_PRIMARY));
    }
}
END_TEST

START_TEST(a_store_that_is_at_fault_is_not_taken_for_damage)
{
    struct err err;

    for (size_t call = 2; call <= 4; call += 2) {
        sides_session(&sides, FALLBACK, "s1");
        add("s1");
        fail_op(call, ERR_STORAGE);
        ck_assert(!settle_pending(sides.faults[FALLBACK], &before, SEAT_PRIMARY, &err));
        ck_assert_int_eq(err.kind, ERR_STORAGE);
        sides_fail(&sides, FALLBACK, 0);
        settle_all();
        ck_assert_int_eq(requests(FALLBACK, "s1"), added);
    }
}
END_TEST

START_TEST(what_fails_is_counted_later)
{
    size_t call = 1;
    struct err err;

    sides_session(&sides, FALLBACK, "s1");
    sides_session(&sides, FALLBACK, "s2");
    for (bool ok = false; !ok; call++) {
        add("s1");
        add("s2");
        sides_fail(&sides, FALLBACK, call);
        ok = settle_pending(sides.faults[FALLBACK], &before, SEAT_PRIMARY, &err);
        ck_assert(ok || err.kind == ERR_UNAVAILABLE);
        sides_fail(&sides, FALLBACK, 0);
    }
    settle_all();
    ck_assert_uint_gt(call, 4);
    ck_assert_int_eq(requests(FALLBACK, "s1"), added / 2);
    ck_assert_int_eq(requests(FALLBACK, "s2"), added / 2);
}
END_TEST

/* The store as a process has it that uses it by itself. */
static struct backend *use_alone(bool existing)
{
    struct backend_config cfg = {.existing = existing};
    struct err err;

    sides.faults[FALLBACK] = alone_open(sides.faults[FALLBACK], &cfg, &err);
    ck_assert_msg(sides.faults[FALLBACK] != NULL, "%s", err.text);
    return sides.faults[FALLBACK];
}

static int64_t read_through(struct backend *store)
{
    struct op get = sides_op(&sides, OP_SESSION_GET, "s1");
    struct err err;

    ck_assert_msg(backend_run(store, &get, &err), "%s", err.text);
    return get.session_get.out.session.request_count;
}

START_TEST(a_fallback_that_serves_alone_counts_before_it_is_read)
{
    sides_session(&sides, PRIMARY, "s1");
    (void)pairing_settle();
    add("s1");
    ck_assert_int_eq(read_through(use_alone(false)), 1);
    ck_assert(slice_present(seen(FALLBACK, "alone")));
    ck_assert(slice_equal(seen(FALLBACK, "seat"), SEAT_ALONE));
    (void)pairing_settle();
    ck_assert_int_eq(requests(PRIMARY, "s1"), 1);
    ck_assert(slice_equal(seen(FALLBACK, "seat"), SEAT_FALLBACK));
}
END_TEST

/* The process may have stopped in between. */
START_TEST(one_that_began_to_count_goes_on)
{
    static const char *const seats[] = {"settling", "fallback again"};

    sides_session(&sides, PRIMARY, "s1");
    (void)pairing_settle();
    for (size_t i = 0; i < COUNT_OF(seats); i++) {
        add("s1");
        pairing_note(FALLBACK, "seat", seats[i]);
        ck_assert_int_eq(read_through(use_alone(false)), added);
        ck_assert(slice_equal(seen(FALLBACK, "seat"), SEAT_ALONE));
    }
}
END_TEST

/* What it takes from now on must be counted, whatever its seat was before. */
START_TEST(a_fallback_that_serves_while_the_primary_is_away_notes_it)
{
    static const char *const seats[] = {"primary", "alone"};
    struct err err;

    (void)pairing_settle();
    for (size_t i = 0; i < COUNT_OF(seats); i++) {
        pairing_note(FALLBACK, "seat", seats[i]);
        pairing_look();
        ck_assert(pairing_judge(false, true, &err));
        ck_assert(slice_equal(seen(FALLBACK, "seat"), SEAT_AGAIN));
    }
    pairing_note(FALLBACK, "seat", "fallback");
    pairing_look();
    ck_assert(pairing_judge(false, true, &err));
    ck_assert(slice_equal(seen(FALLBACK, "seat"), SEAT_FALLBACK));
}
END_TEST

START_TEST(a_command_that_reads_changes_nothing)
{
    sides_session(&sides, PRIMARY, "s1");
    (void)pairing_settle();
    add("s1");
    ck_assert_int_eq(read_through(use_alone(true)), 0);
    ck_assert(!slice_present(seen(FALLBACK, "alone")));
}
END_TEST

START_TEST(without_contact_a_read_goes_on_and_a_change_does_not)
{
    struct op put = sides_op(&sides, OP_SESSION_PUT, "s1");
    struct backend *store;
    struct err err;

    sides_session(&sides, PRIMARY, "s1");
    (void)pairing_settle();
    add("s1");
    sides_fail(&sides, FALLBACK, 1);
    store = use_alone(false);
    sides_fail(&sides, FALLBACK, 0);
    ck_assert_int_eq(read_through(store), 0);
    sides_fail(&sides, FALLBACK, 3); /* the look, the note, then what is pending */
    ck_assert(!backend_run(store, &put, &err));
    sides_fail(&sides, FALLBACK, 0);
    put.session_put.user_id = SLICE("u");
    put.session_put.metadata = SLICE("{}");
    ck_assert_msg(backend_run(store, &put, &err), "%s", err.text);
    ck_assert_int_eq(requests(FALLBACK, "s1"), 1);
}
END_TEST

START_TEST(each_store_notes_its_seat)
{
    (void)pairing_settle();
    ck_assert(slice_equal(seen(PRIMARY, "seat"), SEAT_PRIMARY));
    ck_assert(slice_equal(seen(FALLBACK, "seat"), SEAT_FALLBACK));
}
END_TEST

/* Somebody has given the stores the other seats. */
START_TEST(a_primary_that_was_the_fallback_counts)
{
    struct backend *was;

    pairing_end();
    pairing_begin(true); /* nobody else may use them the other way round */
    sides_session(&sides, PRIMARY, "s1");
    (void)pairing_settle();
    add("s1");
    was = sides.stores[PRIMARY];
    sides.stores[PRIMARY] = sides.stores[FALLBACK];
    sides.stores[FALLBACK] = was;
    (void)pairing_settle();
    ck_assert_int_eq(requests(PRIMARY, "s1"), 1);
    ck_assert(slice_equal(seen(PRIMARY, "seat"), SEAT_PRIMARY));
}
END_TEST

/* No entry says what it has counted, and a drain takes the counters of the primary: so the primary is
 * filled. */
START_TEST(a_fallback_that_was_the_primary_fills_it)
{
    struct op op;

    sides_session(&sides, PRIMARY, "s1");
    (void)pairing_settle();
    op = sides_op(&sides, OP_SESSION_PATCH, "s1");
    op.session_patch.increment_requests = op.replicate = op.fence = true;
    sides_run(&sides, FALLBACK, &op);
    pairing_note(FALLBACK, "seat", "primary");
    pairing_judge_both();
    ck_assert(fill.active && fill.to == PRIMARY);
    (void)pairing_settle();
    ck_assert_int_eq(requests(PRIMARY, "s1"), 1);
}
END_TEST

START_TEST(one_store_by_two_names_is_refused)
{
    struct backend *stores[] = {sides.stores[PRIMARY], sides.stores[PRIMARY]};
    struct op read = sides_op(&sides, OP_PAIR_READ, NULL);
    const struct op_pair_read *seen[] = {&read.pair_read, &read.pair_read};
    struct err err;

    read.pair_read.limit = 10;
    for (int look = 0; look < 3; look++) {
        sides_run(&sides, PRIMARY, &read);
        ck_assert(!fill_judge(failover, &fill, seen, stores, &err));
        ck_assert_int_eq(err.kind, ERR_CONFIG);
        ck_assert(failover->foreign && !fill.active && !state_usable(failover));
    }
}
END_TEST

/* The echo of an instance whose clock is ahead, from a time when this store was its fallback. */
START_TEST(an_old_echo_is_none)
{
    pairing_note(PRIMARY, "echo",
                 arena_printf(&sides.arena, "%" PRId64,
                              stamp_next() + (INT64_C(600000000) << STAMP_NODE_BITS))
                     .at);
    (void)pairing_settle();
}
END_TEST

/* Of an instance to which this primary is the fallback, or which has it twice as well; its clock may be
 * behind or ahead. */
START_TEST(the_echo_of_another_instance_proves_nothing)
{
    const int64_t minute = INT64_C(60000000) << STAMP_NODE_BITS;
    struct err err;

    for (int64_t off = -minute; off <= minute; off += 2 * minute) {
        pairing_look();
        pairing_note(PRIMARY, "echo",
                     arena_printf(&sides.arena, "%" PRId64, stamp_next() + off).at);
        ck_assert(!pairing_judge(true, true, &err));
        ck_assert_int_eq(err.kind, ERR_UNAVAILABLE);
        ck_assert(!failover->foreign);
    }
    (void)pairing_settle();
}
END_TEST

Suite *suite_settle(void)
{
    Suite *s = suite_create("settle");
    TCase *tc = tcase_create("settle");

    tcase_add_checked_fixture(tc, pairing_setup, pairing_teardown);
    tcase_add_test(tc, all_that_is_pending_is_counted_once);
    tcase_add_test(tc, where_nothing_is_pending_it_does_not_begin);
    tcase_add_test(tc, what_is_damaged_stays_and_the_rest_is_counted);
    tcase_add_test(tc, a_store_that_is_at_fault_is_not_taken_for_damage);
    tcase_add_test(tc, what_fails_is_counted_later);
    tcase_add_test(tc, a_fallback_that_serves_alone_counts_before_it_is_read);
    tcase_add_test(tc, one_that_began_to_count_goes_on);
    tcase_add_test(tc, a_fallback_that_serves_while_the_primary_is_away_notes_it);
    tcase_add_test(tc, a_command_that_reads_changes_nothing);
    tcase_add_test(tc, without_contact_a_read_goes_on_and_a_change_does_not);
    tcase_add_test(tc, each_store_notes_its_seat);
    tcase_add_test(tc, a_primary_that_was_the_fallback_counts);
    tcase_add_test(tc, a_fallback_that_was_the_primary_fills_it);
    tcase_add_test(tc, one_store_by_two_names_is_refused);
    tcase_add_test(tc, an_old_echo_is_none);
    tcase_add_test(tc, the_echo_of_another_instance_proves_nothing);
    suite_add_tcase(s, tc);
    return s;
}

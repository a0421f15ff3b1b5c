/* test_settle.c - a fallback that takes the place of the primary counts what it has left pending. */
#include <check.h>
#include <stdio.h>

#include "acquaintance.h"
#include "alone.h"
#include "clock.h"
#include "failover.h"
#include "failover_fill.h"
#include "pair_notes.h"
#include "settle.h"
#include "sides.h"

Suite *suite_settle(void);

static struct sides sides;
static struct failover *failover;
static struct acquaintance known[2];
static struct fill fill;
static int64_t added; /* so far, for op ids */

static void setup(void)
{
    struct failover_config cfg = {.poll_ms = 1000, .stores = {&known[0], &known[1]}};
    struct err err = {0};

    sides_open(&sides);
    acquaintance_init(&known[0]);
    acquaintance_init(&known[1]);
    fill = (struct fill){.active = false};
    failover = failover_new(&cfg, &err);
    ck_assert_msg(failover != NULL, "%s", err.text);
}

static void teardown(void)
{
    fill_done(&fill);
    failover_free(failover);
    sides_close(&sides);
}

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

static struct slice noted(int side, const char *name)
{
    struct op op = sides_op(&sides, OP_PAIR_READ, NULL);

    op.pair_read.limit = 1;
    sides_run(&sides, side, &op);
    return pair_note_text(&op.pair_read, name);
}

static void note(int side, const char *name, const char *text)
{
    struct op op = sides_op(&sides, OP_PAIR_CHANGE, NULL);
    struct pair_note change = {.name = slice_of(name), .text = slice_of(text)};

    op.pair_change.notes = &change;
    op.pair_change.n_notes = 1;
    sides_run(&sides, side, &op);
}

static const struct pair_note before = {.name = SLICE("seat"), .text = SEAT_SETTLING};

static void settle_all(void)
{
    struct err err;

    ck_assert_msg(settle_pending(sides.stores[FALLBACK], &before, &err), "%s", err.text);
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
    ck_assert(slice_equal(noted(FALLBACK, "seat"), SEAT_SETTLING));
}
END_TEST

START_TEST(nothing_is_noted_where_nothing_is_pending)
{
    sides_session(&sides, FALLBACK, "s1");
    settle_all();
    ck_assert(!slice_present(noted(FALLBACK, "seat")));
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
        ok = settle_pending(sides.faults[FALLBACK], &before, &err);
        ck_assert(ok || err.kind == ERR_UNAVAILABLE);
        sides_fail(&sides, FALLBACK, 0);
    }
    settle_all();
    ck_assert_uint_gt(call, 4);
    ck_assert_int_eq(requests(FALLBACK, "s1"), added / 2);
    ck_assert_int_eq(requests(FALLBACK, "s2"), added / 2);
}
END_TEST

static void judge(void)
{
    struct op reads[2];
    const struct op_pair_read *seen[2];
    struct err err;

    for (int i = 0; i < 2; i++) {
        reads[i] = sides_op(&sides, OP_PAIR_READ, NULL);
        reads[i].pair_read.limit = 1000;
        sides_run(&sides, i, &reads[i]);
        seen[i] = &reads[i].pair_read;
    }
    ck_assert_msg(fill_judge(failover, &fill, seen, sides.stores, &err), "%s", err.text);
}

static void become_pair(void)
{
    bool more;
    struct err err;

    for (int i = 0; i < 4; i++) {
        judge();
        for (more = true; more;)
            ck_assert_msg(fill_step(failover, &fill, sides.stores, &more, &err), "%s", err.text);
    }
    ck_assert(fill.met);
}

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
    become_pair();
    add("s1");
    ck_assert_int_eq(read_through(use_alone(false)), 1);
    ck_assert(slice_present(noted(FALLBACK, "alone")));
    ck_assert(slice_equal(noted(FALLBACK, "seat"), SEAT_ALONE));
    become_pair();
    ck_assert_int_eq(requests(PRIMARY, "s1"), 1);
    ck_assert(slice_equal(noted(FALLBACK, "seat"), SEAT_FALLBACK));
}
END_TEST

START_TEST(a_command_that_reads_changes_nothing)
{
    sides_session(&sides, PRIMARY, "s1");
    become_pair();
    add("s1");
    ck_assert_int_eq(read_through(use_alone(true)), 0);
    ck_assert(!slice_present(noted(FALLBACK, "alone")));
}
END_TEST

START_TEST(without_contact_a_read_goes_on_and_a_change_does_not)
{
    struct op put = sides_op(&sides, OP_SESSION_PUT, "s1");
    struct backend *store;
    struct err err;

    sides_session(&sides, PRIMARY, "s1");
    become_pair();
    add("s1");
    sides_fail(&sides, FALLBACK, 1);
    store = use_alone(false);
    sides_fail(&sides, FALLBACK, 0);
    ck_assert_int_eq(read_through(store), 0);
    sides_fail(&sides, FALLBACK, 3); /* the look, the note, and what is pending */
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
    become_pair();
    ck_assert(slice_equal(noted(PRIMARY, "seat"), SEAT_PRIMARY));
    ck_assert(slice_equal(noted(FALLBACK, "seat"), SEAT_FALLBACK));
}
END_TEST

/* By hand it is in the other seat. */
START_TEST(a_primary_that_was_the_fallback_counts)
{
    struct backend *was;

    sides_session(&sides, PRIMARY, "s1");
    become_pair();
    add("s1");
    was = sides.stores[PRIMARY];
    sides.stores[PRIMARY] = sides.stores[FALLBACK];
    sides.stores[FALLBACK] = was;
    become_pair();
    ck_assert_int_eq(requests(PRIMARY, "s1"), 1);
    ck_assert(slice_equal(noted(PRIMARY, "seat"), SEAT_PRIMARY));
}
END_TEST

/* What it counted is in no entry that says so: the drain takes the primary's counters. */
START_TEST(a_fallback_that_was_the_primary_fills_it)
{
    struct op op;

    sides_session(&sides, PRIMARY, "s1");
    become_pair();
    op = sides_op(&sides, OP_SESSION_PATCH, "s1");
    op.session_patch.increment_requests = op.replicate = op.fence = true;
    sides_run(&sides, FALLBACK, &op);
    note(FALLBACK, "seat", "primary");
    judge();
    ck_assert(fill.active && fill.to == PRIMARY);
    become_pair();
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
        ck_assert(fill.foreign && !fill.active && !state_usable(failover));
    }
}
END_TEST

Suite *suite_settle(void)
{
    Suite *s = suite_create("settle");
    TCase *tc = tcase_create("settle");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, all_that_is_pending_is_counted_once);
    tcase_add_test(tc, nothing_is_noted_where_nothing_is_pending);
    tcase_add_test(tc, what_fails_is_counted_later);
    tcase_add_test(tc, a_fallback_that_serves_alone_counts_before_it_is_read);
    tcase_add_test(tc, a_command_that_reads_changes_nothing);
    tcase_add_test(tc, without_contact_a_read_goes_on_and_a_change_does_not);
    tcase_add_test(tc, each_store_notes_its_seat);
    tcase_add_test(tc, a_primary_that_was_the_fallback_counts);
    tcase_add_test(tc, a_fallback_that_was_the_primary_fills_it);
    tcase_add_test(tc, one_store_by_two_names_is_refused);
    suite_add_tcase(s, tc);
    return s;
}

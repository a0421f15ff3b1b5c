/* test_failover_state.c - what lanes share, and what looks at the stores make of it. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "clock.h"
#include "failover.h"
#include "failover_drain.h"
#include "failover_look.h"
#include "oom.h"
#include "sides.h"

Suite *suite_failover_state(void);

static struct sides sides;
static struct failover *f;

static void setup(void)
{
    f = sides_begin(&sides, 5, INT64_C(5000000000));
}

static void teardown(void)
{
    sides_end(&sides, f);
}

static void look(enum side side, const struct op_pair_read *read)
{
    sides_pass(1000);
    state_look(f, side, read, clock_now_ns());
}

/* Both were looked at, are a pair, and answer. */
static void begin(void)
{
    static const struct op_pair_read empty;

    state_judged(f, false);
    state_set_filled(f, FALLBACK, true);
    look(FALLBACK, &empty);
    look(PRIMARY, &empty);
    state_compared(f);
}

static struct failover_report report(void)
{
    struct failover_report r;

    failover_report(f, &r);
    return r;
}

static struct op op_on(const char *id)
{
    return (struct op){.tenant = SLICE("default"), .id = slice_of(id), .stamp = stamp_next()};
}

static bool lacks(const char *id)
{
    struct op op = op_on(id);

    return state_lacks(f, &op);
}

static struct op_pair_read outbox(struct outbox_entry *entries, size_t n)
{
    struct op_pair_read read = {0};

    read.out.entries = entries;
    read.out.n = n;
    return read;
}

static struct outbox_entry entry_of(const struct op *op)
{
    return (struct outbox_entry){.number = op->stamp, .tenant = op->tenant, .id = op->id};
}

/* Whether it lacks what the fallback took alone, or what it is being filled with. */
START_TEST(a_primary_that_lacks_what_a_lost_fallback_has_does_not_serve)
{
    begin();
    ck_assert_int_eq(report().state, FAILOVER_NORMAL);
    if (_i == 0)
        state_fell_behind(f, true);
    else
        state_set_filled(f, PRIMARY, false);
    ck_assert_int_eq(report().state, FAILOVER_RECOVERING);
    ck_assert_str_eq(report().trouble, "");
    state_lost(f, FALLBACK, true, "gone");
    ck_assert_int_eq(report().state, FAILOVER_BOTH_DOWN);
    ck_assert(report().primary.up && !report().fallback.up);
    ck_assert_str_ne(report().trouble, "");
    state_answered(f, FALLBACK);
    ck_assert_int_eq(report().state, FAILOVER_RECOVERING);
    ck_assert_str_eq(report().trouble, "");
}
END_TEST

START_TEST(what_the_fallback_is_missing_counts_as_waiting)
{
    static struct pair_id ids[] = {{SLICE("default"), SLICE("a")}, {SLICE("default"), SLICE("b")}};
    struct op_pair_read read = {.out = {.missing = ids, .n_missing = COUNT_OF(ids)}};

    begin();
    ck_assert_int_eq(report().unsynced, 0);
    look(FALLBACK, &read);
    ck_assert_int_eq(report().unsynced, 2);
}
END_TEST

START_TEST(an_entry_that_stays_makes_its_id_wait)
{
    struct op op = op_on("s1");
    struct outbox_entry e = entry_of(&op);
    struct op_pair_read read = outbox(&e, 1), empty = outbox(NULL, 0);

    begin();
    look(PRIMARY, &read);
    ck_assert(!lacks("s1"));
    look(PRIMARY, &read);
    look(PRIMARY, &read);
    ck_assert(lacks("s1") && !lacks("s2"));
    look(PRIMARY, &empty);
    ck_assert(!lacks("s1"));
}
END_TEST

/* A process that has just begun cannot tell how long it was there. */
START_TEST(an_entry_that_was_there_first_makes_its_id_wait)
{
    struct op op = op_on("s1");
    struct outbox_entry e = entry_of(&op);
    struct op_pair_read read = outbox(&e, 1), empty = outbox(NULL, 0);

    look(PRIMARY, &read);
    ck_assert(lacks("s1"));
    look(PRIMARY, &empty);
    ck_assert(!lacks("s1"));
}
END_TEST

/* Another instance has looked when nothing waited, and taken the note back; or it has noted the id. */
START_TEST(a_note_counts_while_it_is_in_the_primary)
{
    struct op op = op_on("s1");
    struct pair_id id = {op.tenant, op.id}, ids[2];
    struct outbox_entry e = entry_of(&op);
    struct op_pair_read read = outbox(&e, 1);

    begin();
    state_unsynced(f, &op);
    ck_assert_uint_eq(state_unflagged(f, &op, ids, 2), 1);
    ck_assert_uint_eq(state_unflagged(f, &op, ids, 2), 1); /* it may not have been written */
    state_flagged(f, ids, 1, clock_now_ns());
    ck_assert_uint_eq(state_unflagged(f, &op, ids, 2), 0);
    look(PRIMARY, &read);
    ck_assert_uint_eq(state_unflagged(f, &op, ids, 2), 1);
    read.out.missing = &id;
    read.out.n_missing = 1;
    look(PRIMARY, &read);
    ck_assert_uint_eq(state_unflagged(f, &op, ids, 2), 0);
}
END_TEST

/* The primary can be read but not written, so what lanes have copied stays in its outbox. */
START_TEST(what_was_copied_does_not_wait_though_it_cannot_be_cleared)
{
    struct op copied = op_on("s1"), other = op_on("s2"), again = op_on("s2");
    struct outbox_entry entries[] = {entry_of(&copied), entry_of(&other), entry_of(&again)};
    struct op_pair_read read = outbox(entries, COUNT_OF(entries));
    struct err err = {0};

    begin();
    state_unsynced(f, &copied); /* what is waited for may have been copied since */
    state_copied(f, &copied);
    state_copied(f, &again);
    sides.plans[PRIMARY].persistent = true;
    sides_fail(&sides, PRIMARY, 1);
    for (int i = 0; i < 4; i++) {
        ck_assert(!failover_clear(f, sides.faults[PRIMARY], &err));
        look(PRIMARY, &read);
    }
    ck_assert(!lacks("s1") && lacks("s2"));
    sides_fail(&sides, PRIMARY, 0);
    ck_assert(failover_clear(f, sides.faults[PRIMARY], &err));
    ck_assert(state_take_copied(f) == NULL);
}
END_TEST

START_TEST(without_memory_what_was_copied_waits)
{
    struct op op = op_on("s1");
    struct outbox_entry e = entry_of(&op);
    struct op_pair_read read = outbox(&e, 1);

    begin();
    state_copied(f, &op);
    look(PRIMARY, &read);
    look(PRIMARY, &read);
    oom_set(true);
    look(PRIMARY, &read);
    oom_set(false);
    ck_assert(lacks("s1"));
}
END_TEST

/* Others note at once in the primary what only it has. */
START_TEST(what_the_primary_notes_waits_until_it_does_not)
{
    enum { NOTED = 2500 };
    static struct pair_id ids[NOTED];
    static char texts[NOTED][16];
    struct op_pair_read read = {.out = {.missing = ids, .n_missing = NOTED}}, empty = {0};

    for (int i = 0; i < NOTED; i++) {
        snprintf(texts[i], sizeof(texts[i]), "s%d", i);
        ids[i] = (struct pair_id){SLICE("default"), slice_of(texts[i])};
    }
    begin();
    look(PRIMARY, &read);
    ck_assert_int_eq(report().unsynced, NOTED);
    ck_assert(lacks("s0") && lacks("s2499") && !lacks("other"));
    look(PRIMARY, &read);
    ck_assert_int_eq(report().unsynced, NOTED);
    empty.out.more = true; /* the rest of the outbox may name them */
    look(PRIMARY, &empty);
    ck_assert(lacks("s0") && lacks("other"));
    ck_assert_int_eq(report().unsynced, NOTED);
    empty.out.more = false;
    look(PRIMARY, &empty);
    ck_assert(!lacks("s0") && !lacks("other"));
}
END_TEST

/* Tells it a page of ids, as a call that takes a while. Returns how many. */
static size_t tell_page(struct arena *arena)
{
    struct pair_id ids[10];
    int64_t asked_ns = clock_now_ns();
    size_t n;

    ck_assert(state_untold(f, arena, ids, COUNT_OF(ids), &n));
    sides_pass(1);
    state_told(f, ids, n, asked_ns);
    return n;
}

START_TEST(the_fallback_is_told_page_by_page)
{
    enum { IDS = 25, PAGE = 10 };
    struct arena arena = {0}, none = {0};
    struct pair_id ids[PAGE];
    bool without_memory;
    char text[16];
    struct op op;
    size_t n;

    for (int i = 0; i < IDS; i++) {
        snprintf(text, sizeof(text), "s%d", i);
        op = op_on(text);
        state_unsynced(f, &op);
    }
    ck_assert_uint_eq(tell_page(&arena), PAGE);
    oom_set(true);
    without_memory = state_untold(f, &none, ids, PAGE, &n);
    oom_set(false);
    ck_assert(!without_memory);
    for (int i = 0; i < 2; i++) /* nothing counts as told before it was */
        ck_assert(state_untold(f, &arena, ids, PAGE, &n) && n == PAGE);
    ck_assert_uint_eq(tell_page(&arena), PAGE);
    ck_assert_uint_eq(tell_page(&arena), IDS - 2 * PAGE);
    ck_assert_uint_eq(tell_page(&arena), 0);
    state_retell(f);
    ck_assert_uint_eq(tell_page(&arena), PAGE);
    arena_done(&arena);
}
END_TEST

Suite *suite_failover_state(void)
{
    Suite *s = suite_create("failover_state");
    TCase *tc = tcase_create("failover_state");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, a_primary_that_lacks_what_a_lost_fallback_has_does_not_serve, 0, 2);
    tcase_add_test(tc, what_the_fallback_is_missing_counts_as_waiting);
    tcase_add_test(tc, an_entry_that_stays_makes_its_id_wait);
    tcase_add_test(tc, an_entry_that_was_there_first_makes_its_id_wait);
    tcase_add_test(tc, a_note_counts_while_it_is_in_the_primary);
    tcase_add_test(tc, what_was_copied_does_not_wait_though_it_cannot_be_cleared);
    tcase_add_test(tc, without_memory_what_was_copied_waits);
    tcase_add_test(tc, what_the_primary_notes_waits_until_it_does_not);
    tcase_add_test(tc, the_fallback_is_told_page_by_page);
    suite_add_tcase(s, tc);
    return s;
}

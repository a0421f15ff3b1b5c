/*
 * test_sim.c - tests of the failover simulator: its parts, worlds from seeds, the checker.
 *
 *     build/tests/sim                      all
 *     CK_RUN_CASE=check build/tests/sim    one case
 */
#include <check.h>
#include <stdlib.h>

#include "op_copy.h"
#include "sim.h"
#include "test_check.h"

static struct schedule schedule;
static char order[16];

static void note(void *arg)
{
    strcat(order, arg);
}

static void ask_for_more(void *arg)
{
    note(arg);
    schedule_after(&schedule, 0, note, (void *)(uintptr_t) "?");
    schedule_at(&schedule, 5, note, (void *)(uintptr_t) "late");
}

static void open_schedule(void)
{
    schedule_init(&schedule, 1);
    order[0] = '\0';
}

static void close_schedule(void)
{
    schedule_done(&schedule);
}

static void at(int64_t at_us, const char *name)
{
    schedule_at(&schedule, at_us, note, (void *)(uintptr_t)name);
}

START_TEST(time_goes_on_in_order)
{
    at(30, "c");
    at(10, "a");
    at(40, "d");
    at(20, "b");
    schedule_run(&schedule, 30);
    ck_assert_str_eq(order, "abc");
    ck_assert_int_eq(schedule.now_us, 30);
    schedule_run(&schedule, 35);
    ck_assert_int_eq(schedule.now_us, 35);
    schedule_run(&schedule, 100);
    ck_assert_str_eq(order, "abcd");
}
END_TEST

START_TEST(what_is_due_at_once_keeps_its_order)
{
    static const char *const names[] = {"a", "b", "c", "d", "e", "f", "g"};

    for (size_t i = 0; i < COUNT_OF(names); i++)
        at(7, names[i]);
    schedule_run(&schedule, 7);
    ck_assert_str_eq(order, "abcdefg");
}
END_TEST

START_TEST(what_is_past_happens_now)
{
    schedule_at(&schedule, 10, ask_for_more, (void *)(uintptr_t) "x");
    at(11, "y");
    schedule_run(&schedule, 10);
    ck_assert_int_eq(schedule.now_us, 10);
    ck_assert_uint_eq(strlen(order), 6);
    ck_assert_str_eq(order + 2, "late");
    schedule_run(&schedule, 11);
    ck_assert_int_eq(order[6], 'y');
}
END_TEST

START_TEST(many_events_come_out_sorted)
{
    int64_t last = 0;

    for (int i = 0; i < 5000; i++)
        schedule_at(&schedule, schedule_between(&schedule, 0, 300), note, (void *)(uintptr_t) "");
    while (schedule.n > 0) {
        int64_t next = schedule.events[0].at_us;

        ck_assert_int_ge(next, last);
        last = next;
        schedule_run(&schedule, next);
    }
}
END_TEST

START_TEST(chance_is_in_its_bounds)
{
    int low = 0, high = 0, hits = 0;

    for (int i = 0; i < 3000; i++) {
        int64_t n = schedule_between(&schedule, -2, 3);

        ck_assert(n >= -2 && n <= 2);
        low += n == -2;
        high += n == 2;
        hits += schedule_chance(&schedule, 300);
        ck_assert(!schedule_chance(&schedule, 0) && schedule_chance(&schedule, 1000));
    }
    ck_assert(low > 300 && high > 300);
    ck_assert(hits > 700 && hits < 1100);
}
END_TEST

static struct op op_in(char *memory, enum op_type type)
{
    return (struct op){.type = type, .tenant = {memory, 1}, .id = {memory + 1, 1}};
}

/* Copies the op, and overwrites the memory that it pointed to. */
static struct op outlive(const struct op *op, struct arena *arena, char *memory, size_t size)
{
    struct op copy = op_copy(op, arena);

    memset(memory, '#', size);
    ck_assert_ptr_eq(copy.arena, arena);
    ck_assert(slice_equal(copy.tenant, SLICE("t")) && slice_equal(copy.id, SLICE("i")));
    return copy;
}

START_TEST(records_are_copied_whole)
{
    struct arena arena = {0};
    char memory[] = "tisubtextbytes";
    struct slice sub = {memory + 2, 3}, text = {memory + 5, 4}, bytes = {memory + 9, 5};
    int64_t refs[] = {7};
    struct write write = {.channel = text, .blob.bytes = bytes};
    struct record items[] = {
        {.kind = RECORD_SESSION, .session.status.text = text},
        {.kind = RECORD_MESSAGE, .key.sub = sub, .message.content = text},
        {.kind = RECORD_CONTEXT, .context.body = text},
        {.kind = RECORD_VALUE, .value = {{text, sub}, {.bytes = bytes}}},
        {.kind = RECORD_CHECKPOINT, .checkpoint = {.metadata = text, .refs = refs, .n_refs = 1}},
        {.kind = RECORD_TASK, .key.task = sub, .task = {.writes = &write, .n_writes = 1}},
    };
    struct op op = op_in(memory, OP_MERGE), copy;
    const struct record *r;

    op.merge.items = items;
    op.merge.n = COUNT_OF(items);
    copy = outlive(&op, &arena, memory, sizeof(memory));
    refs[0] = 8;
    memset(&write, 0, sizeof(write));
    memset(items, 0, sizeof(items));
    r = copy.merge.items;
    ck_assert(slice_equal(r[0].session.status.text, SLICE("text")));
    ck_assert(slice_equal(r[1].key.sub, SLICE("sub")));
    ck_assert(slice_equal(r[1].message.content, SLICE("text")));
    ck_assert(slice_equal(r[2].context.body, SLICE("text")));
    ck_assert(slice_equal(r[3].value.blob.bytes, SLICE("bytes")));
    ck_assert(slice_equal(r[3].value.of.version, SLICE("sub")));
    ck_assert_int_eq(r[4].checkpoint.refs[0], 7);
    ck_assert(slice_equal(r[5].task.writes[0].blob.bytes, SLICE("bytes")));
    arena_done(&arena);
}
END_TEST

START_TEST(inputs_are_copied)
{
    struct arena arena = {0};
    char memory[] = "titext";
    struct slice text = {memory + 2, 4};
    struct message message = {.id = text};
    struct op append = op_in(memory, OP_MESSAGE_APPEND), put = op_in(memory, OP_CHECKPOINT_PUT);
    struct op change = op_in(memory, OP_PAIR_CHANGE);
    struct value value = {.blob.bytes = text};
    struct pair_note note_of = {.name = text, .text = text};
    struct outbox_entry entry = {.number = 3, .id = text};

    append.message_append = (struct op_message_append){.messages = &message, .n = 1};
    put.checkpoint_put = (struct op_checkpoint_put){.values = &value, .n_values = 1};
    change.pair_change = (struct op_pair_change){
        .clear = &entry, .n_clear = 1, .notes = &note_of, .n_notes = 1};
    append = op_copy(&append, &arena);
    put = op_copy(&put, &arena);
    change = outlive(&change, &arena, memory, sizeof(memory));
    memset(&entry, 0, sizeof(entry));
    ck_assert(slice_equal(append.message_append.messages[0].id, SLICE("text")));
    ck_assert(slice_equal(put.checkpoint_put.values[0].blob.bytes, SLICE("text")));
    ck_assert_int_eq(change.pair_change.clear[0].number, 3);
    ck_assert(slice_equal(change.pair_change.clear[0].id, SLICE("text")));
    ck_assert(slice_equal(change.pair_change.notes[0].text, SLICE("text")));
    arena_done(&arena);
}
END_TEST

static struct sim sim;

static void open_sim(void)
{
    sim_init(&sim, &(struct sim_config){.skew_ms = 800});
}

static void close_sim(void)
{
    sim_done(&sim);
}

START_TEST(a_seed_is_a_world)
{
    struct sim_result a, b, c;

    sim_run(&sim, 5, &a);
    sim_run(&sim, 6, &b);
    sim_run(&sim, 5, &c);
    ck_assert_uint_eq(a.fingerprint, c.fingerprint);
    ck_assert_int_eq(a.told[TOLD_OK], c.told[TOLD_OK]);
    ck_assert_uint_ne(a.fingerprint, b.fingerprint);
}
END_TEST

/* A simulator in which nothing happens would find nothing. */
START_TEST(worlds_are_eventful)
{
    int64_t told[TOLD_UNKNOWN + 1] = {0};
    bool diverged = false, skew = false;
    int instances = 0;

    for (uint64_t seed = 0; seed < 60; seed++) {
        struct sim_result r;

        sim_run(&sim, seed, &r);
        for (int i = 0; i <= TOLD_UNKNOWN; i++)
            told[i] += r.told[i];
        diverged |= r.diverged;
        skew |= r.skew;
        instances |= 1 << r.instances;
    }
    ck_assert_int_gt(told[TOLD_OK], 60 * 50);
    ck_assert_int_gt(told[TOLD_FAILED], 60 * 10);
    ck_assert_int_gt(told[TOLD_UNKNOWN], 60);
    ck_assert(diverged && skew);
    ck_assert_int_eq(instances, 1 << 1 | 1 << 2);
}
END_TEST

/* The first seeds with which a world goes wrong without the rule are far below this. */
enum { WORLDS_MAX = 400 };

static const struct {
    unsigned rule;
    bool forgets, collects;
} broken[] = {
    {RULE_FORGOT, true, false},
    {RULE_MEET, true, false},
    {RULE_COLLECT, false, true},
};

START_TEST(a_broken_rule_is_found)
{
    struct sim_result r = {.n_findings = 0};
    uint64_t seed = 0;

    sim.cfg.forgets = broken[_i].forgets;
    sim.cfg.collects = broken[_i].collects;
    sim.cfg.without = broken[_i].rule;
    while (seed < WORLDS_MAX && !sim_failed(&r))
        sim_run(&sim, seed++, &r);
    ck_assert(sim_failed(&r));
    sim.cfg.without = 0;
    sim_run(&sim, seed - 1, &r);
    ck_assert(!sim_failed(&r));
}
END_TEST

static Suite *suite_sim(void)
{
    Suite *s = suite_create("sim");
    TCase *times = tcase_create("schedule"), *copies = tcase_create("op_copy");
    TCase *worlds = tcase_create("worlds");

    tcase_add_checked_fixture(times, open_schedule, close_schedule);
    tcase_add_test(times, time_goes_on_in_order);
    tcase_add_test(times, what_is_due_at_once_keeps_its_order);
    tcase_add_test(times, what_is_past_happens_now);
    tcase_add_test(times, many_events_come_out_sorted);
    tcase_add_test(times, chance_is_in_its_bounds);
    suite_add_tcase(s, times);
    tcase_add_test(copies, records_are_copied_whole);
    tcase_add_test(copies, inputs_are_copied);
    suite_add_tcase(s, copies);
    tcase_add_checked_fixture(worlds, open_sim, close_sim);
    tcase_set_timeout(worlds, 60);
    tcase_add_test(worlds, a_seed_is_a_world);
    tcase_add_test(worlds, worlds_are_eventful);
    tcase_add_loop_test(worlds, a_broken_rule_is_found, 0, COUNT_OF(broken));
    suite_add_tcase(s, worlds);
    suite_add_tcase(s, check_case());
    return s;
}

int main(void)
{
    SRunner *runner = srunner_create(suite_sim());
    int failed;

    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

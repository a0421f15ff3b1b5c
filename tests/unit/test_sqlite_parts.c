#include <check.h>

#include "parts_store.h"

enum { CHECKPOINTS = 400, MESSAGES = 200 };

START_TEST(a_deleted_thread_is_gone_at_once)
{
    struct op op;
    size_t parts = 1;

    parts_fill("t", CHECKPOINTS);
    op = sqlite_store_op(OP_THREAD_DELETE, "t");
    ck_assert(parts_more(&op));
    ck_assert_int_eq(parts_count("t"), -1);
    parts_put("t", 7); /* it is newer, so it lives */
    for (; parts_more(&op); parts++)
        ck_assert_int_eq(parts_count("t"), 1);
    ck_assert_uint_gt(parts, 5);
    ck_assert_int_eq(parts_count("t"), 1);
    ck_assert_int_eq(parts_number("SELECT count(*) FROM checkpoint"), 1);
    ck_assert_int_eq(parts_number("SELECT count(*) FROM task"), 1);
    ck_assert_int_eq(parts_number("SELECT count(*) FROM namespace"), 1);
    ck_assert_int_eq(parts_number("SELECT count(*) FROM value"), 2);
}
END_TEST

START_TEST(what_a_dead_process_left_is_collected)
{
    struct op op;

    parts_fill("t", CHECKPOINTS);
    for (int i = 0; i < MESSAGES; i++)
        parts_append("s", i);
    op = sqlite_store_op(OP_THREAD_DELETE, "t");
    ck_assert(parts_more(&op));
    op = sqlite_store_op(OP_SESSION_DELETE, "s");
    ck_assert(parts_more(&op));
    ck_assert_int_gt(parts_number("SELECT count(*) FROM checkpoint"), 0);
    ck_assert_int_gt(parts_number("SELECT count(*) FROM message"), 0);
    parts_die_and_clean();
    parts_no_rows();
}
END_TEST

START_TEST(a_deleted_session_is_gone_at_once)
{
    struct op op = sqlite_store_put("s");

    parts_run(&op);
    for (int i = 0; i < MESSAGES; i++)
        parts_append("s", i);
    parts_fill("s", 100);
    op = sqlite_store_op(OP_SESSION_DELETE, "s");
    op.session_delete.threads = true;
    ck_assert(parts_more(&op));
    ck_assert_uint_eq(parts_messages("s"), 0);
    ck_assert_int_eq(parts_count("s"), -1);
    parts_append("s", 1);
    while (parts_more(&op))
        ck_assert_uint_eq(parts_messages("s"), 1);
    ck_assert_uint_eq(parts_messages("s"), 1);
    ck_assert_int_eq(parts_number("SELECT count(*) FROM message"), 1);
    ck_assert_int_eq(parts_number("SELECT count(*) FROM session"), 1);
    ck_assert_int_eq(parts_number("SELECT count(*) FROM checkpoint"), 0);
    op = sqlite_store_get("s");
    ck_assert_int_eq(sqlite_store_run(parts_backend, &op), ERR_NO_SESSION);
}
END_TEST

START_TEST(pruned_in_parts)
{
    struct op op, get = sqlite_store_op(OP_CHECKPOINT_GET, "t");
    size_t parts = 1;

    parts_fill("t", CHECKPOINTS);
    op = parts_prune("t", 100);
    for (; parts_more(&op); parts++) {
        parts_put("t", CHECKPOINTS + (int)parts % 20); /* carries the value that all share */
        if (parts == 2)
            parts_put("t", 5); /* it was to go, and is new now */
    }
    ck_assert_uint_gt(parts, 5);
    ck_assert_int_eq(op.thread_prune.out.removed, CHECKPOINTS - 100);
    ck_assert_int_eq(parts_count("t"), 100 + 20 + 1);
    parts_check_counters();
    get.checkpoint_get.ns = SLICE("");
    parts_run(&get);
    ck_assert_uint_eq(get.checkpoint_get.out.checkpoint->n_values, 2);
    get = sqlite_store_op(OP_CHECKPOINT_GET, "t");
    get.checkpoint_get.ns = SLICE("");
    get.checkpoint_get.checkpoint_id = SLICE("c0300");
    parts_run(&get);
    ck_assert(!slice_present(get.checkpoint_get.out.checkpoint->parent_id));
    ck_assert_int_eq(parts_number("SELECT count(*) FROM task"), 100 + 20 + 1);
}
END_TEST

START_TEST(pruned_in_quiet)
{
    struct op op;
    size_t parts = 1;

    parts_fill("t", CHECKPOINTS);
    op = parts_prune("t", 10);
    for (; parts_more(&op); parts++)
        continue;
    ck_assert_uint_gt(parts, 100);
    ck_assert_int_eq(parts_count("t"), 10);
    ck_assert_int_eq(parts_number("SELECT count(*) FROM value"), 10 + 10 + 1);
    ck_assert_int_eq(parts_number("SELECT count(*) FROM checkpoint WHERE parent_id IS NULL"), 1);
    parts_check_counters();
    op = sqlite_store_op(OP_THREAD_PRUNE, "t");
    op.thread_prune.delete_all = true;
    while (parts_more(&op))
        ck_assert_int_eq(parts_count("t"), -1);
    ck_assert_int_eq(op.thread_prune.out.removed, 10);
    parts_no_rows();
}
END_TEST

START_TEST(runs_deleted_in_parts)
{
    struct slice runs[] = {SLICE("odd"), SLICE("even")};
    struct op op;

    parts_fill("t", CHECKPOINTS);
    parts_fill("u", 50);
    op = sqlite_store_op(OP_RUNS_DELETE, NULL);
    op.runs_delete.run_ids = runs;
    op.runs_delete.n = 1;
    while (parts_more(&op))
        continue;
    ck_assert_int_eq(op.runs_delete.out.removed, (CHECKPOINTS + 50) / 2);
    ck_assert_int_eq(parts_count("t"), CHECKPOINTS / 2);
    parts_check_counters();
    op = sqlite_store_op(OP_RUNS_DELETE, NULL);
    op.runs_delete.run_ids = runs;
    op.runs_delete.n = 2;
    while (parts_more(&op))
        continue;
    parts_no_rows();
}
END_TEST

static struct op read_records(enum record_kind kind)
{
    struct op op = sqlite_store_op(OP_READ_RANGE, NULL);

    op.read_range.kind = kind;
    op.read_range.limit = 1000;
    parts_run(&op);
    return op;
}

static void merge_records(const struct op *read)
{
    struct op op = sqlite_store_op(OP_MERGE, "t");

    op.merge.items = read->read_range.out.items;
    op.merge.n = read->read_range.out.n;
    parts_run(&op);
    ck_assert_uint_eq(op.merge.out.broken, 0);
}

/* What is merged again during a removal does not go with what was there before. */
START_TEST(merged_while_it_is_removed)
{
    struct slice runs[] = {SLICE("odd"), SLICE("even")};
    struct op op, values, checkpoints;

    parts_fill("t", 200);
    values = read_records(RECORD_VALUE);
    checkpoints = read_records(RECORD_CHECKPOINT);
    op = sqlite_store_op(OP_RUNS_DELETE, NULL);
    op.runs_delete.run_ids = runs;
    op.runs_delete.n = 2;
    while (parts_count("t") != -1)
        ck_assert(parts_more(&op));
    ck_assert_int_gt(parts_number("SELECT count(*) FROM value"), 0);
    merge_records(&values);
    merge_records(&checkpoints);
    while (parts_more(&op))
        ;
    ck_assert_int_eq(parts_count("t"), 200);
    ck_assert_int_eq(parts_number("SELECT count(*) FROM value"), 2 * 200 + 1);
    ck_assert_int_eq(parts_number("SELECT count(*) FROM namespace"), 1);
    parts_check_counters();
}
END_TEST

START_TEST(a_copy_is_seen_when_it_is_complete)
{
    struct op op;
    size_t parts = 1;

    parts_fill("t", CHECKPOINTS);
    op = parts_copy("t", "u");
    for (; parts_more(&op); parts++)
        ck_assert_int_eq(parts_count("u"), -1);
    ck_assert_uint_gt(parts, 100);
    ck_assert_int_eq(parts_count("u"), CHECKPOINTS);
    ck_assert_int_eq(op.thread_copy.out.checkpoints, CHECKPOINTS);
    ck_assert_int_eq(op.thread_copy.out.writes, CHECKPOINTS);
    ck_assert_int_eq(parts_number("SELECT count(*) FROM value"), 2 * (2 * CHECKPOINTS + 1));
    parts_check_counters();
}
END_TEST

START_TEST(a_copy_of_a_thread_that_changes)
{
    struct op op;
    size_t parts = 1;

    parts_fill("t", 100);
    op = parts_copy("t", "u");
    for (; parts_more(&op); parts++)
        if (parts == 20)
            parts_put("t", 100);
    ck_assert_int_eq(parts_count("u"), 101); /* all of it, as it was at one time */
    parts_check_counters();
    op = sqlite_store_op(OP_THREAD_DELETE, "u");
    while (parts_more(&op))
        continue;
    ck_assert_int_eq(parts_number("SELECT count(*) FROM checkpoint"), 101);
}
END_TEST

START_TEST(a_copy_to_what_was_deleted_meanwhile)
{
    struct op op, gone;
    size_t parts = 1;

    parts_fill("t", 100);
    op = parts_copy("t", "u");
    for (; parts_more(&op); parts++)
        if (parts == 20) {
            gone = sqlite_store_op(OP_THREAD_DELETE, "u");
            parts_run(&gone);
        }
    ck_assert_int_eq(parts_count("u"), 100);
    ck_assert_int_eq(parts_number("SELECT min(c.stamp > t.tomb) FROM checkpoint c JOIN namespace n "
                                  "ON n.id = c.namespace JOIN thread t ON t.id = n.thread"),
                     1);
    parts_check_counters();
}
END_TEST

START_TEST(a_copy_to_what_came_meanwhile)
{
    struct op op, *ops[] = {&op};
    struct err err;
    size_t parts = 1;

    parts_fill("t", 100);
    op = parts_copy("t", "u");
    ck_assert(parts_more(&op));
    parts_put("u", 1);
    do
        ck_assert(backend_execute(parts_backend, ops, 1, &err));
    while (op.again && ++parts);
    ck_assert_uint_gt(parts, 10);
    ck_assert_int_eq(op.status.kind, ERR_THREAD);
    ck_assert_int_eq(parts_count("u"), 1);
    ck_assert_int_eq(parts_number("SELECT count(*) FROM checkpoint"), 101);
    ck_assert_int_eq(parts_number("SELECT count(*) FROM thread"), 2);
}
END_TEST

/* Breaks off a prune when all rows that go have gone, and what only they needed has not. */
static void break_off_prune(void)
{
    struct op op;

    parts_fill("t", 100);
    op = parts_prune("t", 10);
    do
        ck_assert(parts_more(&op));
    while (parts_number("SELECT count(*) FROM checkpoint") > 10);
}

START_TEST(a_copy_of_what_is_deleted_meanwhile)
{
    struct op op, gone;
    size_t parts = 1;

    parts_fill("t", 100);
    op = parts_copy("t", "u");
    for (; parts_more(&op); parts++)
        if (parts == 20) {
            gone = sqlite_store_op(OP_THREAD_DELETE, "t");
            while (parts_more(&gone))
                continue;
        }
    ck_assert_int_eq(op.thread_copy.out.checkpoints, 0);
    gone = sqlite_store_op(OP_CLEANUP, NULL);
    gone.cleanup.limit = 1;
    while (parts_more(&gone))
        continue;
    parts_no_rows();
    ck_assert_int_eq(parts_number("SELECT count(*) FROM thread"), 1); /* the tombstone */
}
END_TEST

/* The copy has what the prune had not yet gone through; the next prune of the copy removes it. */
START_TEST(a_copy_of_what_is_being_pruned)
{
    struct op op;

    break_off_prune();
    op = parts_copy("t", "u");
    while (parts_more(&op))
        continue;
    ck_assert_int_eq(parts_count("u"), 10);
    op = sqlite_store_op(OP_THREAD_DELETE, "t");
    while (parts_more(&op))
        continue;
    op = parts_prune("u", 10);
    while (parts_more(&op))
        continue;
    parts_die_and_clean();
    ck_assert_int_eq(parts_number("SELECT count(*) FROM value"), 21);
    ck_assert_int_eq(parts_number("SELECT count(*) FROM checkpoint WHERE parent_id IS NULL"), 1);
    parts_check_counters();
}
END_TEST

START_TEST(a_copy_that_is_broken_off)
{
    struct op op;

    parts_fill("t", 100);
    op = parts_copy("t", "u");
    for (int i = 0; i < 120; i++)
        ck_assert(parts_more(&op));
    ck_assert_int_gt(parts_number("SELECT count(*) FROM checkpoint"), 100);
    parts_die_and_clean();
    ck_assert_int_eq(parts_number("SELECT count(*) FROM checkpoint"), 100);
    ck_assert_int_eq(parts_number("SELECT count(*) FROM value"), 201);
    ck_assert_int_eq(parts_number("SELECT count(*) FROM thread"), 1);
}
END_TEST

static void check_swept(void)
{
    ck_assert_int_eq(parts_count("t"), 10);
    ck_assert_int_eq(parts_number("SELECT count(*) FROM value"), 10 + 10 + 1);
    ck_assert_int_eq(parts_number("SELECT count(*) FROM checkpoint WHERE parent_id IS NULL"), 1);
    ck_assert_int_eq(parts_number("SELECT count(*) FROM thread"), 1);
    parts_check_counters();
}

START_TEST(a_prune_that_is_broken_off_and_cleaned_up)
{
    break_off_prune();
    ck_assert_int_gt(parts_number("SELECT count(*) FROM value"), 21);
    parts_check_counters();
    parts_die_and_clean();
    check_swept();
}
END_TEST

START_TEST(a_prune_that_is_broken_off_and_run_anew)
{
    struct op op;

    break_off_prune();
    op = parts_prune("t", 10);
    while (parts_more(&op))
        continue;
    ck_assert_int_eq(op.thread_prune.out.removed, 0);
    check_swept();
}
END_TEST

START_TEST(trimmed_in_parts)
{
    struct op op;
    int next = 0;

    for (; next < 2100; next++)
        parts_append("s", next);
    op = sqlite_store_op(OP_MESSAGE_TRIM, "s");
    op.message_trim.has_before = true;
    op.message_trim.before = (struct message_pos){INT64_MAX - 1, SLICE("")};
    while (parts_more(&op))
        parts_append("s", next++);
    ck_assert_int_eq(op.message_trim.out.removed, 2100);
    ck_assert_uint_eq(parts_messages("s"), (size_t)next - 2100);
    ck_assert_int_eq(next, 2102);
    for (; next < 3202; next++)
        parts_append("s", next);
    op = sqlite_store_op(OP_MESSAGE_TRIM, "s");
    op.message_trim.keep_last = 10;
    ck_assert(parts_more(&op));
    parts_append("s", next);
    ck_assert(!parts_more(&op));
    ck_assert_uint_eq(parts_messages("s"), 11);
    op = sqlite_store_op(OP_MESSAGE_TRIM, "s");
    op.message_trim.keep_last = 11;
    ck_assert(!parts_more(&op));
    ck_assert_int_eq(op.message_trim.out.removed, 0);
}
END_TEST

Suite *suite_sqlite_parts(void);

Suite *suite_sqlite_parts(void)
{
    Suite *s = suite_create("sqlite_parts");
    TCase *t = tcase_create("parts");

    tcase_add_checked_fixture(t, parts_setup, parts_teardown);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, a_deleted_thread_is_gone_at_once);
    tcase_add_test(t, what_a_dead_process_left_is_collected);
    tcase_add_test(t, a_deleted_session_is_gone_at_once);
    tcase_add_test(t, pruned_in_parts);
    tcase_add_test(t, pruned_in_quiet);
    tcase_add_test(t, runs_deleted_in_parts);
    tcase_add_test(t, merged_while_it_is_removed);
    tcase_add_test(t, a_copy_is_seen_when_it_is_complete);
    tcase_add_test(t, a_copy_of_a_thread_that_changes);
    tcase_add_test(t, a_copy_to_what_was_deleted_meanwhile);
    tcase_add_test(t, a_copy_to_what_came_meanwhile);
    tcase_add_test(t, a_copy_of_what_is_deleted_meanwhile);
    tcase_add_test(t, a_copy_of_what_is_being_pruned);
    tcase_add_test(t, a_copy_that_is_broken_off);
    tcase_add_test(t, a_prune_that_is_broken_off_and_cleaned_up);
    tcase_add_test(t, a_prune_that_is_broken_off_and_run_anew);
    tcase_add_test(t, trimmed_in_parts);
    suite_add_tcase(s, t);
    return s;
}

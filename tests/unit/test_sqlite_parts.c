#include <check.h>
#include <stdio.h>

#include "sqlite_store.h"
#include "versions.h"

/* Each part of an op has so few steps that it takes many. */
enum { STEPS = 3, CHECKPOINTS = 400, MESSAGES = 200 };

static struct sqlite *driver;
static struct backend *b;

static void open_store(void)
{
    struct err err;

    b = sqlite_store_open();
    driver = (struct sqlite *)b;
    driver->sql.part_steps = STEPS;
    ck_assert_int_eq(sqlite3_exec(driver->db, "PRAGMA synchronous = OFF", NULL, NULL, NULL),
                     SQLITE_OK);
    b = versions_open(b, &err);
    ck_assert_ptr_nonnull(b);
}

static void setup(void)
{
    sqlite_store_make();
    open_store();
}

static void teardown(void)
{
    backend_close(b);
    sqlite_store_remove();
}

static void run_ok(struct op *op)
{
    ck_assert_msg(sqlite_store_run(b, op) == ERR_OK, "%s: %s", op_name(op->type), op->status.text);
}

/* One part; whether there are more. */
static bool run_part(struct op *op)
{
    struct op *ops[] = {op};
    struct err err = {0};

    ck_assert_msg(backend_execute(b, ops, 1, &err), "%s", err.text);
    ck_assert_msg(op->status.kind == ERR_OK, "%s: %s", op_name(op->type), op->status.text);
    return op->again;
}

static int64_t number(const char *sql)
{
    sqlite3_stmt *st;
    int64_t n;

    ck_assert_int_eq(sqlite3_prepare_v2(driver->db, sql, -1, &st, NULL), SQLITE_OK);
    ck_assert_int_eq(sqlite3_step(st), SQLITE_ROW);
    n = sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    return n;
}

/* Checkpoint i with its parent, one value of its own, one that all share, and one write. */
static void put_checkpoint(const char *thread, int i)
{
    struct op put = sqlite_store_op(OP_CHECKPOINT_PUT, thread);
    struct op writes = sqlite_store_op(OP_WRITES_PUT, thread);
    struct op_checkpoint_put *p = &put.checkpoint_put;
    struct arena *arena = &sqlite_store_arena;
    struct value values[2] = {{.of = {SLICE("own"), arena_printf(arena, "%d", i)}},
                              {.of = {SLICE("shared"), SLICE("1")}}};
    struct write one = {.channel = SLICE("own"), .blob.bytes = SLICE("w")};

    values[0].blob.bytes = values[1].blob.bytes = SLICE("bytes");
    p->ns = SLICE("");
    p->checkpoint_id = arena_printf(arena, "c%04d", i);
    p->parent_id = i ? arena_printf(arena, "c%04d", i - 1) : (struct slice){NULL, 0};
    p->form = FORM_CHANNEL;
    p->head = (struct blob){.type = SLICE(""), .bytes = SLICE("{\"v\":4}")};
    p->metadata = SLICE("{}");
    p->run_id = i % 2 ? SLICE("odd") : SLICE("even");
    p->values = values;
    p->n_values = i ? 1 : 2;
    p->carried = &values[1].of;
    p->n_carried = i ? 1 : 0;
    run_ok(&put);
    writes.writes_put = (struct op_writes_put){.ns = SLICE(""),
                                               .checkpoint_id = p->checkpoint_id,
                                               .task_id = SLICE("t"),
                                               .task_path = SLICE(""),
                                               .form = FORM_CHANNEL,
                                               .writes = &one,
                                               .n = 1};
    run_ok(&writes);
}

static void fill(const char *thread, int n)
{
    for (int i = 0; i < n; i++)
        put_checkpoint(thread, i);
}

static int64_t count_in(const char *thread)
{
    struct op op = sqlite_store_op(OP_THREAD_GET, thread);
    enum err_kind kind = sqlite_store_run(b, &op);

    ck_assert(kind == ERR_OK || kind == ERR_NOT_FOUND);
    return kind == ERR_OK ? op.thread_get.out.thread.checkpoints : -1;
}

static void append(const char *id, int i)
{
    struct op op = sqlite_store_op(OP_MESSAGE_APPEND, id);
    struct message m = {.id = arena_printf(&sqlite_store_arena, "m%04d", i),
                        .role = SLICE("user"),
                        .content = SLICE("1")};

    op.message_append.messages = &m;
    op.message_append.n = 1;
    run_ok(&op);
}

static size_t messages_in(const char *id)
{
    struct op op = sqlite_store_op(OP_MESSAGE_LIST, id);

    op.message_list.limit = 1000;
    run_ok(&op);
    return op.message_list.out.n;
}

static void no_rows(void)
{
    ck_assert_int_eq(number("SELECT count(*) FROM namespace"), 0);
    ck_assert_int_eq(number("SELECT count(*) FROM checkpoint"), 0);
    ck_assert_int_eq(number("SELECT count(*) FROM value"), 0);
    ck_assert_int_eq(number("SELECT count(*) FROM task"), 0);
    ck_assert_int_eq(number("SELECT count(*) FROM message"), 0);
    ck_assert_int_eq(number("SELECT count(*) FROM thread WHERE tenant < 0"), 0);
    ck_assert_int_eq(number("SELECT count(*) FROM session WHERE tenant < 0"), 0);
}

/* The process ends, and another cleans up. */
static void die_and_clean(void)
{
    struct op clean;

    backend_close(b);
    open_store();
    do {
        clean = sqlite_store_op(OP_CLEANUP, NULL);
        clean.cleanup.expired = true;
        clean.cleanup.limit = 100;
        clean.now_us += INT64_C(7200) * 1000000;
        run_ok(&clean);
    } while (clean.cleanup.out.more);
}

START_TEST(a_deleted_thread_is_gone_at_once)
{
    struct op op;
    size_t parts = 1;

    fill("t", CHECKPOINTS);
    op = sqlite_store_op(OP_THREAD_DELETE, "t");
    ck_assert(run_part(&op));
    ck_assert_int_eq(count_in("t"), -1);
    put_checkpoint("t", 7); /* lives: it is newer */
    for (; run_part(&op); parts++)
        ck_assert_int_eq(count_in("t"), 1);
    ck_assert_uint_gt(parts, 5);
    ck_assert_int_eq(count_in("t"), 1);
    ck_assert_int_eq(number("SELECT count(*) FROM checkpoint"), 1);
    ck_assert_int_eq(number("SELECT count(*) FROM task"), 1);
    ck_assert_int_eq(number("SELECT count(*) FROM namespace"), 1);
    ck_assert_int_eq(number("SELECT count(*) FROM value"), 2);
}
END_TEST

START_TEST(what_a_dead_process_left_is_collected)
{
    struct op op;

    fill("t", CHECKPOINTS);
    for (int i = 0; i < MESSAGES; i++)
        append("s", i);
    op = sqlite_store_op(OP_THREAD_DELETE, "t");
    ck_assert(run_part(&op));
    op = sqlite_store_op(OP_SESSION_DELETE, "s");
    ck_assert(run_part(&op));
    ck_assert_int_gt(number("SELECT count(*) FROM checkpoint"), 0);
    ck_assert_int_gt(number("SELECT count(*) FROM message"), 0);
    die_and_clean();
    no_rows();
}
END_TEST

START_TEST(a_deleted_session_is_gone_at_once)
{
    struct op op = sqlite_store_put("s");

    run_ok(&op);
    for (int i = 0; i < MESSAGES; i++)
        append("s", i);
    fill("s", 100);
    op = sqlite_store_op(OP_SESSION_DELETE, "s");
    op.session_delete.threads = true;
    ck_assert(run_part(&op));
    ck_assert_uint_eq(messages_in("s"), 0);
    ck_assert_int_eq(count_in("s"), -1);
    append("s", 1);
    while (run_part(&op))
        ck_assert_uint_eq(messages_in("s"), 1);
    ck_assert_uint_eq(messages_in("s"), 1);
    ck_assert_int_eq(number("SELECT count(*) FROM message"), 1);
    ck_assert_int_eq(number("SELECT count(*) FROM session"), 1);
    ck_assert_int_eq(number("SELECT count(*) FROM checkpoint"), 0);
    op = sqlite_store_get("s");
    ck_assert_int_eq(sqlite_store_run(b, &op), ERR_NO_SESSION);
}
END_TEST

/* The counters are what a count gives. */
static void check_counters(void)
{
    ck_assert_int_eq(
        number("SELECT count(*) FROM namespace n WHERE checkpoints <> (SELECT count(*) FROM "
               "checkpoint c WHERE c.namespace = n.id AND stamp > 0) OR bytes <> "
               "(SELECT total(length(bytes)) FROM value v WHERE v.namespace = n.id) + "
               "(SELECT total(length(metadata)) FROM checkpoint c WHERE c.namespace = n.id) + "
               "(SELECT total(length(body)) FROM task k JOIN checkpoint c "
               "ON c.id = k.checkpoint WHERE c.namespace = n.id)"),
        0);
}

static struct op prune_op(const char *thread, int64_t keep_last)
{
    struct op op = sqlite_store_op(OP_THREAD_PRUNE, thread);

    op.thread_prune.keep_last = keep_last;
    return op;
}

START_TEST(pruned_in_parts)
{
    struct op op, get = sqlite_store_op(OP_CHECKPOINT_GET, "t");
    size_t parts = 1;

    fill("t", CHECKPOINTS);
    op = prune_op("t", 100);
    for (; run_part(&op); parts++) {
        put_checkpoint("t", CHECKPOINTS + (int)parts % 20); /* carries the value that all share */
        if (parts == 2)
            put_checkpoint("t", 5); /* was to go, and is new now */
    }
    ck_assert_uint_gt(parts, 5);
    ck_assert_int_eq(op.thread_prune.out.removed, CHECKPOINTS - 100);
    ck_assert_int_eq(count_in("t"), 100 + 20 + 1);
    check_counters();
    get.checkpoint_get.ns = SLICE("");
    run_ok(&get);
    ck_assert_uint_eq(get.checkpoint_get.out.checkpoint->n_values, 2);
    get = sqlite_store_op(OP_CHECKPOINT_GET, "t");
    get.checkpoint_get.ns = SLICE("");
    get.checkpoint_get.checkpoint_id = SLICE("c0300");
    run_ok(&get);
    ck_assert(!slice_present(get.checkpoint_get.out.checkpoint->parent_id));
    ck_assert_int_eq(number("SELECT count(*) FROM task"), 100 + 20 + 1);
}
END_TEST

START_TEST(pruned_in_quiet)
{
    struct op op;
    size_t parts = 1;

    fill("t", CHECKPOINTS);
    op = prune_op("t", 10);
    for (; run_part(&op); parts++)
        continue;
    ck_assert_uint_gt(parts, 100);
    ck_assert_int_eq(count_in("t"), 10);
    ck_assert_int_eq(number("SELECT count(*) FROM value"), 10 + 10 + 1);
    ck_assert_int_eq(number("SELECT count(*) FROM checkpoint WHERE parent_id IS NULL"), 1);
    check_counters();
    op = sqlite_store_op(OP_THREAD_PRUNE, "t");
    op.thread_prune.delete_all = true;
    while (run_part(&op))
        ck_assert_int_eq(count_in("t"), -1);
    ck_assert_int_eq(op.thread_prune.out.removed, 10);
    no_rows();
}
END_TEST

START_TEST(runs_deleted_in_parts)
{
    struct slice runs[] = {SLICE("odd"), SLICE("even")};
    struct op op;

    fill("t", CHECKPOINTS);
    fill("u", 50);
    op = sqlite_store_op(OP_RUNS_DELETE, NULL);
    op.runs_delete.run_ids = runs;
    op.runs_delete.n = 1;
    while (run_part(&op))
        continue;
    ck_assert_int_eq(op.runs_delete.out.removed, (CHECKPOINTS + 50) / 2);
    ck_assert_int_eq(count_in("t"), CHECKPOINTS / 2);
    check_counters();
    op = sqlite_store_op(OP_RUNS_DELETE, NULL);
    op.runs_delete.run_ids = runs;
    op.runs_delete.n = 2;
    while (run_part(&op))
        continue;
    no_rows();
}
END_TEST

static struct op copy_op(const char *from, const char *to)
{
    struct op op = sqlite_store_op(OP_THREAD_COPY, from);

    op.thread_copy.to = slice_of(to);
    return op;
}

START_TEST(a_copy_is_seen_when_it_is_complete)
{
    struct op op;
    size_t parts = 1;

    fill("t", CHECKPOINTS);
    op = copy_op("t", "u");
    for (; run_part(&op); parts++)
        ck_assert_int_eq(count_in("u"), -1);
    ck_assert_uint_gt(parts, 100);
    ck_assert_int_eq(count_in("u"), CHECKPOINTS);
    ck_assert_int_eq(op.thread_copy.out.checkpoints, CHECKPOINTS);
    ck_assert_int_eq(op.thread_copy.out.writes, CHECKPOINTS);
    ck_assert_int_eq(number("SELECT count(*) FROM value"), 2 * (2 * CHECKPOINTS + 1));
    check_counters();
}
END_TEST

START_TEST(a_copy_of_a_thread_that_changes)
{
    struct op op;
    size_t parts = 1;

    fill("t", 100);
    op = copy_op("t", "u");
    for (; run_part(&op); parts++)
        if (parts == 20)
            put_checkpoint("t", 100);
    ck_assert_int_eq(count_in("u"), 101); /* all of it, as it was at one time */
    check_counters();
    op = sqlite_store_op(OP_THREAD_DELETE, "u");
    while (run_part(&op))
        continue;
    ck_assert_int_eq(number("SELECT count(*) FROM checkpoint"), 101);
}
END_TEST

START_TEST(a_copy_to_what_was_deleted_meanwhile)
{
    struct op op, gone;
    size_t parts = 1;

    fill("t", 100);
    op = copy_op("t", "u");
    for (; run_part(&op); parts++)
        if (parts == 20) {
            gone = sqlite_store_op(OP_THREAD_DELETE, "u");
            run_ok(&gone);
        }
    ck_assert_int_eq(count_in("u"), 100);
    ck_assert_int_eq(number("SELECT min(c.stamp > t.tomb) FROM checkpoint c JOIN namespace n "
                            "ON n.id = c.namespace JOIN thread t ON t.id = n.thread"),
                     1);
    check_counters();
}
END_TEST

START_TEST(a_copy_to_what_came_meanwhile)
{
    struct op op, *ops[] = {&op};
    struct err err;
    size_t parts = 1;

    fill("t", 100);
    op = copy_op("t", "u");
    ck_assert(run_part(&op));
    put_checkpoint("u", 1);
    do
        ck_assert(backend_execute(b, ops, 1, &err));
    while (op.again && ++parts);
    ck_assert_uint_gt(parts, 10);
    ck_assert_int_eq(op.status.kind, ERR_THREAD);
    ck_assert_int_eq(count_in("u"), 1);
    ck_assert_int_eq(number("SELECT count(*) FROM checkpoint"), 101);
    ck_assert_int_eq(number("SELECT count(*) FROM thread"), 2);
}
END_TEST

START_TEST(a_copy_that_is_broken_off)
{
    struct op op;

    fill("t", 100);
    op = copy_op("t", "u");
    for (int i = 0; i < 120; i++)
        ck_assert(run_part(&op));
    ck_assert_int_gt(number("SELECT count(*) FROM checkpoint"), 100);
    die_and_clean();
    ck_assert_int_eq(number("SELECT count(*) FROM checkpoint"), 100);
    ck_assert_int_eq(number("SELECT count(*) FROM value"), 201);
    ck_assert_int_eq(number("SELECT count(*) FROM thread"), 1);
}
END_TEST

START_TEST(trimmed_in_parts)
{
    struct op op;
    int next = 0;

    for (; next < 2100; next++)
        append("s", next);
    op = sqlite_store_op(OP_MESSAGE_TRIM, "s");
    op.message_trim.has_before = true;
    op.message_trim.before = (struct message_pos){INT64_MAX - 1, SLICE("")};
    while (run_part(&op))
        append("s", next++);
    ck_assert_int_eq(op.message_trim.out.removed, 2100);
    ck_assert_uint_eq(messages_in("s"), (size_t)next - 2100);
    ck_assert_int_eq(next, 2102);
    for (; next < 3202; next++)
        append("s", next);
    op = sqlite_store_op(OP_MESSAGE_TRIM, "s");
    op.message_trim.keep_last = 10;
    ck_assert(run_part(&op));
    append("s", next);
    ck_assert(!run_part(&op));
    ck_assert_uint_eq(messages_in("s"), 11);
    op = sqlite_store_op(OP_MESSAGE_TRIM, "s");
    op.message_trim.keep_last = 11;
    ck_assert(!run_part(&op));
    ck_assert_int_eq(op.message_trim.out.removed, 0);
}
END_TEST

/* A batch that is lost takes the part with it: it is done again from where the op was. */
START_TEST(a_part_that_is_lost)
{
    struct op op, bad, *ops[] = {&op, &bad};
    struct err err;
    size_t rounds = 0;

    fill("t", 100);
    append("s", 1);
    op = prune_op("t", 10);
    ck_assert_int_eq(
        sqlite3_exec(driver->db,
                     "CREATE TRIGGER no BEFORE INSERT ON session WHEN NEW.session_id = "
                     "x'626164' BEGIN SELECT RAISE(ABORT, 'no'); END",
                     NULL, NULL, NULL),
        SQLITE_OK);
    do {
        bad = sqlite_store_put("bad");
        ck_assert(backend_execute(b, ops, 2, &err));
        ck_assert_int_eq(op.status.kind, ERR_OK);
        ck_assert_int_eq(bad.status.kind, ERR_STORAGE);
        rounds++;
    } while (op.again);
    ck_assert_uint_gt(rounds, 10);
    ck_assert_int_eq(count_in("t"), 10);
    ck_assert_int_eq(number("SELECT count(*) FROM value"), 21);
    check_counters();
}
END_TEST

Suite *suite_sqlite_parts(void);

Suite *suite_sqlite_parts(void)
{
    Suite *s = suite_create("sqlite_parts");
    TCase *t = tcase_create("parts");

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, a_deleted_thread_is_gone_at_once);
    tcase_add_test(t, what_a_dead_process_left_is_collected);
    tcase_add_test(t, a_deleted_session_is_gone_at_once);
    tcase_add_test(t, pruned_in_parts);
    tcase_add_test(t, pruned_in_quiet);
    tcase_add_test(t, runs_deleted_in_parts);
    tcase_add_test(t, a_copy_is_seen_when_it_is_complete);
    tcase_add_test(t, a_copy_of_a_thread_that_changes);
    tcase_add_test(t, a_copy_to_what_was_deleted_meanwhile);
    tcase_add_test(t, a_copy_to_what_came_meanwhile);
    tcase_add_test(t, a_copy_that_is_broken_off);
    tcase_add_test(t, trimmed_in_parts);
    tcase_add_test(t, a_part_that_is_lost);
    suite_add_tcase(s, t);
    return s;
}

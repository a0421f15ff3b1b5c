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
    driver->part_steps = STEPS;
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
    suite_add_tcase(s, t);
    return s;
}

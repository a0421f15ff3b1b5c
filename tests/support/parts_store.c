/* parts_store.c - see parts_store.h. */
#include "parts_store.h"

#include <check.h>

#include "versions.h"

size_t parts_steps = 3;
struct sqlite *parts_driver;
struct backend *parts_backend;

void parts_open(void)
{
    struct err err;

    parts_backend = sqlite_store_open();
    parts_driver = (struct sqlite *)parts_backend;
    parts_driver->sql.part_steps = parts_steps;
    ck_assert_int_eq(sqlite3_exec(parts_driver->db, "PRAGMA synchronous = OFF", NULL, NULL, NULL),
                     SQLITE_OK);
    parts_backend = versions_open(parts_backend, &(struct encoding_rules){0}, &err);
    ck_assert_ptr_nonnull(parts_backend);
}

void parts_setup(void)
{
    sqlite_store_make();
    parts_open();
}

void parts_teardown(void)
{
    backend_close(parts_backend);
    sqlite_store_remove();
}

void parts_run(struct op *op)
{
    ck_assert_msg(sqlite_store_run(parts_backend, op) == ERR_OK, "%s: %s", op_name(op->type),
                  op->status.text);
}

/* Runs one part. Returns whether there are more. */
bool parts_more(struct op *op)
{
    struct op *ops[] = {op};
    struct err err = {0};

    ck_assert_msg(backend_execute(parts_backend, ops, 1, &err), "%s", err.text);
    ck_assert_msg(op->status.kind == ERR_OK, "%s: %s", op_name(op->type), op->status.text);
    return op->again;
}

int64_t parts_number(const char *sql)
{
    sqlite3_stmt *st;
    int64_t n;

    ck_assert_int_eq(sqlite3_prepare_v2(parts_driver->db, sql, -1, &st, NULL), SQLITE_OK);
    ck_assert_int_eq(sqlite3_step(st), SQLITE_ROW);
    n = sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    return n;
}

/* Puts checkpoint i with its parent, a value of its own, one that all share, and one write. */
void parts_put(const char *thread, int i)
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
    parts_run(&put);
    writes.writes_put = (struct op_writes_put){.ns = SLICE(""),
                                               .checkpoint_id = p->checkpoint_id,
                                               .task_id = SLICE("t"),
                                               .task_path = SLICE(""),
                                               .form = FORM_CHANNEL,
                                               .writes = &one,
                                               .n = 1};
    parts_run(&writes);
}

void parts_fill(const char *thread, int n)
{
    for (int i = 0; i < n; i++)
        parts_put(thread, i);
}

int64_t parts_count(const char *thread)
{
    struct op op = sqlite_store_op(OP_THREAD_GET, thread);
    enum err_kind kind = sqlite_store_run(parts_backend, &op);

    ck_assert(kind == ERR_OK || kind == ERR_NOT_FOUND);
    return kind == ERR_OK ? op.thread_get.out.thread.checkpoints : -1;
}

void parts_append(const char *id, int i)
{
    struct op op = sqlite_store_op(OP_MESSAGE_APPEND, id);
    struct message m = {.id = arena_printf(&sqlite_store_arena, "m%04d", i),
                        .role = SLICE("user"),
                        .content = SLICE("1")};

    op.message_append.messages = &m;
    op.message_append.n = 1;
    parts_run(&op);
}

size_t parts_messages(const char *id)
{
    struct op op = sqlite_store_op(OP_MESSAGE_LIST, id);

    op.message_list.limit = 1000;
    parts_run(&op);
    return op.message_list.out.n;
}

void parts_no_rows(void)
{
    ck_assert_int_eq(parts_number("SELECT count(*) FROM namespace"), 0);
    ck_assert_int_eq(parts_number("SELECT count(*) FROM checkpoint"), 0);
    ck_assert_int_eq(parts_number("SELECT count(*) FROM value"), 0);
    ck_assert_int_eq(parts_number("SELECT count(*) FROM task"), 0);
    ck_assert_int_eq(parts_number("SELECT count(*) FROM message"), 0);
    ck_assert_int_eq(parts_number("SELECT count(*) FROM thread WHERE tenant < 0"), 0);
    ck_assert_int_eq(parts_number("SELECT count(*) FROM session WHERE tenant < 0"), 0);
}

/* As if the process had died: another one opens the store and cleans up. */
void parts_die_and_clean(void)
{
    struct op clean;

    backend_close(parts_backend);
    parts_open();
    do {
        clean = sqlite_store_op(OP_CLEANUP, NULL);
        clean.cleanup.expired = true;
        clean.cleanup.limit = 100;
        clean.now_us += INT64_C(7200) * 1000000;
        parts_run(&clean);
    } while (clean.cleanup.out.more);
}

/* Checks the counters of namespaces against a count of the rows. */
void parts_check_counters(void)
{
    ck_assert_int_eq(
        parts_number(
            "SELECT count(*) FROM namespace n WHERE checkpoints <> (SELECT count(*) FROM "
            "checkpoint c WHERE c.namespace = n.id AND stamp > 0) OR bytes <> "
            "(SELECT total(length(bytes)) FROM value v WHERE v.namespace = n.id) + "
            "(SELECT total(length(metadata)) FROM checkpoint c WHERE c.namespace = n.id) + "
            "(SELECT total(length(body)) FROM task k JOIN checkpoint c "
            "ON c.id = k.checkpoint WHERE c.namespace = n.id)"),
        0);
}

struct op parts_prune(const char *thread, int64_t keep_last)
{
    struct op op = sqlite_store_op(OP_THREAD_PRUNE, thread);

    op.thread_prune.keep_last = keep_last;
    return op;
}

struct op parts_copy(const char *from, const char *to)
{
    struct op op = sqlite_store_op(OP_THREAD_COPY, from);

    op.thread_copy.to = slice_of(to);
    return op;
}

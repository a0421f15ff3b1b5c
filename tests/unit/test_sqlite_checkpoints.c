/* test_sqlite_checkpoints.c - what only the driver itself shows: bases, damage, rows, memory. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "clock.h"
#include "oom.h"
#include "sqlite_store.h"

Suite *suite_sqlite_checkpoints(void);

static struct backend *b;
static struct value value;

static void open_store(void)
{
    sqlite_store_make();
    b = sqlite_store_open();
}

static void close_store(void)
{
    backend_close(b);
    sqlite_store_remove();
}

static struct sqlite *driver(void)
{
    return (struct sqlite *)b;
}

static void sql(const char *text)
{
    ck_assert_msg(sqlite3_exec(driver()->db, text, NULL, NULL, NULL) == SQLITE_OK, "%s: %s", text,
                  sqlite3_errmsg(driver()->db));
}

static int64_t number(const char *text)
{
    sqlite3_stmt *st;
    int64_t n;

    ck_assert_int_eq(sqlite3_prepare_v2(driver()->db, text, -1, &st, NULL), SQLITE_OK);
    ck_assert_int_eq(sqlite3_step(st), SQLITE_ROW);
    n = sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    return n;
}

static struct blob blob(int64_t id, int64_t base_id)
{
    return (struct blob){.id = id, .base_id = base_id, .type = SLICE("t"), .bytes = SLICE("1234")};
}

/* Puts a checkpoint of channel form with one value; ids are taken as given. */
static struct op put_op(const char *id, struct blob head, struct blob of_value)
{
    struct op op = sqlite_store_op(OP_CHECKPOINT_PUT, "t");

    value = (struct value){.of = {SLICE("ch"), SLICE("1")}, .blob = of_value};
    op.checkpoint_put = (struct op_checkpoint_put){
        .ns = SLICE(""),
        .checkpoint_id = slice_of(id),
        .form = FORM_CHANNEL,
        .head = head,
        .metadata = SLICE("{\"run_id\":\"r\",\"counters_since_delta_snapshot\":{\"d\":1}}"),
        .run_id = SLICE("r"),
        .values = &value,
        .n_values = 1,
    };
    return op;
}

static enum err_kind put(const char *id, struct blob head, struct blob of_value)
{
    struct op op = put_op(id, head, of_value);

    return sqlite_store_run(b, &op);
}

static struct op get_op(const char *id)
{
    struct op op = sqlite_store_op(OP_CHECKPOINT_GET, "t");

    op.checkpoint_get.ns = SLICE("");
    op.checkpoint_get.checkpoint_id = slice_of(id);
    return op;
}

static struct op list_op(int64_t limit)
{
    struct op op = sqlite_store_op(OP_CHECKPOINT_LIST, "t");

    op.checkpoint_list.limit = limit;
    op.checkpoint_list.values = true;
    return op;
}

static struct op writes_op(const char *checkpoint, const char *task)
{
    static struct write write = {.channel = {"ch", 2}, .blob = {.bytes = {"w", 1}}};
    struct op op = sqlite_store_op(OP_WRITES_PUT, "t");

    op.writes_put = (struct op_writes_put){
        .ns = SLICE(""),
        .checkpoint_id = slice_of(checkpoint),
        .task_id = slice_of(task),
        .task_path = SLICE(""),
        .form = FORM_CHANNEL,
        .mode = WRITES_REPLACE,
        .writes = &write,
        .n = 1,
    };
    return op;
}

static int64_t prune(int64_t keep_last)
{
    struct op op = sqlite_store_op(OP_THREAD_PRUNE, "t");

    op.thread_prune.keep_last = keep_last;
    ck_assert_int_eq(sqlite_store_run(b, &op), ERR_OK);
    return op.thread_prune.out.removed;
}

START_TEST(a_base_must_be_stored)
{
    ck_assert_int_eq(put("c1", blob(10, 0), blob(9, 5)), ERR_NO_BASE);
    ck_assert_int_eq(number("SELECT count(*) FROM thread"), 0);
    ck_assert_int_eq(put("c1", blob(10, 0), blob(9, 0)), ERR_OK);
    ck_assert_int_eq(put("c1", blob(20, 11), blob(19, 9)), ERR_NO_BASE);
    ck_assert_int_eq(number("SELECT count(*) FROM value"), 2);
    sql("UPDATE namespace SET ns = x'41'");
    ck_assert_int_eq(put("c1", blob(20, 0), blob(19, 9)), ERR_NO_BASE);
}
END_TEST

START_TEST(an_id_is_taken_once)
{
    ck_assert_int_eq(put("c1", blob(10, 0), blob(9, 0)), ERR_OK);
    ck_assert_int_eq(put("c2", blob(20, 0), blob(10, 0)), ERR_STORAGE);
    ck_assert_int_eq(number("SELECT count(*) FROM value"), 2);
    ck_assert_int_eq(number("SELECT count(*) FROM checkpoint"), 1);
}
END_TEST

START_TEST(chains_come_up_whole_and_once)
{
    struct op op = get_op("c2");
    struct checkpoint *c, **items;

    ck_assert_int_eq(put("c1", blob(10, 0), blob(9, 0)), ERR_OK);
    ck_assert_int_eq(put("c2", blob(20, 10), blob(19, 9)), ERR_OK);
    ck_assert_int_eq(put("c3", blob(30, 20), blob(29, 19)), ERR_OK);
    ck_assert_int_eq(sqlite_store_run(b, &op), ERR_OK);
    c = op.checkpoint_get.out.checkpoint;
    ck_assert_int_eq(c->head.id, 20);
    ck_assert_int_eq(c->head.base->id, 10);
    ck_assert_ptr_null(c->head.base->base);
    ck_assert_int_eq(c->values[0]->blob.base->id, 9);
    op = list_op(10);
    ck_assert_int_eq(sqlite_store_run(b, &op), ERR_OK);
    ck_assert_uint_eq(op.checkpoint_list.out.n, 3);
    items = op.checkpoint_list.out.items;
    ck_assert_ptr_eq(items[0]->values[0]->blob.base, &items[1]->values[0]->blob);
    ck_assert_ptr_eq(items[1]->values[0]->blob.base, &items[2]->values[0]->blob);
    ck_assert_int_eq(items[0]->head.base->base->id, 10);
}
END_TEST

START_TEST(bases_stay_while_they_are_needed)
{
    struct op copy = sqlite_store_op(OP_THREAD_COPY, "t");

    ck_assert_int_eq(put("c1", blob(10, 0), blob(9, 0)), ERR_OK);
    ck_assert_int_eq(put("c2", blob(20, 0), blob(19, 9)), ERR_OK);
    ck_assert_int_eq(put("c2", blob(30, 20), blob(29, 19)), ERR_OK);
    ck_assert_int_eq(number("SELECT count(*) FROM value"), 6);
    copy.thread_copy.to = SLICE("u");
    ck_assert_int_eq(sqlite_store_run(b, &copy), ERR_OK);
    ck_assert_int_eq(number("SELECT count(*) FROM value v JOIN value w ON v.base = w.id "
                            "AND v.namespace = w.namespace WHERE v.namespace = 2"),
                     3);
    ck_assert_int_eq(prune(1), 1);
    ck_assert_int_eq(number("SELECT count(*) FROM value WHERE namespace = 1"), 5);
    ck_assert_int_eq(number("SELECT count(*) FROM value WHERE id = 10"), 0);
    ck_assert_int_eq(put("c3", blob(40, 0), blob(39, 0)), ERR_OK);
    ck_assert_int_eq(prune(1), 1);
    ck_assert_int_eq(number("SELECT count(*) FROM value WHERE namespace = 1"), 2);
}
END_TEST

START_TEST(damage_is_an_error)
{
    static const char *const damages[] = {
        "UPDATE checkpoint SET refs = x'0102'",
        "UPDATE checkpoint SET head = 77",
        "UPDATE value SET hash = x'00' WHERE id = 9",
        "UPDATE value SET base = 9 WHERE id = 9",
        "DELETE FROM value WHERE id = 9",
        "UPDATE task SET body = x'09'",
    };
    struct op op = writes_op("c1", "t1");

    ck_assert_int_eq(put("c1", blob(10, 0), blob(9, 0)), ERR_OK);
    ck_assert_int_eq(sqlite_store_run(b, &op), ERR_OK);
    sql("CREATE TABLE c AS SELECT * FROM checkpoint; CREATE TABLE v AS SELECT * FROM value;"
        "CREATE TABLE k AS SELECT * FROM task");
    for (size_t i = 0; i < COUNT_OF(damages); i++) {
        struct op get = get_op("c1"), list = list_op(10);

        ck_assert_int_eq(sqlite_store_run(b, &get), ERR_OK);
        sql(damages[i]);
        ck_assert_int_eq(sqlite_store_run(b, &get), ERR_DAMAGED);
        ck_assert_int_eq(sqlite_store_run(b, &list), ERR_DAMAGED);
        sql("DELETE FROM checkpoint; DELETE FROM value; DELETE FROM task;"
            "INSERT INTO checkpoint SELECT * FROM c; INSERT INTO value SELECT * FROM v;"
            "INSERT INTO task SELECT * FROM k");
    }
    sql("UPDATE task SET body = x'09'");
    op = writes_op("c1", "t1");
    ck_assert_int_eq(sqlite_store_run(b, &op), ERR_DAMAGED);
    sql("DROP TABLE task"); /* more than a damaged row */
    ck_assert_int_eq(sqlite_store_run(b, &op), ERR_STORAGE);
}
END_TEST

/* Fails if a row belongs to nothing, or a counter is wrong. */
static void check_rows(void)
{
    ck_assert_int_eq(number("SELECT count(*) FROM task WHERE checkpoint NOT IN "
                            "(SELECT id FROM checkpoint)"),
                     0);
    ck_assert_int_eq(number("SELECT count(*) FROM checkpoint WHERE namespace NOT IN "
                            "(SELECT id FROM namespace)"),
                     0);
    ck_assert_int_eq(number("SELECT count(*) FROM value WHERE namespace NOT IN "
                            "(SELECT id FROM namespace)"),
                     0);
    ck_assert_int_eq(number("SELECT count(*) FROM namespace WHERE id NOT IN "
                            "(SELECT namespace FROM checkpoint) "
                            "OR thread NOT IN (SELECT id FROM thread)"),
                     0);
    ck_assert_int_eq(number("SELECT count(*) FROM checkpoint WHERE stamp = 0 AND id NOT IN "
                            "(SELECT checkpoint FROM task)"),
                     0);
    ck_assert_int_eq(number("SELECT count(*) FROM thread WHERE tomb = 0 AND id NOT IN "
                            "(SELECT thread FROM namespace)"),
                     0);
    ck_assert_int_eq(
        number("SELECT count(*) FROM namespace n WHERE checkpoints <> (SELECT count(*) "
               "FROM checkpoint WHERE namespace = n.id AND stamp > 0) OR bytes <> "
               "(SELECT coalesce(sum(length(bytes)), 0) FROM value WHERE namespace = n.id) + "
               "(SELECT coalesce(sum(length(metadata)), 0) FROM checkpoint "
               "WHERE namespace = n.id) + (SELECT coalesce(sum(length(body)), 0) FROM task k "
               "JOIN checkpoint c ON k.checkpoint = c.id WHERE c.namespace = n.id)"),
        0);
}

static void run_checked(struct op op)
{
    ck_assert_int_eq(sqlite_store_run(b, &op), ERR_OK);
    check_rows();
}

START_TEST(no_row_is_left_behind)
{
    struct op op;

    run_checked(put_op("c1", blob(10, 0), blob(9, 0)));
    run_checked(writes_op("c1", "t1"));
    run_checked(writes_op("c9", "t1"));
    run_checked(put_op("c1", blob(20, 0), blob(19, 0)));
    run_checked(put_op("c9", blob(30, 0), blob(29, 0)));
    run_checked(writes_op("early", "t1"));
    op = sqlite_store_op(OP_THREAD_COPY, "t");
    op.thread_copy.to = SLICE("u");
    run_checked(op);
    op = sqlite_store_op(OP_THREAD_PRUNE, "t");
    op.thread_prune.keep_last = 1;
    run_checked(op);
    ck_assert_int_eq(number("SELECT count(*) FROM value WHERE namespace = 1"), 2);
    run_checked(sqlite_store_op(OP_THREAD_DELETE, "u"));
    op = sqlite_store_op(OP_RUNS_DELETE, NULL);
    op.runs_delete.run_ids = &(struct slice){"r", 1};
    op.runs_delete.n = 1;
    run_checked(op);
    ck_assert_int_eq(number("SELECT count(*) FROM value"), 0);
    run_checked(sqlite_store_op(OP_THREAD_DELETE, "t"));
    ck_assert_int_eq(number("SELECT count(*) FROM task"), 0);
}
END_TEST

static int64_t steps(enum sql_statement which)
{
    return sqlite3_stmt_status(driver()->statements[which], SQLITE_STMTSTATUS_VM_STEP, 1);
}

START_TEST(a_page_reads_a_page)
{
    struct op op = put_op("c", blob(0, 0), blob(0, 0));
    char id[16];

    for (int i = 0; i < 1000; i++) {
        snprintf(id, sizeof(id), "c%06d", i);
        op.checkpoint_put.checkpoint_id = slice_of(id);
        op.checkpoint_put.head = blob(stamp_next(), 0);
        op.checkpoint_put.n_values = 0;
        op.checkpoint_put.form = FORM_CHANNEL;
        op.id = SLICE("t");
        ck_assert_int_eq(sqlite_store_run(b, &op), ERR_OK);
        op.checkpoint_put.head = blob(stamp_next(), 0);
        op.checkpoint_put.form = FORM_DOCUMENT;
        op.id = SLICE("d");
        ck_assert_int_eq(sqlite_store_run(b, &op), ERR_OK);
    }
    op = list_op(10);
    op.checkpoint_list.after = (struct checkpoint_pos){.form = FORM_CHANNEL,
                                                       .checkpoint_id = SLICE("c000500"),
                                                       .thread = SLICE("t"),
                                                       .ns = SLICE("")};
    ck_assert_int_eq(sqlite_store_run(b, &op), ERR_OK);
    ck_assert(slice_equal(op.checkpoint_list.out.items[0]->id, SLICE("c000499")));
    ck_assert_int_lt(steps(SQL_LIST_NAMESPACE_CHANNEL), 1000);
    op = list_op(10);
    op.id = SLICE("d");
    ck_assert_int_eq(sqlite_store_run(b, &op), ERR_OK);
    ck_assert_uint_eq(op.checkpoint_list.out.n, 10);
    ck_assert_int_lt(steps(SQL_LIST_NAMESPACE_DOCUMENT), 2000);
    op = get_op(NULL);
    ck_assert_int_eq(sqlite_store_run(b, &op), ERR_OK);
    ck_assert_int_lt(steps(SQL_LIST_NAMESPACE_CHANNEL), 200);
}
END_TEST

/* Runs an op with its first, second, third ... allocation failing, until none fails. */
static void starve(struct op op)
{
    struct op *ops[] = {&op};
    struct arena arena = {0};
    struct err err;
    bool ran, struck;
    size_t n = 0;

    op.arena = &arena;
    do {
        arena_reset(&arena);
        oom_at(++n);
        ran = backend_execute(b, ops, 1, &err);
        struck = oom_end();
        ck_assert(ran);
        ck_assert_msg(op.status.kind == (struck ? ERR_NO_MEMORY : ERR_OK), "%s %zu: %s",
                      op_name(op.type), n, op.status.text);
        check_rows();
    } while (struck);
    arena_done(&arena);
}

static void starve_records(void)
{
    struct op merge = sqlite_store_op(OP_MERGE, NULL);
    struct record all[20];

    for (int kind = RECORD_THREAD; kind < RECORD_KIND_COUNT; kind++) {
        struct op read = sqlite_store_op(OP_READ_RANGE, NULL);

        read.read_range.kind = (enum record_kind)kind;
        read.read_range.limit = 5;
        starve(read);
        ck_assert_int_eq(sqlite_store_run(b, &read), ERR_OK);
        memcpy(all + merge.merge.n, read.read_range.out.items,
               read.read_range.out.n * sizeof(*all));
        merge.merge.n += read.read_range.out.n;
    }
    merge.merge.items = all;
    sql("DELETE FROM thread; DELETE FROM namespace; DELETE FROM checkpoint; DELETE FROM value;"
        "DELETE FROM task");
    starve(merge);
}

static void starve_threads(void)
{
    struct op op = sqlite_store_op(OP_THREAD_LIST, NULL);

    op.thread_list.limit = 5;
    op.thread_list.prefix = SLICE("t");
    op.thread_list.after = SLICE("t");
    starve(op);
    starve(sqlite_store_op(OP_THREAD_GET, "t"));
    op = sqlite_store_op(OP_THREAD_COPY, "t");
    op.thread_copy.to = SLICE("u");
    starve(op);
    op = sqlite_store_op(OP_THREAD_PRUNE, "u");
    op.thread_prune.keep_last = 1;
    starve(op);
    op = sqlite_store_op(OP_RUNS_DELETE, NULL);
    op.runs_delete.run_ids = &(struct slice){"r", 1};
    op.runs_delete.n = 1;
    starve(op);
    starve(sqlite_store_op(OP_THREAD_DELETE, "t"));
}

START_TEST(memory_may_end_in_every_op)
{
    struct op op = list_op(2);

    starve(put_op("c1", blob(10, 0), blob(9, 0)));
    starve(put_op("c2", blob(20, 10), blob(19, 9)));
    starve(writes_op("c2", "t1"));
    starve(writes_op("c3", "t1"));
    starve(get_op("c2"));
    op.checkpoint_list.before = SLICE("c3");
    op.checkpoint_list.checkpoint_id = SLICE("c2");
    starve(op);
    op = sqlite_store_op(OP_WRITES_GET, "t");
    op.writes_get.ns = SLICE("");
    op.writes_get.checkpoint_id = SLICE("c2");
    starve(op);
    starve_records();
    starve_threads();
}
END_TEST

Suite *suite_sqlite_checkpoints(void)
{
    Suite *suite = suite_create("sqlite_checkpoints");
    TCase *tc = tcase_create("sqlite_checkpoints");

    tcase_add_checked_fixture(tc, open_store, close_store);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, a_base_must_be_stored);
    tcase_add_test(tc, an_id_is_taken_once);
    tcase_add_test(tc, chains_come_up_whole_and_once);
    tcase_add_test(tc, bases_stay_while_they_are_needed);
    tcase_add_test(tc, damage_is_an_error);
    tcase_add_test(tc, no_row_is_left_behind);
    tcase_add_test(tc, a_page_reads_a_page);
    tcase_add_test(tc, memory_may_end_in_every_op);
    suite_add_tcase(suite, tc);
    return suite;
}

/* Copies of threads are equal row by row, whatever parts and statements make them. */
#include <check.h>
#include <stdlib.h>

#include "parts_store.h"

enum { MANY = 230, LONG_LEN = 1500, HUGE_LEN = 300 * 1024 };

/* The rows of a thread, without what a copy has anew: of stamps and ids only their order. */
#define OF_THREAD(thread)                                                               \
    "FROM thread t JOIN namespace n ON n.thread = t.id AND t.thread_id = CAST('" thread \
    "' AS BLOB) "
#define VALUES(thread)                                                                           \
    "SELECT n.ns, rank() OVER (PARTITION BY n.id ORDER BY v.id), (SELECT count(*) FROM value b " \
    "WHERE b.namespace = n.id AND b.id <= v.base), CASE WHEN v.channel IS NULL "                 \
    "THEN v.key IS nullif(v.base, 0) ELSE v.key END, encoding, hash, channel, version, type, "   \
    "v.bytes " OF_THREAD(thread) "JOIN value v ON v.namespace = n.id"
#define CHECKPOINTS(thread)                                                                  \
    "SELECT n.ns, c.checkpoint_id, c.stamp > 0, rank() OVER (ORDER BY c.stamp), "            \
    "CASE WHEN c.stamp > 0 THEN c.created_us END, c.form, parent_id, run_id, length(refs), " \
    "(SELECT count(*) FROM value b WHERE b.namespace = n.id AND b.id <= c.head), metadata, " \
    "n.form, n.checkpoints, n.bytes " OF_THREAD(thread) "JOIN checkpoint c ON c.namespace = n.id"
#define TASKS(thread)                                                                          \
    "SELECT n.ns, c.checkpoint_id, task_id, task_path, body, rank() OVER (ORDER BY k.stamp), " \
    "rank() OVER (ORDER BY k.seq) " OF_THREAD(                                                 \
        thread) "JOIN checkpoint c "                                                           \
                "ON c.namespace = n.id JOIN task k ON k.checkpoint = c.id"
#define DIFFERENCE(rows)                                               \
    "SELECT count(*) FROM (SELECT * FROM (" rows("t") " EXCEPT " rows( \
        "u") ") UNION ALL "                                            \
             "SELECT * FROM (" rows("u") " EXCEPT " rows("t") "))"

/* Text that compression does not shorten, with a beginning of its own. */
static struct slice text(size_t len, int beginning)
{
    char *at = arena_alloc(&sqlite_store_arena, len + 1);
    unsigned seed = 1;

    ck_assert_ptr_nonnull(at);
    for (size_t i = 0; i < len; i++)
        at[i] = (char)('0' + rand_r(&seed) % 64);
    for (size_t i = 0; i < 5; i++, beginning /= 10)
        at[i] = (char)('0' + beginning % 10);
    return (struct slice){at, len};
}

static struct slice name(int i)
{
    return arena_printf(&sqlite_store_arena, "c%04d", i);
}

static void put(const char *ns, enum form form, int i, struct slice bytes)
{
    struct op op = sqlite_store_op(OP_CHECKPOINT_PUT, "t");
    struct value value = {.of = {SLICE("own"), arena_printf(&sqlite_store_arena, "%d", i)},
                          .blob.bytes = bytes};

    op.checkpoint_put.ns = slice_of(ns);
    op.checkpoint_put.checkpoint_id = name(i);
    op.checkpoint_put.parent_id = i ? name(i - 1) : (struct slice){NULL, 0};
    op.checkpoint_put.form = form;
    op.checkpoint_put.head = (struct blob){.type = SLICE(""), .bytes = text(LONG_LEN, i + 50000)};
    op.checkpoint_put.metadata = arena_printf(&sqlite_store_arena, "{\"i\":%d}", i);
    op.checkpoint_put.run_id = i % 2 ? SLICE("odd") : (struct slice){NULL, 0};
    op.checkpoint_put.values = &value;
    op.checkpoint_put.n_values = form == FORM_CHANNEL;
    parts_run(&op);
}

static void put_task(const char *ns, enum form form, int i, const char *task)
{
    struct op op = sqlite_store_op(OP_WRITES_PUT, "t");
    struct write writes[2] = {{.channel = SLICE("a"), .blob.bytes = SLICE("x")},
                              {.idx = 1, .channel = SLICE("b"), .blob.bytes = text(200, i)}};

    op.writes_put = (struct op_writes_put){.ns = slice_of(ns),
                                           .checkpoint_id = name(i),
                                           .task_id = slice_of(task),
                                           .task_path = slice_of(i % 3 ? "path" : ""),
                                           .form = form,
                                           .writes = writes,
                                           .n = 2};
    parts_run(&op);
}

/* Puts two namespaces of channels and one of documents; writes on some checkpoints, and some without one. */
static void fill(int n)
{
    for (int i = 0; i < n; i++) {
        put("", FORM_CHANNEL, i, text(LONG_LEN, i));
        put_task("", FORM_CHANNEL, i, "t1");
        if (i % 3 == 0)
            put("sub", FORM_CHANNEL, i, text(10, i));
        if (i % 3 == 1)
            put_task("sub", FORM_CHANNEL, i, "early");
        if (i % 4 == 0)
            put("doc", FORM_DOCUMENT, i, text(10, i));
        if (i % 7 == 0)
            put_task("doc", FORM_DOCUMENT, i, "t3");
        if (i % 5 == 0)
            put_task("", FORM_CHANNEL, i, "t0");
    }
    put_task("sub", FORM_CHANNEL, 1, "again");
}

static struct op read_op(const char *thread, const char *ns)
{
    struct op op = sqlite_store_op(OP_CHECKPOINT_LIST, thread);

    op.checkpoint_list.ns = slice_of(ns);
    op.checkpoint_list.limit = 1000;
    op.checkpoint_list.values = true;
    parts_run(&op);
    return op;
}

/* Compares what refs stand for, by reading the values. */
static void check_values(const char *ns)
{
    struct op t = read_op("t", ns), u = read_op("u", ns);

    ck_assert_uint_eq(t.checkpoint_list.out.n, u.checkpoint_list.out.n);
    for (size_t i = 0; i < t.checkpoint_list.out.n; i++) {
        const struct checkpoint *from = t.checkpoint_list.out.items[i];
        const struct checkpoint *to = u.checkpoint_list.out.items[i];

        ck_assert(slice_equal(from->id, to->id));
        ck_assert(slice_equal(from->head.bytes, to->head.bytes));
        ck_assert_uint_eq(from->n_values, to->n_values);
        for (size_t k = 0; k < from->n_values; k++)
            ck_assert(slice_equal(from->values[k]->blob.bytes, to->values[k]->blob.bytes));
    }
}

static void check_copy(void)
{
    ck_assert_int_eq(parts_number(DIFFERENCE(VALUES)), 0);
    ck_assert_int_eq(parts_number(DIFFERENCE(CHECKPOINTS)), 0);
    ck_assert_int_eq(parts_number(DIFFERENCE(TASKS)), 0);
    ck_assert_int_eq(parts_number("SELECT count(*) FROM thread WHERE tenant < 0"), 0);
    ck_assert_int_eq(parts_number("SELECT count(*) FROM checkpoint c JOIN task k "
                                  "ON k.checkpoint = c.id WHERE c.stamp = 0 GROUP BY c.id "
                                  "HAVING c.created_us <> max(k.stamp >> 10) UNION ALL SELECT 0"),
                     0);
    check_values("");
    check_values("sub");
    check_values("doc");
    parts_check_counters();
}

static void copy(struct op *op)
{
    *op = parts_copy("t", "u");
    while (parts_more(op))
        continue;
}

START_TEST(whole)
{
    static const size_t steps[] = {1, 2, 3, 0, 199, 200, 201};
    struct op op;

    parts_driver->sql.part_steps = steps[_i];
    fill(MANY);
    ck_assert_int_gt(parts_number("SELECT count(*) FROM value WHERE base > 0 AND channel IS NULL"),
                     100);
    ck_assert_int_gt(
        parts_number("SELECT count(*) FROM value WHERE base > 0 AND channel IS NOT NULL"), 100);
    copy(&op);
    ck_assert_int_eq(op.thread_copy.out.checkpoints,
                     parts_number("SELECT count(*) FROM checkpoint WHERE stamp > 0") / 2);
    ck_assert_int_eq(op.thread_copy.out.writes, parts_number("SELECT count(*) FROM task"));
    check_copy();
}
END_TEST

/* One statement copies a mebibyte, or one row. */
START_TEST(large_values)
{
    struct op op;

    parts_driver->sql.part_steps = 0;
    for (int i = 0; i < 12; i++)
        put("", FORM_CHANNEL, i, text(i % 4 == 3 ? 5 * HUGE_LEN : HUGE_LEN, i));
    for (int i = 12; i < 30; i++)
        put("", FORM_CHANNEL, i, text(100, i));
    copy(&op);
    ck_assert_int_eq(op.thread_copy.out.checkpoints, 30);
    check_copy();
}
END_TEST

static void finish(struct op op)
{
    while (parts_more(&op))
        continue;
}

/* Clean-up also removes what was copied in vain. */
static void clean(void)
{
    struct op op = sqlite_store_op(OP_CLEANUP, NULL);

    op.cleanup.limit = 100;
    finish(op);
}

/* The thread changes between any two parts: the copy is what it was at one time, in the end. */
START_TEST(of_what_changes)
{
    enum { FEW = 5 };
    bool more = true;

    parts_driver->sql.part_steps = 1 + (size_t)_i % 3;
    fill(FEW);
    for (int at = 1; more; at++) {
        struct op op = parts_copy("t", "u");

        more = false;
        for (int part = 1; parts_more(&op); part++) {
            if (part != at)
                continue;
            more = true;
            if (at == 5)
                put("", FORM_CHANNEL, FEW, text(LONG_LEN, FEW));
            else
                put_task(at % 2 ? "sub" : "", FORM_CHANNEL, 1, at % 2 ? "early" : "t1");
        }
        clean();
        check_copy();
        finish(sqlite_store_op(OP_THREAD_DELETE, "u"));
        ck_assert_int_eq(parts_number("SELECT count(DISTINCT namespace) FROM value"), 3);
    }
}
END_TEST

Suite *suite_sqlite_copy(void);

Suite *suite_sqlite_copy(void)
{
    Suite *s = suite_create("sqlite_copy");
    TCase *t = tcase_create("copies");

    tcase_add_checked_fixture(t, parts_setup, parts_teardown);
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, whole, 0, 7);
    tcase_add_test(t, large_values);
    tcase_add_loop_test(t, of_what_changes, 0, 3);
    suite_add_tcase(s, t);
    return s;
}

#include <check.h>
#include <stdlib.h>

#include "parts_store.h"
#include "sql_marks.h"

enum { THREADS = 3, AT_ONCE = 3, ROUNDS = 400, SEEDS = 20 };

static const char *const threads[THREADS] = {"t", "u", "v"};

/* Long ops that have begun. */
struct mix {
    struct op ops[AT_ONCE];
    bool busy[AT_ONCE];
    unsigned seed;
    int next; /* each checkpoint has an id of its own: one that is replaced leaves its values */
};

static struct slice odd[] = {SLICE("odd")};

static size_t below(struct mix *m, size_t n)
{
    return (size_t)rand_r(&m->seed) % n;
}

static const char *any(struct mix *m)
{
    return threads[below(m, THREADS)];
}

static struct op long_op(struct mix *m)
{
    struct op op;

    switch (below(m, 5)) {
    case 0:
        return parts_copy(any(m), any(m));
    case 1:
        return parts_prune(any(m), 1 + (int64_t)below(m, 10));
    case 2:
        return sqlite_store_op(OP_THREAD_DELETE, any(m));
    case 3:
        op = sqlite_store_op(OP_RUNS_DELETE, NULL);
        op.runs_delete.run_ids = odd;
        op.runs_delete.n = 1;
        return op;
    default:
        op = sqlite_store_op(OP_CLEANUP, NULL);
        op.cleanup.expired = true;
        op.cleanup.limit = 10;
        return op;
    }
}

/* Runs a part of each, now and then in a batch that another op loses. */
static void run_parts(struct mix *m)
{
    struct op bad = sqlite_store_put("bad"), *ops[AT_ONCE + 1];
    struct err err;
    size_t n = 0;

    for (size_t i = 0; i < AT_ONCE; i++)
        if (m->busy[i])
            ops[n++] = &m->ops[i];
    if (below(m, 4) == 0)
        ops[n++] = &bad;
    ck_assert(backend_execute(parts_backend, ops, n, &err));
    for (size_t i = 0; i < AT_ONCE; i++) {
        const struct err *status = &m->ops[i].status;

        if (!m->busy[i])
            continue;
        ck_assert_msg(status->kind == ERR_OK || status->kind == ERR_THREAD, "%s", status->text);
        m->busy[i] = m->ops[i].again;
    }
}

static void run_round(struct mix *m)
{
    size_t i = below(m, AT_ONCE);

    if (!m->busy[i] && below(m, 4) == 0) {
        m->ops[i] = long_op(m);
        m->busy[i] = true;
    }
    if (below(m, 2) == 0)
        parts_put(any(m), m->next++);
    run_parts(m);
}

static void check_values(int64_t ns)
{
    int64_t *orphans;
    struct err err;
    size_t n;

    ck_assert(marks_orphans(&parts_driver->sql, &(struct marks_bound){ns, INT64_MAX},
                            &sqlite_store_arena, &orphans, &n, &err));
    ck_assert_uint_eq(n, 0);
}

static void read_all(const char *thread)
{
    struct op op = sqlite_store_op(OP_CHECKPOINT_LIST, thread);
    int64_t count = parts_count(thread);

    op.checkpoint_list.limit = 1000;
    op.checkpoint_list.values = true;
    parts_run(&op);
    ck_assert_int_eq((int64_t)op.checkpoint_list.out.n, count < 0 ? 0 : count);
}

static void check_store(void)
{
    int64_t ns = 0;

    parts_check_counters();
    ck_assert_int_eq(parts_number("SELECT count(*) FROM namespace WHERE thread < 0"), 0);
    ck_assert_int_eq(parts_number("SELECT count(*) FROM thread WHERE tenant < 0"), 0);
    ck_assert_int_eq(parts_number("SELECT count(*) FROM checkpoint WHERE stamp = 0"), 0);
    ck_assert_int_eq(parts_number("SELECT count(*) FROM thread t WHERE tomb = 0 AND NOT EXISTS "
                                  "(SELECT 1 FROM namespace n WHERE n.thread = t.id)"),
                     0);
    ck_assert_int_eq(parts_number("SELECT count(*) FROM task WHERE checkpoint NOT IN "
                                  "(SELECT id FROM checkpoint)"),
                     0);
    for (size_t i = 0; i < THREADS; i++)
        read_all(threads[i]);
    while ((ns = parts_number(arena_printf(&sqlite_store_arena,
                                           "SELECT coalesce(min(id), 0) FROM namespace "
                                           "WHERE id > %lld",
                                           (long long)ns)
                                  .at)) != 0)
        check_values(ns);
}

START_TEST(ops_in_between)
{
    struct mix m = {.seed = (unsigned)_i + 1};

    ck_assert_int_eq(sqlite3_exec(parts_driver->db,
                                  "CREATE TRIGGER no BEFORE INSERT ON session WHEN NEW.session_id "
                                  "= x'626164' BEGIN SELECT RAISE(ABORT, 'no'); END",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    parts_driver->sql.part_steps = 1 + (size_t)_i % 3;
    for (int i = 0; i < 40; i++)
        parts_put("t", m.next++);
    for (int i = 0; i < ROUNDS; i++)
        run_round(&m);
    while (m.busy[0] || m.busy[1] || m.busy[2])
        run_parts(&m);
    parts_die_and_clean();
    check_store();
}
END_TEST

Suite *suite_sqlite_parts_mixed(void);

Suite *suite_sqlite_parts_mixed(void)
{
    Suite *s = suite_create("sqlite_parts_mixed");
    TCase *t = tcase_create("mixed");

    tcase_add_checked_fixture(t, parts_setup, parts_teardown);
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, ops_in_between, 0, SEEDS);
    suite_add_tcase(s, t);
    return s;
}

/* test_budget.c - what a batch on the embedded store may cost, counted exactly. */
#include <check.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "oom.h"
#include "sqlite_store.h"

enum { BATCH = 20 };

static atomic_size_t n_syncs; /* syncs of the carrier count as well */
static size_t n_statements;

Suite *suite_budget(void);

/* sqlite calls this one too: what a program defines comes before the libraries. */
int fdatasync(int fd)
{
    n_syncs++;
    return (int)syscall(SYS_fdatasync, fd);
}

static int count_statement(unsigned event, void *ctx, void *statement, void *text)
{
    (void)event;
    (void)ctx;
    (void)statement;
    (void)text;
    n_statements++;
    return 0;
}

/* A batch falls in the same minute and second as the one before, so neither index nor clock moves. */
static struct backend *open_counted(void)
{
    struct backend *b = sqlite_store_open();

    ck_assert_int_eq(
        sqlite3_trace_v2(((struct sqlite *)b)->db, SQLITE_TRACE_STMT, count_statement, NULL),
        SQLITE_OK);
    return b;
}

static struct op append(const char *session, struct message *m, int64_t now_us)
{
    struct op op = sqlite_store_op(OP_MESSAGE_APPEND, session);

    *m = (struct message){.role = SLICE("user"), .content = SLICE("\"x\"")};
    m->id = arena_printf(&sqlite_store_arena, "m-%lld", (long long)now_us);
    op.now_us = now_us;
    op.message_append.messages = m;
    op.message_append.n = 1;
    return op;
}

/* n appends, each to a session of its own or all to one. */
static void run_batch(struct backend *b, size_t n, bool apart, int64_t now_us)
{
    char sessions[BATCH][16];
    struct message messages[BATCH];
    struct op all[BATCH], *ops[BATCH];
    struct err err;
    bool done, allocated;

    for (size_t i = 0; i < n; i++) {
        snprintf(sessions[i], sizeof(sessions[i]), "s%zu", apart ? i : 0);
        all[i] = append(sessions[i], &messages[i], now_us + (int64_t)i);
        ops[i] = &all[i];
    }
    n_syncs = 0;
    n_statements = 0;
    oom_at(1);
    done = backend_execute(b, ops, n, &err);
    allocated = oom_end();
    ck_assert(done);
    for (size_t i = 0; i < n; i++)
        ck_assert_msg(all[i].status.kind == ERR_OK, "%s", all[i].status.text);
    ck_assert_msg(!allocated, "an append takes memory");
}

START_TEST(an_append)
{
    struct backend *b = open_counted();
    int64_t now_us = INT64_C(1700000000000000);

    run_batch(b, BATCH, true,
              now_us); /* makes the rows, prepares the statements, moves the clock */
    run_batch(b, 1, true, now_us + 100);
    ck_assert_uint_eq(n_syncs, 1);
    ck_assert_uint_eq(n_statements, 5); /* BEGIN, session, message, session, COMMIT */
    run_batch(b, BATCH, true, now_us + 200);
    ck_assert_uint_eq(n_syncs, 1);
    ck_assert_uint_eq(n_statements, 2 + 3 * BATCH);
    run_batch(b, BATCH, false, now_us + 300);
    ck_assert_uint_eq(n_syncs, 1);
    ck_assert_uint_eq(n_statements, 2 + 2 * BATCH + 1); /* the session is looked up once */
    backend_close(b);
}
END_TEST

START_TEST(a_read)
{
    struct backend *b = open_counted();
    struct op put = sqlite_store_put("s"), get;

    ck_assert_int_eq(sqlite_store_run(b, &put), ERR_OK);
    get = sqlite_store_get("s");
    ck_assert_int_eq(sqlite_store_run(b, &get), ERR_OK);
    n_syncs = 0;
    n_statements = 0;
    get = sqlite_store_get("s");
    ck_assert_int_eq(sqlite_store_run(b, &get), ERR_OK);
    ck_assert_uint_eq(n_syncs, 0);
    ck_assert_uint_eq(n_statements, 3);
    backend_close(b);
}
END_TEST

Suite *suite_budget(void)
{
    Suite *suite = suite_create("budget");
    TCase *tests = tcase_create("sqlite");

    tcase_add_checked_fixture(tests, sqlite_store_make, sqlite_store_remove);
    tcase_add_test(tests, an_append);
    tcase_add_test(tests, a_read);
    suite_add_tcase(suite, tests);
    return suite;
}

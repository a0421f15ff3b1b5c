/*
 * main_fault_postgres.c - every op on PostgreSQL, with allocations of libpq failing once; run as
 * contract/main_postgres.c.
 *
 *     n = 1, 1 + STEP, ... until nothing fails: the op is done, or nothing of it, or it is in doubt
 */
#include <check.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "oom.h"
#include "postgres.h"
#include "postgres_driver.h"
#include "state.h"
#include "torture.h"
#include "versions.h"

enum { STEP = 5, TIMEOUT_MS = 20000 };

/* As in memory_ops.c: what the driver keeps in mind stays true. */
#define EMPTY                                                                                 \
    "DELETE FROM sessions; DELETE FROM conversations; DELETE FROM task_contexts; "            \
    "DELETE FROM idempotency_keys; DELETE FROM threads; DELETE FROM namespaces; "             \
    "DELETE FROM checkpoints; DELETE FROM checkpoint_values; DELETE FROM checkpoint_writes; " \
    "DELETE FROM outbox; DELETE FROM pending_counts; DELETE FROM missing_ids"

static struct torture target;
static PGconn *beside; /* a connection that never lacks memory */

static const char *url(void)
{
    return getenv("STATEWARD_TEST_POSTGRES");
}

static struct backend *open_store(enum backend_role role, struct err *err)
{
    struct backend_config cfg = sample_config(url(), role);
    struct postgres *driver;
    char schema[64];

    snprintf(schema, sizeof(schema), "fault_%ld", (long)getpid());
    cfg.postgres_schema = schema;
    cfg.store_timeout_ms = TIMEOUT_MS;
    driver = (struct postgres *)postgres_open(&cfg, err);
    if (!driver)
        return NULL;
    driver->sql.part_steps = SIZE_MAX;
    return versions_open(&driver->sql.base, &(struct encoding_rules){0}, err);
}

static void ask_beside(const char *text)
{
    PGresult *result = PQexec(beside, text);

    ck_assert_msg(PQresultStatus(result) == PGRES_COMMAND_OK, "%s", PQerrorMessage(beside));
    PQclear(result);
}

static void open_target(int number)
{
    struct err err = {0};
    struct op op = {0};
    char text[96];

    target.sample = &samples[number];
    op.type = target.sample->type;
    target.store = open_store(op_scans(&op) ? BACKEND_SCANNER : BACKEND_ANY, &err);
    ck_assert_msg(target.store != NULL, "%s", err.text);
    beside = PQconnectdb(url());
    snprintf(text, sizeof(text), "SET search_path = fault_%ld", (long)getpid());
    ask_beside(text);
}

/* Soon after a connection was lost there may be none yet. */
static struct slice state(unsigned detail, struct arena *arena)
{
    struct slice text;
    struct err err = {0};

    for (int tries = 500; !state_read(target.store, detail | STATE_PAIR, arena, &text, &err);
         tries--) {
        ck_assert_msg(tries > 0, "%s: %s", target.sample->name, err.text);
        usleep(10000);
    }
    return text;
}

static void seed(void)
{
    struct err err = {0};

    ask_beside(EMPTY);
    ck_assert_msg(sample_seed(target.store, &err) && sample_seed_pair(target.store, &err), "%s",
                  err.text);
}

static void fresh(void)
{
    seed();
    target.before = state(STATE_EXACT, &target.arena);
}

/* The state after one run. */
static void learn(void)
{
    struct arena arena = {0};
    struct err err = {0};
    struct op op;

    seed();
    op = sample_make(target.sample, &arena);
    ck_assert_msg(sample_run(target.store, &op, &err), "%s: %s", target.sample->name, err.text);
    target.after = state(STATE_CONTENT, &target.arena);
    arena_done(&arena);
    torture_renew(&target, fresh);
}

/* What a lost connection has locked is free once the server notices; clean-up leaves out what is locked. */
static void until_free(void)
{
    ask_beside("BEGIN; LOCK TABLE sessions, threads IN EXCLUSIVE MODE; COMMIT");
}

/* Whether there was an n-th allocation. */
static bool attempt(size_t n)
{
    struct arena arena = {0};
    struct op op = sample_make(target.sample, &arena);
    struct err err = {0};
    bool done, struck, undone;
    struct slice got;

    oom_at(n);
    done = sample_run(target.store, &op, &err);
    struck = oom_end();
    ck_assert_msg(done || ((err.kind == ERR_NO_MEMORY || err.kind == ERR_UNAVAILABLE ||
                            err.kind == ERR_IN_DOUBT) &&
                           !strstr(err.text, "no answer")),
                  "%s, allocation %zu: %s", target.sample->name, n, err.text);
    ck_assert_msg(done || struck, "%s without a failure: %s", target.sample->name, err.text);
    undone = !done && slice_equal(state(STATE_EXACT, &arena), target.before);
    got = state(STATE_CONTENT, &arena);
    ck_assert_msg(undone || ((done || err.kind == ERR_IN_DOUBT) && slice_equal(got, target.after)),
                  "%s, allocation %zu, %s:\n%.*s\n--- is not\n%.*s", target.sample->name, n,
                  done ? "done" : err.text, SLICE_ARGS(state_difference(got, target.after)),
                  SLICE_ARGS(state_difference(target.after, got)));
    arena_done(&arena);
    if (undone)
        until_free();
    else
        torture_renew(&target, fresh);
    return struck;
}

START_TEST(memory_of_libpq_ends)
{
    open_target(_i);
    learn();
    for (size_t n = 1 + (size_t)_i % STEP; attempt(n); n += STEP)
        continue;
    backend_close(target.store);
    PQfinish(beside);
    arena_done(&target.arena);
}
END_TEST

/* No failure is taken for one of the configuration. */
START_TEST(memory_of_libpq_ends_at_the_start)
{
    bool struck = true;

    for (size_t n = 1; struck; n++) {
        struct err err = {0};
        struct backend *store;

        oom_at(n);
        store = open_store(BACKEND_ANY, &err);
        struck = oom_end();
        ck_assert_msg(store ||
                          (struck && (err.kind == ERR_NO_MEMORY || err.kind == ERR_UNAVAILABLE)),
                      "allocation %zu: %s", n, err.text);
        backend_close(store);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("fault_postgres");
    TCase *tc = tcase_create("memory of libpq");
    struct err err = {0};
    SRunner *runner;
    int failed;

    if (!url() || !samples_init(&err)) {
        fprintf(stderr, "tests/support/stores.py postgres %s %s\n", "build/tests/fault_postgres",
                err.text);
        return EXIT_FAILURE;
    }
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, memory_of_libpq_ends, 0, (int)n_samples);
    tcase_add_test(tc, memory_of_libpq_ends_at_the_start);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

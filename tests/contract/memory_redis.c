/*
 * memory_redis.c - see memory_redis.h.
 *
 *     n = 1, 2, ... until nothing fails: the op ends well or with a clean error, and the store is as it was
 *     before or after it; the connection can be used again
 */
#include "memory_redis.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "oom.h"
#include "redis.h"
#include "redis_call.h"
#include "state.h"
#include "torture.h"
#include "versions.h"

static struct torture target;
static struct redis *driver;
static int stores;

static void close_store(void)
{
    backend_close(target.store);
    arena_done(&target.arena);
}

/* Opens another store and fills it. */
static void open_store(void)
{
    struct backend_config cfg = sample_config(getenv("STATEWARD_TEST_REDIS"), BACKEND_WRITER);
    struct err err = {0};
    char prefix[64];

    snprintf(prefix, sizeof(prefix), "memory%ld_%d:", (long)getpid(), stores++);
    cfg.redis_prefix = prefix;
    cfg.store_timeout_ms = 60000;
    driver = (struct redis *)redis_open(&cfg, &err);
    ck_assert_msg(driver != NULL, "%s", err.text);
    driver->conn.patient = true;
    target.store = versions_open(&driver->base, &(struct encoding_rules){NULL, 0}, &err);
    ck_assert_ptr_nonnull(target.store);
    ck_assert_msg(sample_seed(target.store, &err) && sample_seed_pair(target.store, &err), "%s",
                  err.text);
    target.before = torture_state(&target, STATE_EXACT, &target.arena);
}

static void reopen(void)
{
    backend_close(target.store);
    open_store();
}

/* The state after one run, in a store of its own. */
static void learn(void)
{
    struct err err = {0};
    struct op op;

    open_store();
    op = sample_make(target.sample, &target.arena);
    ck_assert_msg(sample_run(target.store, &op, &err), "%s: %s", target.sample->name, err.text);
    target.after = torture_state(&target, STATE_CONTENT, &target.arena);
    torture_renew(&target, reopen);
}

/* Whether the n-th allocation was there to fail. */
static bool attempt(size_t n, bool closed)
{
    struct arena arena = {0};
    struct op op = sample_make(target.sample, &arena);
    struct err err = {0};
    bool struck, passed;

    if (closed)
        conn_close(&driver->conn);
    oom_at(n);
    passed = sample_run(target.store, &op, &err);
    struck = oom_end();
    driver->conn.retry_ns = 0; /* what is tried next needs no pause */
    ck_assert_msg(passed || (struck && (err.kind == ERR_NO_MEMORY || err.kind == ERR_UNAVAILABLE ||
                                        err.kind == ERR_IN_DOUBT)),
                  "%s, allocation %zu: %s", target.sample->name, n, err.text);
    if (!passed && op.type == OP_PAIR_CHANGE) /* it may have been done in part */
        passed = sample_run(target.store, &op, &err);
    if (passed)
        torture_check(&target, n, STATE_CONTENT, target.after);
    else if (err.kind == ERR_IN_DOUBT)
        (void)torture_state(&target, STATE_CONTENT, &target.arena);
    else
        torture_check(&target, n, STATE_EXACT, target.before);
    if (op_writes(&op) && (passed || err.kind == ERR_IN_DOUBT))
        torture_renew(&target, reopen);
    arena_done(&arena);
    return struck;
}

START_TEST(an_op)
{
    target.sample = &samples[_i];
    learn();
    for (size_t n = 1; attempt(n, false); n++)
        continue;
    close_store();
}
END_TEST

/* The first op of a connection. */
START_TEST(a_connection)
{
    size_t n = 1;

    for (target.sample = samples; target.sample->type != OP_SESSION_GET; target.sample++)
        continue;
    learn();
    while (attempt(n, true))
        n++;
    ck_assert_uint_gt(n, 1);
    close_store();
}
END_TEST

static void init(void)
{
    struct err err = {0};

    ck_assert_msg(samples_init(&err), "%s", err.text);
}

TCase *memory_redis_case(void)
{
    TCase *tc = tcase_create("memory of ops");

    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, init, NULL);
    tcase_add_loop_test(tc, an_op, 0, (int)n_samples);
    tcase_add_test(tc, a_connection);
    return tc;
}

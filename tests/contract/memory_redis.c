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
#include "samples.h"
#include "state.h"
#include "versions.h"

static const struct sample *sample;
static struct redis *driver;
static struct backend *store;
static int stores;
static struct arena kept; /* of what is below */
static struct slice before, after;

static struct slice state(unsigned detail, struct arena *arena)
{
    struct slice text;
    struct err err = {0};

    ck_assert_msg(state_read(store, detail | STATE_PAIR, arena, &text, &err), "%s: %s",
                  sample->name, err.text);
    return text;
}

static void close_store(void)
{
    backend_close(store);
    arena_done(&kept);
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
    store = versions_open(&driver->base, &(struct encoding_rules){NULL, 0}, &err);
    ck_assert_ptr_nonnull(store);
    ck_assert_msg(sample_seed(store, &err) && sample_seed_pair(store, &err), "%s", err.text);
    before = state(STATE_EXACT, &kept);
}

static void renew(void)
{
    struct arena old = kept;

    backend_close(store);
    kept = (struct arena){0};
    open_store();
    after = arena_copy(&kept, after);
    ck_assert_ptr_nonnull(after.at);
    arena_done(&old);
}

/* The state after one run, in a store of its own. */
static void learn(void)
{
    struct err err = {0};
    struct op op;

    open_store();
    op = sample_make(sample, &kept);
    ck_assert_msg(sample_run(store, &op, &err), "%s: %s", sample->name, err.text);
    after = state(STATE_CONTENT, &kept);
    renew();
}

static void check(size_t n, unsigned detail, struct slice want)
{
    struct arena arena = {0};
    struct slice got = state(detail, &arena);

    ck_assert_msg(slice_equal(got, want), "%s, allocation %zu:\n%.*s\n--- is not\n%.*s",
                  sample->name, n, SLICE_ARGS(state_difference(got, want)),
                  SLICE_ARGS(state_difference(want, got)));
    arena_done(&arena);
}

/* Whether the n-th allocation was there to fail. */
static bool attempt(size_t n, bool closed)
{
    struct arena arena = {0};
    struct op op = sample_make(sample, &arena);
    struct err err = {0};
    bool struck, passed;

    if (closed)
        conn_close(&driver->conn);
    oom_at(n);
    passed = sample_run(store, &op, &err);
    struck = oom_end();
    driver->conn.retry_ns = 0; /* what is tried next needs no pause */
    ck_assert_msg(passed || (struck && (err.kind == ERR_NO_MEMORY || err.kind == ERR_UNAVAILABLE ||
                                        err.kind == ERR_IN_DOUBT)),
                  "%s, allocation %zu: %s", sample->name, n, err.text);
    if (!passed && op.type == OP_PAIR_CHANGE) /* it may have been done in part */
        passed = sample_run(store, &op, &err);
    if (passed)
        check(n, STATE_CONTENT, after);
    else if (err.kind == ERR_IN_DOUBT)
        (void)state(STATE_CONTENT, &kept);
    else
        check(n, STATE_EXACT, before);
    if (op_writes(&op) && (passed || err.kind == ERR_IN_DOUBT))
        renew();
    arena_done(&arena);
    return struck;
}

START_TEST(an_op)
{
    sample = &samples[_i];
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

    for (sample = samples; sample->type != OP_SESSION_GET; sample++)
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

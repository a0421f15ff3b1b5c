/* failover_calls.c - every op over two stores, with each call of each store failing in each way. */
#include <stdio.h>

#include "cases.h"
#include "failover.h"
#include "failover_tend.h"
#include "pair_stores.h"
#include "samples.h"
#include "state.h"

/* An op makes no more calls of one store; one that changes something, with what copies it. */
enum { CALLS = 6, CALLS_WITH_COPIES = 24 };

static struct pair_stores pair;
static struct arena arena;

static void open_pair(void)
{
    struct backend_config cfg = sample_config("memory:", BACKEND_ANY);
    struct err err = {0};
    struct backend *a = sample_open(&cfg, NULL, &err), *b = sample_open(&cfg, NULL, &err);

    ck_assert_msg(a && b, "%s", err.text);
    ck_assert_msg(pair_stores_open(&pair, a, b, &err), "%s", err.text);
    ck_assert_msg(sample_seed(pair.lane, &err), "%s", err.text);
    ck_assert_msg(pair_stores_settle(&pair), "%s", pair.why);
}

static void close_pair(void)
{
    pair_stores_close(&pair);
    arena_done(&arena);
}

static struct slice state_of(int store, unsigned detail)
{
    struct slice text;
    struct err err = {0};

    ck_assert_msg(state_read(pair.stores[store], detail, &arena, &text, &err), "%s", err.text);
    return text;
}

static bool both_equal(struct slice *a, struct slice *b)
{
    *a = state_of(0, STATE_CONTENT);
    *b = state_of(1, STATE_CONTENT);
    return slice_equal(*a, *b);
}

static enum err_kind run(const struct sample *s, struct err *err)
{
    struct op op = sample_make(s, &arena);

    *err = (struct err){.kind = ERR_OK};
    return sample_run(pair.lane, &op, err) ? ERR_OK : err->kind;
}

/* Two new stores. */
static void begin_anew(void)
{
    close_pair();
    arena = (struct arena){0};
    open_pair();
}

/* The state after an op that meets no fault; the stores are new then. */
static struct slice state_after(const struct sample *s)
{
    struct slice after;
    struct arena kept;
    struct err err;

    begin_anew();
    ck_assert_msg(run(s, &err) == ERR_OK, "%s: %s", s->name, err.text);
    ck_assert_msg(pair_stores_settle(&pair), "%s", pair.why);
    after = state_of(0, STATE_CONTENT);
    kept = arena;
    arena = (struct arena){0};
    begin_anew();
    after = arena_copy(&arena, after);
    arena_done(&kept);
    return after;
}

/* How one call of one store fails. */
struct failure {
    int store;
    size_t call;
    enum fault_mode mode;
    size_t overtakes;
};

static void same(const char *what, struct slice a, struct slice b)
{
    ck_assert_msg(slice_equal(a, b), "%s:\n%.*s\n--- is not\n%.*s", what,
                  SLICE_ARGS(state_difference(a, b)), SLICE_ARGS(state_difference(b, a)));
}

/* What is acknowledged is there, in both; what is refused is not; what is in doubt is or is not. This holds
 * for calls that are done late too: failover repeats only what may be done twice. */
static void one_fault(const struct sample *s, struct failure f)
{
    struct slice after = state_after(s), before = state_of(0, STATE_CONTENT), a, b;
    struct fault_plan *plan = &pair.plans[f.store];
    struct op op = sample_make(s, &arena);
    char what[128];
    struct err err;
    enum err_kind kind;

    snprintf(what, sizeof(what), "%s, store %d, call %zu, mode %d, overtaken by %zu", s->name,
             f.store, f.call, f.mode, f.overtakes);
    plan->mode = f.mode;
    plan->overtakes = f.overtakes;
    atomic_store(&plan->at, atomic_load(&plan->calls) + f.call);
    kind = run(s, &err);
    if (op_writes(&op))
        (void)!pair_stores_settle(&pair); /* what fails here is made up for below */
    atomic_store(&plan->at, 0);
    ck_assert_msg(kind == ERR_OK || kind == ERR_UNAVAILABLE || kind == ERR_IN_DOUBT, "%s: %s", what,
                  err.text);
    ck_assert_msg(pair_stores_settle(&pair), "%s: %s", what, pair.why);
    if (!both_equal(&a, &b))
        same(what, a, b);
    if (kind == ERR_OK)
        same(what, a, after);
    else if (kind == ERR_UNAVAILABLE)
        same(what, a, before);
    else if (!slice_equal(a, before)) /* else it is half applied */
        same(what, a, after);
    if (!op_is_idempotent(&op))
        return;
    ck_assert_msg(run(s, &err) == ERR_OK, "%s, again: %s", what, err.text);
    ck_assert(pair_stores_settle(&pair) && both_equal(&a, &b));
    same(what, a, after);
}

/* A pair merges by itself, and sweeps only when both stores are there. */
static bool is_served(const struct sample *s)
{
    static const bool own[OP_TYPE_COUNT] = {
        [OP_PROBE] = true,     [OP_MERGE] = true,       [OP_RECORDS_GET] = true,
        [OP_PAIR_READ] = true, [OP_PAIR_CHANGE] = true,
    };
    struct op op = sample_make(s, &arena);

    return !own[s->type] && !op.replicate && !op.alone &&
           !(s->type == OP_CLEANUP && op.cleanup.expired);
}

/* Each call fails in each way; of those that copy, each in one. */
static void each_call(const struct sample *s, int store)
{
    struct op op = sample_make(s, &arena);
    size_t calls = op_writes(&op) ? CALLS_WITH_COPIES : CALLS;

    for (size_t call = 1; is_served(s) && call <= calls; call++)
        for (int mode = FAULT_BEFORE; mode <= FAULT_LOST; mode++)
            if (call <= CALLS || call % 3 == (size_t)mode % 3)
                one_fault(s, (struct failure){store, call, (enum fault_mode)mode, 0});
}

/* Each call is done before the next one, or when later ones have settled what it has left open. */
static void each_call_late(const struct sample *s, int store)
{
    static const size_t overtakes[] = {0, 4, 12};
    struct op op = sample_make(s, &arena);

    for (size_t call = 1; is_served(s) && op_writes(&op) && call <= CALLS_WITH_COPIES; call++)
        for (size_t i = 0; i < COUNT_OF(overtakes); i++)
            one_fault(s, (struct failure){store, call, FAULT_DELAYED, overtakes[i]});
}

START_TEST(each_call_of_the_primary)
{
    each_call(&samples[_i], 0);
}
END_TEST

START_TEST(each_call_of_the_fallback)
{
    each_call(&samples[_i], 1);
}
END_TEST

START_TEST(each_call_of_the_primary_delayed)
{
    each_call_late(&samples[_i], 0);
}
END_TEST

START_TEST(each_call_of_the_fallback_delayed)
{
    each_call_late(&samples[_i], 1);
}
END_TEST

/* The store is gone from one call on, and back after some time. */
static void gone(const struct sample *s, int store)
{
    struct slice after = state_after(s), a, b;
    struct err err;
    enum err_kind kind;

    pair.plans[store].mode = FAULT_BEFORE;
    pair.plans[store].persistent = true;
    atomic_store(&pair.plans[store].at, atomic_load(&pair.plans[store].calls) + 1);
    for (int i = 0; i < 6; i++)
        (void)failover_tend(pair.failover, pair.faults[0], pair.faults[1]);
    kind = run(s, &err);
    ck_assert_msg(kind == ERR_OK, "%s without store %d: %s", s->name, store, err.text);
    atomic_store(&pair.plans[store].at, 0);
    pair.plans[store].persistent = false;
    ck_assert_msg(pair_stores_settle(&pair), "%s, store %d was gone: %s", s->name, store, pair.why);
    ck_assert_msg(both_equal(&a, &b), "%s, store %d was gone:\n%.*s\n--- is not\n%.*s", s->name,
                  store, SLICE_ARGS(state_difference(a, b)), SLICE_ARGS(state_difference(b, a)));
    ck_assert_msg(slice_equal(a, after), "%s, store %d was gone:\n%.*s", s->name, store,
                  SLICE_ARGS(state_difference(a, after)));
}

START_TEST(one_store_is_enough)
{
    if (!is_served(&samples[_i]))
        return;
    gone(&samples[_i], 0);
    gone(&samples[_i], 1);
}
END_TEST

TCase *failover_case(void)
{
    TCase *tc = tcase_create("failover");
    int n = (int)n_samples;

    tcase_add_checked_fixture(tc, open_pair, close_pair);
    tcase_set_timeout(tc, 120);
    tcase_add_loop_test(tc, each_call_of_the_primary, 0, n);
    tcase_add_loop_test(tc, each_call_of_the_fallback, 0, n);
    tcase_add_loop_test(tc, each_call_of_the_primary_delayed, 0, n);
    tcase_add_loop_test(tc, each_call_of_the_fallback_delayed, 0, n);
    tcase_add_loop_test(tc, one_store_is_enough, 0, n);
    return tc;
}

/* fault_calls.c - every op, with each way in which a call of the store can fail. */
#include "cases.h"
#include "fault.h"
#include "samples.h"
#include "state.h"

static struct fault_plan plan;
static struct backend *store;
static struct arena arena;

static void open_store(void)
{
    struct backend_config cfg = sample_config("memory:", BACKEND_ANY);
    struct err err = {0};

    atomic_store(&plan.at, 0);
    atomic_store(&plan.calls, 0);
    plan.overtakes = 0;
    store = sample_open(&cfg, NULL, &err);
    ck_assert_msg(store != NULL, "%s", err.text);
    store = fault_open(store, &plan, &err);
    ck_assert_msg(store != NULL, "%s", err.text);
    ck_assert_msg(sample_seed(store, &err) && sample_seed_pair(store, &err), "%s", err.text);
}

static void close_store(void)
{
    backend_close(store);
    arena_done(&arena);
}

static struct slice state(unsigned detail)
{
    struct slice text;
    struct err err = {0};

    ck_assert_msg(state_read(store, detail, &arena, &text, &err), "%s", err.text);
    return text;
}

static void same(const struct sample *s, const char *what, struct slice a, struct slice b)
{
    ck_assert_msg(slice_equal(a, b), "%s, %s:\n%.*s\n--- is not\n%.*s", s->name, what,
                  SLICE_ARGS(state_difference(a, b)), SLICE_ARGS(state_difference(b, a)));
}

static void run_ok(const struct sample *s)
{
    struct op op = sample_make(s, &arena);
    struct err err = {0};

    ck_assert_msg(sample_run(store, &op, &err), "%s: %s", s->name, err.text);
}

/* The next call fails in this way; it must be of this kind. */
static void run_fails(const struct sample *s, enum fault_mode mode, enum err_kind kind)
{
    struct op op = sample_make(s, &arena);
    struct err err = {0};

    plan.mode = mode;
    atomic_store(&plan.at, atomic_load(&plan.calls) + 1);
    ck_assert_msg(!sample_run(store, &op, &err), "%s passed", s->name);
    atomic_store(&plan.at, 0);
    ck_assert_msg(err.kind == kind, "%s: %s", s->name, err.text);
}

/* What the store holds after one run without a fault. */
static struct slice state_after(const struct sample *s, unsigned detail)
{
    struct slice after, kept;
    struct arena own;

    run_ok(s);
    after = state(detail);
    own = arena;
    arena = (struct arena){0};
    close_store();
    open_store();
    kept = arena_copy(&arena, after);
    arena_done(&own);
    ck_assert_ptr_nonnull(kept.at);
    return kept;
}

/* Nothing was applied, and running it again does what one run does. */
static void nothing_applied(const struct sample *s, enum fault_mode mode, enum err_kind kind)
{
    struct slice after = state_after(s, STATE_CONTENT | STATE_PAIR);
    struct slice before = state(STATE_EXACT | STATE_PAIR);

    run_fails(s, mode, kind);
    same(s, "nothing applied", before, state(STATE_EXACT | STATE_PAIR));
    run_ok(s);
    same(s, "repeated", after, state(STATE_CONTENT | STATE_PAIR));
}

START_TEST(before_the_call)
{
    if (samples[_i].type != OP_PROBE)
        nothing_applied(&samples[_i], FAULT_BEFORE, ERR_UNAVAILABLE);
}
END_TEST

START_TEST(instead_of_the_call)
{
    if (samples[_i].type != OP_PROBE)
        nothing_applied(&samples[_i], FAULT_LOST, ERR_IN_DOUBT);
}
END_TEST

START_TEST(one_op)
{
    plan.op = 0;
    if (samples[_i].type != OP_PROBE)
        nothing_applied(&samples[_i], FAULT_OP, ERR_STORAGE);
}
END_TEST

/* It was applied though the caller does not know it; an op that is idempotent may be run again. */
static void applied(const struct sample *s, enum fault_mode mode)
{
    struct op op = sample_make(s, &arena);
    struct slice after;

    if (s->type == OP_PROBE)
        return;
    after = state_after(s, STATE_CONTENT); /* that it was repeated, the outbox does say */
    run_fails(s, mode, ERR_IN_DOUBT);
    same(s, "applied", after, state(STATE_CONTENT));
    if (!op_is_idempotent(&op))
        return;
    run_ok(s);
    same(s, "repeated", after, state(STATE_CONTENT));
}

START_TEST(after_the_call)
{
    applied(&samples[_i], FAULT_AFTER);
}
END_TEST

START_TEST(late)
{
    applied(&samples[_i], FAULT_DELAYED);
}
END_TEST

/* The repeat is done first, then the op itself: nobody sees that it was done twice. */
START_TEST(after_its_repeat)
{
    const struct sample *s = &samples[_i];
    struct op op = sample_make(s, &arena);
    struct slice after;

    if (s->type == OP_PROBE || !op_is_idempotent(&op))
        return;
    after = state_after(s, STATE_CONTENT);
    plan.overtakes = 1;
    run_fails(s, FAULT_DELAYED, ERR_IN_DOUBT);
    run_ok(s);
    same(s, "overtaken by its repeat", after, state(STATE_CONTENT));
}
END_TEST

/* So that no new op is forgotten. */
START_TEST(each_type_has_a_sample)
{
    for (int type = 0; type < OP_TYPE_COUNT; type++) {
        struct op op = {.type = (enum op_type)type};
        bool has = false, told = !op_writes(&op) || type == OP_PAIR_CHANGE ||
                                 type == OP_TENANT_FORGET; /* they leave nothing to be told */

        for (size_t i = 0; i < n_samples; i++)
            if (samples[i].type == op.type) {
                op = sample_make(&samples[i], &arena);
                has = true;
                told |= op.replicate;
            }
        ck_assert_msg(has && told, "%s", op_name((enum op_type)type));
    }
}
END_TEST

START_TEST(only_the_call_that_is_meant)
{
    const struct sample *s = &samples[3];
    struct op op = sample_make(s, &arena);
    struct err err;
    size_t calls = atomic_load(&plan.calls);

    plan.mode = FAULT_BEFORE;
    atomic_store(&plan.at, calls + 2);
    ck_assert(sample_run(store, &op, &err));
    ck_assert(!sample_run(store, &op, &err));
    ck_assert(sample_run(store, &op, &err));
    ck_assert_uint_eq(atomic_load(&plan.calls), calls + 3);
    ck_assert(backend_probe(store, 0, &err));
}
END_TEST

START_TEST(down_until_told_otherwise)
{
    const struct sample *s = &samples[3];
    struct op op = sample_make(s, &arena), probe = sample_op(OP_PROBE, NULL, &arena);
    struct err err = {0};

    plan.mode = FAULT_BEFORE;
    plan.persistent = true;
    atomic_store(&plan.at, atomic_load(&plan.calls) + 2);
    ck_assert(backend_probe(store, 0, &err));
    ck_assert(sample_run(store, &op, &err));
    for (int i = 0; i < 3; i++) {
        ck_assert(!sample_run(store, &op, &err));
        ck_assert(!sample_run(store, &probe, &err));
        ck_assert_int_eq(err.kind, ERR_UNAVAILABLE);
    }
    atomic_store(&plan.at, 0);
    ck_assert(sample_run(store, &probe, &err));
    ck_assert(sample_run(store, &op, &err));
    plan.persistent = false;
}
END_TEST

START_TEST(the_rest_of_the_batch_runs)
{
    struct op a = sample_make(&samples[0], &arena), b = sample_make(&samples[3], &arena);
    struct op c = sample_make(&samples[8], &arena), *ops[] = {&a, &b, &c};
    struct err err = {0};

    plan.mode = FAULT_OP;
    plan.op = 1;
    atomic_store(&plan.at, atomic_load(&plan.calls) + 1);
    ck_assert(backend_execute(store, ops, 3, &err));
    ck_assert_int_eq(a.status.kind, ERR_OK);
    ck_assert_int_eq(b.status.kind, ERR_STORAGE);
    ck_assert_int_eq(c.status.kind, ERR_OK);
    plan.op = 3;
    atomic_store(&plan.at, atomic_load(&plan.calls) + 1);
    ck_assert(backend_execute(store, ops, 3, &err));
    ck_assert_int_eq(b.status.kind, ERR_OK);
}
END_TEST

TCase *calls_case(void)
{
    TCase *tc = tcase_create("calls");
    int n = (int)n_samples;

    tcase_add_checked_fixture(tc, open_store, close_store);
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, before_the_call, 0, n);
    tcase_add_loop_test(tc, instead_of_the_call, 0, n);
    tcase_add_loop_test(tc, one_op, 0, n);
    tcase_add_loop_test(tc, after_the_call, 0, n);
    tcase_add_loop_test(tc, late, 0, n);
    tcase_add_loop_test(tc, after_its_repeat, 0, n);
    tcase_add_test(tc, each_type_has_a_sample);
    tcase_add_test(tc, only_the_call_that_is_meant);
    tcase_add_test(tc, down_until_told_otherwise);
    tcase_add_test(tc, the_rest_of_the_batch_runs);
    return tc;
}

/*
 * contract_copies.c - what a change tells of itself is enough to make another store equal.
 *
 * Changes are made here, at random, and copied there: with each change, or later, by what the outbox
 * names. Both must hold the same then.
 */
#include "pairs.h"
#include "record_fields.h"
#include "state.h"

enum { SEEDS = 6, STEPS = 40, EVERY = 5, PAGE = 10, MANY = 100 };

static uint64_t seed;

/* A number below n; xorshift*, by S. Vigna. */
static uint64_t random_below(uint64_t n)
{
    seed ^= seed >> 12;
    seed ^= seed << 25;
    seed ^= seed >> 27;
    return (seed * UINT64_C(2685821657736338717) >> 33) % n;
}

static const char *pick(const char *stem, uint64_t n)
{
    return arena_printf(&here.arena, "%s%d", stem, (int)random_below(n)).at;
}

static void check_equal(int step)
{
    struct slice states[2];
    struct arena arena = {0};
    struct err err = {0};

    ck_assert_msg(state_read(here.backend, STATE_EXACT, &arena, &states[0], &err) &&
                      state_read(there.backend, STATE_EXACT, &arena, &states[1], &err),
                  "%s", err.text);
    ck_assert_msg(slice_equal(states[0], states[1]), "step %d:\n%.*s\n--- is not\n%.*s", step,
                  SLICE_ARGS(state_difference(states[0], states[1])),
                  SLICE_ARGS(state_difference(states[1], states[0])));
    arena_done(&arena);
}

/* --- changes at random ---------------------------------------------------------------------------- */

static struct op session_op(void)
{
    struct op op = store_op(&here, OP_SESSION_PUT, pick("s", 3));

    op.session_put.user_id = slice_of(pick("u", 2));
    op.session_put.metadata = SLICE("{\"a\":1}");
    op.session_put.with_context = random_below(2);
    return op;
}

static struct op patch_op(void)
{
    struct op op = store_op(&here, OP_SESSION_PATCH, pick("s", 3));

    if (random_below(2))
        op.session_patch.status = slice_of(pick("status", 2));
    op.session_patch.increment_requests = random_below(2);
    op.session_patch.add_processing_time = (double)random_below(2) / 2;
    return op;
}

static struct op append_op(void)
{
    struct op op = store_op(&here, OP_MESSAGE_APPEND, pick("s", 4));
    struct message *m = arena_zalloc(&here.arena, 2, sizeof(*m));

    ck_assert_ptr_nonnull(m);
    op.message_append.messages = m;
    op.message_append.n = random_below(2) + 1;
    for (size_t i = 0; i < op.message_append.n; i++) {
        m[i].id = slice_of(pick("m", 8));
        m[i].role = SLICE("user");
        m[i].content = SLICE("\"hello\"");
    }
    return op;
}

static struct op context_op(void)
{
    struct op op = store_op(&here, OP_CONTEXT_PUT, pick("s", 4));

    op.context_put.context = slice_of(pick("1", 9));
    return op;
}

static struct op delete_op(void)
{
    struct op op = store_op(&here, random_below(2) ? OP_SESSION_DELETE : OP_THREAD_DELETE,
                            pick("s", 3));

    if (op.type == OP_SESSION_DELETE)
        op.session_delete.threads = random_below(2);
    return op;
}

static struct op idle_op(void)
{
    struct op op = store_op(&here, OP_CLEANUP, NULL);

    op.cleanup.idle_us = here.now_us - 3 * SECOND;
    op.cleanup.limit = 10;
    return op;
}

/* Of threads that are called as sessions are. */
static struct op thread_op(void)
{
    const char *thread = pick("s", 3), *id = pick("c", 4);

    switch (random_below(3)) {
    case 0:
        return put_op(&here, (struct checkpoint_in){.thread = thread,
                                                    .id = id,
                                                    .head = pick("1", 9),
                                                    .run = pick("r", 2),
                                                    .values = "a=1:v b=1:w"});
    case 1:
        return put_op(&here, (struct checkpoint_in){
                                 .thread = thread, .ns = "doc", .id = id, .form = FORM_DOCUMENT});
    default:
        return writes_op(&here, (struct writes_in){.thread = thread,
                                                   .checkpoint = id,
                                                   .task = pick("task", 2),
                                                   .mode = (enum writes_mode)random_below(3),
                                                   .writes = "0:a=b 1:c=d"});
    }
}

static struct op random_op(void)
{
    static struct op (*const makers[])(void) = {session_op, patch_op,  append_op, append_op,
                                                context_op, thread_op, thread_op, thread_op,
                                                delete_op,  idle_op};
    struct op op;

    here.now_us += (int64_t)random_below(3) * SECOND;
    op = makers[random_below(COUNT_OF(makers))]();
    op.replicate = true;
    if ((op.type == OP_SESSION_PUT || op.type == OP_SESSION_PATCH) && random_below(2))
        op.repeat = pair_request(op.stamp);
    return op;
}

static bool is_named(const struct op_pair_read *waiting, const struct record *record)
{
    for (size_t i = 0; i < waiting->out.n; i++)
        for (size_t k = 0; k < waiting->out.entries[i].n_names; k++) {
            const struct record_name *name = &waiting->out.entries[i].names[k];

            if (name->kind == record->kind && record_key_compare(&name->key, &record->key) == 0)
                return true;
        }
    return false;
}

/* A change that failed, or that changed nothing, leaves nothing behind. What is done in parts may have an
 * entry for each. */
static void check_entries(const struct op *op, const struct op_pair_read *waiting)
{
    size_t n_names = 0;

    ck_assert(op->status.kind == ERR_OK || op->n_copies == 0);
    ck_assert_uint_eq(waiting->out.n > 0, op->n_copies > 0);
    for (size_t i = 0; i < waiting->out.n; i++) {
        ck_assert_int_eq(waiting->out.entries[i].number, op->stamp);
        ck_assert(slice_equal(waiting->out.entries[i].tenant, op->tenant));
        n_names += waiting->out.entries[i].n_names;
    }
    ck_assert_uint_ge(n_names, op->n_copies); /* a known message may be named */
    for (size_t i = 0; i < op->n_copies; i++)
        ck_assert(is_named(waiting, &op->copies[i]));
}

START_TEST(copies_are_enough)
{
    seed = (uint64_t)_i * 2654435761u + 88172645463325252u;
    for (int i = 0; i < STEPS; i++) {
        struct op op = random_op();
        struct op_pair_read waiting;

        store_run(&here, &op);
        waiting = pair_read(&here, 1000);
        check_entries(&op, &waiting);
        if (op.n_copies == 0)
            continue;
        pair_merge(&there, op.id, op.copies, op.n_copies);
        check_equal(i);
        pair_change(
            &here, (struct op_pair_change){.clear = waiting.out.entries, .n_clear = waiting.out.n});
        ck_assert_uint_eq(pair_read(&here, PAGE).out.n, 0);
    }
}
END_TEST

START_TEST(names_are_enough)
{
    seed = (uint64_t)_i * 2654435761u + 88172645463325252u;
    for (int i = 0; i < STEPS; i++) {
        size_t made = 0;

        for (int k = 0; k < EVERY; k++) {
            struct op op = random_op();

            store_run(&here, &op);
            made += op.n_copies > 0;
        }
        ck_assert_uint_eq(pair_drain(&here, &there, _i % 2 ? PAGE : 1), made);
        check_equal(i);
    }
}
END_TEST

/* A change of many ids: some of them lie side by side, wherever a store keeps its outbox. */
START_TEST(a_sweep_is_copied_piece_by_piece)
{
    struct op op;

    for (int i = 0; i < MANY; i++) {
        op = store_op(&here, OP_SESSION_PUT, arena_printf(&here.arena, "s%d", i).at);
        op.session_put.user_id = SLICE("u");
        op.session_put.metadata = SLICE("{}");
        op.replicate = true;
        store_ok(&here, &op);
    }
    ck_assert_uint_eq(pair_drain(&here, &there, MANY), MANY);
    op = store_op(&here, OP_CLEANUP, NULL);
    op.cleanup.idle_us = here.now_us;
    op.cleanup.limit = MANY;
    op.replicate = true;
    store_ok(&here, &op);
    ck_assert_int_eq(op.cleanup.out.removed, MANY);
    pair_drain(&here, &there, 1);
    check_equal(0);
}
END_TEST

TCase *contract_copies_case(void)
{
    TCase *tc = tcase_create("copies");

    tcase_add_checked_fixture(tc, pair_open, pair_close);
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, copies_are_enough, 0, SEEDS);
    tcase_add_loop_test(tc, names_are_enough, 0, SEEDS);
    tcase_add_test(tc, a_sweep_is_copied_piece_by_piece);
    return tc;
}

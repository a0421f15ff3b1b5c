/*
 * contract_batches.c - random batches: the outcome of their ops is what it is one by one.
 *
 * The target gets them together, in the order in which a lane would give them; the reference, memory:, gets
 * them one after the other. The answers must be the same, and so must what both stores hold then.
 */
#include <stdlib.h>

#include "random.h"
#include "threads.h"

enum { SEEDS = 8, BATCHES = 12, OPS = 24, IDS = 5, INLINE_MAX = 1024 };

static struct store reference, target;

static void open_stores(size_t inline_max)
{
    struct backend_config cfg = store_config();

    cfg.inline_max = inline_max;
    store_open(&target, cfg, 0);
    memory_open(&reference, &target, cfg);
}

static void close_stores(void)
{
    store_close(&target);
    store_close(&reference);
}

static struct op random_put(struct store *s, const char *id)
{
    struct checkpoint_in in = {
        .thread = id,
        .id = random_text(s, "c", 4),
        .parent = random_below(2) ? "c0" : NULL,
        .run = random_below(3) ? "run" : NULL,
        .values = arena_printf(&s->arena, "a=%d:%d-0123456789012345678901234567890123456789 b=%d:x",
                               (int)random_below(3), (int)random_below(50), (int)random_below(3))
                      .at,
        .carried = random_below(2) ? "c=1 d=1" : NULL,
    };

    if (random_below(4) == 0) {
        in.values = "c=1:carried d=1:too";
        in.carried = NULL;
    }
    if (random_below(6))
        return put_op(s, in);
    in.ns = "doc";
    in.form = random_below(3) ? FORM_DOCUMENT : FORM_CHANNEL; /* one of the two forms is refused */
    in.values = in.carried = NULL;
    in.head = arena_printf(&s->arena, "{\"n\":%d}", (int)random_below(9)).at;
    return put_op(s, in);
}

static struct op random_writes(struct store *s, const char *id)
{
    return writes_op(s, (struct writes_in){.thread = id,
                                           .checkpoint = random_text(s, "c", 5),
                                           .task = random_text(s, "task", 3),
                                           .path = random_text(s, "path", 2),
                                           .mode = (enum writes_mode)random_below(3),
                                           .writes = random_below(2) ? "0:a=b 1:c=d" : "1:c=e"});
}

static struct op random_append(struct store *s, const char *id)
{
    struct op op = store_op(s, OP_MESSAGE_APPEND, id);
    struct op_message_append *append = &op.message_append;

    append->n = random_below(3) + 1;
    append->messages = arena_zalloc(&s->arena, append->n, sizeof(*append->messages));
    ck_assert_ptr_nonnull(append->messages);
    for (size_t i = 0; i < append->n; i++)
        append->messages[i] = (struct message){.id = slice_of(random_text(s, "m", 12)),
                                               .role = SLICE("user"),
                                               .content = slice_of(random_text(s, "", 100))};
    return op;
}

static struct op random_session(struct store *s, const char *id)
{
    struct op op = store_op(s, random_below(2) ? OP_SESSION_PUT : OP_SESSION_PATCH, id);

    if (op.type == OP_SESSION_PUT) {
        op.session_put.user_id = SLICE("u");
        op.session_put.metadata = SLICE("{}");
        return op;
    }
    op.session_patch.metadata_merge = slice_of(random_below(2) ? "{\"a\":1}" : "{\"b\":[2]}");
    op.session_patch.increment_requests = random_below(2);
    op.session_patch.add_processing_time = 0.5;
    return op;
}

static struct op random_op(struct store *s)
{
    const char *id = random_text(s, "t", IDS);
    struct op op;

    switch (random_below(14)) {
    case 0:
        return store_op(s, random_below(2) ? OP_SESSION_DELETE : OP_THREAD_DELETE, id);
    case 1:
    case 2:
        return random_session(s, id);
    case 3:
    case 4:
        return random_append(s, id);
    case 5:
        op = store_op(s, OP_CONTEXT_PUT, id);
        op.context_put.context = slice_of(random_text(s, "", 9));
        return op;
    case 6:
        op = store_op(s, OP_CHECKPOINT_GET, id);
        op.checkpoint_get.ns = SLICE("");
        return op;
    case 7:
        return store_op(s, OP_SESSION_GET, id);
    case 8:
    case 9:
    case 10:
        return random_writes(s, id);
    default:
        return random_put(s, id);
    }
}

static int by_lane_hash(const void *left, const void *right)
{
    const struct op *a = *(struct op *const *)left, *b = *(struct op *const *)right;
    uint64_t x = op_lane_hash(a), y = op_lane_hash(b);

    return x != y ? (x > y) - (x < y) : (a > b) - (a < b);
}

/* Makes the same ops for both; those of the reference take the stamps of the others. */
static size_t make_batch(struct op *ours, struct op *theirs, struct op **sorted)
{
    size_t n = random_below(OPS) + 1;
    uint64_t at = random_place();

    for (size_t i = 0; i < n; i++) {
        ours[i] = random_op(&target);
        sorted[i] = &ours[i];
    }
    random_return(at);
    for (size_t i = 0; i < n; i++) {
        theirs[i] = random_op(&reference);
        theirs[i].stamp = ours[i].stamp;
    }
    qsort(sorted, n, sizeof(*sorted), by_lane_hash);
    return n;
}

static void check_answer(const struct op *got, const struct op *want, int batch)
{
    ck_assert_msg(got->status.kind == want->status.kind, "batch %d, %s of %.*s: %s (%s), not %s",
                  batch, op_name(got->type), SLICE_ARGS(got->id), err_wire_name(got->status.kind),
                  got->status.text, err_wire_name(want->status.kind));
    if (want->status.kind != ERR_OK)
        return;
    if (want->type == OP_CHECKPOINT_GET) {
        const struct checkpoint *have = got->checkpoint_get.out.checkpoint;
        const struct checkpoint *other = want->checkpoint_get.out.checkpoint;

        ck_assert(slice_equal(have->id, other->id));
        ck_assert_str_eq(values_text(&target, have), values_text(&reference, other));
        ck_assert_str_eq(writes_text(&target, have->writes, have->n_writes),
                         writes_text(&reference, other->writes, other->n_writes));
    }
    if (want->type == OP_SESSION_GET)
        ck_assert_int_eq(got->session_get.out.session.request_count,
                         want->session_get.out.session.request_count);
    if (want->type == OP_MESSAGE_APPEND)
        ck_assert_int_eq(got->message_append.messages[0].seq, want->message_append.messages[0].seq);
    if (want->type == OP_CHECKPOINT_PUT)
        ck_assert_int_eq(got->checkpoint_put.out.created, want->checkpoint_put.out.created);
}

START_TEST(as_one_by_one)
{
    struct op ours[OPS], theirs[OPS], *sorted[OPS];
    struct err err = {0};

    open_stores(_i < SEEDS ? 0 : INLINE_MAX);
    random_start(_i % SEEDS);
    for (int batch = 0; batch < BATCHES; batch++) {
        size_t n = make_batch(ours, theirs, sorted);

        ck_assert_msg(backend_execute(target.backend, sorted, n, &err), "%s", err.text);
        for (size_t i = 0; i < n; i++) {
            if (sorted[i]->again)
                store_run(&target, sorted[i]);
            store_run(&reference, &theirs[sorted[i] - ours]);
        }
        for (size_t i = 0; i < n; i++)
            check_answer(&ours[i], &theirs[i], batch);
        same_state(&target, &reference, STATE_CONTENT,
                   arena_printf(&target.arena, "batch %d", batch).at);
        target.now_us += MINUTE;
        reference.now_us = target.now_us;
    }
    close_stores();
}
END_TEST

TCase *contract_batches_case(void)
{
    TCase *tc = tcase_create("batches");

    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, as_one_by_one, 0, 2 * SEEDS);
    return tc;
}

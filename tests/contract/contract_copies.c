/*
 * contract_copies.c - random changes of every kind in one store, copied into another as they are made;
 * then all copies merged in any order, and twice.
 */
#include <stdlib.h>

#include "pair.h"
#include "random.h"

enum { SEEDS = 6, STEPS = 70, ORDERS = 3 };

/* The copies so far. */
static struct {
    struct record *items;
    size_t n;
} kept;

static const char *pick(const char *stem, uint64_t n)
{
    return random_text(&here, stem, n);
}

/* One of two ids, which sessions and threads share. */
static const char *pick_id(void)
{
    return pick("i", 2);
}

static struct op session_put(void)
{
    struct op op = store_op(&here, OP_SESSION_PUT, pick_id());

    op.session_put.user_id = slice_of(pick("u", 2));
    op.session_put.metadata = slice_of(random_below(2) ? "{}" : "{\"a\":1}");
    op.session_put.with_context = random_below(2);
    if (random_below(2))
        op.repeat = request_of((char)('a' + (char)random_below(20)), 'b');
    return op;
}

static struct op session_patch(void)
{
    struct op op = store_op(&here, OP_SESSION_PATCH, pick_id());

    op.session_patch.increment_requests = random_below(2);
    op.session_patch.add_processing_time = (double)random_below(3) / 4;
    if (random_below(2))
        op.session_patch.status = slice_of(pick("status", 2));
    if (random_below(2))
        op.session_patch.metadata_merge = slice_of(random_below(2) ? "{\"a\":2}" : "{\"b\":[]}");
    if (random_below(2))
        op.repeat = request_of((char)('a' + (char)random_below(20)), 'b');
    return op;
}

static struct op message_append(void)
{
    struct op op = store_op(&here, OP_MESSAGE_APPEND, pick_id());
    size_t n = (size_t)random_below(3) + 1;

    op.message_append.messages = arena_zalloc(&here.arena, n, sizeof(struct message));
    ck_assert_ptr_nonnull(op.message_append.messages);
    op.message_append.n = n;
    for (size_t i = 0; i < n; i++)
        op.message_append.messages[i] = (struct message){.id = slice_of(pick("m", 9)),
                                                         .role = SLICE("user"),
                                                         .content = slice_of(pick("", 99)),
                                                         .metadata = SLICE("{}")};
    return op;
}

static struct op checkpoint_put(void)
{
    bool document = random_below(3) == 0;

    return put_op(&here, (struct checkpoint_in){
                             .thread = pick_id(),
                             .ns = document ? "doc" : "",
                             .id = pick("c", 5),
                             .form = document ? FORM_DOCUMENT : FORM_CHANNEL,
                             .run = random_below(2) ? "r" : NULL,
                             .head = pick("", 99),
                             .values = document || random_below(3) == 0 ? NULL : pick("a=1:v", 9),
                             .carried = document ? NULL : "b=1 a=1"});
}

static struct op writes_put(void)
{
    return writes_op(&here,
                     (struct writes_in){.thread = pick_id(),
                                        .checkpoint = pick("c", 5),
                                        .task = pick("k", 2),
                                        .path = pick("p", 2),
                                        .mode = (enum writes_mode)random_below(3),
                                        .writes = random_below(2) ? "0:a=b 1:c=d" : "1:c=e"});
}

static struct op removal(enum op_type type)
{
    static const struct slice runs[] = {{"r", 1}};
    bool whole = type == OP_RUNS_DELETE || type == OP_CLEANUP;
    struct op op = store_op(&here, type, whole ? NULL : pick_id());

    if (type == OP_SESSION_DELETE)
        op.session_delete.threads = random_below(2);
    if (type == OP_MESSAGE_TRIM)
        op.message_trim.keep_last = (int64_t)random_below(4) + 1;
    if (type == OP_THREAD_PRUNE) {
        op.thread_prune.keep_last = (int64_t)random_below(3) + 1;
        op.thread_prune.delete_all = random_below(4) == 0;
    }
    if (type == OP_RUNS_DELETE) {
        op.runs_delete.run_ids = runs;
        op.runs_delete.n = 1;
    }
    if (type == OP_CLEANUP) {
        op.cleanup.idle_us = here.now_us - MINUTE;
        op.cleanup.limit = 10;
    }
    return op;
}

static struct op thread_copy(void)
{
    struct op op = store_op(&here, OP_THREAD_COPY, pick_id());

    op.thread_copy.to = slice_of(pick("copy", 3));
    return op;
}

static struct op context_put(void)
{
    struct op op = store_op(&here, OP_CONTEXT_PUT, pick_id());

    op.context_put.context = slice_of(pick("", 99));
    return op;
}

/* Every type that changes the data of clients. */
static const enum op_type types[] = {
    OP_SESSION_PUT,  OP_SESSION_PATCH,  OP_SESSION_DELETE, OP_CONTEXT_PUT,   OP_MESSAGE_APPEND,
    OP_MESSAGE_TRIM, OP_CHECKPOINT_PUT, OP_WRITES_PUT,     OP_THREAD_DELETE, OP_THREAD_COPY,
    OP_THREAD_PRUNE, OP_RUNS_DELETE,    OP_CLEANUP,
};

static struct op any_op(enum op_type type)
{
    if (type == OP_SESSION_PUT)
        return session_put();
    if (type == OP_SESSION_PATCH)
        return session_patch();
    if (type == OP_CONTEXT_PUT)
        return context_put();
    if (type == OP_MESSAGE_APPEND)
        return message_append();
    if (type == OP_CHECKPOINT_PUT)
        return checkpoint_put();
    if (type == OP_WRITES_PUT)
        return writes_put();
    return type == OP_THREAD_COPY ? thread_copy() : removal(type);
}

/* Fails when a new writing op is missing from the list above. */
START_TEST(every_writing_op_is_among_them)
{
    for (int type = 0; type < OP_TYPE_COUNT; type++) {
        struct op op = {.type = (enum op_type)type};
        bool known = type == OP_MERGE || type == OP_PAIR_CHANGE || type == OP_TENANT_FORGET;

        for (size_t i = 0; i < COUNT_OF(types); i++)
            known |= types[i] == op.type;
        ck_assert_msg(op_writes(&op) == known, "%s", op_name(op.type));
    }
}
END_TEST

static void keep(const struct op *op)
{
    if (op->n_copies == 0)
        return;
    kept.items = arena_resize(&here.arena, kept.items, kept.n * sizeof(*kept.items),
                              (kept.n + op->n_copies) * sizeof(*kept.items));
    ck_assert_ptr_nonnull(kept.items);
    memcpy(kept.items + kept.n, op->copies, op->n_copies * sizeof(*kept.items));
    kept.n += op->n_copies;
}

/* Makes a change, if it can be made. */
static void step(enum op_type type)
{
    struct op op = any_op(type);
    enum err_kind kind;
    const char *names;

    here.now_us += (int64_t)random_below(20) * SECOND;
    op.now_us = here.now_us;
    kind = tried(&op, &names);
    ck_assert_msg(kind == ERR_OK || kind == ERR_NO_SESSION || kind == ERR_THREAD, "%s: %s",
                  op_name(type), op.status.text);
    keep(&op);
    if (random_below(8) == 0) { /* now and then the outbox is cleared */
        struct op_pair_read read = pair_read(&here, 1000);

        pair_change(&here,
                    (struct op_pair_change){.clear = read.out.entries, .n_clear = read.out.n});
    }
}

static void begin(int number)
{
    random_start(number);
    kept.items = NULL;
    kept.n = 0;
}

START_TEST(any_change_makes_both_equal)
{
    begin(_i);
    for (int i = 0; i < STEPS; i++)
        step(types[random_below(COUNT_OF(types))]);
}
END_TEST

static void swap(struct record *a, struct record *b)
{
    struct record was = *a;

    *a = *b;
    *b = was;
}

/*
 * Shuffles records, but values and threads come first: others refer to values, and a task takes its place
 * by its first write since the deletion of its thread.
 */
static void shuffle(struct record *items, size_t n)
{
    size_t first = 0;

    for (size_t i = n; i > 1; i--)
        swap(&items[i - 1], &items[random_below(i)]);
    for (size_t i = 0; i < n; i++)
        if (items[i].kind == RECORD_VALUE || items[i].kind == RECORD_THREAD)
            swap(&items[first++], &items[i]);
}

/* Merges in batches of some records, as they come in that many requests. */
static void merge_some_by_some(struct store *s, const struct record *items, size_t n)
{
    for (size_t at = 0; at < n;) {
        size_t batch = (size_t)random_below(5) + 1;

        if (batch > n - at)
            batch = n - at;
        store_merge(s, items + at, batch);
        at += batch;
    }
}

/* Only with changes that records tell in full: a partial removal is told by a name. */
START_TEST(copies_may_come_in_any_order_and_twice)
{
    static const enum op_type told[] = {OP_SESSION_PUT, OP_SESSION_PATCH,  OP_SESSION_DELETE,
                                        OP_CONTEXT_PUT, OP_MESSAGE_APPEND, OP_CHECKPOINT_PUT,
                                        OP_WRITES_PUT,  OP_WRITES_PUT,     OP_CHECKPOINT_PUT};

    begin(_i + 100);
    for (int i = 0; i < STEPS; i++)
        step(told[random_below(COUNT_OF(told))]);
    for (int order = 0; order < ORDERS; order++) {
        struct store s;

        store_open(&s, store_config(), 10 + order);
        s.now_us = here.now_us;
        for (int twice = 0; twice < 2; twice++) {
            shuffle(kept.items, kept.n);
            merge_some_by_some(&s, kept.items, kept.n);
        }
        same_stores(&here, &s);
        store_close(&s);
    }
}
END_TEST

void contract_copies_add(TCase *tc)
{
    tcase_add_test(tc, every_writing_op_is_among_them);
    tcase_add_loop_test(tc, any_change_makes_both_equal, 0, SEEDS);
    tcase_add_loop_test(tc, copies_may_come_in_any_order_and_twice, 0, SEEDS);
}

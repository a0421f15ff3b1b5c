/* redis_merge.c - OP_MERGE: runs of records of one id; see redis_merge_run.h. */
#include "redis_merge_run.h"

#include "record_fields.h"
#include "redis_ops.h"
#include "redis_used.h"

enum { RUN_MAX = 100, RUN_BYTES_MAX = 1 << 20 };

static bool is_of_session(enum record_kind kind)
{
    return kind <= RECORD_CONTEXT || kind == RECORD_REPEAT || kind == RECORD_PENDING;
}

/* Whether it removes something from a thread. Such records are merged at the end: merge_gone(). */
static bool is_gone(const struct record *r)
{
    return r->gone && r->kind != RECORD_MESSAGE;
}

static bool is_of_thread(const struct record *r)
{
    return record_is_of_thread(r->kind) && !is_gone(r);
}

/* Whether b may follow a in a run: kinds and keys rise, so no key comes twice. PENDING may not follow
 * REPEAT, for it asks the store whether its request is remembered. */
static bool follows(const struct record *a, const struct record *b)
{
    if (!slice_equal(a->key.id, b->key.id) || a->kind > b->kind)
        return false;
    return a->kind == b->kind ? record_key_compare(&a->key, &b->key) < 0 : a->kind != RECORD_REPEAT;
}

static size_t bytes_of(const struct record *r)
{
    return r->kind < RECORD_KIND_COUNT ? record_bytes(r) : sizeof(*r);
}

/* How many records, from the first on, are merged as one run. */
static size_t count_run(const struct record *records, size_t n)
{
    size_t bytes = bytes_of(records), run = 1;

    for (; run < n && run < RUN_MAX && follows(&records[run - 1], &records[run]); run++) {
        bytes += bytes_of(&records[run]);
        if (bytes > RUN_BYTES_MAX)
            break;
    }
    return run;
}

/* What a run reads besides the replies of its records. */
struct wanted {
    bool outbox, session, metadata, thread;
    struct slice ns; /* only this namespace of the thread; absent: all */
};

static void want_thread(struct wanted *w, const struct record *r)
{
    bool first = !w->thread;

    w->thread = true;
    if (r->kind == RECORD_THREAD ||
        (!first && slice_present(w->ns) && !slice_equal(w->ns, r->key.ns)))
        w->ns = (struct slice){NULL, 0};
    else if (first)
        w->ns = r->key.ns;
}

static struct wanted look_through(const struct merge_run *run)
{
    struct wanted w = {.thread = false};

    for (size_t i = 0; i < run->n; i++) {
        const struct record *r = &run->records[i];

        w.session |= is_of_session(r->kind);
        w.metadata |= r->kind == RECORD_SESSION || r->kind == RECORD_PENDING;
        if (is_of_thread(r))
            want_thread(&w, r);
    }
    return w;
}

/* How many replies belong to a record. */
static size_t n_asked(const struct merge_run *run, const struct record *r)
{
    static const size_t asked[RECORD_MESSAGES] = {
        [RECORD_MESSAGE] = 1, [RECORD_VALUE] = 1,  [RECORD_CHECKPOINT] = 1,
        [RECORD_TASK] = 2,    [RECORD_REPEAT] = 2, [RECORD_PENDING] = 2,
    };

    return is_gone(r) ? 0 : asked[r->kind] + redis_merge_needed(run, r);
}

static void ask_record(struct merge_run *run, const struct record *r)
{
    struct call *c = run->c;
    const struct record_key *key = &r->key;

    if (r->kind == RECORD_MESSAGE)
        ASK(c, SLICE("HGET"), call_key(c, "messages"), key->sub);
    if (r->kind == RECORD_VALUE)
        ASK(c, SLICE("HEXISTS"), call_key_ns(c, "values", key->ns), call_number(c, key->number));
    if (is_gone(r))
        return;
    if (r->kind == RECORD_CHECKPOINT || r->kind == RECORD_TASK)
        ASK(c, SLICE("HGET"), call_key_ns(c, "checkpoints", key->ns), key->sub);
    if (r->kind == RECORD_TASK)
        ASK(c, SLICE("HGET"), call_writes_key(c, key->ns, key->sub), key->task);
    if (r->kind == RECORD_REPEAT)
        redis_merge_repeat_ask(c, r);
    if (r->kind == RECORD_PENDING)
        redis_merge_pending_ask(c, r);
    redis_merge_needed_ask(run, r);
}

/* Reads all that the run needs. *stored: the replies of its records. */
static bool read_run(struct merge_run *run, const struct wanted *w, struct reply ***stored,
                     struct err *err)
{
    struct call *c = run->c;
    struct reply **replies;

    if (w->outbox)
        ASK(c, SLICE("EXISTS"), call_shared(c, "outbox"));
    if (w->session)
        redis_row_ask(c, w->metadata);
    if (w->thread)
        redis_thread_ask(c, w->ns);
    for (size_t i = 0; i < run->n; i++)
        ask_record(run, &run->records[i]);
    if (!call_answers(c, &replies, err))
        return false;
    if (w->outbox)
        c->op->merge.out.outbox = (*replies++)->number != 0;
    if (w->session && !redis_row_take(c, *replies++, &run->row, err))
        return false;
    if (w->thread && (!redis_thread_take(c, w->ns, *replies++, &run->thread, err) ||
                      !redis_merge_thread_begin(run, err)))
        return false;
    run->vacant = !run->row.s.stored || run->row.s.hollow;
    *stored = replies;
    return true;
}

static bool merge_one(struct merge *m, struct err *err)
{
    static bool (*const by_kind[RECORD_MESSAGES])(struct merge * m, struct err * err) = {
        [RECORD_SESSION] = redis_merge_session, [RECORD_MESSAGE] = redis_merge_message,
        [RECORD_CONTEXT] = redis_merge_context, [RECORD_THREAD] = redis_merge_thread,
        [RECORD_VALUE] = redis_merge_value,     [RECORD_CHECKPOINT] = redis_merge_checkpoint,
        [RECORD_TASK] = redis_merge_task,       [RECORD_REPEAT] = redis_merge_repeat,
        [RECORD_PENDING] = redis_merge_pending,
    };

    return is_gone(m->record) || by_kind[m->record->kind](m, err);
}

/* What became of the records of a run: how many were looked at, had an effect, were left out. */
struct merged {
    size_t n, applied, broken;
    int64_t newest;
};

static bool merge_all(struct merge_run *run, struct reply *const *stored, struct merged *out,
                      struct err *err)
{
    *out = (struct merged){.n = 0};
    while (out->n < run->n && !run->ends) {
        struct merge m = {
            .run = run, .c = run->c, .record = &run->records[out->n], .stored = stored};

        if (!merge_one(&m, err))
            return false;
        if (run->stops)
            break;
        stored += n_asked(run, m.record);
        out->applied += m.applied;
        out->broken += m.broken;
        if (out->newest < m.newest)
            out->newest = m.newest;
        out->n++;
    }
    return true;
}

static bool store_run(struct merge_run *run, struct err *err)
{
    struct call *c = run->c;

    if (run->row_changed && !redis_row_store(c, &run->row, err))
        return false;
    /* The bucket is marked even if nothing changes: in a server that was emptied, the record may be there
     * again while the mark is not. */
    return redis_merge_thread_end(run, err) && used_mark(c, err) && call_commit(c, err);
}

static bool try_run(struct call *c, const struct record *records, size_t n, bool first,
                    struct merged *out, struct err *err)
{
    struct merge_run run = {.c = c, .records = records, .n = n};
    struct wanted wanted = look_through(&run);
    struct reply **stored;

    wanted.outbox = first && slice_present(c->op->id);
    call_at(c, c->op->tenant, records->key.id);
    return read_run(&run, &wanted, &stored, err) && merge_all(&run, stored, out, err) &&
           store_run(&run, err);
}

/* Merges the first run of these records. Returns its length; 0: it failed. */
static size_t merge_some(struct call *c, const struct record *records, size_t n, bool first,
                         struct err *err)
{
    struct op_merge *merge = &c->op->merge;
    struct merged merged;
    int tries = 0;

    n = count_run(records, n);
    while (!try_run(c, records, n, first, &merged, err))
        if (!call_again(c, &tries))
            return 0;
    merge->out.applied += merged.applied;
    merge->out.broken += merged.broken;
    if (merge->out.newest < merged.newest)
        merge->out.newest = merged.newest;
    return merged.n;
}

/* Removes what is gone from threads, after all else is merged: each thread is gone through once. */
static bool merge_gone(struct call *c, struct err *err)
{
    const struct op_merge *merge = &c->op->merge;
    size_t applied;

    for (size_t i = 0, n; i < merge->n; i += n) {
        const struct record *r = &merge->items[i];
        int tries = 0;

        for (n = 1; i + n < merge->n && slice_equal(merge->items[i + n].key.id, r->key.id); n++)
            ;
        call_at(c, c->op->tenant, r->key.id);
        while (!redis_merge_gone(c, r, n, &applied, err))
            if (!call_again(c, &tries))
                return false;
        c->op->merge.out.applied += applied;
    }
    return true;
}

/* A message that was just written to the other store needs one round trip. */
static bool merge_next(struct call *c, bool *done, struct err *err)
{
    const struct record *r = c->op->merge.items;

    *done = false;
    if (c->op->merge.n != 1 || r->kind != RECORD_MESSAGE || r->gone)
        return true;
    call_at(c, c->op->tenant, r->key.id);
    return redis_merge_next(c, r, done, err);
}

bool redis_merge(struct call *c, struct op *op, struct err *err)
{
    struct op_merge *merge = &op->merge;
    bool gone = false, next;
    size_t done;

    memset(&merge->out, 0, sizeof(merge->out));
    if (!merge_next(c, &next, err) || next)
        return next;
    for (size_t i = 0; i < merge->n; i += done) {
        done = merge_some(c, merge->items + i, merge->n - i, i == 0, err);
        if (done == 0)
            return false;
    }
    for (size_t i = 0; i < merge->n; i++)
        gone |= is_gone(&merge->items[i]);
    return !gone || merge_gone(c, err);
}

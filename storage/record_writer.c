/* record_writer.c - see record_writer.h. */
#include "record_writer.h"

#include "clock.h"
#include "record_fields.h"

bool writer_open(struct record_writer *w, struct err *err)
{
    if (inbox_init(&w->home, err))
        return true;
    w->store = NULL;
    return false;
}

void writer_close(struct record_writer *w)
{
    if (!w->store)
        return;
    for (size_t i = 0; i < COUNT_OF(w->arenas); i++)
        arena_done(&w->arenas[i]);
    inbox_done(&w->home);
    w->store = NULL;
}

static void set_op(struct record_writer *w, size_t at, const struct record *records, size_t n)
{
    w->ops[at] = (struct op){
        .type = OP_MERGE,
        .tenant = w->tenant,
        .id = records->key.id,
        .now_us = clock_now_us(),
        .arena = &w->arenas[at],
        .merge = {.items = records, .n = n},
    };
    w->out[at] = &w->ops[at];
}

/* Makes one op for each run of records with the same id. */
static size_t make_ops(struct record_writer *w)
{
    size_t n_ops = 0, end;

    for (size_t i = 0; i < w->n; i = end) {
        for (end = i + 1; end < w->n; end++)
            if (!slice_equal(w->records[end].key.id, w->records[i].key.id))
                break;
        set_op(w, n_ops++, &w->records[i], end - i);
    }
    return n_ops;
}

static void run(struct record_writer *w, size_t from, size_t n)
{
    caller_send(w->store, &w->home, w->out + from, n);
    caller_wait(w->store, &w->home, w->out + from, n);
}

/* Whether the store is at fault, not the record. */
static bool is_lost(const struct op *op)
{
    return err_retry(op->status.kind) != RETRY_NEVER || op->status.kind == ERR_NO_MEMORY;
}

/* Whether the store left out a checkpoint. A value that is left out is not needed, or comes with what
 * needs it. */
static bool is_left_out(const struct op *op)
{
    return op->merge.out.broken > 0 && op->merge.items->kind == RECORD_CHECKPOINT;
}

/* Brings a checkpoint that was left out from its store, with all that it needs. False: a store is lost. */
static bool bring(struct record_writer *w, const struct record *record, struct err *err)
{
    struct err why = {.kind = ERR_OK};
    bool applied = false;

    if (!w->bring)
        err_fill(&why, ERR_DAMAGED, "a value that it refers to is not there");
    else if (w->bring(w->ctx, w->tenant, record, &applied, &why))
        w->applied[record->kind] += applied;
    if (why.kind == ERR_OK)
        return true;
    if (err_retry(why.kind) != RETRY_NEVER || why.kind == ERR_NO_MEMORY) {
        *err = why;
        return false;
    }
    w->failed(w->ctx, w->tenant, record, &why);
    return true;
}

/* Merges the records of an op one by one, since most of them may be sound. */
static bool retry_alone(struct record_writer *w, size_t at, struct err *err)
{
    struct op *op = w->out[at];
    const struct op_merge all = op->merge;

    for (size_t i = 0; i < all.n; i++) {
        if (all.n > 1) {
            arena_reset(op->arena);
            set_op(w, at, &all.items[i], 1);
            run(w, at, 1);
        }
        if (is_lost(op)) {
            *err = op->status;
            return false;
        }
        if (op->status.kind == ERR_OK) {
            w->applied[all.items[i].kind] += (int64_t)op->merge.out.applied;
            if (is_left_out(op) && !bring(w, &all.items[i], err))
                return false;
        } else
            w->failed(w->ctx, w->tenant, &all.items[i], &op->status);
    }
    return true;
}

/* Takes the outcome of one op. False: the store is lost. */
static bool settle(struct record_writer *w, size_t at, struct err *err)
{
    const struct op *op = w->out[at];

    if (op->status.kind == ERR_OK) {
        w->applied[op->merge.items->kind] += (int64_t)op->merge.out.applied;
        return !is_left_out(op) || retry_alone(w, at, err);
    }
    if (!is_lost(op))
        return retry_alone(w, at, err);
    *err = op->status;
    return false;
}

bool writer_flush(struct record_writer *w, struct err *err)
{
    size_t n_ops = make_ops(w);
    bool ok = true;

    run(w, 0, n_ops);
    for (size_t i = 0; i < n_ops && ok; i++)
        ok = settle(w, i, err);
    for (size_t i = 0; i < n_ops; i++)
        arena_reset(&w->arenas[i]);
    w->n = w->bytes = 0;
    return ok;
}

bool writer_put(struct record_writer *w, struct slice tenant, const struct record *record,
                struct err *err)
{
    size_t bytes = record_bytes(record);
    bool fits = w->n == 0 || (w->n < WRITER_BATCH_MAX && w->bytes + bytes <= WRITER_BYTES_MAX &&
                              w->records[0].kind == record->kind && slice_equal(w->tenant, tenant));

    if (!fits && !writer_flush(w, err))
        return false;
    w->tenant = tenant;
    w->records[w->n++] = *record;
    w->bytes += bytes;
    return true;
}

/* versions.c - see versions.h. */
#include "versions.h"

#include <stdlib.h>

#include "backend_over.h"
#include "blob_hash.h"
#include "decode.h"
#include "encode.h"
#include "patch_bases.h"

struct versions {
    struct backend_over over;
    struct encoding_rules rules;
};

/* The checkpoint puts of a batch, and the ops to run below next. */
struct run {
    struct versions *v;
    struct encoder *puts;
    size_t n_puts;
    struct op *ops[BATCH_MAX];
    size_t n;
};

static bool run_below(struct run *r, struct err *err)
{
    bool ok = backend_pass(r->v->over.below, r->ops, r->n, err);

    for (size_t i = 0; ok && i < r->n; i++)
        decode_op(r->v->rules.cache, r->ops[i]);
    r->n = 0;
    return ok;
}

/* A put that cannot be encoded has failed by itself. */
static void settle(struct encoder *e, bool ok, const struct err *err)
{
    if (!ok)
        e->op->status = *err;
}

static bool is_good(const struct encoder *e)
{
    return e->pending && e->op->status.kind == ERR_OK;
}

/* Looks for carried values, until each put has found them or there is nowhere else to look. */
static bool search(struct run *r, struct err *err)
{
    struct err own;

    do {
        if (!run_below(r, err))
            return false;
        for (size_t i = 0; i < r->n_puts; i++) {
            struct encoder *e = &r->puts[i];

            if (is_good(e))
                settle(e, encode_search(e, &own), &own);
            if (is_good(e) && e->search)
                r->ops[r->n++] = e->search;
        }
    } while (r->n > 0);
    return true;
}

/* Reads what puts need before they can be encoded. */
static bool read_first(struct run *r, struct err *err)
{
    struct err own;

    for (size_t i = 0; i < r->n_puts; i++)
        if (is_good(&r->puts[i]) && r->puts[i].latest)
            r->ops[r->n++] = r->puts[i].latest;
    if (!search(r, err))
        return false;
    for (size_t i = 0; i < r->n_puts; i++) {
        if (is_good(&r->puts[i]))
            settle(&r->puts[i], encode_choose(&r->puts[i], &own), &own);
        if (is_good(&r->puts[i]) && r->puts[i].anchors)
            r->ops[r->n++] = r->puts[i].anchors;
    }
    return run_below(r, err);
}

/* Encodes a put; if that succeeds it will run. */
static void add_put(struct run *r, struct encoder *e)
{
    struct err own;

    if (is_good(e))
        settle(e, encode_values(e, &own), &own);
    if (is_good(e))
        r->ops[r->n++] = e->op;
}

/* Ends the puts that were run; with `err` they have failed. */
static void end_puts(struct run *r, const struct err *err)
{
    for (size_t i = 0; i < r->n_puts; i++) {
        if (err && r->puts[i].pending)
            r->puts[i].op->status = *err;
        r->puts[i].pending = false;
    }
}

/* Restarts the puts whose bases are gone, now to stand by themselves; returns how many. */
static size_t start_again(struct run *r)
{
    struct err own;
    size_t n = 0;

    for (size_t i = 0; i < r->n_puts; i++) {
        struct encoder *e = &r->puts[i];

        if (e->op->status.kind != ERR_NO_BASE)
            continue;
        encode_done(e);
        e->op->status = (struct err){.kind = ERR_OK};
        settle(e, encode_start(e, &r->v->rules, e->op, true, &own), &own);
        n++;
    }
    return n;
}

static bool run_pending(struct run *r, struct err *err)
{
    if (!read_first(r, err))
        return false;
    for (size_t i = 0; i < r->n_puts; i++)
        if (r->puts[i].pending)
            add_put(r, &r->puts[i]);
    return run_below(r, err);
}

/* Repeats such puts; more than once only if what they carry disappears while it is looked for. A failure is
 * theirs alone, as everything else is stored by now. */
static void put_again(struct run *r)
{
    enum { TRIES = 4 };
    struct err err;

    for (int i = 0; i < TRIES && start_again(r) > 0; i++)
        end_puts(r, run_pending(r, &err) ? NULL : &err);
}

/* Looks in heads for bases of patches that have no row, as they may be inlined there. A failure is that of
 * these ops alone. */
static void find_inlined(struct run *r, struct op *const ops[], size_t n)
{
    struct op *reads[BATCH_MAX];
    struct err err;
    bool ok;

    for (size_t i = 0; i < n; i++)
        if (!patch_bases_seek(ops[i], &reads[i], &err))
            ops[i]->status = err;
        else if (reads[i])
            r->ops[r->n++] = reads[i];
    ok = run_below(r, &err);
    for (size_t i = 0; i < n; i++) {
        if (reads[i] && ok)
            patch_bases_take(ops[i], reads[i]);
        else if (reads[i])
            ops[i]->status = err;
    }
}

/* Runs all ops in their order, except puts that could not be encoded and what the cache answers. */
static bool run_all(struct run *r, struct op *const ops[], size_t n, struct err *err)
{
    size_t put = 0;

    if (!read_first(r, err))
        return false;
    for (size_t i = 0; i < n; i++) {
        if (ops[i]->type == OP_CHECKPOINT_PUT)
            add_put(r, &r->puts[put++]);
        else if (!patch_bases_serve(r->v->rules.cache, ops[i]))
            r->ops[r->n++] = ops[i];
    }
    if (!run_below(r, err))
        return false;
    end_puts(r, NULL);
    put_again(r);
    find_inlined(r, ops, n);
    return true;
}

static bool start_puts(struct run *r, struct op *const ops[], size_t n, struct err *err)
{
    struct err own;
    size_t n_puts = 0;

    for (size_t i = 0; i < n; i++)
        n_puts += ops[i]->type == OP_CHECKPOINT_PUT;
    if (n_puts == 0)
        return true;
    r->puts = malloc(n_puts * sizeof(*r->puts));
    if (!r->puts)
        return err_no_memory(err);
    for (size_t i = 0; i < n; i++) {
        if (ops[i]->type != OP_CHECKPOINT_PUT)
            continue;
        ops[i]->status = (struct err){.kind = ERR_OK};
        settle(&r->puts[r->n_puts],
               encode_start(&r->puts[r->n_puts], &r->v->rules, ops[i], false, &own), &own);
        r->n_puts++;
    }
    return true;
}

static bool run_piece(struct versions *v, struct op *const ops[], size_t n, struct err *err)
{
    struct run r = {.v = v};
    bool ok = start_puts(&r, ops, n, err) && run_all(&r, ops, n, err);

    for (size_t i = 0; i < r.n_puts; i++) {
        if (!ok)
            r.puts[i].op->status.kind = ERR_UNAVAILABLE; /* nothing is known to be stored */
        encode_done(&r.puts[i]);
    }
    free(r.puts);
    return ok;
}

/* Whether an op changes this thread; a merge without an id may change any. */
static bool is_about(const struct op *op, struct slice thread)
{
    if (op->type == OP_THREAD_COPY)
        return slice_equal(op->thread_copy.to, thread);
    return slice_equal(op->id, thread) || (op->type == OP_MERGE && !slice_present(op->id));
}

/* Whether an op may change what a later put carries. */
static bool may_feed(const struct op *op, const struct op *put)
{
    static const bool may[OP_TYPE_COUNT] = {[OP_CHECKPOINT_PUT] = true,
                                            [OP_MERGE] = true,
                                            [OP_THREAD_COPY] = true,
                                            [OP_THREAD_DELETE] = true,
                                            [OP_THREAD_PRUNE] = true};

    return may[op->type] && is_about(op, put->id) && slice_equal(op->tenant, put->tenant) &&
           (op->type != OP_CHECKPOINT_PUT ||
            slice_equal(op->checkpoint_put.ns, put->checkpoint_put.ns));
}

/* Carried values are looked for before a batch runs, so a batch ends before a put that may need its results. */
static size_t piece(struct op *const ops[], size_t n)
{
    for (size_t i = 1; i < n; i++) {
        if (ops[i]->type != OP_CHECKPOINT_PUT || ops[i]->checkpoint_put.n_carried == 0)
            continue;
        for (size_t k = 0; k < i; k++)
            if (may_feed(ops[k], ops[i]))
                return i;
    }
    return n;
}

static bool execute(struct backend *self, struct op *const ops[], size_t n, struct err *err)
{
    size_t done = 0, more;

    for (; done < n; done += more) {
        more = piece(ops + done, n - done);
        if (!run_piece((struct versions *)self, ops + done, more, err))
            break;
    }
    if (done == 0)
        return n == 0;
    for (; done < n; done++) /* the pieces before have their statuses */
        ops[done]->status = *err;
    return true;
}

static const struct backend_ops versions_ops = {
    .name = "versions",
    .execute = execute,
    .probe = backend_over_probe,
    .close = backend_over_close,
};

struct backend *versions_open(struct backend *below, const struct encoding_rules *rules,
                              struct err *err)
{
    struct versions *v = malloc(sizeof(*v));

    if (!v) {
        backend_close(below);
        (void)err_no_memory(err);
        return NULL;
    }
    *v = (struct versions){.over = {{.ops = &versions_ops, .caps = below->caps}, below},
                           .rules = *rules};
    return &v->over.base;
}

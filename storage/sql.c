/*
 * sql.c - runs batches for the drivers that speak SQL; see sql.h.
 *
 *     execute -> begin, each op's function, commit
 *                `- an op fails halfway: roll back, each op in a transaction of its own
 *
 * A batch is `quick` where the store is far away and the first statement that each op waits for is likely to
 * do all of it: COMMIT is sent together with these statements. An op that asks for more has then changed
 * nothing and runs once more in the usual way, as does one that fails before it asks.
 */
#include "sql.h"

#include "copies.h"
#include "sql_checkpoint_next.h"
#include "sql_ops.h"
#include "sql_pair.h"
#include "sql_part.h"
#include "sql_rows.h"

static bool (*const functions[OP_TYPE_COUNT])(struct sql *d, struct op *op, struct err *err) = {
#define X(type, member, flags) [OP_##type] = sql_##member,
    OP_DRIVER_TYPES(X)
#undef X
};

void sql_init(struct sql *d, const struct sql_driver *driver, struct row_cache *rows,
              const struct backend_config *cfg)
{
    d->driver = driver;
    d->rows = rows;
    d->cache = cfg->cache;
    d->role = cfg->role;
    d->session_ttl_us = cfg->session_ttl_us;
    d->checkpoint_ttl_us = cfg->checkpoint_ttl_us;
    d->context_versions = cfg->context_versions > 0 ? cfg->context_versions : 1;
}

/* Forgets what was looked up in the transaction, too: it may be gone with it. */
static void roll_back(struct sql *d)
{
    d->tenant = 0;
    rows_forget(d->rows);
    d->driver->roll_back(d);
}

static bool begin(struct sql *d, bool writes, struct err *err)
{
    sql_part_begin(d);
    rows_forget(d->rows);
    return d->driver->begin(d, writes, err);
}

/* Runs one part of an op, or all of it. Copies of an earlier part stay, unless this part makes new ones. */
static bool run_part(struct sql *d, struct op *op, struct err *err)
{
    struct record *copies = op->copies;
    size_t n = op->progress ? op->n_copies : 0, cap = op->copies_cap;

    copies_reset(op);
    if (!functions[op->type])
        return err_set(err, ERR_INTERNAL, "there is no such operation");
    if (!functions[op->type](d, op, err) || !sql_pair_keep_entry(d, op, err))
        return false;
    if (n > 0 && op->n_copies == 0) {
        op->copies = copies;
        op->n_copies = n;
        op->copies_cap = cap;
    }
    return true;
}

/* An op that fails concerns nobody else, unless it has changed something or the store is at fault. */
bool sql_run_op(struct sql *d, struct op *op)
{
    int64_t changes = d->driver->total_changes(d), asked = d->asked;
    struct err err;

    op->again = false;
    d->strays += op->fence || op->type == OP_MERGE;
    if (op->alone && !sql_pair_admits(d, op, &err)) {
        op->status = err;
        return op->status.kind == ERR_UNAVAILABLE;
    }
    if (run_part(d, op, &err)) {
        op->status = (struct err){.kind = ERR_OK};
        return true;
    }
    allowance_explain(op->arena->allowance, &err);
    /* Only while this op waits do others run, so `asked` is unchanged only if this one has not asked. */
    op->again = d->quick &&
                (d->driver->cut_off(d) || (d->asked == asked && !err_is_of_op(err.kind)));
    if (op->again)
        return true;
    op->status = err;
    return err_is_of_op(err.kind) && d->driver->total_changes(d) == changes;
}

/* *lost: the transaction is gone, and each op has its status. False: the store has failed. */
static bool commit(struct sql *d, struct op *const ops[], size_t n, bool writes, bool *lost,
                   struct err *err)
{
    if (d->driver->commit(d, writes, lost, err))
        return true;
    roll_back(d);
    for (size_t i = 0; *lost && i < n; i++) {
        ops[i]->status = *err;
        ops[i]->again = false;
    }
    return *lost;
}

static void run_ops(struct sql *d, struct op *const ops[], size_t n, bool *lost)
{
    if (d->driver->run_ops) {
        d->driver->run_ops(d, ops, n, lost);
        return;
    }
    for (size_t i = 0; i < n && !*lost; i++)
        *lost = !sql_run_op(d, ops[i]);
}

/* Runs one transaction. *lost: an op has failed in a way that took the others with it. */
static bool run_once(struct sql *d, struct op *const ops[], size_t n, bool *lost, struct err *err)
{
    bool writes = false;

    *lost = false;
    d->lone = n == 1;
    for (size_t i = 0; i < n; i++)
        writes |= op_writes(ops[i]);
    if (!begin(d, writes, err))
        return false;
    run_ops(d, ops, n, lost);
    if (!*lost || d->quick) /* a quick batch may be committed already */
        return commit(d, ops, n, writes, lost, err);
    roll_back(d);
    return true;
}

/* Repeats that from each op's progress before it, as often as the driver finds it worthwhile. */
static bool run_together(struct sql *d, struct op *const ops[], void *const progress[], size_t n,
                         bool *lost, struct err *err)
{
    for (unsigned times = 1;; times++) {
        for (size_t i = 0; i < n; i++)
            ops[i]->progress = progress[i];
        if (!run_once(d, ops, n, lost, err))
            return false;
        if (!*lost || !d->driver->again || !d->driver->again(d, times))
            return true;
    }
}

/* Runs one by one what was lost together. */
static void run_alone(struct sql *d, struct op *const ops[], void *const progress[], size_t n)
{
    struct err alone;
    bool ignored;

    for (size_t i = 0; i < n; i++)
        if (!run_together(d, &ops[i], &progress[i], 1, &ignored, &alone)) {
            ops[i]->status = alone;
            ops[i]->again = false;
        }
}

/* Whether the first statement that the op waits for usually does all of it. */
static bool is_quick(const struct op *op)
{
    if (op->alone || op->progress)
        return false;
    if (op->type == OP_MESSAGE_APPEND)
        return op->message_append.n == 1 && op->message_append.messages->fresh;
    if (op->type == OP_WRITES_PUT)
        return op->writes_put.n > 0 && !op->fence && !op->replicate;
    return op->type == OP_MERGE && slice_present(op->id) && op->merge.n == 1 &&
           op->merge.items->kind == RECORD_MESSAGE && !op->merge.items->gone;
}

/*
 * Whether all ops are quick and no two on one record: the second could ask only after the first is answered.
 * Several checkpoints cost the store less in the usual way.
 */
static bool are_quick(const struct sql *d, struct op *const ops[], size_t n)
{
    if (!d->driver->cut_off)
        return false;
    if (n == 1 && ops[0]->type == OP_CHECKPOINT_PUT)
        return checkpoint_is_usual(ops[0]);
    for (size_t i = 0; i < n; i++)
        if (!is_quick(ops[i]) || (i > 0 && op_lane_hash(ops[i]) == op_lane_hash(ops[i - 1])))
            return false;
    return true;
}

/* What fails after COMMIT was sent may be stored all the same. */
static void doubt(struct op *op)
{
    if (op->status.kind != ERR_OK && !err_is_of_op(op->status.kind))
        op->status.kind = ERR_IN_DOUBT;
}

/* Tries a quick batch; `left` gets the ops that still have to run: all, if nothing was applied. */
static bool run_quick(struct sql *d, struct op *const ops[], size_t n, struct op *left[],
                      size_t *n_left, struct err *err)
{
    bool ok, lost;

    for (size_t i = 0; i < n; i++)
        ops[i]->again = true; /* an op that is never begun is left */
    d->quick = true;
    ok = run_once(d, ops, n, &lost, err);
    d->quick = false;
    *n_left = 0;
    if (!ok && err->kind != ERR_UNAVAILABLE)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (!ok || lost || ops[i]->again)
            left[(*n_left)++] = ops[i];
        else
            doubt(ops[i]);
    }
    return true;
}

static bool run_all(struct sql *d, struct op *const ops[], size_t n, struct err *err)
{
    void *progress[BATCH_MAX] = {NULL};
    bool lost;

    for (size_t i = 0; i < n; i++)
        progress[i] = ops[i]->progress;
    if (!run_together(d, ops, progress, n, &lost, err))
        return false;
    if (lost && n > 1)
        run_alone(d, ops, progress, n);
    return true;
}

bool sql_execute(struct backend *self, struct op *const ops[], size_t n, struct err *err)
{
    struct sql *d = (struct sql *)self;
    struct op *left[BATCH_MAX];

    if (!are_quick(d, ops, n))
        return run_all(d, ops, n, err);
    if (!run_quick(d, ops, n, left, &n, err))
        return false;
    d->plain = true;
    if (n > 0 && !run_all(d, left, n, err))
        for (size_t i = 0; i < n; i++) { /* the others are done */
            left[i]->status = *err;
            left[i]->again = false;
        }
    d->plain = false;
    return true;
}

/* failover_run.c - see failover_run.h. */
#include "failover_run.h"

#include "clock.h"

void run_refuse(struct item *i, const char *text)
{
    bool in_doubt = i->doubt && op_writes(i->op);

    err_fill(&i->op->status, in_doubt ? ERR_IN_DOUBT : ERR_UNAVAILABLE, "%s", text);
    i->op->again = false;
    i->stage = DONE;
}

static bool has_expired(const struct op *op)
{
    return op->deadline_ns && op->deadline_ns < clock_now_ns();
}

bool run_is_lost(const struct op *op)
{
    return op->status.kind == ERR_IN_DOUBT ||
           (op->status.kind == ERR_UNAVAILABLE && !has_expired(op) && !op->missing);
}

/* Whether the status is the store's: an op that expired, or found a full queue, was perhaps not sent. */
static bool has_answered(const struct op *op)
{
    return op->missing || (op->status.kind != ERR_UNAVAILABLE && op->status.kind != ERR_OVERLOADED);
}

size_t run_gather(struct run *r, enum stage stage, struct item **items, struct op **ops)
{
    size_t n = 0;

    for (size_t i = 0; i < r->n; i++)
        if (r->items[i].stage == stage) {
            items[n] = &r->items[i];
            ops[n++] = stage == AT_PRIMARY || stage == AT_FALLBACK ? r->items[i].op
                                                                   : &r->items[i].copy;
        }
    return n;
}

void run_call(struct run *r, enum side side, struct op *const ops[], size_t n)
{
    const struct err *why = NULL;
    bool answered = false;
    struct err err;

    if (!backend_execute(r->lane->stores[side], ops, n, &err))
        for (size_t i = 0; i < n; i++) {
            ops[i]->status = err;
            if (err.kind == ERR_IN_DOUBT && !op_writes(ops[i]))
                ops[i]->status.kind = ERR_UNAVAILABLE;
        }
    for (size_t i = 0; i < n; i++) {
        if (run_is_lost(ops[i]))
            why = &ops[i]->status;
        else
            answered |= has_answered(ops[i]);
    }
    if (why)
        state_lost(r->f, side, false, why->text);
    else if (answered)
        state_answered(r->f, side);
}

void run_stamp(struct op *op, int64_t newest)
{
    stamp_observe(newest);
    ops_stamp(op);
}

/* A sweep always does: tombstones may be collected only when both stores know them (12); see
 * state_settled(). */
bool run_needs_both(const struct run *r, const struct op *op)
{
    return ops_is_sweep(op) || (!r->f->cfg.single_instance && ops_is_conditional(op));
}

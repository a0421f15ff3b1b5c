/*
 * failover.c - the operations of a lane over two stores; see failover.h.
 *
 *     at the primary -> (a change) copied into the fallback -> done
 *        |                 `- the fallback is down: the primary alone (5)
 *        `- the primary is down or behind: at the fallback alone (6)
 */
#include "failover_ops.h"
#include "failover_drain.h"
#include "failover_state.h"

#include <stdlib.h>

#include "clock.h"

/* So often an op gets a new stamp because a store holds a newer one. */
enum { PRIMARY_TRIES = 6, FALLBACK_TRIES = 4 };

struct failover_lane {
    struct backend base;
    struct failover *f;
    struct backend *stores[2];
};

/* Where an op of the batch goes next. */
enum stage { AT_PRIMARY, TO_COPY, TO_CHECK, AT_FALLBACK, DONE };

struct item {
    struct op *op;
    enum stage stage;
    bool doubt; /* the primary may have made the change */
    bool sole;  /* the fallback was down before the primary was asked */
    int tries;
    struct op copy;          /* what goes to the other store */
    struct op flag;          /* what the primary notes of it */
    struct op_repeat repeat; /* as it came */
    bool created;            /* result of the first run, when it is run again */
    bool rerun;
};

struct run {
    struct failover_lane *lane;
    struct failover *f;
    struct item *items;
    size_t n;
};

static void end(struct item *i, enum err_kind kind, const char *text)
{
    err_fill(&i->op->status, kind, "%s", text);
    i->op->again = false;
    i->stage = DONE;
}

/* Neither store can take it; what the primary may have made of it is told. */
static void refuse(struct item *i, const char *text)
{
    end(i, i->doubt && op_writes(i->op) ? ERR_IN_DOUBT : ERR_UNAVAILABLE, text);
}

static bool has_expired(const struct op *op)
{
    return op->deadline_ns && op->deadline_ns < clock_now_ns();
}

/* Whether contact was lost, as far as this op tells. */
static bool is_lost(const struct op *op)
{
    return op->status.kind == ERR_IN_DOUBT ||
           (op->status.kind == ERR_UNAVAILABLE && !has_expired(op));
}

/* The ops of a stage. */
static size_t gather(struct run *r, enum stage stage, struct item **items, struct op **ops)
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

/* Runs ops at a store and keeps its breaker. Each op has a status then. */
static void call(struct run *r, enum side side, struct op *const ops[], size_t n)
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
        if (is_lost(ops[i]))
            why = &ops[i]->status;
        else
            answered = true;
    }
    if (why)
        state_lost(r->f, side, false, why->text);
    else if (answered)
        state_answered(r->f, side);
}

/* A store holds something newer: the clock goes beyond it, and the op has a new stamp. */
static void stamp_anew(struct op *op, int64_t newest)
{
    stamp_observe(newest);
    ops_stamp(op);
}

static void prepare(struct run *r, struct op *op, bool alone)
{
    bool writes = op_writes(op);

    if (alone) { /* what is done in parts begins anew in another store */
        op->again = false;
        op->progress = NULL;
    }
    op->replicate = writes && op->type != OP_MERGE;
    op->fence = writes && KEEPS(r->f, RULE_FENCE);
    op->alone = alone && (op->type != OP_SESSION_PATCH || KEEPS(r->f, RULE_PENDING));
    ops_identify(op);
}

/* Tombstones are collected only when both stores know them (12). */
static bool needs_both(const struct run *r, const struct op *op)
{
    return ops_is_sweep(op) || (!r->f->cfg.single_instance && ops_is_conditional(op));
}

/* --- at the primary (4) --------------------------------------------------------------------------- */

static void take_from_primary(struct run *r, struct item *i)
{
    struct op *op = i->op;

    if (is_lost(op)) {
        i->doubt |= op->status.kind == ERR_IN_DOUBT;
        i->stage = AT_FALLBACK;
    } else if (op->status.kind == ERR_FENCED) {
        if (++i->tries == PRIMARY_TRIES)
            refuse(i, "the stores hold newer changes again and again");
        else
            stamp_anew(op, op->newest);
    } else if (op->status.kind != ERR_OK || op->again) {
        i->stage = DONE;
    } else if (!op_writes(op)) {
        i->stage = state_behind(r->f) && KEEPS(r->f, RULE_OWN) ? AT_FALLBACK : DONE;
    } else {
        i->stage = ops_needs_copy(op) ? TO_COPY : DONE;
    }
}

static void ask_primary(struct run *r)
{
    struct item *items[BATCH_MAX] = {NULL};
    struct op *ops[BATCH_MAX] = {NULL};
    bool behind = state_behind(r->f), up = state_is_up(r->f, PRIMARY);
    bool ready = state_ready(r->f, PRIMARY), normal = state_normal(r->f);
    bool sole = !state_is_up(r->f, FALLBACK);
    size_t n = gather(r, AT_PRIMARY, items, ops), left = 0;

    for (size_t i = 0; i < n; i++) {
        struct item *item = items[i];

        item->sole = sole;
        if (behind || !up)
            item->stage = AT_FALLBACK;
        else if (!ready)
            refuse(item, "the fallback was not seen yet, and may hold newer changes");
        else if (!normal && needs_both(r, item->op))
            refuse(item, "this needs both stores, and one of them cannot be had");
        else {
            prepare(r, item->op, false);
            items[left] = item;
            ops[left++] = item->op;
        }
    }
    if (left == 0)
        return;
    call(r, PRIMARY, ops, left);
    for (size_t i = 0; i < left; i++)
        take_from_primary(r, items[i]);
}

/* --- the copy for the fallback (4, 5) ------------------------------------------------------------- */

/* The change is made, and what is newer elsewhere would undo it: it is made once more (check). */
static void make_again(struct item *i, int64_t newest)
{
    if (++i->tries >= PRIMARY_TRIES || !ops_make_again(i->op, &i->created, i->rerun)) {
        i->doubt = true;
        refuse(i, "a newer change was made elsewhere at the same time");
        return;
    }
    i->rerun = i->doubt = true;
    stamp_anew(i->op, newest);
    i->stage = AT_PRIMARY;
}

static bool is_overruled(const struct run *r, const struct op *copy)
{
    return copy->type == OP_MERGE && copy->merge.out.newest > 0 && KEEPS(r->f, RULE_CHECK);
}

/* Only the primary has it: remembered at once, and told to it before it is acknowledged. */
static void keep_alone(struct run *r, struct item *i)
{
    state_unsynced(r->f, i->op);
    i->stage = TO_CHECK;
}

static void take_from_copy(struct run *r, struct item *i)
{
    struct op *copy = &i->copy;

    if (copy->status.kind != ERR_OK) {
        keep_alone(r, i);
        return;
    }
    if (copy->type == OP_MERGE && copy->merge.out.outbox)
        state_fell_behind(r->f, false);
    if (is_overruled(r, copy)) {
        make_again(i, copy->merge.out.newest);
        return;
    }
    state_copied(r->f, i->op);
    i->stage = DONE;
}

/* What is done in parts is done to its end. */
static void run_copies(struct run *r, struct op **ops, size_t n)
{
    while (n > 0) {
        size_t left = 0;

        call(r, FALLBACK, ops, n);
        for (size_t i = 0; i < n; i++)
            if (ops[i]->status.kind == ERR_OK && ops[i]->again)
                ops[left++] = ops[i];
        n = left;
    }
}

static void copy(struct run *r)
{
    struct item *items[BATCH_MAX] = {NULL};
    struct op *ops[BATCH_MAX] = {NULL};
    size_t n = gather(r, TO_COPY, items, ops), left = 0;
    bool up = state_is_up(r->f, FALLBACK);

    for (size_t i = 0; i < n; i++) {
        if (!ops_copy(items[i]->op, &items[i]->copy) || !up) {
            keep_alone(r, items[i]);
            continue;
        }
        items[left] = items[i];
        ops[left++] = &items[i]->copy;
    }
    run_copies(r, ops, left);
    for (size_t i = 0; i < left; i++)
        take_from_copy(r, items[i]);
}

/* Makes the note that the fallback lacks what the op has changed, unless it was made before. */
static bool flag(struct run *r, struct item *i)
{
    size_t max = i->op->n_copies + 1;
    struct pair_id *ids = arena_alloc(i->op->arena, max * sizeof(*ids));
    size_t n = ids ? state_unflagged(r->f, i->op, ids, max) : 0;

    i->flag = (struct op){
        .type = OP_PAIR_CHANGE,
        .tenant = i->op->tenant,
        .now_us = i->op->now_us,
        .stamp = i->op->stamp,
        .arena = i->op->arena,
        .pair_change = {.missing = ids, .n_missing = n},
    };
    return n > 0;
}

static void take_from_check(struct run *r, struct item *i, bool flagged, bool checked)
{
    if ((flagged && i->flag.status.kind != ERR_OK) || (checked && i->copy.status.kind != ERR_OK)) {
        if (flagged)
            state_retell(r->f);
        i->doubt = true;
        refuse(i, "the change is in a store that was lost since");
    } else if (checked && is_overruled(r, &i->copy)) {
        make_again(i, i->copy.merge.out.newest);
    } else {
        i->stage = DONE;
    }
}

/* Whether the change still stands in the primary: not where the fallback was down before. */
static bool is_checked(const struct item *i)
{
    return !i->sole && i->copy.type == OP_MERGE;
}

static void check(struct run *r)
{
    struct item *items[BATCH_MAX] = {NULL};
    struct op *ops[BATCH_MAX] = {NULL};
    bool flagged[BATCH_MAX] = {false};
    size_t n = gather(r, TO_CHECK, items, ops), n_ops = 0;

    if (n > BATCH_MAX / 2) /* two ops each; the others come next */
        n = BATCH_MAX / 2;
    for (size_t i = 0; i < n; i++) {
        flagged[i] = flag(r, items[i]);
        if (flagged[i])
            ops[n_ops++] = &items[i]->flag;
        if (is_checked(items[i]))
            ops[n_ops++] = &items[i]->copy;
    }
    if (n_ops > 0)
        call(r, PRIMARY, ops, n_ops);
    for (size_t i = 0; i < n; i++)
        take_from_check(r, items[i], flagged[i], is_checked(items[i]));
}

/* --- at the fallback alone (6, 10) ---------------------------------------------------------------- */

/* Tells the fallback what it lacks before it takes anything (missing). */
static bool tell(struct run *r)
{
    struct err err;

    if (failover_tell(r->f, r->lane->stores[FALLBACK], &err))
        return true;
    state_lost(r->f, FALLBACK, false, err.text);
    return false;
}

static void take_from_fallback(struct run *r, struct item *i)
{
    struct op *op = i->op;
    bool writes = op_writes(op);

    if (op->status.kind == ERR_FENCED && ++i->tries < FALLBACK_TRIES) {
        stamp_anew(op, op->newest);
        return;
    }
    i->stage = DONE;
    if (op->status.kind == ERR_OK) {
        if (writes && op->n_copies > 0)
            state_fell_behind(r->f, true);
        if (!writes && state_lacks(r->f, op))
            refuse(i, "the fallback lacks the newest changes of this id");
    } else if (writes && (i->doubt || op->status.kind == ERR_FENCED)) {
        i->doubt = true;
        refuse(i, "the primary was lost while it worked on this");
    }
}

static void ask_fallback(struct run *r)
{
    struct item *items[BATCH_MAX] = {NULL};
    struct op *ops[BATCH_MAX] = {NULL};
    bool ready = state_ready(r->f, FALLBACK), up = state_is_up(r->f, FALLBACK);
    bool told = ready && up && tell(r);
    size_t n = gather(r, AT_FALLBACK, items, ops), left = 0;

    for (size_t i = 0; i < n; i++) {
        struct item *item = items[i];

        if (!up)
            refuse(item, "neither store can be had");
        else if (!ready)
            refuse(item, "the fallback may lack what the primary has");
        else if (!told)
            refuse(item, "the fallback does not answer");
        else if (state_lacks(r->f, item->op))
            refuse(item, "the fallback lacks the newest changes of this id");
        else if (needs_both(r, item->op))
            refuse(item, "this needs both stores, and the primary cannot be had");
        else {
            prepare(r, item->op, true);
            items[left] = item;
            ops[left++] = item->op;
        }
    }
    if (left == 0)
        return;
    call(r, FALLBACK, ops, left);
    for (size_t i = 0; i < left; i++)
        take_from_fallback(r, items[i]);
}

/* --- a batch -------------------------------------------------------------------------------------- */

/* The op as it came, with its answer. */
static void give_back(struct item *i)
{
    if (i->rerun)
        ops_restore(i->op, i->created);
    i->op->repeat = i->repeat;
    i->op->replicate = i->op->fence = i->op->alone = false;
}

/* Ops that come back to an earlier stage go on together with those that are still there. */
static enum stage next_stage(const struct run *r)
{
    enum stage next = DONE;

    for (size_t i = 0; i < r->n; i++)
        if (r->items[i].stage < next)
            next = r->items[i].stage;
    return next;
}

static bool execute(struct backend *self, struct op *const ops[], size_t n, struct err *err)
{
    static void (*const stages[])(struct run *) = {ask_primary, copy, check, ask_fallback};
    struct failover_lane *lane = (struct failover_lane *)self;
    struct run r = {.lane = lane, .f = lane->f, .n = n};

    r.items = calloc(n, sizeof(*r.items));
    if (!r.items)
        return err_set(err, ERR_NO_MEMORY, "out of memory");
    for (size_t i = 0; i < n; i++) {
        r.items[i].op = ops[i];
        r.items[i].repeat = ops[i]->repeat;
        if (ops[i]->type == OP_CHECKPOINT_PUT)
            stamp_anew(ops[i], ops[i]->stamp);
    }
    for (enum stage stage = AT_PRIMARY; stage != DONE; stage = next_stage(&r))
        stages[stage](&r);
    for (size_t i = 0; i < n; i++)
        give_back(&r.items[i]);
    free(r.items);
    return true;
}

/* One that serves is enough. failover_tend() looks at both all the time. */
static bool probe(struct backend *self, int64_t deadline_ns, struct err *err)
{
    struct failover_lane *lane = (struct failover_lane *)self;
    enum side side = state_is_up(lane->f, PRIMARY) && !state_behind(lane->f) ? PRIMARY : FALLBACK;

    if (!state_is_up(lane->f, side))
        return err_set(err, ERR_UNAVAILABLE, "neither store can be had");
    if (!backend_probe(lane->stores[side], deadline_ns, err)) {
        state_lost(lane->f, side, true, err->text);
        return false;
    }
    state_answered(lane->f, side);
    lane->base.caps = lane->stores[side]->caps;
    return true;
}

static void close_all(struct backend *self)
{
    struct failover_lane *lane = (struct failover_lane *)self;

    backend_close(lane->stores[FALLBACK]);
    backend_close(lane->stores[PRIMARY]);
    free(lane);
}

static const struct backend_ops failover_backend_ops = {
    .name = "failover",
    .execute = execute,
    .probe = probe,
    .close = close_all,
};

struct backend *failover_open(struct failover *f, struct backend *primary, struct backend *fallback,
                              struct err *err)
{
    struct failover_lane *lane = malloc(sizeof(*lane));

    if (!lane) {
        backend_close(fallback);
        backend_close(primary);
        err_fill(err, ERR_NO_MEMORY, "out of memory");
        return NULL;
    }
    *lane = (struct failover_lane){
        .base = {.ops = &failover_backend_ops, .caps = primary->caps & fallback->caps},
        .f = f,
        .stores = {primary, fallback},
    };
    return &lane->base;
}

/*
 * failover.c - runs the operations of a lane on two stores; see failover.h. Numbers in brackets are those of
 * docs/failover.md, "How it works".
 *
 *     (a request that the fallback may remember: recalled) (13)
 *     at the primary -> (a change) copied into the fallback -> done
 *        |                 `- the fallback is down: the primary alone (5)
 *        `- the primary is down or behind: at the fallback alone (6)
 */
#include "failover.h"

#include <stdlib.h>

#include "acquaintance.h"
#include "clock.h"
#include "failover_drain.h"
#include "failover_run.h"
#include "failover_tend.h"

enum { UNSYNCED_MAX = 1000000 };

/* Whether a store refused the op before it had changed anything. */
static bool was_refused(const struct op *op)
{
    return op->status.kind == ERR_UNAVAILABLE || op->status.kind == ERR_OVERLOADED ||
           op->status.kind == ERR_NO_MEMORY;
}

/* `generation`: of the store that is to run the op; 0 if `alone`. */
static void prepare(struct run *r, struct op *op, unsigned generation, bool alone)
{
    bool writes = op_writes(op);

    op->missing = false;
    op->generation = generation;
    op->replicate = writes && op->type != OP_MERGE;
    op->fence = writes && KEEPS(r->f, RULE_FENCE);
    op->alone = alone && (op->type != OP_SESSION_PATCH || KEEPS(r->f, RULE_PENDING));
    ops_identify(op);
}

/* Where an op goes by the answer of the primary (4). */
static void take_from_primary(struct run *r, struct item *i)
{
    struct op *op = i->op;

    if (run_is_lost(op)) {
        i->doubt |= op->status.kind == ERR_IN_DOUBT;
        i->stage = AT_FALLBACK;
    } else if (op->status.kind == ERR_FENCED) {
        if (++i->tries == PRIMARY_TRIES)
            run_refuse(i, "the stores hold newer changes again and again");
        else
            run_stamp(op, op->newest);
    } else if (i->rerun && was_refused(op)) {
        run_refuse(i, op->status.text); /* an earlier run has made the change: in doubt */
    } else if (op->again) {
        i->stage = DONE;
    } else if (!op_writes(op) || op->status.kind != ERR_OK) {
        /* what it does not find it may have forgotten */
        i->stage = state_behind(r->f) && KEEPS(r->f, RULE_OWN) ? AT_FALLBACK : DONE;
    } else {
        i->repeated = ops_ask(op, &i->copy);
        i->stage = i->repeated ? TO_FETCH : ops_needs_copy(op) ? TO_COPY : DONE;
    }
}

static void ask_primary(struct run *r)
{
    struct item *items[BATCH_MAX] = {NULL};
    struct op *ops[BATCH_MAX] = {NULL};
    /* Read first: when it rises, the primary has been found to be behind. */
    unsigned generation = acquaintance_generation(r->f->cfg.stores[PRIMARY]);
    bool behind = state_behind(r->f), up = state_is_up(r->f, PRIMARY);
    bool ready = state_ready(r->f, PRIMARY), sole = !state_is_up(r->f, FALLBACK);
    size_t n = run_gather(r, AT_PRIMARY, items, ops), left = 0;

    for (size_t i = 0; i < n; i++) {
        struct item *item = items[i];

        item->sole = sole;
        if (behind || !up)
            item->stage = AT_FALLBACK;
        else if (!ready)
            run_refuse(item, "the fallback was not seen yet, and may hold newer changes");
        else if (run_recalls(r, item))
            item->stage = TO_RECALL;
        else if (run_needs_both(r, item->op) && !state_settled(r->f, item->op))
            run_refuse(item, sole ? "this needs both stores, and one of them cannot be had"
                                  : "this needs both stores, and the fallback lacks newer changes");
        else {
            prepare(r, item->op, generation, false);
            items[left] = item;
            ops[left++] = item->op;
        }
    }
    if (left == 0)
        return;
    run_call(r, PRIMARY, ops, left);
    for (size_t i = 0; i < left; i++)
        take_from_primary(r, items[i]);
}

/* Tells the fallback which ids it is missing, before it takes over. */
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
        run_stamp(op, op->newest);
        return;
    }
    i->stage = DONE;
    if (op->status.kind == ERR_OK) {
        if (writes && op->n_copies > 0)
            state_fell_behind(r->f, true);
        if (!writes && state_lacks(r->f, op))
            run_refuse(i, "the fallback lacks the newest changes of this id");
    } else if (op->status.kind == ERR_FENCED) {
        run_refuse(i, "the stores hold newer changes again and again");
    } else if (writes && i->doubt) {
        run_refuse(i, "the primary was lost while it worked on this");
    }
}

/* Runs ops at the fallback alone (6, 10). */
static void ask_fallback(struct run *r)
{
    struct item *items[BATCH_MAX] = {NULL};
    struct op *ops[BATCH_MAX] = {NULL};
    bool ready = state_ready(r->f, FALLBACK), up = state_is_up(r->f, FALLBACK);
    bool neither = !state_is_up(r->f, PRIMARY);
    bool told = ready && up && tell(r);
    size_t n = run_gather(r, AT_FALLBACK, items, ops), left = 0;

    for (size_t i = 0; i < n; i++) {
        struct item *item = items[i];

        if (!up)
            run_refuse(item, neither ? "neither store can be had"
                                     : "the fallback has newer changes, and cannot be had");
        else if (!ready)
            run_refuse(item, "the fallback may lack what the primary has");
        else if (!told)
            run_refuse(item, "the fallback does not answer");
        else if (state_lacks(r->f, item->op))
            run_refuse(item, "the fallback lacks the newest changes of this id");
        else if (run_needs_both(r, item->op))
            run_refuse(item, "this needs both stores, and the primary cannot be had");
        else {
            prepare(r, item->op, 0, true);
            items[left] = item;
            ops[left++] = item->op;
        }
    }
    if (left == 0)
        return;
    run_call(r, FALLBACK, ops, left);
    for (size_t i = 0; i < left; i++)
        take_from_fallback(r, items[i]);
}

/* Makes the op again what the caller sent, but for its answer. */
static void give_back(struct item *i)
{
    if (i->rerun)
        ops_restore(i->op, i->created);
    i->op->repeat = i->repeat;
    i->op->replicate = i->op->fence = i->op->alone = false;
    i->op->generation = 0;
}

/* Ops that went back to an earlier stage are run together with those still there. */
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
    static void (*const stages[])(struct run *) = {run_recall, ask_primary, run_fetch,
                                                   run_copy,   run_check,   ask_fallback};
    struct failover_lane *lane = (struct failover_lane *)self;
    struct run r = {.lane = lane, .f = lane->f, .n = n};

    r.items = calloc(n, sizeof(*r.items));
    if (!r.items)
        return err_no_memory(err);
    hold_wait(&r.f->hold);
    for (size_t i = 0; i < n; i++) {
        r.items[i].op = ops[i];
        r.items[i].repeat = ops[i]->repeat;
        r.items[i].stage = AT_PRIMARY;
        if (ops[i]->type == OP_CHECKPOINT_PUT)
            run_stamp(ops[i], ops[i]->stamp);
    }
    for (enum stage stage = AT_PRIMARY; stage != DONE; stage = next_stage(&r))
        stages[stage](&r);
    for (size_t i = 0; i < n; i++)
        give_back(&r.items[i]);
    free(r.items);
    return true;
}

/* One store that serves is enough; failover_tend() watches both. */
static bool probe(struct backend *self, int64_t deadline_ns, struct err *err)
{
    struct failover_lane *lane = (struct failover_lane *)self;
    enum side side = state_is_up(lane->f, PRIMARY) && !state_behind(lane->f) ? PRIMARY : FALLBACK;

    if (!state_is_up(lane->f, side))
        return err_set(err, ERR_UNAVAILABLE, "neither store can serve");
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
        (void)err_no_memory(err);
        return NULL;
    }
    *lane = (struct failover_lane){
        .base = {.ops = &failover_backend_ops, .caps = primary->caps & fallback->caps},
        .f = f,
        .stores = {primary, fallback},
    };
    return &lane->base;
}

struct failover *failover_new(const struct failover_config *cfg, struct err *err)
{
    struct failover *f = calloc(1, sizeof(*f));

    if (!f) {
        (void)err_no_memory(err);
        return NULL;
    }
    f->cfg = *cfg;
    f->born_ns = clock_now_ns();
    f->filled[PRIMARY] = true; /* until it is found to have forgotten something */
    pthread_mutex_init(&f->lock, NULL);
    hold_init(&f->hold);
    id_set_init(&f->unsynced, UNSYNCED_MAX);
    for (int i = 0; i < 2; i++)
        breaker_init(&f->breakers[i], &cfg->breaker, cfg->seed + (uint64_t)i);
    return f;
}

void failover_free(struct failover *f)
{
    struct copied *list;

    if (!f)
        return;
    list = state_take_copied(f);
    while (list) {
        struct copied *next = list->next;

        free(list);
        list = next;
    }
    failover_keeper_free(f->keeper);
    id_set_clear(&f->unsynced);
    hold_done(&f->hold);
    pthread_mutex_destroy(&f->lock);
    free(f);
}

void failover_report(struct failover *f, struct failover_report *out)
{
    state_report(f, out);
}

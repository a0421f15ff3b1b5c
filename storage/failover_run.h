/*
 * failover_run.h - one batch of a lane on its way through two stores; for failover.c and
 * failover_copy.c alone.
 *
 *     failover.c: at the primary -> failover_copy.c: fetch, copy, check -> done
 *
 * Threads    the lane's.
 * Ownership  the batch is the caller's, for the time of the call; what is made for an op lives in its
 *            arena.
 * Units      none.
 * Errors     the status of each op.
 */
#ifndef FAILOVER_RUN_H
#define FAILOVER_RUN_H

#include "failover_ops.h"
#include "failover_state.h"

/* So often an op gets a new stamp because a store holds a newer one. */
enum { PRIMARY_TRIES = 6, FALLBACK_TRIES = 4 };

struct failover_lane {
    struct backend base;
    struct failover *f;
    struct backend *stores[2];
};

/* Where an op of the batch goes next. */
enum stage { AT_PRIMARY, TO_FETCH, TO_COPY, TO_CHECK, AT_FALLBACK, DONE };

struct item {
    struct op *op;
    enum stage stage;
    bool doubt; /* the primary may have made the change */
    bool sole;  /* the fallback was down before the primary was asked */
    int tries;
    struct op copy;          /* what goes to the other store */
    struct op flag;          /* what the primary notes of it, at the same time */
    struct arena flag_arena; /* as each op that runs needs one */
    struct op_repeat repeat; /* as it came */
    bool created;            /* result of the first run, when it is run again */
    bool rerun;
    bool repeated; /* the primary had it already: it was asked for what it has */
};

struct run {
    struct failover_lane *lane;
    struct failover *f;
    struct item *items;
    size_t n;
};

/* The ops of a stage: what is asked of the store is the op itself, or the item's copy. */
size_t run_gather(struct run *r, enum stage stage, struct item **items, struct op **ops);

/* Runs ops at a store and keeps its breaker. Each op has a status then. */
void run_call(struct run *r, enum side side, struct op *const ops[], size_t n);

/* Whether contact was lost, as far as this op tells. */
bool run_is_lost(const struct op *op) MUST_USE;

/* Neither store can take it; what the primary may have made of it is told. */
void run_refuse(struct item *i, const char *text);

/* Whether the op asks what holds in both stores: that of one does not do. */
bool run_needs_both(const struct run *r, const struct op *op) MUST_USE;

/* A store holds something newer: the clock goes beyond it, and the op has a new stamp. */
void run_stamp(struct op *op, int64_t newest);

/* Asks the primary for what it has of ops that it had carried out before: they may be in it alone. */
void run_fetch(struct run *r);

/* Brings changes into the fallback (4, 5). */
void run_copy(struct run *r);

/* Sees to it that the primary knows what only it has, and that the changes still stand. */
void run_check(struct run *r);

#endif

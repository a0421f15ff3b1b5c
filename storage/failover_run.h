/*
 * failover_run.h - takes one batch of a lane through two stores; for failover.c, failover_recall.c and
 * failover_copy.c alone.
 *
 *     (failover_recall.c) -> failover.c: at the primary -> failover_copy.c: fetch, copy, check -> done
 *
 * Threads    the lane's.
 * Ownership  the batch is borrowed for the time of the call; what is made for an op lives in its arena.
 * Units      none.
 * Errors     the status of each op.
 */
#ifndef FAILOVER_RUN_H
#define FAILOVER_RUN_H

#include "failover_ops.h"
#include "failover_state.h"

/* How often an op may be stamped anew because a store holds something newer. */
enum { PRIMARY_TRIES = 6, FALLBACK_TRIES = 4 };

struct failover_lane {
    struct backend base;
    struct failover *f;
    struct backend *stores[2];
};

/* Where an op of the batch goes next. In this order: a batch goes on at the lowest stage of its ops. */
enum stage { TO_RECALL, AT_PRIMARY, TO_FETCH, TO_COPY, TO_CHECK, AT_FALLBACK, DONE };

struct item {
    struct op *op;
    enum stage stage;
    bool doubt; /* the primary may have made the change */
    bool sole;  /* the fallback was down before the primary was asked */
    int tries;
    struct op copy;          /* what is run in the other store for this op */
    struct op flag;          /* what the primary notes of the op, in the same call */
    struct arena flag_arena; /* each op that runs needs an arena of its own */
    struct op_repeat repeat; /* op->repeat, as the caller sent it */
    bool created;            /* what the first run has answered, if there is a rerun */
    bool rerun;
    bool recalled; /* the fallback was asked whether it remembers the request */
    bool repeated; /* the primary had done it before: TO_FETCH reads what it has */
};

struct run {
    struct failover_lane *lane;
    struct failover *f;
    struct item *items;
    size_t n;
};

/* Collects the items at a stage, with the op that is to be run for each: the op itself, or its copy. */
size_t run_gather(struct run *r, enum stage stage, struct item **items, struct op **ops);

/* Runs ops in a store, and tells its breaker the outcome. Each op has a status then. */
void run_call(struct run *r, enum side side, struct op *const ops[], size_t n);

/* Whether the status of this op says that contact was lost. */
bool run_is_lost(const struct op *op) MUST_USE;

/* Ends an op with an error: ERR_IN_DOUBT if it writes and the primary may have made the change, else
 * ERR_UNAVAILABLE. */
void run_refuse(struct item *i, const char *text);

/* Whether the op must know what both stores hold. */
bool run_needs_both(const struct run *r, const struct op *op) MUST_USE;

/* A store holds something as new as `newest`: moves the clock above it, and stamps the op anew. */
void run_stamp(struct op *op, int64_t newest);

/* Has the primary learn which of the requests the fallback remembers (13). */
void run_recall(struct run *r);

/* Whether that is to be done, and was not yet. */
bool run_recalls(const struct run *r, const struct item *i) MUST_USE;

/* Reads from the primary what ops changed that were done before: it may be the only one to have it. */
void run_fetch(struct run *r);

/* Copies changes into the fallback (4, 5). */
void run_copy(struct run *r);

/* Has the primary note what only it has, and checks that the changes still stand. */
void run_check(struct run *r);

#endif

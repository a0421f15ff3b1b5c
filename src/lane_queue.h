/*
 * lane_queue.h - ops that wait for a store, and the chains of backends that run them.
 *
 *     loop -> queue_append -> worker: queue_take -> backend_execute -> queue_give_back
 *     a thread that would only wait: queue_borrow -> backend_execute -> queue_give_back
 *
 * Nobody runs a chain but who has taken or borrowed it, so it is never called by two threads at a time. Ops
 * that wait go first: a chain is lent only while its queue is empty.
 *
 * Threads    any; init, add_chain, close and done as said.
 * Ownership  an op belongs to the queue from append to take. Chains belong to the caller.
 * Units      ops.
 * Errors     none.
 */
#ifndef LANE_QUEUE_H
#define LANE_QUEUE_H

#include <pthread.h>
#include <stdatomic.h>

#include "backend.h"

enum { QUEUE_CHAINS_MAX = 64 };

struct lane_queue {
    pthread_mutex_t lock; /* guards what follows; the atomics are read without it */
    pthread_cond_t filled;
    struct op *first, *last;
    atomic_size_t depth;
    struct backend *idle[QUEUE_CHAINS_MAX];
    size_t n_idle, n_chains;
    unsigned sleeping; /* workers that wait for ops, or for a chain */
    bool closing;
};

/* Makes an empty queue without chains. */
void queue_init(struct lane_queue *q);

/* Frees what it holds, when no thread uses it any more. */
void queue_done(struct lane_queue *q);

/* Adds a chain, before the first op is appended. */
void queue_add_chain(struct lane_queue *q, struct backend *chain);

/* Appends n ops that are linked by op->next, and wakes a worker if one can run them. */
void queue_append(struct lane_queue *q, struct op *first, struct op *last, size_t n);

/*
 * Waits for ops and a chain, and takes both: at most `max` ops, and no more than its share when there are
 * several chains, so that one worker does not take all while others sleep. 0: the queue is empty and closed.
 */
size_t queue_take(struct lane_queue *q, size_t max, struct op **ops, struct backend **chain);

/* A chain, if no op waits and one is idle; else NULL. */
struct backend *queue_borrow(struct lane_queue *q) MUST_USE;

/* Gives a chain back that was taken or borrowed, and wakes a worker if ops wait. */
void queue_give_back(struct lane_queue *q, struct backend *chain);

/* Ends the wait of all workers once the ops are taken. No chain may be lent. */
void queue_close(struct lane_queue *q);

#endif

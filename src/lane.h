/*
 * lane.h - the queues before a store, each with a worker thread and a chain of backends.
 *
 *     request_submit -> lanes_admit -> (after the loop's tick) lanes_submit -> worker:
 *     take what has gathered -> sort by record -> backend_execute -> inbox_post
 *     or, if nothing else is under way: lanes_run -> backend_execute, all in the thread of the caller
 *
 * Batches need no timer: what gathers while one batch is in flight is the next one. An answer leaves only
 * after its batch is durable. Ops on one record keep their order, except that an op that is done in
 * parts (op->again) goes to the end of its queue after each part, so those behind it run in between.
 *
 * With LANES_BY_KEY no two lanes ever hold ops on one record at a time. Ops that may look at all data of a
 * tenant (op_scans) have a lane of their own, so that others need not wait for them.
 *
 * Threads    open and close: one thread; none may be in another function then. All others: any.
 * Ownership  a submitted op belongs to the lanes until it is posted to op->home. Lanes own their
 *            backends.
 * Units      queue_max and batch_max_ops count ops.
 * Errors     open: what the backend says. admit: ERR_OVERLOADED.
 */
#ifndef LANE_H
#define LANE_H

#include "backend.h"

struct lanes;

struct lanes_config {
    enum backend_lanes layout;
    unsigned n_readers; /* LANES_WRITER_READERS */
    unsigned n_lanes;   /* LANES_BY_KEY: not counting the one for scans */
    /* LANES_BY_KEY: ops go to the first lane until so many wait there, or its batch takes long, so that
     * batches are fewer and larger (lane_pick.h). 0: the hash of the record alone chooses the lane. */
    size_t gather;
    size_t batch_max_ops;
    size_t queue_max; /* of all lanes together */
    bool above;       /* the ops go on to other lanes, which count them instead */

    /* Opens the chain of one lane. The first call is made by the thread that calls lanes_open(), before
     * the others; with LANES_BY_KEY the others run at once, on threads of their own. */
    struct backend *(*open)(void *ctx, enum backend_role role, struct err *err);
    void *ctx;
};

/* Opens every chain and starts the workers. On failure NULL, and nothing is left running. */
struct lanes *lanes_open(const struct lanes_config *cfg, struct err *err) MUST_USE;

/* Counts n ops as admitted, before they are submitted. ERR_OVERLOADED, with none counted, when the queue
 * is full or the lanes are closing. */
bool lanes_admit(struct lanes *l, size_t n, struct err *err) MUST_USE;

/* Takes over a list of admitted ops, linked by op->next. */
void lanes_submit(struct lanes *l, struct op *first);

/*
 * As lanes_submit(), by a thread that would only wait for the ops. It runs them itself, as a batch, if they
 * all go to one lane that has nothing else to do: so two threads less must wake. A caller that is not patient
 * does so only if the last batch of the lane was quick. Returns the ops that are done, linked by op->next; the
 * others will be posted home. `first` is not NULL.
 */
struct op *lanes_run(struct lanes *l, struct op *first, bool patient) MUST_USE;

/* Ops admitted and not yet home. */
size_t lanes_depth(const struct lanes *l);

/* From now on ops that have not begun fail, as after their deadline: nobody waits for them any longer. */
void lanes_expire(struct lanes *l);

/* Whether they do. */
bool lanes_expired(const struct lanes *l);

/*
 * Finishes what is queued, including the remaining parts of ops, posts it home, stops the workers and
 * closes the backends. NULL is allowed.
 */
void lanes_close(struct lanes *l);

#endif

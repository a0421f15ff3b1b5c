/*
 * failover_ops.h - prepares ops for failover, and makes copies of them, by their type; calls no store.
 *
 *     failover.c -> ops_identify() -> a store -> ops_copy() -> the other store
 *
 * Threads    the lane's.
 * Ownership  what is made lives in the arena of the op.
 * Units      none.
 * Errors     none.
 */
#ifndef FAILOVER_OPS_H
#define FAILOVER_OPS_H

#include "op.h"

/* Gives a patch an op id of its own if its request has no Idempotency-Key, so that its additions can be
 * told apart (1). */
void ops_identify(struct op *op);

/* Gives the op a new stamp, and a checkpoint the ids of its values: both stores must use the same. */
void ops_stamp(struct op *op);

/* Whether the outcome depends on the newest state of both stores: If-Match, create only, trims and other
 * removals of much. */
bool ops_is_conditional(const struct op *op) MUST_USE;

/* Whether the op removes what has expired, on nobody's behalf. */
bool ops_is_sweep(const struct op *op) MUST_USE;

/* Whether an op that was done has something to bring to the other store. */
bool ops_needs_copy(const struct op *op) MUST_USE;

/*
 * For an op that was done in the primary and found that the request, or a part of it, was done before:
 * makes in *ask the op that reads those records, which the fallback may lack. False: all of it was done
 * now.
 */
bool ops_ask(const struct op *op, struct op *ask) MUST_USE;

/* Makes in *ask the op that reads whether a store remembers the request of an op. False: no memory is left. */
bool ops_recall(const struct op *op, struct op *ask) MUST_USE;

/* Makes of such an op, when it was run, the one that has another store remember the request. False: it is unknown, too
 * old, or what it adds is pending where it was read (op_pair.h): the other store has to count it. */
bool ops_bring(const struct op *op, struct op *asked) MUST_USE;

/*
 * Makes in *copy what must be done in the other store: a merge of the copies, or the removal itself.
 * False: not everything can be done at once; the outbox says what must be copied.
 */
bool ops_copy(const struct op *op, struct op *copy) MUST_USE;

/*
 * Prepares an op that was done for another run with a higher stamp: without its conditions, which held,
 * and its additions, which are counted. Unless this is a `rerun` already, *created takes what the first
 * run has answered. False: a second run would do it twice.
 */
bool ops_make_again(struct op *op, bool *created, bool rerun) MUST_USE;

/* After such a run: puts back what the first one has answered. */
void ops_restore(struct op *op, bool created);

#endif

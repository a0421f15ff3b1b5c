/*
 * failover_ops.h - what failover does with one op, by its type; no store in it.
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

/* Gives an op that adds to counters an id of its own if its request has no Idempotency-Key (1). */
void ops_identify(struct op *op);

/* A new stamp, and for a checkpoint the ids of its values, so that both stores give the same. */
void ops_stamp(struct op *op);

/* Whether the outcome depends on the newest state of all stores: If-Match, create only, removals. */
bool ops_is_conditional(const struct op *op) MUST_USE;

/* Whether the op removes what is past its time, on nobody's behalf. */
bool ops_is_sweep(const struct op *op) MUST_USE;

/* Whether an op that was done has something for the other store. */
bool ops_needs_copy(const struct op *op) MUST_USE;

/*
 * Makes of an op that was done in the primary what asks it for the records that it had before, because the
 * request, or a part of it, came before: the fallback may lack them. False: it did all of it now.
 */
bool ops_ask(const struct op *op, struct op *ask) MUST_USE;

/*
 * Makes of an op that was done in one store what is to be done in the other: a merge of its copies, or
 * the removal itself. False: nothing can be done at once, the outbox tells what is to be copied.
 */
bool ops_copy(const struct op *op, struct op *copy) MUST_USE;

/*
 * Prepares an op that was done for another run with a higher stamp: its conditions held and its
 * additions are counted. *created is what the first run says; `rerun`: this is not the first. False: it
 * would be done twice.
 */
bool ops_make_again(struct op *op, bool *created, bool rerun) MUST_USE;

/* After such a run: what the first one said. */
void ops_restore(struct op *op, bool created);

#endif

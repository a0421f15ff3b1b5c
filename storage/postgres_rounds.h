/*
 * postgres_rounds.h - runs the ops of a batch side by side, so that they share round trips.
 *
 *     run() -> a fiber for the ops of each record -> all have asked -> one flush -> answers -> ...
 *
 * Ops on one record run one after the other. An op that touches more than its own record (lists, copies,
 * clean-up) runs alone, between the others.
 *
 * Threads    the lane's.
 * Ownership  tracks belong to the backend.
 * Units      none.
 * Errors     those of the ops.
 */
#ifndef POSTGRES_ROUNDS_H
#define POSTGRES_ROUNDS_H

#include "postgres_driver.h"

/* Implements sql_driver.run_ops; *lost: the transaction is lost. */
void postgres_run_ops(struct sql *d, struct op *const ops[], size_t n, bool *lost);

/* Waits for a use, in a fiber while other ops go on; else as pipe_wait(). */
bool rounds_wait(struct postgres *d, struct use *use, struct err *err) MUST_USE;

/* Implements sql_driver.cut_off; and the flag behind it, of the op that runs. */
bool rounds_cut_off(struct sql *d) MUST_USE;
bool *rounds_refused(struct postgres *d) MUST_USE;

/* The count of changes of the op that runs. */
int64_t *rounds_changes(struct postgres *d) MUST_USE;

/* Frees the tracks that are kept from batch to batch. */
void rounds_free(struct postgres *d);

#endif

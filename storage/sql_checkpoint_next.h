/*
 * sql_checkpoint_next.h - puts, by one statement, a checkpoint after others that this process has stored.
 *
 *     sql_checkpoint_put() -> checkpoint_next() -> done, or else the usual way
 *     sql.c, are_quick() -> checkpoint_is_usual()
 *
 * Threads    the lane's.
 * Ownership  all lives in the op's arena.
 * Units      none.
 * Errors     UNAVAILABLE, STORAGE, DAMAGED, NO_MEMORY.
 */
#ifndef SQL_CHECKPOINT_NEXT_H
#define SQL_CHECKPOINT_NEXT_H

#include "sql_target.h"

/* Whether the op alone suggests that one statement will do. */
bool checkpoint_is_usual(const struct op *op) MUST_USE;

/* Lists the values that a checkpoint refers to: its own, and those of `carried` that are not 0. */
bool checkpoint_refs(const struct op *op, const int64_t *carried, int64_t **refs, size_t *n,
                     struct err *err) MUST_USE;

/*
 * In a quick batch: puts the checkpoint if it is new, its namespace exists and has nothing newer, and all
 * that it rests on is stored; then *done. Otherwise nothing has changed.
 */
bool checkpoint_next(struct sql *d, struct op *op, int64_t tenant,
                     const struct target_values *rests_on, bool *done, struct err *err) MUST_USE;

#endif

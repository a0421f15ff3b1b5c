/*
 * sql_checkpoint_next.h - a checkpoint behind others that this process has stored: one statement puts it.
 *
 *     sql_checkpoint_put() -> checkpoint_next() -> done, or the long way
 *     sql.c, is_quick() -> checkpoint_is_usual()
 *
 * Threads    the lane's.
 * Ownership  all lives in the op's arena.
 * Units      none.
 * Errors     UNAVAILABLE, STORAGE, DAMAGED, NO_MEMORY.
 */
#ifndef SQL_CHECKPOINT_NEXT_H
#define SQL_CHECKPOINT_NEXT_H

#include "sql_target.h"

/* Whether a put is worth the try, by what the op says. */
bool checkpoint_is_usual(const struct op *op) MUST_USE;

/* The values that a checkpoint refers to: its own, and those carried, 0 = not there. */
bool checkpoint_refs(const struct op *op, const int64_t *carried, int64_t **refs, size_t *n,
                     struct err *err) MUST_USE;

/*
 * Of a quick batch: puts the checkpoint if it is new, the namespace is there with nothing newer, and all is
 * stored that it rests on; then *done. Else nothing has changed.
 */
bool checkpoint_next(struct sql *d, struct op *op, int64_t tenant,
                     const struct target_values *rests_on, bool *done, struct err *err) MUST_USE;

#endif

/*
 * op_copy.h - an op with all that it points to: a request that outlives its sender.
 *
 *     port.c: the op of a caller -> op_copy() -> the store, perhaps when the caller is long gone
 *
 * Threads    none.
 * Ownership  what is copied lives in the arena, and so will results.
 * Units      none.
 * Errors     without memory it aborts: this is of tests alone.
 */
#ifndef OP_COPY_H
#define OP_COPY_H

#include "arena.h"
#include "op.h"

/* A copy whose arena is `arena`. Of ops that only read, inputs are not copied. */
struct op op_copy(const struct op *op, struct arena *arena);

#endif

/*
 * op_copy.h - copies an op with all that it points to, so that the request outlives its sender.
 *
 *     port.c, fault.c: the op of a caller -> op_copy() -> the store, perhaps when the caller has long gone
 *
 * Threads    none.
 * Ownership  copies live in the arena, and so will the results of the op.
 * Units      none.
 * Errors     it aborts when memory ends: this is for tests only.
 */
#ifndef OP_COPY_H
#define OP_COPY_H

#include "arena.h"
#include "op.h"

/* Copies an op; its arena becomes `arena`. The inputs of ops that only read are not copied. */
struct op op_copy(const struct op *op, struct arena *arena);

#endif

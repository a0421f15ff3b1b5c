/*
 * patches.h - rebuilds whole values from those that were sent as patches, before the op is made.
 *
 *     start: values_in -> patches_op() -> lane -> finish: patches_rebuild() -> the op with whole values
 *
 * Threads    the request's loop.
 * Ownership  whole bytes live in the request's arena.
 * Units      bytes.
 * Errors     ERR_INVALID "/values/3/parts: what is wrong"; ERR_NO_BASE, ERR_OVERLOADED,
 *            ERR_NO_MEMORY.
 */
#ifndef PATCHES_H
#define PATCHES_H

#include "request.h"

/*
 * Makes the op that reads the bases of the patches of a checkpoint; *op is NULL if it has none. The whole
 * values together must fit into a body, and count in body_total, as if they had been sent.
 */
bool patches_op(struct request *req, const struct op_checkpoint_put *put, struct op **op,
                struct err *err) MUST_USE;

/* Gives each patched value its bytes, made from the bases that the op has read. */
bool patches_rebuild(struct request *req, const struct op_values_get *bases,
                     struct op_checkpoint_put *put, struct err *err) MUST_USE;

#endif

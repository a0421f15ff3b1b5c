/*
 * patches.h - makes whole values of those that came as patches, before the op is made.
 *
 *     start: values_in -> patches_op() -> lane -> finish: patches_rebuild() -> the op with whole values
 *
 * Threads    the request's loop.
 * Ownership  whole bytes live in the request's arena.
 * Units      bytes.
 * Errors     ERR_INVALID "/values/3/parts: what is wrong"; ERR_NO_BASE, ERR_NO_MEMORY.
 */
#ifndef PATCHES_H
#define PATCHES_H

#include "request.h"

/*
 * The op that reads what the patches of a checkpoint are based on; *op is NULL when it has none. The
 * whole values together must fit into a body, as if they had been sent.
 */
bool patches_op(struct request *req, const struct op_checkpoint_put *put, struct op **op,
                struct err *err) MUST_USE;

/* Gives each patched value its bytes, from what that op has read. */
bool patches_rebuild(struct request *req, const struct op_values_get *bases,
                     struct op_checkpoint_put *put, struct err *err) MUST_USE;

#endif

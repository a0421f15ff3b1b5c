/*
 * channels.h - which channels of a checkpoint were sent, and which it carries on.
 *
 *     PUT checkpoint: values_in -> channels_resolve() -> op_checkpoint_put.values, .carried, .removed
 *
 * Threads    no state.
 * Ownership  results point into the body and the arena.
 * Units      none.
 * Errors     ERR_INVALID "/checkpoint/channel_versions: what is wrong", ERR_NO_MEMORY.
 */
#ifndef CHANNELS_H
#define CHANNELS_H

#include "arena.h"
#include "op.h"

/*
 * Reads channel_versions of the checkpoint in put->head. Each of put->values must be there with its
 * version, once, and takes over its spelling: stores look carried channels up by that. What is
 * neither there nor in `removed` (the JSON text of an array that was validated, or absent) becomes
 * put->carried; what channel_versions has of `removed` becomes put->removed.
 */
bool channels_resolve(struct slice removed, struct arena *arena, struct op_checkpoint_put *put,
                      struct err *err) MUST_USE;

#endif

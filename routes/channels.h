/*
 * channels.h - sorts out which channels of a checkpoint were sent, are carried on, or were removed.
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
 * Reads channel_versions of the checkpoint in put->head. Each of put->values must be in there once, with its
 * version, and gets the spelling used there, by which stores look up carried channels. Channels that were
 * neither sent nor named in `removed` (the JSON text of a validated array, or absent) become put->carried;
 * those that are named in `removed` become put->removed.
 */
bool channels_resolve(struct slice removed, struct arena *arena, struct op_checkpoint_put *put,
                      struct err *err) MUST_USE;

#endif

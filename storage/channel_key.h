/*
 * channel_key.h - names a channel to the cache of values, which knows the newest value of each.
 *
 *     encode.c: stored -> value_cache_note(channel_key()) -> the next put, patch_bases.c
 *
 * Threads    no state.
 * Ownership  none.
 * Units      none.
 * Errors     none.
 */
#ifndef CHANNEL_KEY_H
#define CHANNEL_KEY_H

#include "op.h"
#include "value_cache.h"

/* The key of a channel in the thread op->id; channel NULL: of its heads. Short values have a key of their
 * own, so that a long value is based on the last long one, whatever short ones came between. */
struct value_key channel_key(const struct op *op, struct slice ns, const struct slice *channel,
                             bool is_short) MUST_USE;

#endif

/*
 * channel_key.h - the names under which the cache knows the newest value of a channel, and the newest head.
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

/* Of a channel of the thread op->id, NULL that of its heads. Short values have one of their own: a long one
 * is based on the long one before, whatever came between. */
struct value_key channel_key(const struct op *op, struct slice ns, const struct slice *channel,
                             bool is_short) MUST_USE;

#endif

/*
 * decode.h - what a driver has read, as it was before it was stored.
 *
 *     driver: rows and what they are based on -> decode_op() -> whole values, those in heads too
 *
 * Threads    the lane's; the cache is shared.
 * Ownership  results live in the arena of the op.
 * Units      bytes.
 * Errors     on the op: ERR_DAMAGED that names thread, namespace, checkpoint and channel; ERR_NO_MEMORY.
 */
#ifndef DECODE_H
#define DECODE_H

#include "op.h"
#include "value_cache.h"

/*
 * Makes the values of a checkpoint, of a page of them or of OP_VALUES_GET whole; leaves other ops as they
 * are. A page that is too large then ends earlier. Values that stand in heads come behind the others, also where
 * the op asks for no values; their ids are below 0, and of no use to anybody else.
 */
void decode_op(struct value_cache *cache, struct op *op);

#endif

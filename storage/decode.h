/*
 * decode.h - decodes what a driver has read, to what was sent to be stored.
 *
 *     driver: rows and what they are based on -> decode_op() -> whole values, inlined ones included
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
 * Makes the values of a checkpoint, of a page of checkpoints or of OP_VALUES_GET whole; to the
 * error of another op on one record it adds which one is damaged. A page that gets too large is cut. Inlined
 * values follow the others, even if the op asks for no values; their ids are below 0 and must not be used
 * elsewhere.
 */
void decode_op(struct value_cache *cache, struct op *op);

#endif

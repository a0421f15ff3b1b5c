/*
 * patch_bases.h - finds values that patches are based on: in the cache, or in heads if they have no row.
 *
 *     versions.c: patch_bases_serve() | driver -> patch_bases_seek() -> (run it) -> patch_bases_take()
 *
 * Threads    the lane's; the cache is shared.
 * Ownership  what is found lives in the arena of the op.
 * Units      bytes.
 * Errors     ERR_NO_MEMORY.
 */
#ifndef PATCH_BASES_H
#define PATCH_BASES_H

#include "op.h"
#include "value_cache.h"

/* Answers an OP_VALUES_GET from the cache, if that has all the values asked for. False: the driver must. */
bool patch_bases_serve(struct value_cache *cache, struct op *op) MUST_USE;

/* Makes the op that reads the newest heads, if the driver did not find a value that was asked for by
 * name: a head may hold it. *read is NULL if there is no need. */
bool patch_bases_seek(const struct op *op, struct op **read, struct err *err) MUST_USE;

/* Takes the values from these heads. One that is not there stays absent; the client then sends whole
 * values. */
void patch_bases_take(struct op *op, const struct op *read);

#endif

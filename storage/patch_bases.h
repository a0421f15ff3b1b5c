/*
 * patch_bases.h - values that patches are based on: from the cache, or from heads where they have no row.
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

/* Answers an OP_VALUES_GET if the cache knows all that it asks for. */
bool patch_bases_serve(struct value_cache *cache, struct op *op) MUST_USE;

/* The read of the newest heads that may have what such an op asked for by name and did not get; *read is NULL if
 * there is no need. */
bool patch_bases_seek(const struct op *op, struct op **read, struct err *err) MUST_USE;

/* Takes what was read. What is not there stays absent: the client sends whole values then. */
void patch_bases_take(struct op *op, const struct op *read);

#endif

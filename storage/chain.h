/*
 * chain.h - decodes a value row, with the rows it is based on, to whole bytes.
 *
 *     driver: the row and its bases -> chain_decode() -> whole bytes, their hash checked
 *
 * Threads    as zip.h and value_cache.h.
 * Ownership  whole bytes live in the arena, or belong to the row.
 * Units      bytes.
 * Errors     ERR_DAMAGED: a row of the chain is damaged, or is not the expected one; ERR_NO_MEMORY.
 */
#ifndef CHAIN_H
#define CHAIN_H

#include "arena.h"
#include "err.h"
#include "value_cache.h"

/*
 * Makes a blob whole that a driver has read: sets bytes, place and anchor_id, and unlinks its base; base_id
 * stays. Values in the cache (NULL: none) are not decoded again; this one is added to it, together with
 * what it is the value of (NULL: a head).
 */
bool chain_decode(struct value_cache *cache, struct blob *blob, const struct channel_version *of,
                  struct arena *arena, struct err *err) MUST_USE;

#endif

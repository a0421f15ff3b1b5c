/*
 * chain.h - a value row and what it is based on, back to whole bytes.
 *
 *     driver: the row and its bases -> chain_decode() -> whole bytes, with the hash checked
 *
 * Threads    as zip.h and value_cache.h.
 * Ownership  whole bytes live in the arena, or are those of the row.
 * Units      bytes.
 * Errors     ERR_DAMAGED: a row of the chain is damaged, or not what it should be; ERR_NO_MEMORY.
 */
#ifndef CHAIN_H
#define CHAIN_H

#include "arena.h"
#include "err.h"
#include "value_cache.h"

/*
 * Makes a blob whole that a driver has read: bytes, place and anchor_id are set, and it has no base
 * any more; base_id stays. What the cache (NULL: none) knows is not decoded again; it learns this one,
 * and what it is the value of (NULL: a head).
 */
bool chain_decode(struct value_cache *cache, struct blob *blob, const struct channel_version *of,
                  struct arena *arena, struct err *err) MUST_USE;

#endif

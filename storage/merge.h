/*
 * merge.h - merges two JSON objects, shallowly and on their texts.
 *
 *     driver: metadata as stored + metadata_merge of a PATCH -> merge_objects() -> new metadata
 *
 * Threads    no state.
 * Ownership  the result lives in the arena, or is one of the inputs.
 * Units      bytes.
 * Errors     ERR_INVALID: not an object. ERR_TOO_LARGE: more than SPLIT_ITEMS_MAX members. ERR_NO_MEMORY.
 */
#ifndef MERGE_H
#define MERGE_H

#include "arena.h"
#include "err.h"

/*
 * Merges the members of patch into those of base: values stay as they were sent, names are in the order of
 * their first occurrence, and the last value of a name wins. Names are equal if their characters are, however
 * they are escaped. Both texts are valid JSON. An empty patch gives base itself.
 */
bool merge_objects(struct slice base, struct slice patch, struct arena *arena, struct slice *out,
                   struct err *err) MUST_USE;

#endif

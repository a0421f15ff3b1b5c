/*
 * merge.h - the shallow merge of two JSON objects, on their texts.
 *
 *     driver: metadata as stored + metadata_merge of a PATCH -> merge_objects() -> new metadata
 *
 * Threads    no state.
 * Ownership  the result lives in the arena, or is one of the inputs.
 * Units      bytes.
 * Errors     ERR_INVALID: not an object. ERR_NO_MEMORY.
 */
#ifndef MERGE_H
#define MERGE_H

#include "arena.h"
#include "err.h"

/*
 * The members of base with those of patch: values stand as they were sent, names in the order in
 * which they come first, the last value of a name wins. Names are equal by their characters, however
 * they are written. Both texts are valid JSON. An empty patch gives base itself.
 */
bool merge_objects(struct slice base, struct slice patch, struct arena *arena, struct slice *out,
                   struct err *err) MUST_USE;

#endif

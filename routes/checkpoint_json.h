/*
 * checkpoint_json.h - writes checkpoints, values and writes into an answer, JSON or frame.
 *
 *     route finish() -> checkpoint_json_*() -> response_bytes(), json_*()
 *
 * The raw bytes of a frame follow in the order in which the functions are called.
 *
 * Threads    the request's loop.
 * Ownership  bytes stay where they are until the answer is sent.
 * Units      as in model.h.
 * Errors     when memory runs out the text of the response is marked failed, unless stated otherwise.
 */
#ifndef CHECKPOINT_JSON_H
#define CHECKPOINT_JSON_H

#include "err.h"
#include "model.h"
#include "response.h"

/* Writes one checkpoint as an object, with its writes and, in channel form, its values. */
void checkpoint_json_object(struct response *res, const struct checkpoint *checkpoint);

/* The checkpoints of a list. */
struct checkpoint_items {
    struct checkpoint *const *at;
    size_t n;
    bool values; /* false: neither `values` at the top nor in the items */
};

/* Writes the members `values`, each value once, and `items`, which refer to them by index. ERR_NO_MEMORY. */
bool checkpoint_json_items(struct response *res, const struct checkpoint_items *items,
                           struct arena *arena, struct err *err) MUST_USE;

/* Writes the member `writes`; each write in its own form. */
void checkpoint_json_writes(struct response *res, const struct write *writes, size_t n);

#endif

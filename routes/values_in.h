/*
 * values_in.h - reads the arrays `values` and `writes` of a body.
 *
 *     PUT checkpoint, PUT writes -> values_in_*() -> struct value, struct write -> op
 *
 * In a JSON body the bytes of an element are its `base64`, in a frame its `len` and as many of the
 * raw bytes behind the JSON; those are not copied. Every raw byte of a frame must be asked for. A
 * value in a frame may be a patch instead: then blob.patch is set, and its bytes are left absent
 * (patches.h).
 *
 * Threads    the request's loop.
 * Ownership  results point into the body and the request's arena.
 * Units      bytes.
 * Errors     ERR_INVALID "/values/3/type: what is wrong", ERR_NO_MEMORY.
 */
#ifndef VALUES_IN_H
#define VALUES_IN_H

#include "arena.h"
#include "err.h"
#include "frame.h"
#include "model.h"

/* Where the bytes of elements come from, and the arena for results. */
struct values_in {
    struct frame_reader *frame; /* NULL: the body is plain JSON */
    struct arena *arena;
};

/* The writes of one task. */
struct writes_in {
    enum form form;       /* of an empty list: channel in a frame, else document */
    struct write *writes; /* task_id and task_path absent */
    size_t n;
};

/* Reads `values`, the JSON text of an array that was validated; absent is read as empty. */
bool values_in_values(const struct values_in *in, struct slice values, struct value **out,
                      size_t *n, struct err *err) MUST_USE;

/* Reads `writes`, likewise: all of one form, no idx twice. */
bool values_in_writes(const struct values_in *in, struct slice writes, struct writes_in *out,
                      struct err *err) MUST_USE;

#endif

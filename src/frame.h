/*
 * frame.h - application/vnd.stateward.frame: JSON with raw bytes behind it.
 *
 *     u32 little-endian length of the JSON | the JSON | the raw bytes, in the order in which
 *     their `len` members stand in the JSON
 *
 * Threads    no state.
 * Ownership  slices point into the body.
 * Units      bytes.
 * Errors     ERR_INVALID: too short, a length beyond the end, bytes left over.
 */
#ifndef FRAME_H
#define FRAME_H

#include "arena.h"
#include "err.h"
#include "text.h"

#define FRAME_TYPE "application/vnd.stateward.frame"

struct frame_reader {
    struct slice json; /* not validated */
    struct slice rest; /* raw bytes not taken yet */
};

/* Splits a body into its JSON and the raw bytes behind it. */
bool frame_open(struct slice body, struct frame_reader *f, struct err *err) MUST_USE;

/* Takes the next `len` raw bytes. */
bool frame_take(struct frame_reader *f, int64_t len, struct slice *bytes, struct err *err) MUST_USE;

/* Checks that every raw byte has been taken. */
bool frame_end(const struct frame_reader *f, struct err *err) MUST_USE;

/*
 * Collects an answer: it is built as JSON while frame_add() notes each raw slice; frame_finish() then
 * writes the length, the JSON and the raw bytes into one text.
 */
struct frame_writer {
    struct slice *raw;
    size_t n, cap, total;
    struct arena *arena;
    bool failed;
};

/* Notes raw bytes that follow the JSON; they are not copied until frame_finish(). */
void frame_add(struct frame_writer *w, struct slice bytes);

/* Writes the whole frame; marks out as failed when memory runs out or the JSON exceeds 4 GiB. */
void frame_finish(struct frame_writer *w, struct slice json, struct text *out);

#endif

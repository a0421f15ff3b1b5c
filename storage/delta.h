/*
 * delta.h - a value as what it has more than an earlier one.
 *
 *     versions.c: whole, base, patch -> delta_encode() -> blob row; delta_decode() -> whole
 *
 * A value has a place in the chain of its bases: one that stands by itself is at place 0, place k
 * is based on k - 1, every 32nd on the 32nd before it, and the 1024th stands by itself again. So to
 * read one takes at most 63 others.
 *
 * The pure half: what is base of what, caches and rows are others' business.
 *
 * Threads    as zip.h.
 * Ownership  results live in the arena, or are the input.
 * Units      bytes.
 * Errors     ERR_DAMAGED: damaged, or made by a newer version; ERR_NO_MEMORY.
 */
#ifndef DELTA_H
#define DELTA_H

#include "arena.h"
#include "blob.h"
#include "err.h"

enum { DELTA_BLOCK = 32, DELTA_CHAIN = 1024 };

#define DELTA_MAX (UINT64_C(1) << 30) /* bytes of the longest value: what a body may be */

struct delta_input {
    struct slice whole;
    struct slice base;         /* whole bytes; absent: stands by itself */
    const struct patch *patch; /* what was done to that very base; NULL: not known */
    uint32_t place;            /* 0 without a base */
};

struct delta {
    enum blob_encoding encoding; /* BLOB_DELTA and BLOB_PATCH need the base */
    struct slice bytes;
};

/* Encodes, as small as it can. What gains nothing of a base stands by itself. */
bool delta_encode(const struct delta_input *in, struct arena *arena, struct delta *out,
                  struct err *err) MUST_USE;

/* The place of a stored value. */
bool delta_place(int encoding, struct slice bytes, uint32_t *place, struct err *err) MUST_USE;

/* Whether it needs a base. */
bool delta_has_base(int encoding) MUST_USE;

/* The whole bytes; base is absent unless it is needed. Those that were stored as they are, are not
 * copied. */
bool delta_decode(const struct delta *in, struct slice base, struct arena *arena,
                  struct slice *whole, struct err *err) MUST_USE;

/* A text that many values share parts of, the prefix of those that have no base. For ever the same. */
extern const struct slice delta_words;

#endif

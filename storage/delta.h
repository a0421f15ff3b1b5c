/*
 * delta.h - encodes a value as its difference from an earlier one.
 *
 *     versions.c: whole, base, patch -> delta_encode() -> blob row; delta_decode() -> whole
 *
 * A value has a place in the chain of its bases: one without a base is at place 0, place k is based on k - 1,
 * every 32nd on the 32nd before it, and the 1024th has no base again. So reading one takes at most 63 others.
 *
 * This is the pure half: which value is the base of which, caches and rows are handled elsewhere.
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

#define DELTA_MAX (UINT64_C(1) << 30) /* bytes of the longest value: the longest body */

struct delta_input {
    struct slice whole;
    struct slice base;         /* whole bytes; absent: no base */
    const struct patch *patch; /* how `whole` was made from this base; NULL: not known */
    uint32_t place;            /* 0 without a base */
};

struct delta {
    enum blob_encoding encoding; /* BLOB_DELTA and BLOB_PATCH need the base */
    struct slice bytes;
};

/* Encodes as short as possible; without the base if that gains nothing. */
bool delta_encode(const struct delta_input *in, struct arena *arena, struct delta *out,
                  struct err *err) MUST_USE;

/* Reads the place of a stored value. */
bool delta_place(int encoding, struct slice bytes, uint32_t *place, struct err *err) MUST_USE;

/* Whether an encoding needs a base. */
bool delta_has_base(int encoding) MUST_USE;

/* Decodes to whole bytes; base is absent unless it is needed. Bytes that were stored as they are, are not
 * copied. */
bool delta_decode(const struct delta *in, struct slice base, struct arena *arena,
                  struct slice *whole, struct err *err) MUST_USE;

/* A text with parts that many values share: the prefix of values without a base. It must never change. */
extern const struct slice delta_words;

#endif

/*
 * filter.h - decides whether a metadata object matches a list filter.
 * A filter is a JSON object; each of its keys must equal the same top-level key of the metadata. Equality
 * is typed (a boolean never equals a number): numbers by exact decimal value (1 = 1.0 = 1e0, and 2^70 is
 * not 2^70+1), strings by their characters, arrays in order, objects regardless of order. Keys are never
 * paths. A key that the metadata lacks equals null.
 *
 * Drivers call this for each row they page over, so every store filters alike.
 *
 * Threads    a parsed filter is read-only: any.
 * Ownership  a filter points into the text and the arena that filter_parse() got.
 * Units      none.
 * Errors     filter_parse(): ERR_INVALID: not an object. ERR_NO_MEMORY.
 */
#ifndef FILTER_H
#define FILTER_H

#include "split.h"

struct filter {
    struct split_member *members;
    size_t n; /* 0 matches everything */
};

/* Validates and parses a filter from any text. */
bool filter_parse(struct slice text, struct arena *arena, struct filter *out,
                  struct err *err) MUST_USE;

/* Whether metadata (a JSON object, or absent) matches; anything else does not. Scratch memory comes from arena. */
bool filter_matches(const struct filter *f, struct slice metadata, struct arena *arena,
                    bool *matches, struct err *err) MUST_USE;

/* Whether two valid JSON values are equal in the sense above. */
bool filter_equal(struct slice a, struct slice b, struct arena *arena, bool *equal,
                  struct err *err) MUST_USE;

#endif

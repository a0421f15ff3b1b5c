/*
 * bytes.h - a slice: a part of somebody else's bytes.
 *
 * Threads    no state.
 * Ownership  a slice owns nothing; what it points into must outlive it. Not NUL-terminated.
 * Units      len is bytes. An absent slice has at == NULL; an empty one has only len == 0.
 * Errors     none.
 */
#ifndef BYTES_H
#define BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
    const char *at;
    size_t len;
};

/* A slice of a string literal. */
#define SLICE(literal) ((struct slice){"" literal, sizeof(literal) - 1})

/* For printf("%.*s"). */
#define SLICE_ARGS(s) (int)(s).len, (s).at

/* A slice of a NUL-terminated string; NULL gives an absent slice. */
static inline struct slice slice_of(const char *text)
{
    return (struct slice){text, text ? strlen(text) : 0};
}

/* Whether the slice is present; an empty one is. */
static inline bool slice_present(struct slice s)
{
    return s.at != NULL;
}

/* Same bytes. An absent slice equals an empty one. */
static inline bool slice_equal(struct slice a, struct slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

/* Order of memcmp, the shorter first where one is a prefix of the other. */
static inline int slice_compare(struct slice a, struct slice b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int order = n ? memcmp(a.at, b.at, n) : 0;

    return order ? order : (a.len > b.len) - (a.len < b.len);
}

/* Whether s begins with prefix. */
static inline bool slice_starts(struct slice s, struct slice prefix)
{
    return s.len >= prefix.len && (prefix.len == 0 || memcmp(s.at, prefix.at, prefix.len) == 0);
}

#endif

/*
 * blob.h - a value as it is stored: encoded bytes, perhaps based on an earlier value.
 *
 *     route: whole bytes -> versions.c: encoded, base -> driver: a value row, opaque
 *     driver: the row and the chain of its bases -> versions.c: whole bytes -> route
 *
 * A value row is named by its id and never changes. Ids are stamps (clock.h), so a base always has
 * a lower id than what is based on it. Places in a chain of bases: storage/delta.h.
 *
 * Threads    read-only after it is made.
 * Ownership  slices and bases live in the op's arena.
 * Units      bytes.
 * Errors     none.
 */
#ifndef BLOB_H
#define BLOB_H

#include "bytes.h"
#include "patch.h"

enum { BLOB_HASH_LEN = PATCH_HASH_LEN };

/* Numbers are stored: append only. */
enum blob_encoding {
    BLOB_WHOLE = 0,  /* the bytes themselves */
    BLOB_ZIPPED = 1, /* the rest: storage/delta.h */
    BLOB_DELTA = 2,
    BLOB_PATCH = 3,
};

struct blob {
    int64_t id;              /* of the value row; 0 until one is given */
    int64_t base_id;         /* of the row it is based on; 0 = none */
    const struct blob *base; /* reading: that row, and so on; NULL = none, or decoded already */
    int64_t anchor_id;       /* whole: of the last one in its chain whose place is 0, 32, ... */
    uint32_t place;          /* whole: in its chain */
    int encoding;            /* enum blob_encoding; drivers keep it */
    bool whole;              /* reading: bytes, place, anchor_id are whole below versions.c, too */
    struct slice type;       /* "msgpack", ...; empty for plain JSON */
    struct slice bytes;      /* encoded below versions.c, whole above it */
    const struct patch *patch;   /* above versions.c: how the bytes came to be sent; NULL = whole */
    uint8_t hash[BLOB_HASH_LEN]; /* XXH3-128 (canonical, big-endian) of type, NUL, whole bytes */
};

#endif

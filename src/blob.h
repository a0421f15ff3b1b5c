/*
 * blob.h - a value as it is stored: encoded bytes, perhaps based on an earlier value.
 *
 *     route: whole bytes -> versions.c: encoded, base -> driver: a value row, opaque
 *     driver: the row and the chain of its bases -> versions.c: whole bytes -> route
 *
 * The id of a value row names it, and the row never changes. Ids are stamps (clock.h), so a base always
 * has a lower id than what is based on it. Places in a chain of bases: storage/delta.h.
 *
 * Threads    read-only once it is built.
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
    BLOB_ZIPPED = 1, /* this and the rest: storage/delta.h */
    BLOB_DELTA = 2,
    BLOB_PATCH = 3,
};

struct blob {
    int64_t id;                  /* of the value row; 0 = not assigned yet */
    int64_t base_id;             /* of the row that this one is based on; 0 = none */
    const struct blob *base;     /* reading: the base and so on; NULL = none, or decoded */
    int64_t anchor_id;           /* whole: id of the last row of its chain at place 0, 32, ... */
    uint32_t place;              /* whole: its place in the chain */
    int encoding;                /* enum blob_encoding; drivers keep it */
    bool whole;                  /* reading: bytes, place and anchor_id are whole already */
    struct slice type;           /* "msgpack", ...; empty for plain JSON */
    struct slice bytes;          /* encoded below versions.c, whole above it */
    const struct patch *patch;   /* above versions.c: as the client sent it; NULL = whole */
    uint8_t hash[BLOB_HASH_LEN]; /* XXH3-128 (canonical, big-endian) of type, NUL, whole bytes */
};

#endif

/*
 * blob_hash.h - the hash that identifies a value on the wire and in every store.
 *
 * Threads    no state.
 * Ownership  nothing.
 * Units      bytes.
 * Errors     none.
 */
#ifndef BLOB_HASH_H
#define BLOB_HASH_H

#include "blob.h"

/* XXH3-128 of type, NUL, bytes; canonical, big-endian. */
void blob_hash(struct slice type, struct slice bytes, uint8_t hash[BLOB_HASH_LEN]);

/*
 * XXH3-64 of channel, NUL, version: the key by which stores look up a value. Keys may collide, so
 * compare the texts too.
 */
int64_t blob_key(struct slice channel, struct slice version);

#endif

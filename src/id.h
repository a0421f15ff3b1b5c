/*
 * id.h - identifiers: which are valid, how they stand in a path, how new ones are made.
 *
 * An id is 1..512 bytes of UTF-8 without control characters (U+0000..U+001F, U+007F..U+009F), a
 * namespace 0..2048 bytes. An index entry of PostgreSQL holds at most 2704 bytes, so no key of a table
 * may contain both a namespace and an id. In a path an id is one percent-encoded segment, or '~' and
 * base64url of the id.
 *
 * Threads    any.
 * Ownership  results live in the arena, or in the caller's buffer.
 * Units      bytes.
 * Errors     ERR_INVALID for a bad id or bad percent-encoding, ERR_NO_MEMORY.
 */
#ifndef ID_H
#define ID_H

#include "arena.h"
#include "err.h"

enum {
    ID_MAX = 512,
    ID_NS_MAX = 2048,
    ID_UUID_LEN = 36,
    ID_HASH_LEN = 16,
};

/* Whether s is valid UTF-8: no overlong forms, no surrogates, at most U+10FFFF. */
bool id_is_utf8(struct slice s) MUST_USE;

/* Checks an id. The text of err begins with what is wrong, without a JSON pointer. */
bool id_check(struct slice id, struct err *err) MUST_USE;

/* Checks a namespace, which may be empty. */
bool id_check_ns(struct slice ns, struct err *err) MUST_USE;

/* Decodes one raw path segment (percent-encoding, or '~' and base64url) and checks it as an id. */
bool id_from_segment(struct slice segment, struct arena *arena, struct slice *id,
                     struct err *err) MUST_USE;

/* Decodes percent-encoding into any bytes; '+' is a space if plus_is_space (query strings). */
bool id_percent_decode(struct slice raw, bool plus_is_space, struct arena *arena, struct slice *out,
                       struct err *err) MUST_USE;

/*
 * Writes an id as one path segment: as it is, or in '~' form where a proxy might change it. {NULL, 0}
 * when memory runs out.
 */
struct slice id_to_segment(struct slice id, struct arena *arena) MUST_USE;

/* Writes a new UUIDv7 (RFC 9562) and a NUL; the ids that one process makes sort by time. */
void id_uuid7(char out[ID_UUID_LEN + 1]);

/* Writes the UUIDv8 made of SHA-256(tenant, NUL, key): the same key gives the same session id. */
void id_uuid8(struct slice tenant, struct slice key, char out[ID_UUID_LEN + 1]);

/* First 16 bytes of SHA-256 over the parts, each preceded by its length (u64 little-endian). */
void id_hash(const struct slice *parts, size_t n, uint8_t out[ID_HASH_LEN]);

#endif

/*
 * cursor.h - the opaque text that says where a list continues.
 *
 * A cursor is base64url of a tag (which kind of list) and its parts. It is validated like any other input; a
 * cursor of another list is ERR_INVALID. One part is usually cursor_owner().
 *
 * Threads    no state.
 * Ownership  results live in the arena.
 * Units      none.
 * Errors     ERR_INVALID CURSOR_REFUSED, ERR_NO_MEMORY.
 */
#ifndef CURSOR_H
#define CURSOR_H

/* What is said of a text that is no cursor of the list; the name of the parameter stands before it. */
#define CURSOR_REFUSED "is not a cursor of this list; send one that it gave, unchanged"

#include "arena.h"
#include "err.h"

/* Encodes n parts (any bytes) under a tag. {NULL, 0} when memory runs out. */
struct slice cursor_encode(char tag, const struct slice *parts, size_t n,
                           struct arena *arena) MUST_USE;

/* Decodes a cursor of exactly n parts; absent parts come back absent. */
bool cursor_decode(struct slice text, char tag, struct slice *parts, size_t n, struct arena *arena,
                   struct err *err) MUST_USE;

enum { CURSOR_OWNER_LEN = 8, CURSOR_OF_MAX = 8 };

/*
 * Writes a hash of what chooses the items of a list (at most CURSOR_OF_MAX; absent is not empty) to out, and
 * gives it as a part. In another list its cursor would skip items silently.
 */
struct slice cursor_owner(const struct slice *of, size_t n, char out[CURSOR_OWNER_LEN]);

/* A part that is an integer: decimal text in the arena. */
struct slice cursor_int(int64_t n, struct arena *arena) MUST_USE;

/* Reads such a part. ERR_INVALID if it is none. */
bool cursor_to_int(struct slice part, int64_t *n, struct err *err) MUST_USE;

#endif

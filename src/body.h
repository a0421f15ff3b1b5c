/*
 * body.h - reads a JSON body or a query string into a struct, driven by a table of members.
 *
 *     static const struct member append_members[] = {
 *         MEMBER(struct append, role, MEMBER_STRING | MEMBER_REQUIRED),
 *         MEMBER(struct append, content, MEMBER_ANY | MEMBER_REQUIRED), MEMBER_END };
 *
 * A member that the table does not name, or that has the wrong type, is refused. null counts as absent,
 * except for MEMBER_ANY. Absent members leave their fields as they were: set defaults first.
 *
 * Threads    no state.
 * Ownership  slices point into the text or the arena.
 * Units      MEMBER_TIME is RFC 3339 in the text and microseconds since 1970 in the struct.
 * Errors     ERR_INVALID "pointer: what is wrong", ERR_NO_MEMORY.
 */
#ifndef BODY_H
#define BODY_H

#include "arena.h"
#include "err.h"

enum member_flags {
    MEMBER_STRING = 1, /* struct slice, decoded; present after a match, even when empty */
    MEMBER_ID = 2,     /* struct slice, decoded and checked (id.h) */
    MEMBER_OBJECT = 3, /* struct slice, the JSON text of an object */
    MEMBER_ARRAY = 4,  /* struct slice, the JSON text of an array */
    MEMBER_ANY = 5,    /* struct slice, any JSON text, null too */
    MEMBER_BOOL = 6,   /* bool */
    MEMBER_INT = 7,    /* int64_t within min..max */
    MEMBER_NUMBER = 8, /* double within min..max */
    MEMBER_TIME = 9,   /* int64_t */
    MEMBER_TYPE_MASK = 15,
    MEMBER_REQUIRED = 16,
};

struct member {
    const char *name;
    unsigned flags;
    size_t offset;
    int64_t min, max; /* MEMBER_INT, MEMBER_NUMBER; both 0 = any */
};

/* clang-format off */
#define MEMBER(type, name, flags) {#name, (flags), offsetof(type, name), 0, 0}
#define MEMBER_RANGE(type, name, flags, min, max) {#name, (flags), offsetof(type, name), min, max}
#define MEMBER_END {NULL, 0, 0, 0, 0}
/* clang-format on */

/* Validates text as JSON and reads the object in it. Anything else is ERR_INVALID, an absent text too. */
bool body_read(struct slice text, const struct member *members, void *out, struct arena *arena,
               struct err *err) MUST_USE;

/* Reads an object that was validated already; `at` is its JSON pointer ("/messages/3"). */
bool body_read_part(struct slice json, const char *at, const struct member *members, void *out,
                    struct arena *arena, struct err *err) MUST_USE;

/* Returns false, and puts the pointer `at` before the text of an ERR_INVALID; other kinds are kept. */
bool body_at(const char *at, struct err *err);

/*
 * Reads a query string. The value of a MEMBER_OBJECT is JSON text (validated); errors point to "?name".
 * A name that occurs twice is refused.
 */
bool query_read(struct slice query, const struct member *members, void *out, struct arena *arena,
                struct err *err) MUST_USE;

#endif

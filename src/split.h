/*
 * split.h - validates a JSON text and finds its parts, in one pass.
 *
 *     body -> split_check() once -> split_members() / split_elements() on what we understand
 *
 * Valid means RFC 8259 in UTF-8 (no overlong forms, no encoded surrogates, no raw control
 * characters in strings, no byte order mark), nested at most SPLIT_DEPTH deep. Lone \ud83d escapes, \u0000,
 * 1e400 and 2^70 are valid: state is opaque and comes back as it was sent.
 *
 * Threads    no state.
 * Ownership  slices point into the text.
 * Units      offsets are bytes.
 * Errors     ERR_INVALID with the offset and what was expected there. ERR_NO_MEMORY.
 */
#ifndef SPLIT_H
#define SPLIT_H

#include "arena.h"
#include "err.h"

enum {
    SPLIT_DEPTH = 512,
    /* In one list: small items take many times the memory of their text. */
    SPLIT_ITEMS_MAX = 262144,
};

/* A member of an object; the name as sent, between its quotes (escapes not decoded). */
struct split_member {
    struct slice name;
    struct slice value; /* without white space around it */
};

/* Checks that text is one JSON value and nothing else; *value is without the white space around it. */
bool split_check(struct slice text, struct slice *value, struct err *err) MUST_USE;

/*
 * Checks text like split_check() and, in the same pass, lists the members of the object that it must be,
 * at most SPLIT_ITEMS_MAX. Two members of one name (even with different escapes) are ERR_INVALID.
 */
bool split_object(struct slice text, struct arena *arena, struct split_member **members, size_t *n,
                  struct err *err) MUST_USE;

/*
 * Lists the members of an object that has been checked already (a value found by this module): same rule
 * for duplicates, no second validation. ERR_INVALID if json is no object.
 */
bool split_members(struct slice json, struct arena *arena, struct split_member **members, size_t *n,
                   struct err *err) MUST_USE;

/*
 * Lists members like split_members(), but allows duplicate names, which opaque values may have.
 * ERR_INVALID if json is no object or has more than SPLIT_ITEMS_MAX members.
 */
bool split_list(struct slice json, struct arena *arena, struct split_member **members, size_t *n,
                struct err *err) MUST_USE;

/*
 * Lists the elements of an array that has been checked already. ERR_INVALID if it is no array or has more
 * than SPLIT_ITEMS_MAX elements.
 */
bool split_elements(struct slice json, struct arena *arena, struct slice **elements, size_t *n,
                    struct err *err) MUST_USE;

/* Whether a member's name, escapes decoded, equals `plain` (plain ASCII). */
bool split_name_is(struct slice name, const char *plain) MUST_USE;

#endif

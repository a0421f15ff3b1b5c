/*
 * body_internal.h - what reading a body and reading a query string share.
 *
 *     body.c, query.c -> member_*()
 *
 * Threads    no state.
 * Ownership  as body.h.
 * Units      as body.h.
 * Errors     ERR_INVALID without a pointer, but for member_missing(); ERR_NO_MEMORY.
 */
#ifndef BODY_INTERNAL_H
#define BODY_INTERNAL_H

#include "body.h"

enum { MEMBERS_MAX = 64 }; /* of one table: seen ones are bits of a word */

/* The member of that name and its index, or NULL. */
const struct member *member_find(const struct member *members, struct slice name, size_t *index);

/* Reads valid JSON text into the field of *out. */
bool member_from_json(const struct member *m, struct slice json, void *out, struct arena *arena,
                      struct err *err) MUST_USE;

/* Reads decoded text (MEMBER_STRING, MEMBER_ID, MEMBER_TIME) into the field of *out. */
bool member_from_text(const struct member *m, struct slice text, void *out,
                      struct err *err) MUST_USE;

/* The first required member that is not seen, or NULL. */
const struct member *member_missing(const struct member *members, uint64_t seen);

#endif

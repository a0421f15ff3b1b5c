/*
 * body_internal.h - what reading a body and reading a query string share.
 *
 *     body.c, query.c -> member_*()
 *
 * Threads    no state.
 * Ownership  as body.h.
 * Units      as body.h.
 * Errors     ERR_INVALID, its text without a pointer; ERR_NO_MEMORY.
 */
#ifndef BODY_INTERNAL_H
#define BODY_INTERNAL_H

#include "body.h"

enum { MEMBERS_MAX = 64 }; /* members of one table: a 64-bit word records which were seen */

/* The member of that name and its index, or NULL. */
const struct member *member_find(const struct member *members, struct slice name, size_t *index);

/* Converts valid JSON text into the field of *out. */
bool member_from_json(const struct member *m, struct slice json, void *out, struct arena *arena,
                      struct err *err) MUST_USE;

/* Converts decoded text (MEMBER_STRING, MEMBER_ID, MEMBER_TIME) into the field of *out. */
bool member_from_text(const struct member *m, struct slice text, void *out,
                      struct err *err) MUST_USE;

/* The first required member that `seen` lacks, or NULL. */
const struct member *member_missing(const struct member *members, uint64_t seen);

#endif

/*
 * place.h - a place in a list that is ordered by a number and then by an id, and its cursor.
 *
 *     ?cursor= -> place_read() -> op;  last item of a page -> place_write() -> next_cursor
 *
 * Threads    the request's loop.
 * Ownership  ids that are read live in the request's arena.
 * Units      number: whatever the list is ordered by.
 * Errors     ERR_INVALID "?name: ...", ERR_NO_MEMORY.
 */
#ifndef PLACE_H
#define PLACE_H

#include "request.h"
#include "text.h"

struct place {
    int64_t number;
    struct slice id; /* absent = no place */
};

/* A cursor as it was sent. */
struct place_cursor {
    const char *name; /* of the query parameter */
    struct slice text;
    char tag; /* which list: each has its own letter */
};

/* Reads a cursor that place_write() wrote under the same tag; an absent one is no place. */
bool place_read(struct request *req, const struct place_cursor *in, struct place *out,
                struct err *err) MUST_USE;

/* Writes the member `key`: the cursor of a place, null for none. */
void place_write(struct text *t, const char *key, char tag, const struct place *place);

#endif

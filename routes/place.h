/*
 * place.h - a position in a list that is ordered by a number and then by an id, and its cursor.
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

enum { PLACE_OF_MAX = 2 };

/* Identifies a list. */
struct place_list {
    char tag;                      /* each kind of list has its own letter */
    struct slice of[PLACE_OF_MAX]; /* what chooses its items */
};

/* A cursor as it was sent. */
struct place_cursor {
    const char *name; /* of the query parameter */
    struct slice text;
};

/* Reads a cursor that place_write() wrote for the same list; an absent one gives no position. */
bool place_read(struct request *req, const struct place_list *list, const struct place_cursor *in,
                struct place *out, struct err *err) MUST_USE;

/* Writes the member `key`: the cursor of a position, null for none. */
void place_write(struct text *t, const char *key, const struct place_list *list,
                 const struct place *place);

#endif

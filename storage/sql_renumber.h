/*
 * sql_renumber.h - new stamps in the place of others, in the same order.
 *
 *     renumber_query() for some rows -> renumber_take() -> renumber_of()
 *
 * Threads    the lane's.
 * Ownership  the numbers live in the arena.
 * Units      stamps as in clock.h.
 * Errors     STORAGE, DAMAGED, UNAVAILABLE, NO_MEMORY.
 */
#ifndef SQL_RENUMBER_H
#define SQL_RENUMBER_H

#include "sql_query.h"

struct renumber {
    int64_t *old; /* ascending and distinct once taken */
    size_t n, cap;
    int64_t first; /* the new ones are consecutive */
};

/* Adds all columns of all rows of a query that has its parameters, and ends it; 0 is none. */
bool renumber_query(struct renumber *r, struct query *q, struct arena *arena,
                    struct err *err) MUST_USE;

/* Sorts what was added, each once; they get no new stamps. */
void renumber_sort(struct renumber *r);

/*
 * Sorts, and takes a new stamp for each number; 0 is none. Whoever has kept a copy of r from before
 * may add and take anew.
 */
bool renumber_take(struct renumber *r, struct arena *arena, struct err *err) MUST_USE;

/* The new stamp of a number; 0 for what is not known. */
int64_t renumber_of(const struct renumber *r, int64_t number) MUST_USE;

#endif

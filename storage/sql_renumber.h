/*
 * sql_renumber.h - replaces stamps by new ones in the same order.
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
    int64_t *old; /* ascending and distinct after renumber_take() or renumber_sort() */
    size_t n, cap;
    int64_t first; /* stamp of old[0]; the others follow consecutively */
};

/* Adds all columns, except 0, of all rows of a query whose parameters are bound, and ends it. */
bool renumber_query(struct renumber *r, struct query *q, struct arena *arena,
                    struct err *err) MUST_USE;

/* Sorts the numbers and removes duplicates; they get no new stamps. */
void renumber_sort(struct renumber *r);

/*
 * Sorts the numbers, removes duplicates, and takes a new stamp for each. A copy of *r made before may still
 * add numbers and take stamps of its own.
 */
bool renumber_take(struct renumber *r, struct arena *arena, struct err *err) MUST_USE;

/* The new stamp of a number; 0 if it was not added. */
int64_t renumber_of(const struct renumber *r, int64_t number) MUST_USE;

#endif

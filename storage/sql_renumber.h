/*
 * sql_renumber.h - new stamps in the place of others, in the same order.
 *
 *     renumber_query() for each row -> renumber_take() -> renumber_of()
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

/* Where numbers come from: all columns of a statement with one parameter. */
struct renumber_source {
    struct sql *d;
    struct arena *arena;
    enum sql_statement which;
};

/* Adds the numbers that the statement gives for this id. */
bool renumber_query(const struct renumber_source *in, int64_t id, struct renumber *r,
                    struct err *err) MUST_USE;

/*
 * Sorts, and takes a new stamp for each number; 0 is none. Whoever has kept a copy of r from before
 * may add and take anew.
 */
bool renumber_take(struct renumber *r, struct arena *arena, struct err *err) MUST_USE;

/* The new stamp of a number; 0 for what is not known. */
int64_t renumber_of(const struct renumber *r, int64_t number) MUST_USE;

#endif

/*
 * renumber.h - replaces stamps by new ones in the same order, for any store.
 *
 *     renumber_add() each -> renumber_take() -> renumber_of()
 *
 * Threads    the lane's.
 * Ownership  the numbers live in the arena.
 * Units      stamps as in clock.h.
 * Errors     ERR_NO_MEMORY.
 */
#ifndef RENUMBER_H
#define RENUMBER_H

#include "arena.h"
#include "err.h"

struct renumber {
    int64_t *old; /* ascending and distinct after renumber_take() or renumber_sort() */
    size_t n, cap;
    int64_t first; /* stamp of old[0]; the others follow consecutively */
};

/* Adds a number; 0 is left out. */
bool renumber_add(struct renumber *r, int64_t number, struct arena *arena,
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

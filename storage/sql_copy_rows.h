/*
 * sql_copy_rows.h - the rows of a thread once more, in the namespaces of another one.
 *
 *     sql_thread_copy.c: copier_begin() -> copier_stamps() -> copier_values() -> copier_rows()
 *
 * Many rows go by one statement, within the store: what comes here are the numbers in them, and what
 * goes back are the new ones. Only what reads them is waited for.
 *
 * Threads    the lane's.
 * Ownership  lists live in the arena of the op; `scratch` is the caller's, to be reset in between.
 * Units      stamps as in clock.h.
 * Errors     DAMAGED, STORAGE, UNAVAILABLE, NO_MEMORY.
 */
#ifndef SQL_COPY_ROWS_H
#define SQL_COPY_ROWS_H

#include "sql_renumber.h"

/* A copy of this goes on from where it was made. */
struct copier {
    struct sql *d;
    struct arena *arena;
    int64_t *from, *to; /* namespaces, ascending by the first */
    size_t n_spaces;
    struct renumber rows;        /* of table checkpoint; they get no numbers */
    struct renumber values;      /* ids */
    struct renumber stamps;      /* of checkpoints and tasks */
    size_t most;                 /* that are worth one statement, as the last ones were */
    int64_t checkpoints, writes; /* copied so far */
};

/* Makes the namespaces of one thread in another, which has none, and lists what is in them. */
bool copier_begin(struct copier *c, int64_t from_thread, int64_t to_thread,
                  struct err *err) MUST_USE;

/*
 * Some of the list, in its order; the first reads stamps of these checkpoints and of their tasks, which
 * are to be taken (renumber_take()) before any is copied. *n: at most so many; then, how many it were.
 */
bool copier_stamps(struct copier *c, const int64_t *rows, size_t *n, struct arena *scratch,
                   struct err *err) MUST_USE;
bool copier_values(struct copier *c, const int64_t *ids, size_t *n, struct arena *scratch,
                   struct err *err) MUST_USE;
bool copier_rows(struct copier *c, const int64_t *rows, size_t *n, struct arena *scratch,
                 struct err *err) MUST_USE;

#endif

/*
 * sql_copy_rows.h - copies the rows of a thread into the namespaces of another one.
 *
 *     sql_thread_copy.c: copier_begin() -> copier_stamps() -> copier_values() -> copier_rows()
 *
 * Texts are copied within the store, many rows by one statement: only the numbers in them are read, and new
 * ones sent. Only statements that read are waited for.
 *
 * Threads    the lane's.
 * Ownership  lists live in the arena of the op; `scratch` is the caller's, to be reset between calls.
 * Units      stamps as in clock.h.
 * Errors     DAMAGED, STORAGE, UNAVAILABLE, NO_MEMORY.
 */
#ifndef SQL_COPY_ROWS_H
#define SQL_COPY_ROWS_H

#include "sql_renumber.h"

/* A copy of this struct continues from the state in which it was made. */
struct copier {
    struct sql *d;
    struct arena *arena;
    int64_t *from, *to; /* namespaces, ascending by the first */
    size_t n_spaces;
    struct renumber rows;   /* rows of table checkpoint; only listed, they get no new numbers */
    struct renumber values; /* ids */
    struct renumber stamps; /* of checkpoints and tasks */
    size_t most;            /* how many rows to copy by one statement, judged by the last ones */
    int64_t checkpoints, writes; /* copied so far */
};

/* Makes the namespaces of one thread in another, which has none, and lists their contents. */
bool copier_begin(struct copier *c, int64_t from_thread, int64_t to_thread,
                  struct err *err) MUST_USE;

/*
 * Each handles a part of a list, in order; *n is the highest number of rows, then how many were handled.
 * copier_stamps() reads the stamps of checkpoints and their tasks: they must be renumbered by
 * renumber_take() before the first copier_rows().
 */
bool copier_stamps(struct copier *c, const int64_t *rows, size_t *n, struct arena *scratch,
                   struct err *err) MUST_USE;
bool copier_values(struct copier *c, const int64_t *ids, size_t *n, struct arena *scratch,
                   struct err *err) MUST_USE;
bool copier_rows(struct copier *c, const int64_t *rows, size_t *n, struct arena *scratch,
                 struct err *err) MUST_USE;

#endif

/*
 * sql_bury.h - turns many sessions into tombstones at once.
 *
 *     sql_cleanup.c: rows that it has found and locked -> bury_sessions()
 *
 * All questions are asked together, and rows that get the same stamp (nearly always op->stamp) are changed
 * by one statement. For each session the result is the same as with row_remove(), pending_delete() and
 * sql_thread_remove().
 *
 * Threads    the lane's.
 * Ownership  all lives in the op's arena.
 * Units      stamps as in clock.h.
 * Errors     FENCED; STORAGE, DAMAGED, UNAVAILABLE, NO_MEMORY.
 */
#ifndef SQL_BURY_H
#define SQL_BURY_H

#include "sql_rows.h"

/* A session to remove. Its row has an id and is not hollow; afterwards it is the tombstone. */
struct burial {
    struct session_row row;
    bool with_thread;    /* the thread of the same id goes, too */
    struct slice tenant; /* name of its tenant if that is not the op's and is needed; else absent */

    /* Set by bury_sessions(). */
    int64_t row_id;  /* of the row that it had */
    int64_t content; /* the highest stamp of its messages and contexts; 0 = none */
    int64_t pending; /* the highest stamp of pending additions to its counters (pair_sql.h) */
    int64_t stamp;   /* of the tombstone */
    bool much;       /* it has so many messages that they become garbage (sql_garbage.h) */
    struct {
        int64_t id; /* 0 = it did not exist, and is made as a tombstone */
        int64_t tomb, updated_us;
        int64_t newest; /* the highest stamp in its namespaces */
    } thread;
};

/* Removes n sessions with their messages, contexts, pending additions and threads. */
bool bury_sessions(struct sql *d, struct op *op, struct burial *all, size_t n,
                   struct err *err) MUST_USE;

#endif

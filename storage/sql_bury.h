/*
 * sql_bury.h - many sessions become tombstones at once.
 *
 *     sql_cleanup.c: rows that it has found, and holds -> bury_sessions()
 *
 * What is asked of all is asked together, what changes is changed by statements for all that get one
 * stamp: nearly always the op's own. What becomes of each is what row_remove(), pending_delete() and
 * sql_thread_remove() make of one.
 *
 * Threads    the lane's.
 * Ownership  all lives in the op's arena.
 * Units      stamps as in clock.h.
 * Errors     FENCED; STORAGE, DAMAGED, UNAVAILABLE, NO_MEMORY.
 */
#ifndef SQL_BURY_H
#define SQL_BURY_H

#include "sql_rows.h"

/* A session that goes. Its row has an id and is not hollow; it is the tombstone afterwards. */
struct burial {
    struct session_row row;
    bool with_thread; /* the thread of its id goes, too */
    struct slice
        tenant; /* the name, of another tenant than the op's; absent: of that, or not wanted */

    /* Set by bury_sessions(). */
    int64_t row_id;  /* of the row that it had */
    int64_t content; /* the highest stamp of messages and contexts; 0 = there are none */
    int64_t pending; /* of additions to counters (pair_sql.h) */
    int64_t stamp;   /* of the tombstone */
    bool much;       /* so many messages that they are garbage (sql_garbage.h) */
    struct {
        int64_t id; /* 0 = there was none; then it is made, as a tombstone */
        int64_t tomb, updated_us;
        int64_t newest; /* in its namespaces */
    } thread;
};

/* Removes n sessions with messages and contexts, what is pending of them, and threads. */
bool bury_sessions(struct sql *d, struct op *op, struct burial *all, size_t n,
                   struct err *err) MUST_USE;

#endif

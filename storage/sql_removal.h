/*
 * sql_removal.h - the removal of a list of checkpoints, in parts.
 *
 *     doomed list -> removal_whole()
 *                 -> removal_start() -> removal_go_on() while something is left
 *
 * Rows go many at a time, of one namespace. What is left of it is looked through once, when all of them
 * have gone: for parents that are no longer there and for values that nothing refers to, heads among them.
 *
 * Other ops may come in between: a row that has changed since it was listed stays; a namespace that
 * changes while it is looked through is looked through again, in one part. If the process ends first
 * there is a note of it: the next prune of its thread, or the clean-up, does the rest. An item with
 * the row 0 removes nothing, and has the namespace looked through.
 *
 * Threads    the lane's.
 * Ownership  lists live in the arena of the removal.
 * Units      none.
 * Errors     STORAGE, DAMAGED, UNAVAILABLE, NO_MEMORY.
 */
#ifndef SQL_REMOVAL_H
#define SQL_REMOVAL_H

#include "sql_doomed.h"
#include "sql_marks.h"
#include "sql_ns.h"

enum removal_phase {
    REMOVAL_ROWS,  /* the rows of a namespace */
    REMOVAL_SCAN,  /* the rows that are left */
    REMOVAL_SWEEP, /* the values that they do not need */
};

/* What every change of a namespace moves. */
struct removal_state {
    int64_t newest, changed_by; /* its last stamp, and who has changed it last */
    int64_t strays;             /* of the store (struct sql) */
};

/* Where a removal stands. A copy goes on from where it was made. */
struct removal {
    struct arena *arena;
    const struct doomed_item *items;
    size_t n, at;
    bool whole; /* not in parts */

    /* The namespace at hand. */
    int64_t ns; /* 0 = none */
    enum removal_phase phase;
    struct ns_change change;    /* not yet counted; none between two parts */
    bool noted;                 /* as not yet swept (sql_garbage.h) */
    bool at_once;               /* it changes all the time: the rest of it in one part */
    struct removal_state state; /* since the scan began */
    struct marks marks;
    struct slice scanned; /* checkpoint id */
    size_t swept;
};

/* Sorts the list, which must not change any more. */
struct removal removal_start(struct doomed *list) MUST_USE;

/*
 * The next part of an op that removes a list, and then what garbage there is: sets op->again, and
 * op->progress to a struct removal.
 */
bool removal_go_on(struct sql *d, struct op *op, const struct removal *from,
                   struct err *err) MUST_USE;

/* Removes what is in the list, which may name a row twice, at once. */
bool removal_whole(struct sql *d, struct doomed *list, struct err *err) MUST_USE;

/* Removes what was created in a thread at or before expired_us, at once. */
bool removal_expire(struct sql *d, int64_t thread, int64_t expired_us, struct err *err) MUST_USE;

#endif

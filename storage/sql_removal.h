/*
 * sql_removal.h - removes a list of checkpoints, in parts.
 *
 *     doomed list -> removal_whole()
 *                 -> removal_start() -> removal_go_on() while something is left
 *
 * Rows of one namespace go many at a time. When all listed ones are gone, the rest of the namespace is
 * searched once: for rows whose parent is gone, and for values, heads included, that nothing refers to.
 *
 * Other ops may run in between. A row that has changed since it was listed stays. A namespace that changes
 * during its search is searched again, in one part. If the process ends first, a note tells of it, and
 * the next prune of its thread, or the clean-up, does the rest. An item with row 0 removes nothing, but has
 * its namespace searched.
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
    REMOVAL_ROWS,  /* the listed rows of a namespace */
    REMOVAL_SCAN,  /* the rows that are left */
    REMOVAL_SWEEP, /* the values that none of them needs */
};

/* Every change of a namespace changes one of these. */
struct removal_state {
    int64_t newest, changed_by; /* its last stamp, and who has changed it last */
    int64_t strays;             /* d->strays, for changes without a higher stamp */
};

/* The progress of a removal. A copy of this struct continues from the state in which it was made. */
struct removal {
    struct arena *arena;
    const struct doomed_item *items;
    size_t n, at;
    int64_t stamp; /* its own: checkpoints above it keep the names of parents that it removes */
    bool whole;    /* all at once, not in parts */

    /* The current namespace. */
    int64_t ns; /* 0 = none */
    enum removal_phase phase;
    struct ns_change change; /* not yet added to its counters; zero between two parts */
    int64_t names;       /* checkpoints up to this stamp lose the names of parents that are gone */
    bool noted;          /* it has a note that it is not swept (sql_garbage.h) */
    int64_t noted_names; /* `names` of that note */
    bool at_once;        /* it changes all the time: its rest is done in one part */
    struct removal_state state; /* when the scan began */
    struct marks marks;
    struct slice scanned; /* id of the last checkpoint read */
    size_t swept;
};

/* Starts with a list, which it sorts and which must not change afterwards. An item without a row is a note of
 * its namespace, and its mark the note's `names`. */
struct removal removal_start(struct doomed *list, int64_t stamp) MUST_USE;

/*
 * Does the next part of an op that removes a list, and after the list the garbage: sets op->again, and
 * op->progress to a struct removal.
 */
bool removal_go_on(struct sql *d, struct op *op, const struct removal *from,
                   struct err *err) MUST_USE;

/* Removes a list, which may name a row twice, at once. */
bool removal_whole(struct sql *d, struct doomed *list, int64_t stamp, struct err *err) MUST_USE;

/* Removes at once the checkpoints of a thread that were created at or before expired_us. */
bool removal_expire(struct sql *d, int64_t thread, int64_t expired_us, struct err *err) MUST_USE;

#endif

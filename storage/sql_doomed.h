/*
 * sql_doomed.h - checkpoints that go, with all that only they needed.
 *
 *     op function -> doomed_list() | doomed_add() -> sql_removal.h -> doomed_rows(), doomed_values()
 *
 * With a checkpoint go its writes; then the parents that named it, its head and the values that
 * nothing refers to, the namespace and the thread when they are empty. Rows go many at a time; what is
 * left of a namespace is looked through once, when all have gone. Counters follow.
 *
 * Threads    the lane's.
 * Ownership  the list lives in its arena.
 * Units      none.
 * Errors     STORAGE, DAMAGED, UNAVAILABLE, NO_MEMORY.
 */
#ifndef SQL_DOOMED_H
#define SQL_DOOMED_H

#include "sql_ns.h"

struct doomed_item {
    int64_t ns, id; /* row ids */
    int64_t mark;   /* doomed_mark(): one that has changed since stays */
};

struct doomed {
    struct arena *arena;
    struct doomed_item *items;
    size_t n, cap;
};

/* What tells a row of table checkpoint from its next state: its stamp; of an anchor, its age. */
int64_t doomed_mark(int64_t stamp, int64_t created_us) MUST_USE;

/* Adds a row of table checkpoint. */
bool doomed_add(struct doomed *list, const struct doomed_item *item, struct err *err) MUST_USE;

/* Adds all rows (id, namespace, mark) of a query that has its parameters, and ends it. */
bool doomed_list(struct doomed *list, struct query *q, struct err *err) MUST_USE;

/* Order by namespace, then by row. */
int doomed_order(const void *a, const void *b);

/* Puts a list into that order. */
void doomed_sort(struct doomed *list);

/*
 * After the deletion of a thread has come from another store: the rest, as above. Values above the
 * stamp of the deletion may wait for their checkpoint: they stay, and so do their bases.
 */
bool doomed_settle_below(struct sql *d, int64_t ns, int64_t tomb, struct err *err) MUST_USE;

/*
 * Drops what is as it was listed of n rows of one namespace, at most PART_AT_ONCE, which are sorted, with
 * their writes; *change counts them. Where others write to the store as well, their thread is locked.
 */
bool doomed_rows(struct sql *d, const struct doomed_item *items, size_t n, struct ns_change *change,
                 struct err *err) MUST_USE;

/* Drops values; *bytes is what they took, NULL: nobody asks. An id that is not there counts for nothing. */
bool doomed_values(struct sql *d, const int64_t *ids, size_t n, int64_t *bytes,
                   struct err *err) MUST_USE;

/*
 * Drops the head of a checkpoint that is replaced, unless a later head is based on it; *bytes is
 * what it took.
 */
bool doomed_head(struct sql *d, int64_t ns, int64_t head, int64_t *bytes, struct err *err) MUST_USE;

#endif

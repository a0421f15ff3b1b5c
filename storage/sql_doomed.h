/*
 * sql_doomed.h - checkpoints that go, with all that only they needed.
 *
 *     op function -> doomed_list() | doomed_add() -> sql_removal.h -> doomed_head(), doomed_value()
 *
 * With a checkpoint go its writes and its head; then the parents that named it, the values that
 * nothing refers to, the namespace and the thread when they are empty. What rows go costs by the
 * row; what is left of a namespace is looked through once, when all have gone. Counters follow.
 *
 * Threads    the lane's.
 * Ownership  the list lives in its arena.
 * Units      none.
 * Errors     STORAGE, DAMAGED, UNAVAILABLE, NO_MEMORY.
 */
#ifndef SQL_DOOMED_H
#define SQL_DOOMED_H

#include "sql_query.h"

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

/* Drops a value; *bytes is what it took, 0 when there is none of this id. */
bool doomed_value(struct sql *d, int64_t id, int64_t *bytes, struct err *err) MUST_USE;

/*
 * Drops the head of a checkpoint that is replaced, unless a later head is based on it; *bytes is
 * what it took.
 */
bool doomed_head(struct sql *d, int64_t ns, int64_t head, int64_t *bytes, struct err *err) MUST_USE;

#endif

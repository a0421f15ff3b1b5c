/*
 * sql_doomed.h - removes checkpoints with all that only they needed.
 *
 *     op function -> doomed_list() | doomed_add() -> sql_removal.h -> doomed_rows(), doomed_values()
 *
 * With a checkpoint go its writes; after that, references to it as a parent, its head, the values that nothing
 * refers to, and namespace and thread if they are empty. Rows are removed many at a time; the rest of a
 * namespace is looked through once, when all are gone. Counters follow.
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
    int64_t mark;   /* doomed_mark() when it was listed: a row that has changed since stays */
};

struct doomed {
    struct arena *arena;
    struct doomed_item *items;
    size_t n, cap;
};

/* Tells states of a row of table checkpoint apart: its stamp, or the age of an anchor. */
int64_t doomed_mark(int64_t stamp, int64_t created_us) MUST_USE;

/* Adds a row of table checkpoint. */
bool doomed_add(struct doomed *list, const struct doomed_item *item, struct err *err) MUST_USE;

/* Adds all rows (id, namespace, mark) of a query whose parameters are bound, and ends it. */
bool doomed_list(struct doomed *list, struct query *q, struct err *err) MUST_USE;

/* Compares by namespace, then by row. */
int doomed_order(const void *a, const void *b);

/* Sorts by namespace, row and mark. */
void doomed_sort(struct doomed *list);

/*
 * Tidies up a namespace after the deletion of its thread has come from another store. Values above the stamp
 * of the deletion may wait for their checkpoint: they stay with their bases. Checkpoints that are left came
 * after it, and keep the names of their parents.
 */
bool doomed_settle_below(struct sql *d, int64_t ns, int64_t tomb, struct err *err) MUST_USE;

/*
 * Drops those of n sorted rows of one namespace, at most PART_AT_ONCE, that are still as they were listed,
 * with their writes; *change counts them. Where others write to the store too, their thread is locked.
 */
bool doomed_rows(struct sql *d, const struct doomed_item *items, size_t n, struct ns_change *change,
                 struct err *err) MUST_USE;

/* Drops values; *bytes is what they took, unless NULL. An id that does not exist counts for nothing. */
bool doomed_values(struct sql *d, const int64_t *ids, size_t n, int64_t *bytes,
                   struct err *err) MUST_USE;

/*
 * Drops the head of a checkpoint that is replaced, unless a later head is based on it; *bytes is what it
 * took.
 */
bool doomed_head(struct sql *d, int64_t ns, int64_t head, int64_t *bytes, struct err *err) MUST_USE;

#endif

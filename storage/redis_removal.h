/*
 * redis_removal.h - removes checkpoints from the namespaces of a thread.
 *
 *     redis_removal_load() -> mark rows as doomed -> redis_removal_apply() -> call_commit()
 *
 * What stays in a namespace is gone through as well: parents that are no longer there are taken out of
 * its rows, and values that nothing refers to are removed.
 *
 * Threads    the lane's.
 * Ownership  lists live in the arena of the op.
 * Units      *_us wall microseconds; stamps as in clock.h.
 * Errors     those of redis.h.
 */
#ifndef REDIS_REMOVAL_H
#define REDIS_REMOVAL_H

#include "redis_threads.h"

struct removal_row {
    struct cp_row row;
    bool doomed;
    bool weighed;     /* it has writes, or had some */
    int64_t weight;   /* bytes of the writes on it */
    bool rewritten;   /* `row` was changed and must be stored */
    struct cp_row as; /* the row as it is stored */
};

/* A namespace with its rows and the names of its values. */
struct removal_space {
    struct space *space;
    struct removal_row *rows;
    size_t n;
    struct value_name *values; /* sorted by id */
    size_t n_values;
    int64_t last;  /* values above this stay for a checkpoint to come; INT64_MAX: none does */
    int64_t stamp; /* of the removal: checkpoints above it keep the name of a parent that is gone */
};

/* Reads all namespaces of a thread whose row was read. */
bool redis_removal_load(struct call *c, const struct thread_row *thread,
                        struct removal_space **spaces, struct err *err) MUST_USE;

/* Sets the stamp of a removal for n namespaces. */
void redis_removal_stamp(struct removal_space *spaces, size_t n, int64_t stamp);

/* Marks as needed the values that rows which are not doomed refer to, and their bases. */
bool redis_removal_need(struct call *c, struct removal_space *s, struct err *err) MUST_USE;

/* Dooms the rows that were created at or before expired_us. *any is set if a row is doomed. */
void redis_removal_expire(struct removal_space *s, int64_t expired_us, bool *any);

/* Turns the row of a checkpoint into the place of the writes on it, the newest of which has this stamp. */
void redis_removal_undo(struct removal_space *s, struct removal_row *r, int64_t newest);

/* Plans the removal of doomed rows, in each namespace that has some; with `settle` in all, for values
 * that nothing needs. The thread is guarded and stored. */
bool redis_removal_apply(struct call *c, struct thread_row *thread, struct removal_space *spaces,
                         bool settle, struct err *err) MUST_USE;

/* Removes what has expired in the thread at hand, and commits. What was read of the thread before is
 * stale then. */
bool redis_removal_expired(struct call *c, struct err *err) MUST_USE;

#endif

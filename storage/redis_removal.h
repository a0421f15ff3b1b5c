/*
 * redis_removal.h - taking checkpoints out of a namespace.
 *
 *     redis_removal_load() -> mark rows as doomed -> redis_removal_apply() -> call_commit()
 *
 * What is left of the namespace is looked through as well: for parents that are no longer there and
 * for values that nothing refers to.
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
    int64_t weight;   /* bytes of its writes */
    bool rewritten;   /* `row` has changed and is to be stored */
    struct cp_row as; /* as it was */
};

/* A namespace with all that is in it, without the bytes of values and writes. */
struct removal_space {
    struct space *space;
    struct removal_row *rows;
    size_t n;
    struct value_name *values; /* by id */
    size_t n_values;
    int64_t last; /* values above this stamp stay; INT64_MAX = none for that alone */
};

/* All namespaces of a thread that has been read. */
bool redis_removal_load(struct call *c, const struct thread_row *thread,
                        struct removal_space **spaces, struct err *err) MUST_USE;

/* Sets `needed` of the values that rows which are not doomed refer to, and of their bases. */
bool redis_removal_need(struct call *c, struct removal_space *s, struct err *err) MUST_USE;

/* Marks what has expired. *any: there is such a row. */
void redis_removal_expire(struct removal_space *s, int64_t expired_us, bool *any);

/* Leaves of a row the place of the writes on it, the newest of which has this stamp. */
void redis_removal_undo(struct removal_space *s, struct removal_row *r, int64_t newest);

/* Removes the doomed rows, from each namespace that has any; with `settle` looks through all. The
 * thread is guarded and stored. */
bool redis_removal_apply(struct call *c, struct thread_row *thread, struct removal_space *spaces,
                         bool settle, struct err *err) MUST_USE;

/* Removes what has expired in the thread at hand, and commits. The op is to be run anew after it. */
bool redis_removal_expired(struct call *c, struct err *err) MUST_USE;

#endif

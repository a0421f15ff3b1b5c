/*
 * sql_ns.h - reads and writes the rows of threads and namespaces.
 *
 *     op function -> ns_find() -> ns_make() -> ... -> ns_grow()
 *
 * The row of a namespace exists while it has contents; that of a thread also as the tombstone of a deleted
 * thread. What is older than checkpoint_ttl is still stored, but absent for readers.
 *
 * Threads    the lane's.
 * Ownership  slices are borrowed.
 * Units      *_us wall microseconds; stamps as in clock.h; sizes bytes.
 * Errors     STORAGE, DAMAGED, UNAVAILABLE, NO_MEMORY.
 */
#ifndef SQL_NS_H
#define SQL_NS_H

#include "sql_query.h"

struct ns_key {
    int64_t tenant;
    struct slice thread, ns;
};

struct ns_row {
    int64_t thread; /* row ids; 0 = it does not exist */
    int64_t id;
    int64_t tomb;       /* of the thread */
    int64_t last_stamp; /* the highest one in the namespace */
    enum form form;
};

/* What is added to the counters of a namespace. */
struct ns_change {
    int64_t stamp; /* of what was added; 0 = nothing */
    int64_t checkpoints, bytes;
};

struct thread_row {
    int64_t id; /* 0 = it does not exist */
    int64_t tomb, updated_us;
};

/* Finds the rows of a namespace and its thread; missing ones are 0. */
bool ns_find(struct sql *d, const struct ns_key *key, struct ns_row *row, struct err *err) MUST_USE;

/* The two halves of that, for callers that ask for more in between; likewise below. */
bool ns_begin(struct sql *d, const struct ns_key *key, struct query *q, struct err *err) MUST_USE;
bool ns_take(struct query *q, struct ns_row *row, struct err *err) MUST_USE;

/* Makes the missing rows, and sets the form of a namespace that has none. */
bool ns_make(struct sql *d, const struct ns_key *key, enum form form, struct ns_row *row,
             struct err *err) MUST_USE;

/* Adds to the counters. */
bool ns_grow(struct sql *d, int64_t id, const struct ns_change *change, struct err *err) MUST_USE;

/* Finds the row of a thread. */
bool thread_find(struct sql *d, int64_t tenant, struct slice id, struct thread_row *row,
                 struct err *err) MUST_USE;
bool thread_begin(struct sql *d, int64_t tenant, struct slice id, struct query *q,
                  struct err *err) MUST_USE;
bool thread_take(struct query *q, struct thread_row *row, struct err *err) MUST_USE;

/* Makes the row of a thread from row->tomb and row->updated_us. */
bool thread_make(struct sql *d, int64_t tenant, struct slice id, struct thread_row *row,
                 struct err *err) MUST_USE;

/* Whether readers see anything in a thread. */
bool thread_holds(struct sql *d, int64_t thread, int64_t expired_us, bool *holds,
                  struct err *err) MUST_USE;

/* Moves updated_us of a thread forward. */
bool thread_touch(struct sql *d, int64_t thread, int64_t now_us, struct err *err) MUST_USE;

#endif

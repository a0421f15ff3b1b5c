/*
 * redis_load.h - reads checkpoints with their values and writes.
 *
 * Threads    the lane's.
 * Ownership  results live in the arena of the op.
 * Units      *_us wall microseconds; bytes.
 * Errors     those of redis.h.
 */
#ifndef REDIS_LOAD_H
#define REDIS_LOAD_H

#include "redis_cells.h"
#include "value_map.h"

struct loader {
    struct call *c;
    struct value_map values; /* those loaded so far, by id */
    size_t bytes;            /* size of all that was loaded so far */
};

/* A checkpoint whose row is known, and what is read for it. */
struct load_item {
    struct slice thread, ns;
    struct cp_row row;
    int64_t *wanted; /* ids of values to read */
    size_t n_wanted;
    struct checkpoint *out;
};

/* Starts a loader, for one op. */
struct loader redis_load_start(struct call *c) MUST_USE;

/* Makes `out` of an item, with its writes; with its values only if `values`. */
bool redis_load_item(struct loader *l, struct load_item *item, bool values,
                     struct err *err) MUST_USE;

/* Unpacks the writes of sorted tasks into `out`; leaves out tasks whose newest write is expired. */
bool redis_load_writes(struct loader *l, const struct task_row *tasks, size_t n, int64_t expired_us,
                       struct checkpoint *out, struct err *err) MUST_USE;

/* Reads values by id in a namespace of the thread at hand, with their bases. out[i] is NULL for id 0. */
bool redis_load_values(struct loader *l, struct slice ns, const int64_t *ids, size_t n,
                       const struct value **out, struct err *err) MUST_USE;

/* Reads the field of a value. */
bool redis_load_value_take(struct loader *l, int64_t id, const struct reply *reply,
                           struct value **out, struct err *err) MUST_USE;

/* The latest row of a namespace that has not expired; row->stored is false if there is none. */
bool redis_load_latest(struct call *c, const struct space *space, struct cp_row *row,
                       struct err *err) MUST_USE;

#endif

/*
 * redis_records.h - lists records in key order, for OP_READ_RANGE.
 *
 *     redis_read_range() -> for each id: its records, in key order -> redis_records_next() for each
 *
 * Threads    the lane's.
 * Ownership  records live in the arena of the op.
 * Units      stamps as in clock.h.
 * Errors     those of redis.h.
 */
#ifndef REDIS_RECORDS_H
#define REDIS_RECORDS_H

#include "redis_threads.h"
#include "redis_walk.h"

struct records {
    struct call *c;
    struct op_read_range *range;
    size_t bytes; /* of all records but the last one */
    bool full;    /* at least one more exists than fits */
};

/* Makes room for the next record, with kind and id set. NULL, and full: no more fit. */
struct record *redis_records_next(struct records *r) MUST_USE;

/* Whether the id is that of `after`, so that parts of it come before the range. */
bool redis_records_first(const struct records *r, struct slice id) MUST_USE;

/* How many more records fit, by number. */
size_t redis_records_left(const struct records *r) MUST_USE;

/* The record of a checkpoint; of a task on a checkpoint of this form. The caller sets their keys. */
bool redis_records_take_checkpoint(struct call *c, const struct cp_row *row, struct record *out,
                                   struct err *err) MUST_USE;
bool redis_records_take_task(struct call *c, const struct task_row *task, enum form form,
                             struct record *out, struct err *err) MUST_USE;

/* Lists what the thread at hand has of the kind that the range is of. */
bool redis_records_of_thread(struct records *r, struct slice id, struct err *err) MUST_USE;

#endif

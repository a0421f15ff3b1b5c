/*
 * redis_records.h - the parts of OP_READ_RANGE.
 *
 *     records_walk() -> for each id: its records, in key order -> records_next() for each
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
    size_t bytes; /* of all records but the last */
    bool full;    /* there is one more than fits */
};

/* Room for a record that comes next in key order; NULL, and full, if there is none. */
struct record *records_next(struct records *r) MUST_USE;

/* Whether the id is the one where the range begins. */
bool records_first(const struct records *r, struct slice id) MUST_USE;

/* How many more fit. */
size_t records_left(const struct records *r) MUST_USE;

/* Calls one() for each id of an index, from that of `after` on, until it is full. */
bool records_walk(struct records *r, const char *kind,
                  bool (*one)(struct records *r, struct slice id, struct err *err),
                  struct err *err) MUST_USE;

/* A checkpoint, and a task on one of this form, as records; keys are set but for a task's texts. */
bool records_take_checkpoint(struct call *c, const struct cp_row *row, struct record *out,
                             struct err *err) MUST_USE;
bool records_take_task(struct call *c, const struct task_row *task, enum form form,
                       struct record *out, struct err *err) MUST_USE;

/* What the thread at hand has of the kinds THREAD, VALUE, CHECKPOINT and TASK. */
bool records_of_thread(struct records *r, struct slice id, struct err *err) MUST_USE;

#endif

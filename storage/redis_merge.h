/*
 * redis_merge.h - the parts of OP_MERGE.
 *
 * Threads    the lane's.
 * Ownership  records are borrowed.
 * Units      stamps as in clock.h.
 * Errors     those of redis.h.
 */
#ifndef REDIS_MERGE_H
#define REDIS_MERGE_H

#include "redis_call.h"

/* What became of a record that was merged. */
struct merged {
    bool applied;
    int64_t newest; /* as op_merge.out */
};

/* Merges a record of the kinds THREAD, VALUE, CHECKPOINT and TASK of the thread at hand; not yet
 * committed. */
bool redis_merge_thread_record(struct call *c, const struct record *record, struct merged *out,
                               struct err *err) MUST_USE;

/* Removes the checkpoints of the thread at hand that are among records which are gone, and commits;
 * *applied: how many. */
bool redis_merge_gone(struct call *c, const struct record *records, size_t n, size_t *applied,
                      struct err *err) MUST_USE;

#endif

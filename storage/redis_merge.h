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

/* Merges a record of the kinds THREAD, VALUE, CHECKPOINT and TASK of the thread at hand; not yet
 * committed. *applied if it changes something. */
bool redis_merge_thread_record(struct call *c, const struct record *record, bool *applied,
                               struct err *err) MUST_USE;

#endif

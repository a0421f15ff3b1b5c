/*
 * redis_each.h - runs one step of a clean-up for many sessions or threads, side by side.
 *
 *     op function -> redis_each() -> one() for each, in turns of their own (redis_turns.h)
 *
 * Their commands travel together: all read, then all commit. One whose guard fails runs anew alone.
 *
 * Threads    the lane's.
 * Ownership  everything lives in the arena of the op.
 * Units      none.
 * Errors     the first failure; the others of its group have run, too.
 */
#ifndef REDIS_EACH_H
#define REDIS_EACH_H

#include "redis_call.h"

/* Reads and commits for one id; the call is at that session or thread. */
typedef bool redis_one(struct call *c, void *arg, struct err *err);

/* Runs it for n ids of a tenant, some at a time. Their copies become the op's, in the order of the ids. */
bool redis_each(struct call *c, struct slice tenant, const struct slice *ids, size_t n,
                redis_one *one, void *arg, struct err *err) MUST_USE;

#endif

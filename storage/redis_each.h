/*
 * redis_each.h - the same for many sessions or threads of a clean-up, side by side.
 *
 *     op function -> redis_each() -> one() for each, in turns of their own (redis_turns.h)
 *
 * What they ask travels together: all read, then all commit. One whose guard has failed runs anew by itself.
 *
 * Threads    the lane's.
 * Ownership  all lives in the arena of the op.
 * Units      none.
 * Errors     the first of theirs; the others have run, too.
 */
#ifndef REDIS_EACH_H
#define REDIS_EACH_H

#include "redis_call.h"

/* Reads and commits, with the call at one of them. */
typedef bool redis_one(struct call *c, void *arg, struct err *err);

/* Runs it for n ids of a tenant. What they have copied is the op's, in their order. */
bool redis_each(struct call *c, struct slice tenant, const struct slice *ids, size_t n,
                redis_one *one, void *arg, struct err *err) MUST_USE;

#endif

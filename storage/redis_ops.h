/*
 * redis_ops.h - the op functions of the Redis driver: redis_session_put(), ... one per type but
 * the probe.
 *
 *     redis.c -> redis_<subject>.c -> redis_call.h
 *
 * Threads    the lane's.
 * Ownership  results live in the arena of the op.
 * Units      as op.h.
 * Errors     as op.h; redis_call.h says when an op runs anew.
 */
#ifndef REDIS_OPS_H
#define REDIS_OPS_H

#include "redis_call.h"

#define X(type, member, flags) \
    bool redis_##member(struct call *c, struct op *op, struct err *err) MUST_USE;
OP_DRIVER_TYPES(X)
#undef X

#endif

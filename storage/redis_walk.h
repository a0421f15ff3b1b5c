/*
 * redis_walk.h - one index of a tenant in order, though each bucket has a part of it.
 *
 *     walk_begin() -> walk_next() until nothing is found
 *
 * By text: ids ascending, after `after` and below `below`. By score: the highest first, then ids
 * descending, after (`after_score`, `after`), above `low_score`.
 *
 * Threads    the lane's.
 * Ownership  members live in the arena of the op.
 * Units      scores are microseconds.
 * Errors     those of redis.h.
 */
#ifndef REDIS_WALK_H
#define REDIS_WALK_H

#include "redis_call.h"

struct walk_item {
    struct slice member;
    int64_t score;
};

struct walk_part {
    unsigned bucket;
    struct walk_item *items; /* read, but not handed out from `at` on */
    size_t n, at, chunk;
    bool more;
    bool started; /* `last` was handed out, or is where to begin */
    bool from;    /* it comes too */
    struct walk_item last;
};

struct walk {
    struct call *c;
    const char *kind;
    struct slice tenant;
    bool by_score;
    int64_t low_score;
    struct slice after, below; /* absent = no bound */
    bool from;                 /* `after` itself comes too */
    int64_t after_score;
    struct walk_part *parts;
    size_t n;
};

/* Finds the buckets; kind, tenant and bounds are set. About `wanted` members will be asked for. */
bool walk_begin(struct walk *w, size_t wanted, struct err *err) MUST_USE;

/* The next member. */
bool walk_next(struct walk *w, struct walk_item *item, bool *found, struct err *err) MUST_USE;

#endif

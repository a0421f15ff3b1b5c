/*
 * redis_walk.h - goes through an index of a tenant in order, merging the parts that its buckets hold.
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
    struct walk_item *items; /* read; items[at] is the next to hand out */
    size_t n, at, chunk;
    bool more;
    bool started; /* there is a `last`: handed out, or the bound to begin at */
    bool from;    /* `last` itself is wanted as well */
    struct walk_item last;
};

struct walk {
    struct call *c;
    const char *kind;
    struct slice tenant;
    bool by_score;
    int64_t low_score;
    struct slice after, below; /* absent = no bound */
    bool from;                 /* `after` itself is wanted as well */
    int64_t after_score;
    struct walk_part *parts;
    size_t n;
};

/* Finds the buckets. The caller has set kind, tenant and bounds; about `wanted` members will be taken. */
bool walk_begin(struct walk *w, size_t wanted, struct err *err) MUST_USE;

/* Takes the next member; *found is false at the end. */
bool walk_next(struct walk *w, struct walk_item *item, bool *found, struct err *err) MUST_USE;

#endif

/*
 * id_set.h - a bounded set of sessions and threads.
 *
 *     failover: what only the primary has -> id_set_add() -> may the fallback answer? id_set_has()
 *
 * When it is full it holds everything, until it is emptied.
 *
 * Threads    none of its own: the caller locks.
 * Ownership  it copies what is added.
 * Units      *_ns nanoseconds of any one clock.
 * Errors     without memory for one more it is full.
 */
#ifndef ID_SET_H
#define ID_SET_H

#include "op_pair.h"

struct id_set {
    void *root; /* of a tree of <search.h> */
    size_t n, max;
    bool full;
};

struct id_entry {
    struct pair_id key;
    int64_t added_ns; /* the last time */
    bool told;        /* free for the caller; false when it is added anew */
    bool flagged;     /* free for the caller */
};

/* Starts empty, for at most so many. */
void id_set_init(struct id_set *s, size_t max);

/* Removes all. */
void id_set_clear(struct id_set *s);

/* Adds an id, or moves its time. */
void id_set_add(struct id_set *s, struct pair_id id, int64_t now_ns);

/* Flags an id that it holds; whether it was flagged before. One that it does not hold is not. */
bool id_set_flag(struct id_set *s, struct pair_id id);

/* Whether it holds an id; an absent id: whether it holds any. */
bool id_set_has(const struct id_set *s, struct pair_id id) MUST_USE;

/* Calls `visit` with each entry; it may change `told`. What it returns false for is removed. */
void id_set_filter(struct id_set *s, bool (*visit)(struct id_entry *e, void *ctx), void *ctx);

#endif

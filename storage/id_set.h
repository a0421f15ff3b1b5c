/*
 * id_set.h - a bounded set of sessions and threads.
 *
 *     failover: what only the primary has -> id_set_add() -> may the fallback answer? id_set_has()
 *
 * A set that is full counts as holding every id, until it is cleared: so it never denies what it had to drop.
 *
 * Threads    none of its own: the caller locks.
 * Ownership  entries are copies; id_set_clear() frees them.
 * Units      *_ns nanoseconds of any one clock.
 * Errors     when memory ends, the set is full.
 */
#ifndef ID_SET_H
#define ID_SET_H

#include "op_pair.h"

struct id_set {
    void *root; /* tree of tsearch() */
    size_t n, max;
    bool full;
};

struct id_entry {
    struct pair_id key;
    int64_t added_ns; /* when it was added last */
    bool told;        /* for the caller; false again when the id is added anew */
    bool flagged;     /* for the caller */
};

/* Starts empty, for at most `max` ids. */
void id_set_init(struct id_set *s, size_t max);

/* Removes all ids; the set is no longer full. */
void id_set_clear(struct id_set *s);

/* Adds an id, or raises the time at which it was added. */
void id_set_add(struct id_set *s, struct pair_id id, int64_t now_ns);

/* Flags an id that the set holds. Returns whether it was flagged before; false if the set does not hold
 * it. */
bool id_set_flag(struct id_set *s, struct pair_id id);

/* Whether the set holds an id; if the id is absent, whether it holds any. */
bool id_set_has(const struct id_set *s, struct pair_id id) MUST_USE;

/* Calls `visit` with each entry, of which it may change told and flagged. Entries for which it returns
 * false are removed. */
void id_set_filter(struct id_set *s, bool (*visit)(struct id_entry *e, void *ctx), void *ctx);

#endif

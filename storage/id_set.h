/*
 * id_set.h - a bounded set of sessions and threads.
 *
 *     failover: what only the primary has -> id_set_add() -> may the fallback answer? id_set_has()
 *
 * A set that is full counts as holding every id, until it is cleared: so it never denies what it had to drop.
 *
 * Threads    none of its own: the caller locks.
 * Ownership  entries are copies; id_set_clear() frees them. The set must not be moved.
 * Units      *_ns nanoseconds of any one clock.
 * Errors     when memory ends, the set is full.
 */
#ifndef ID_SET_H
#define ID_SET_H

#include "op_pair.h"

/* A place in a ring. */
struct id_link {
    struct id_link *before, *after;
};

struct id_set {
    void *root; /* tree of tsearch() */
    size_t n, max;
    bool full;
    struct id_link told, untold; /* heads of rings: each entry is in one of them */
    unsigned flags;              /* entries with this number are flagged */
    int64_t unflagged_ns;        /* when one was last unflagged */
    int64_t added_ns;            /* when an id was added last, to a full set too */
};

struct id_entry {
    struct id_link link; /* first, so that a link of a ring is an entry */
    struct pair_id key;
    int64_t added_ns; /* when it was added last */
    unsigned flags;
};

/* Starts empty, for at most `max` ids. */
void id_set_init(struct id_set *s, size_t max);

/* Removes all ids; the set is no longer full. */
void id_set_clear(struct id_set *s);

/* Adds an id, or raises the time at which it was added. It counts as not told. */
void id_set_add(struct id_set *s, struct pair_id id, int64_t now_ns);

/* Flags an id that the set holds, unless one was unflagged since `asked_ns`; whether an id is flagged. */
void id_set_flag(struct id_set *s, struct pair_id id, int64_t asked_ns);
bool id_set_flagged(const struct id_set *s, struct pair_id id) MUST_USE;

/* Lists entries that count as not told, at most `max`; they live until the set is changed. */
size_t id_set_untold(const struct id_set *s, const struct id_entry **out, size_t max) MUST_USE;

/* From now on the id counts as told, until it is added anew, which it may have been since `asked_ns`. */
void id_set_tell(struct id_set *s, struct pair_id id, int64_t asked_ns);

/* An id that the set holds, or each of them, no longer counts as flagged: it was so at this time. */
void id_set_unflag(struct id_set *s, struct pair_id id, int64_t at_ns);
void id_set_unflag_all(struct id_set *s, int64_t at_ns);

/* All ids count as not told. */
void id_set_retell(struct id_set *s);

/* Whether the set holds an id; if the id is absent, whether it holds any. */
bool id_set_has(const struct id_set *s, struct pair_id id) MUST_USE;

/* Removes entries for which `visit` returns false, at most `max`. Returns how many were removed. */
size_t id_set_filter(struct id_set *s, size_t max,
                     bool (*visit)(const struct id_entry *e, void *ctx), void *ctx);

#endif

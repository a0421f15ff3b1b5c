/*
 * redis_entry.h - an entry of the outbox as a member of a sorted set: number (20 digits), tenant, id, names.
 *
 *     call_commit(): redis_entry_new() -> outbox -> redis_entry_take() -> failover
 *         -> redis_entry_text() -> out of the outbox
 *
 * Threads    the lane's.
 * Ownership  texts live in the arena of the op; an entry that was taken points into its text.
 * Units      numbers are stamps, as in clock.h.
 * Errors     STORAGE, NO_MEMORY.
 */
#ifndef REDIS_ENTRY_H
#define REDIS_ENTRY_H

#include "redis_call.h"

/* The entry of the op that names the copies made since the last commit, for the id at hand. */
bool redis_entry_new(struct call *c, struct slice *text, struct err *err) MUST_USE;

/* An entry as it is in the outbox. */
bool redis_entry_text(struct call *c, const struct outbox_entry *e, struct slice *text,
                      struct err *err) MUST_USE;

/* Back again. */
bool redis_entry_take(struct call *c, struct slice text, struct outbox_entry *e,
                      struct err *err) MUST_USE;

/* A range of a sorted set by text. */
struct redis_bounds {
    struct slice from, to;
};

/* The range of what has this number. */
struct redis_bounds redis_entry_bounds(struct call *c, int64_t number) MUST_USE;

#endif

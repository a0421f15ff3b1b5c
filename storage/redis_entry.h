/*
 * redis_entry.h - an outbox entry as a member of a sorted set: number (20 digits), tenant, id, names.
 *
 *     call_commit(): redis_entry_new() -> outbox -> redis_entry_take() -> failover
 *         -> redis_entry_text() -> out of the outbox
 *
 * Threads    the lane's.
 * Ownership  texts live in the arena; an entry that was taken apart points into its text.
 * Units      numbers are stamps, as in clock.h.
 * Errors     DAMAGED, NO_MEMORY.
 */
#ifndef REDIS_ENTRY_H
#define REDIS_ENTRY_H

#include "op.h"
#include "redis_pack.h"

/* The entry of an op, which names its copies from number `from` on. Made in the op's arena. */
bool redis_entry_new(const struct op *op, struct slice tenant, struct slice id, size_t from,
                     struct slice *text, struct err *err) MUST_USE;

/* The member that stands for an entry: the same bytes as when it was added. */
bool redis_entry_text(const struct outbox_entry *e, struct arena *arena, struct slice *text,
                      struct err *err) MUST_USE;

/* Takes a member apart. */
bool redis_entry_take(struct slice text, struct arena *arena, struct outbox_entry *e,
                      struct err *err) MUST_USE;

#endif

/*
 * redis_pair.h - what a store keeps for the other one of a pair: outbox, what is missing, what is pending.
 *
 *     redis.c: pair_admits() -> op function -> call_commit(): pair_entry() among the changes
 *
 * Threads    the lane's.
 * Ownership  texts live in the arena of the op.
 * Units      stamps as in clock.h.
 * Errors     those of redis.h.
 */
#ifndef REDIS_PAIR_H
#define REDIS_PAIR_H

#include "redis_rows.h"

/* Whether a store that is alone has what the op is about. ERR_UNAVAILABLE: it lacks changes. */
bool redis_pair_admits(struct call *c, struct err *err) MUST_USE;

/* Bounds of a range by text. */
struct redis_bounds {
    struct slice from, to;
};

/* The range of the outbox that has the entries of this number. */
struct redis_bounds redis_outbox_bounds(struct call *c, int64_t number) MUST_USE;

/* Leaves the additions of a patch pending, with the session at hand. */
bool redis_pending_put(struct call *c, struct err *err) MUST_USE;

/* Asks what is pending of the session at hand; the sum of what was answered. */
void redis_pending_ask(struct call *c);
bool redis_pending_sum(const struct reply *reply, struct record_pending *out,
                       struct err *err) MUST_USE;

/* Adds what is pending to answers on sessions, if the store is alone. */
bool redis_pending_answers(struct call *c, struct session *items, size_t n,
                           struct err *err) MUST_USE;

/* Removes what is pending of the session at hand up to a deletion; the newest of what is *left, 0 =
 * nothing. */
bool redis_pending_kill(struct call *c, int64_t tomb, int64_t *left, struct err *err) MUST_USE;

/* The same for the deletion by an op of a store that is alone, which must be above all that is pending. */
bool redis_pending_delete(struct call *c, int64_t tomb, struct err *err) MUST_USE;

/* The key of a request, and the field of what is pending of it, by its op id. */
struct slice redis_repeat_key(struct call *c, struct slice op_id) MUST_USE;
struct slice redis_op_text(struct call *c, struct slice op_id) MUST_USE;

/* A request, or what is pending, from its value. */
bool redis_repeat_take(struct slice value, struct record_repeat *out, struct err *err) MUST_USE;
bool redis_pending_take(struct slice value, struct record_pending *out, struct err *err) MUST_USE;

#endif

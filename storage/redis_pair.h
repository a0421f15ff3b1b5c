/*
 * redis_pair.h - what a Redis keeps as one of a pair: outbox, missing ids, pending additions.
 *
 *     redis.c: redis_pair_admits() -> op function -> call_commit(): adds the outbox entry
 *
 * Threads    the lane's.
 * Ownership  texts live in the arena of the op.
 * Units      stamps as in clock.h.
 * Errors     those of redis.h.
 */
#ifndef REDIS_PAIR_H
#define REDIS_PAIR_H

#include "redis_rows.h"

/* Whether a store that is alone may run the op. ERR_UNAVAILABLE: it is missing changes that matter. */
bool redis_pair_admits(struct call *c, struct err *err) MUST_USE;

/* Bounds of a range by text. */
struct redis_bounds {
    struct slice from, to;
};

/* The range of the outbox with the entries of this number. */
struct redis_bounds redis_outbox_bounds(struct call *c, int64_t number) MUST_USE;

/* Plans to keep what the patch adds to counters as pending, with the session at hand; adds the copy. */
bool redis_pending_put(struct call *c, struct err *err) MUST_USE;

/* Asks for what is pending of the session at hand, one reply; sums up such a reply. */
void redis_pending_ask(struct call *c);
bool redis_pending_sum(const struct reply *reply, struct record_pending *out,
                       struct err *err) MUST_USE;

/* Adds what is pending to sessions that are about to be answered, if the store is alone. */
bool redis_pending_answers(struct call *c, struct session *items, size_t n,
                           struct err *err) MUST_USE;

/* Plans to remove what is pending of the session at hand with a stamp up to `tomb`. *left: the newest
 * stamp that stays; 0: none. */
bool redis_pending_kill(struct call *c, int64_t tomb, int64_t *left, struct err *err) MUST_USE;

/* The same for a deletion by an op; nothing unless the store is alone. ERR_FENCED if something newer is
 * pending. */
bool redis_pending_delete(struct call *c, int64_t tomb, struct err *err) MUST_USE;

/* The field of what is pending of a request. */
struct slice redis_op_text(struct call *c, struct slice op_id) MUST_USE;

/* Asks for a request, and with `pending` behind that for what is pending of it; one reply each. In this order a request
 * that is found has its addition counted, or pending by then. */
void redis_repeat_ask(struct call *c, struct slice op_id, bool pending);

/* Plans to remember a request. */
bool redis_repeat_put(struct call *c, struct slice op_id, const struct record_repeat *repeat,
                      struct err *err) MUST_USE;

/* Reads the value of such a key, or field. */
bool redis_repeat_take(struct slice value, struct record_repeat *out, struct err *err) MUST_USE;
bool redis_pending_take(struct slice value, struct record_pending *out, struct err *err) MUST_USE;

#endif

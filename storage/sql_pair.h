/*
 * sql_pair.h - what a store keeps for the other one of a pair: outbox, what is missing, what is pending.
 *
 *     sql_run_op() -> pair_admits() -> op function -> pair_keep_entry()
 *
 * Threads    the lane's.
 * Ownership  nothing is kept.
 * Units      stamps as in clock.h.
 * Errors     STORAGE, DAMAGED, UNAVAILABLE, NO_MEMORY.
 */
#ifndef SQL_PAIR_H
#define SQL_PAIR_H

#include "sql_look.h"

/* Whether a store that is alone has what the op is about. ERR_UNAVAILABLE: it lacks changes. */
bool pair_admits(struct sql *d, const struct op *op, struct err *err) MUST_USE;

/* The entry of an op that has changed something, unless a statement has put it there with the change. */
bool pair_keep_entry(struct sql *d, struct op *op, struct err *err) MUST_USE;

/* The answer on a session; of a store that is alone with what is pending added. */
bool pending_answer(struct sql *d, const struct op *op, const struct session_state *s,
                    struct session *out, struct err *err) MUST_USE;

/* Whether anything is pending. */
bool pending_any(struct sql *d, bool *any, struct err *err) MUST_USE;

/* Adds what is pending to the counters of SESSION records. */
bool pending_add(struct sql *d, const struct op *op, struct record *sessions, size_t n,
                 struct err *err) MUST_USE;

/* Leaves the additions of a patch pending. */
bool pending_put(struct sql *d, struct op *op, struct err *err) MUST_USE;

/* Removes what is pending up to a deletion; the newest of what is *left, 0 = nothing. */
bool pending_kill(struct sql *d, const struct pair_id *of, int64_t tomb, int64_t *left,
                  struct err *err) MUST_USE;

/* The same for the deletion by an op of a store that is alone, which must be above all that is pending. */
bool pending_delete(struct sql *d, struct op *op, struct slice id, int64_t tomb,
                    struct err *err) MUST_USE;

/* OP_MERGE of a PENDING: counts it at most once: in its request, or in the operation that was in doubt
 * elsewhere; or, as the store's own, while it is pending here. The row is that of its session. */
bool pending_count(struct look *l, size_t i, struct session_row *row, bool *applied,
                   struct err *err) MUST_USE;

/* OP_MERGE of a REPEAT. */
bool pending_repeat(struct look *l, size_t i, bool *applied, struct err *err) MUST_USE;

/* The only row of PENDING_READ, and of REPEAT_READ. */
bool pending_take(struct query *q, struct record *out, bool *found, struct err *err) MUST_USE;
bool pending_take_repeat(struct query *q, struct record *out, bool *found,
                         struct err *err) MUST_USE;

#endif

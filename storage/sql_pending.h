/*
 * sql_pending.h - additions to counters that the primary has yet to count.
 *
 *     patch of a store that is alone: pending_put() -> pending_answer() until the primary counts them
 *
 * Threads    the lane's.
 * Ownership  nothing is kept.
 * Units      stamps as in clock.h.
 * Errors     STORAGE, DAMAGED, UNAVAILABLE, NO_MEMORY.
 */
#ifndef SQL_PENDING_H
#define SQL_PENDING_H

#include "sql_look.h"

/* Builds the answer for a session; for an op that is alone, with pending additions included. */
bool pending_answer(struct sql *d, const struct op *op, const struct session_state *s,
                    struct session *out, struct err *err) MUST_USE;

/* Whether anything is pending. */
bool pending_any(struct sql *d, bool *any, struct err *err) MUST_USE;

/* Adds pending additions to the counters of SESSION records. */
bool pending_add(struct sql *d, const struct op *op, struct record *sessions, size_t n,
                 struct err *err) MUST_USE;

/* Stores the additions of a patch as pending. */
bool pending_put(struct sql *d, struct op *op, struct err *err) MUST_USE;

/* Removes pending additions up to a deletion; *left is the newest that remains, 0 = none. */
bool pending_kill(struct sql *d, const struct pair_id *of, int64_t tomb, int64_t *left,
                  struct err *err) MUST_USE;

/* The same for a deletion by an op that is alone; with `fence` it must be above all that is pending. */
bool pending_delete(struct sql *d, struct op *op, struct slice id, int64_t tomb,
                    struct err *err) MUST_USE;

/* OP_MERGE of a PENDING: counts it unless it was counted with its request, or by an op of which the other
 * store did not learn the outcome; `own`: only while it is pending here. `row` is that of its session. */
bool pending_count(struct look *l, size_t i, struct session_row *row, bool *applied,
                   struct err *err) MUST_USE;

/* OP_MERGE of a REPEAT. */
bool pending_repeat(struct look *l, size_t i, bool *applied, struct err *err) MUST_USE;

/* Read the only row of PENDING_READ and REPEAT_READ. */
bool pending_take(struct query *q, struct record *out, bool *found, struct err *err) MUST_USE;
bool pending_take_repeat(struct query *q, struct record *out, bool *found,
                         struct err *err) MUST_USE;

#endif

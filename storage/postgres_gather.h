/*
 * postgres_gather.h - sends the same statement of several ops as one that takes arrays.
 *
 *     query (postgres_query.c) -> gather_ask(), gather_run() ... ask_for_answers()
 *         (postgres_rounds.c): gather_send() -> the pipeline -> share(): each has its rows -> gather_done()
 *
 * A statement costs the server more than a row in one. What an op has gathered is sent before the op sends
 * anything else, and before its fiber is left, so to the op all seems sent at once. Ops of other fibers work
 * on other records, so the order among them does not matter.
 *
 * Threads    the lane's.
 * Ownership  members belong to their queries, and borrow the common result until gather_done().
 * Units      none.
 * Errors     those of the pipe, as d->failed, like those of a statement that was sent.
 */
#ifndef POSTGRES_GATHER_H
#define POSTGRES_GATHER_H

#include "postgres_driver.h"

/*
 * Gathers a use that is waited for, and the one that locks before it (NULL: none). False: the caller must
 * send them now. Bound bytes must live until gather_send().
 */
bool gather_ask(struct postgres *d, struct use *use, struct use *lock) MUST_USE;

/* Gathers a use that nobody waits for; its query gives it up, and bound bytes are copied. */
bool gather_run(struct postgres *d, struct use *use) MUST_USE;

/* Sends what was gathered, but touches of sessions: they lock them, in another order than the ops do. */
void gather_send(struct postgres *d);

/* Sends all; for the end of a batch. */
void gather_finish(struct postgres *d);

/* Frees shared results; no query uses them any more. */
void gather_done(struct postgres *d);

#endif

/*
 * postgres_gather.h - the same statement of several ops of a batch, sent as one that takes arrays.
 *
 *     query (postgres_query.c) -> gather_ask(), gather_run() ... ask_for_answers()
 *         (postgres_rounds.c): gather_send() -> the pipeline -> share(): each has its rows -> gather_done()
 *
 * A statement costs the server more than a row of one. What is gathered is sent before the op that asked
 * sends anything else, and before its fiber is left: to an op all is as if it were sent at once. Ops of
 * other fibers are on other records, so that it does not matter to them.
 *
 * Threads    the lane's.
 * Ownership  members stay with their queries and borrow the result, until gather_done().
 * Units      none.
 * Errors     of the pipe: then d->failed, as for a statement that was sent.
 */
#ifndef POSTGRES_GATHER_H
#define POSTGRES_GATHER_H

#include "postgres_driver.h"

/*
 * Whether a use that is waited for, and the one that locks before it (NULL: none), will be sent with
 * others; false: they are to be sent now, by themselves. What is bound must live until gather_send().
 */
bool gather_ask(struct postgres *d, struct use *use, struct use *lock) MUST_USE;

/* The same of one that nobody waits for, which is given up: what is bound is copied. */
bool gather_run(struct postgres *d, struct use *use) MUST_USE;

/* Sends what was gathered. */
void gather_send(struct postgres *d);

/* Results are not borrowed any more. */
void gather_done(struct postgres *d);

#endif

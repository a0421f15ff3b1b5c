/*
 * postgres_gather.h - the same statement of several ops of a batch, sent as one that takes arrays.
 *
 *     query (postgres_query.c) -> gather_add() ... ask_for_answers() (postgres_rounds.c): gather_send()
 *         -> the pipeline -> share(): each has its rows -> gather_done()
 *
 * A statement costs the server more than a row of one. Only those are gathered that ops wait for, and
 * whose arguments are on different records.
 *
 * Threads    the lane's.
 * Ownership  members stay with their queries and borrow the result, until gather_done().
 * Units      none.
 * Errors     of the pipe: then d->failed, as for a statement that was sent.
 */
#ifndef POSTGRES_GATHER_H
#define POSTGRES_GATHER_H

#include "postgres.h"

/* Whether the use will be sent with others; false: it is to be sent by itself. */
bool gather_add(struct postgres *d, struct use *use) MUST_USE;

/* Sends what was gathered. */
void gather_send(struct postgres *d);

/* Results are not borrowed any more. */
void gather_done(struct postgres *d);

#endif

/*
 * postgres_setup.h - statements for setting up a connection, before it is in pipeline mode.
 *
 * Threads    the lane's; of the lanes of a process one at a time updates a schema.
 * Ownership  none.
 * Units      none.
 * Errors     UNAVAILABLE and those of the server; the connection is not closed.
 */
#ifndef POSTGRES_SETUP_H
#define POSTGRES_SETUP_H

#include "postgres_driver.h"

/* Waits until the socket is ready for one of these events of poll(2). 0: the server was silent for
 * d->timeout_ms; negative: the socket is broken. */
int setup_poll(const struct postgres *d, short events) MUST_USE;

/* Runs statements; *n is a number from the first row, unchanged if they give no rows. */
bool setup_number(struct postgres *d, const char *text, int64_t *n, struct err *err) MUST_USE;

/* Runs statements without results. */
bool setup_run(struct postgres *d, const char *text, struct err *err) MUST_USE;

/* The first key of all advisory locks for this schema. */
unsigned setup_key(const struct postgres *d) MUST_USE;

/* Brings the schema up to date, even while others do the same. ERR_CONFIG: it is newer than this program, or
 * it is older or missing and must stay so. ERR_UNAVAILABLE: a table is in use, or another lane is at it; a
 * later call tries again. */
bool setup_schema(struct postgres *d, struct err *err) MUST_USE;

#endif

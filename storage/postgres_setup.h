/*
 * postgres_setup.h - statements while a connection is set up, before it becomes a pipeline.
 *
 * Threads    the lane's.
 * Ownership  none.
 * Units      none.
 * Errors     UNAVAILABLE and those of the server; the connection stays.
 */
#ifndef POSTGRES_SETUP_H
#define POSTGRES_SETUP_H

#include "postgres_driver.h"

/* Waits until the socket is ready for any of these events of poll(2). 0: the server has said nothing
 * for d->timeout_ms; below 0: the socket is broken. */
int setup_poll(const struct postgres *d, short events) MUST_USE;

/* Runs statements; a number in the first row of the last one that gives rows, else *n stays. */
bool setup_number(struct postgres *d, const char *text, int64_t *n, struct err *err) MUST_USE;

/* Runs statements without results. */
bool setup_run(struct postgres *d, const char *text, struct err *err) MUST_USE;

/* The first key of this schema's advisory locks. */
unsigned setup_key(const struct postgres *d) MUST_USE;

/* Brings the schema up to date, whoever else does so at the same time. ERR_CONFIG: it is newer than
 * this program, or is older or missing and to be left as it is. */
bool setup_schema(struct postgres *d, struct err *err) MUST_USE;

#endif

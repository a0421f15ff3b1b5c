/*
 * postgres_connect.h - makes a connection without blocking a lane for long.
 *
 *     connect_start() -> connect_go_on(), perhaps over several batches -> d->conn is usable
 *
 * Threads    the lane's.
 * Ownership  d->hosts and d->conn belong to the driver, also on failure.
 * Units      none.
 * Errors     CONFIG: the URL. UNAVAILABLE, with a reason that names neither user nor host.
 */
#ifndef POSTGRES_CONNECT_H
#define POSTGRES_CONNECT_H

#include "postgres_driver.h"

/* Checks that a URL is well formed. ERR_CONFIG. */
bool connect_check(const char *url, struct err *err) MUST_USE;

/* Begins to connect to d->url. */
bool connect_start(struct postgres *d, struct err *err) MUST_USE;

/* Continues. False with *waits: it is not connected yet, but may be later; the ops must not wait for it. If
 * d->patient, it waits until d->timeout_ms after the start. */
bool connect_go_on(struct postgres *d, bool *waits, struct err *err) MUST_USE;

/* Makes another connection to the same server; the caller must finish other->conn, even on failure. */
bool connect_another(const struct postgres *d, struct postgres *other, struct err *err) MUST_USE;

/* Whether the server is at work for this connection: it is asked through another one. If it refuses that one
 * nobody knows: true. */
bool connect_sees_work(const struct postgres *d) MUST_USE;

#endif

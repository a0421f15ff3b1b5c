/*
 * postgres_connect.h - a connection in the making.
 *
 *     connect_start() -> connect_go_on(), perhaps for several batches -> d->conn can be used
 *
 * Threads    the lane's.
 * Ownership  d->hosts and d->conn, also when it fails.
 * Units      none.
 * Errors     CONFIG: the URL. UNAVAILABLE: with a reason that names neither user nor host.
 */
#ifndef POSTGRES_CONNECT_H
#define POSTGRES_CONNECT_H

#include "postgres_driver.h"

/* Whether a URL is well formed. ERR_CONFIG. */
bool connect_check(const char *url, struct err *err) MUST_USE;

/* Begins a connection to what d->url names. */
bool connect_start(struct postgres *d, struct err *err) MUST_USE;

/* Goes on until it is made. *waits: it is not, but may be yet; others shall not wait for it. Who is
 * patient waits until d->timeout_ms after the start. */
bool connect_go_on(struct postgres *d, bool *waits, struct err *err) MUST_USE;

/* One more connection to the same, whose other->conn is the caller's to finish, also on failure. */
bool connect_another(const struct postgres *d, struct postgres *other, struct err *err) MUST_USE;

/* Whether the server takes part in one more connection, be it to refuse it. */
bool connect_is_heard(const struct postgres *d) MUST_USE;

#endif

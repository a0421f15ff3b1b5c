/*
 * origin.h - keeps web pages from using the service through the browser of somebody who may reach it.
 *
 *     server_head -> origin_host(), origin_change() -> 403
 *
 * A page may send requests to any address that its reader's browser reaches. It reads no answers, but changes
 * happen all the same. If the page's own name is made to lead here (DNS rebinding), the browser takes page
 * and service for one origin, and the answers are read too.
 *
 * Threads    no state.
 * Ownership  looks only.
 * Units      none.
 * Errors     ERR_FORBIDDEN.
 */
#ifndef ORIGIN_H
#define ORIGIN_H

#include "bytes.h"
#include "err.h"

/* What a request says of its origin; absent where it has no such header. */
struct origin {
    struct slice host, origin, site; /* Host, Origin, Sec-Fetch-Site */
};

/* Whether Host is a name that no page can have: an IP address, one that public DNS does not hold, or the host of
 * `listen` ("HOST:PORT"). An absent or empty one is. */
bool origin_host(const struct origin *o, const char *listen, struct err *err) MUST_USE;

/* Whether a change comes from no page, or from one that this host has served. */
bool origin_change(const struct origin *o, struct err *err) MUST_USE;

#endif

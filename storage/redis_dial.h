/*
 * redis_dial.h - opens a socket to the Redis that a URL names.
 *
 * Threads    the lane's; blocks for at most the timeout, half of it for the name of the host.
 * Ownership  the caller frees the context by redisFree().
 * Units      microseconds.
 * Errors     UNAVAILABLE, with a reason that does not name the host. NO_MEMORY.
 */
#ifndef REDIS_DIAL_H
#define REDIS_DIAL_H

#include <hiredis/hiredis.h>

#include "redis_url.h"

/* Connects; NULL on failure. A host with several addresses is tried from number `first`, modulo their count:
 * an address that hangs must not keep us from the others. */
redisContext *redis_dial(const struct redis_url *url, int64_t timeout_us, unsigned first,
                         struct err *err) MUST_USE;

#endif

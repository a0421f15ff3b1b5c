/*
 * redis.h - opens the driver for Redis.
 *
 *     redis.c (open, batch) -> redis_turns.c -> redis_<subject>.c (one function per op)
 *                           -> redis_call.c -> redis_conn.c
 *
 * Threads    the lane's.
 * Ownership  the caller closes the backend.
 * Units      none.
 * Errors     open: CONFIG, NO_MEMORY. Ops fail with UNAVAILABLE while the server cannot be reached.
 */
#ifndef REDIS_H
#define REDIS_H

#include "backend.h"

/* Whether cfg->url and cfg->redis_prefix are well formed. ERR_CONFIG. */
bool redis_check(const struct backend_config *cfg, struct err *err) MUST_USE;

/* Opens cfg->url. A server that cannot be reached is no failure: the driver connects when it can. NULL on
 * failure. */
struct backend *redis_open(const struct backend_config *cfg, struct err *err) MUST_USE;

#endif

/*
 * upkeep_redis.h - what the driver for Redis looks at from time to time, in less time.
 *
 * Threads    one.
 * Ownership  set_up opens here and there on one store, tear_down closes them.
 * Units      none.
 * Errors     a test fails.
 */
#ifndef UPKEEP_REDIS_H
#define UPKEEP_REDIS_H

#include "redis_call.h"
#include "support.h"

struct upkeep_redis {
    void (*set_up)(void), (*tear_down)(void);
    struct redis *(*driver)(const struct store *s);
};

TCase *upkeep_redis_case(const struct upkeep_redis *of);

#endif

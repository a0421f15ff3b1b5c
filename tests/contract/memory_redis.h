/*
 * memory_redis.h - every op on Redis, with each of its allocations failing once.
 *
 * Threads    one.
 * Ownership  as libcheck has it.
 * Units      none.
 * Errors     a test fails.
 */
#ifndef MEMORY_REDIS_H
#define MEMORY_REDIS_H

#include <check.h>

/* The allocations of hiredis count only where it is linked statically. */
TCase *memory_redis_case(void);

#endif

/*
 * redis_used.h - which buckets a connection knows to be marked as used; what is not marked is listed nowhere.
 *
 *     redis.c: connected -> used_distrust(); each minute -> used_recheck(); an op -> call_use() (redis_call.h)
 *
 * Threads    the lane's.
 * Ownership  the driver owns the list.
 * Units      none.
 * Errors     none: what cannot be looked at now is looked at a minute later.
 */
#ifndef REDIS_USED_H
#define REDIS_USED_H

#include "redis_call.h"

struct redis_used {
    struct redis_used *next;
    unsigned char marked[REDIS_BUCKETS / 8];
    unsigned char lately[REDIS_BUCKETS / 8]; /* used since the marks were looked at last */
    size_t len;
    char tenant[];
};

/* Looks whether what was used lately is still marked, and marks it again if it holds anything: the server may
 * have been emptied, or its database swapped, and was written to since. */
void used_recheck(struct redis *d);

/* Perhaps another server: each bucket is marked at its next use, whatever is known. */
void used_distrust(struct redis *d);

/* Frees the list. */
void used_free(struct redis *d);

#endif

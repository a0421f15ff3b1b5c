/*
 * redis_used.h - which buckets a connection knows to be marked as used; what is not marked is listed nowhere.
 *
 *     redis.c: connected -> used_distrust(); each minute -> used_recheck(); a change -> used_mark()
 *
 * Threads    the lane's.
 * Ownership  the driver owns the list.
 * Units      none.
 * Errors     those of redis_call.h. used_recheck() has none: what cannot be looked at is looked at a minute later.
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

/* Marks the bucket at hand as used by the tenant, before anything is stored there: one marked in vain is harmless, one
 * that is not marked would never be listed. */
bool used_mark(struct call *c, struct err *err) MUST_USE;

/* The buckets that a tenant has used, ascending; all tenants. */
bool used_buckets(struct call *c, struct slice tenant, unsigned **buckets, size_t *n,
                  struct err *err) MUST_USE;
bool used_tenants(struct call *c, struct slice **tenants, size_t *n, struct err *err) MUST_USE;

/* Unlists the tenant at hand, of which nothing is left. */
bool used_drop(struct call *c, struct err *err) MUST_USE;

/* Looks whether what was used lately is still marked, and marks it again if it holds anything: the server may
 * have been emptied, or its database swapped, and was written to since. */
void used_recheck(struct redis *d);

/* Perhaps another server: each bucket is marked at its next use, whatever is known. */
void used_distrust(struct redis *d);

/* Frees the list. */
void used_free(struct redis *d);

#endif

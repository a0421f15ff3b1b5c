/*
 * failover_drain.h - copies what waits in one store of a pair into the other (9).
 *
 *     failover_tend.c: entries of an outbox -> failover_drain(): reads the records they name, merges
 *     them into the other store, clears the entries
 *
 * Threads    that of failover_tend(); lanes call failover_tell() as well.
 * Ownership  nothing is kept.
 * Units      none.
 * Errors     those of the two stores. What was copied before stays copied.
 */
#ifndef FAILOVER_DRAIN_H
#define FAILOVER_DRAIN_H

#include "failover_state.h"

struct drain {
    struct failover *f;
    struct backend *from, *to;
    enum side side; /* of `from` */
    size_t cleared; /* result: how many entries were cleared */
    struct err why; /* result: why a record could not be copied; its entry stays */
};

/* Copies what the entries name, and clears those of which all was copied. False: a store is lost. */
bool failover_drain(struct drain *d, const struct outbox_entry *entries, size_t n,
                    struct err *err) MUST_USE;

/* Clears the entries of changes that lanes have copied. */
bool failover_clear(struct failover *f, struct backend *primary, struct err *err) MUST_USE;

/* Tells the fallback which ids it is missing, as far as it has not been told (6, 7). */
bool failover_tell(struct failover *f, struct backend *fallback, struct err *err) MUST_USE;

#endif

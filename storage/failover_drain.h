/*
 * failover_drain.h - copies what waits in one store of a pair into the other (9).
 *
 *     failover_tend.c: entries of an outbox -> failover_drain() -> records of the one, merged into the
 *     other, out of the outbox
 *
 * Threads    that of failover_tend(); failover_tell() also lanes'.
 * Ownership  nothing is kept.
 * Units      none.
 * Errors     those of the two stores: what was copied until then is copied.
 */
#ifndef FAILOVER_DRAIN_H
#define FAILOVER_DRAIN_H

#include "failover_state.h"

struct drain {
    struct failover *f;
    struct backend *from, *to;
    enum side side; /* of `from` */
    size_t cleared; /* result: entries that are done with */
    struct err why; /* result: of the last record that could not be copied; its entry stays */
};

/* Copies what the entries name. */
bool failover_drain(struct drain *d, const struct outbox_entry *entries, size_t n,
                    struct err *err) MUST_USE;

/* Takes out of the outbox what lanes have copied. */
bool failover_clear(struct failover *f, struct backend *primary, struct err *err) MUST_USE;

/* Tells the fallback which ids it is missing, as far as it does not know yet (6, 7). */
bool failover_tell(struct failover *f, struct backend *fallback, struct err *err) MUST_USE;

#endif

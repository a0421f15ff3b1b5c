/*
 * settle.h - a store that was the fallback of a pair counts what it has left pending.
 *
 *     alone.c, failover_fill.c -> settle_pending() -> outbox -> OP_RECORDS_GET -> OP_MERGE, own
 *
 * Additions that a fallback takes are left for the primary to count. When the fallback is used in place of
 * the primary for good, it counts them itself.
 *
 * Threads    the caller's.
 * Ownership  nothing is kept.
 * Units      none.
 * Errors     those of the store.
 */
#ifndef SETTLE_H
#define SETTLE_H

#include "backend.h"

/* What a store is in its pair, as its note "seat" says. */
#define SEAT_FALLBACK SLICE("fallback")
#define SEAT_PRIMARY SLICE("primary")
#define SEAT_SETTLING SLICE("settling") /* it begins to count */
#define SEAT_AGAIN \
    SLICE("fallback again") /* it may have counted, and takes what is to be counted */
#define SEAT_ALONE SLICE("alone")

/*
 * Counts all that is pending. `before` is noted in the store before the first is counted, `seat` when all
 * are. What is damaged stays pending, and the seat as it was. Doing it again counts nothing twice.
 */
bool settle_pending(struct backend *store, const struct pair_note *before, struct slice seat,
                    struct err *err) MUST_USE;

#endif

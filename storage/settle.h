/*
 * settle.h - lets a store that was the fallback of a pair count the additions that it has kept.
 *
 *     alone.c, failover_fill.c -> settle_pending() -> outbox -> OP_RECORDS_GET -> OP_MERGE, own
 *
 * A fallback keeps additions for the primary to count. When it is used in place of the primary for good,
 * it counts them itself.
 *
 * Threads    the caller's.
 * Ownership  nothing is kept.
 * Units      none.
 * Errors     those of the store.
 */
#ifndef SETTLE_H
#define SETTLE_H

#include "backend.h"

/* What a store is in its pair: the text of its note "seat". */
#define SEAT_FALLBACK SLICE("fallback")
#define SEAT_PRIMARY SLICE("primary")
#define SEAT_SETTLING SLICE("settling")    /* it has begun to count */
#define SEAT_AGAIN SLICE("fallback again") /* it may have counted, and keeps additions again */
#define SEAT_ALONE SLICE("alone")

/*
 * Counts all that is pending. `before` is noted in the store before the first addition is counted, `seat`
 * when all are. Damaged ones stay pending, and then the seat stays as it was. A repeat counts nothing
 * twice.
 */
bool settle_pending(struct backend *store, const struct pair_note *before, struct slice seat,
                    struct err *err) MUST_USE;

#endif

/*
 * failover_place.h - makes a whole conversation or thread of one store what it is in the other.
 *
 *     failover_drain.c: a name without a record -> failover_place()
 *
 * For removals and copies of threads that could not be made in both stores at once.
 *
 * Threads    that of failover_tend().
 * Ownership  nothing is kept.
 * Units      stamps.
 * Errors     those of the two stores; run again it does the rest.
 */
#ifndef FAILOVER_PLACE_H
#define FAILOVER_PLACE_H

#include "backend.h"

struct place_change {
    struct pair_id of;
    struct record_name name; /* of the kind RECORD_MESSAGES or one after it */
    int64_t number;          /* of the newest such entry: what has a higher stamp came later */
};

/* Copies the contents of a thread; or removes what only `to` has and is not newer. */
bool failover_place(struct backend *from, struct backend *to, const struct place_change *change,
                    struct err *err) MUST_USE;

#endif

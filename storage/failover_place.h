/*
 * failover_place.h - makes a whole conversation or thread in one store equal to that in the other.
 *
 *     failover_drain.c: a name without a record -> failover_place()
 *
 * Used for removals and for copies of threads, which cannot be made in both stores at once.
 *
 * Threads    that of failover_tend().
 * Ownership  nothing is kept.
 * Units      stamps.
 * Errors     those of the two stores; another run does the rest.
 */
#ifndef FAILOVER_PLACE_H
#define FAILOVER_PLACE_H

#include "backend.h"

struct place_change {
    struct pair_id of;
    struct record_name name; /* RECORD_MESSAGES, or a kind after it */
    int64_t number;          /* of the newest entry with this name: a record with a higher stamp
                                came later */
};

/* Copies the contents of a thread (RECORD_CONTENTS), or removes what only `to` has and is not newer. */
bool failover_place(struct backend *from, struct backend *to, const struct place_change *change,
                    struct err *err) MUST_USE;

#endif

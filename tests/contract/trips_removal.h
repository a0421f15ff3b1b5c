/*
 * trips_removal.h - counts how often a removal waits for a store: once a statement, not once a row.
 *
 *     main_trips_<store>.c -> trips_removal_case(): prune, runs, clean-up of what has expired
 *
 * Threads    one.
 * Ownership  set_up opens the store here; tear_down closes it.
 * Units      trips: round trips to a server.
 * Errors     none: a test fails.
 */
#ifndef TRIPS_REMOVAL_H
#define TRIPS_REMOVAL_H

#include "support.h"

struct trips_removal {
    int64_t (*so_far)(const struct store *s); /* how many trips a store has made */
    void (*set_up)(void), (*tear_down)(void);
    int64_t always; /* of any removal */
    int64_t rows;   /* at most one trip more for so many rows: checkpoints, values */
};

TCase *trips_removal_case(const struct trips_removal *of);

#endif

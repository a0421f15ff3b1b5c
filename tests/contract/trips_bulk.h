/*
 * trips_bulk.h - counts how often an op that goes through many rows waits for a store.
 *
 *     main_trips_<store>.c -> trips_bulk_case(): copies of long threads
 *
 * Threads    one.
 * Ownership  set_up opens the store here; tear_down closes it.
 * Units      trips: round trips to a server.
 * Errors     none: a test fails.
 */
#ifndef TRIPS_BULK_H
#define TRIPS_BULK_H

#include "support.h"

struct trips_bulk {
    int64_t (*so_far)(const struct store *s); /* how many trips a store has made */
    void (*set_up)(void), (*tear_down)(void);
    int64_t copy;       /* of a copy of a thread with a few rows */
    int64_t part;       /* of each further part of it, at most */
    int64_t chunk_rows; /* one trip more for so many rows */
    int64_t per_rows;   /* rows that are gone through for each checkpoint */
};

/* The test cases of copies. */
TCase *trips_bulk_case(const struct trips_bulk *of);

#endif

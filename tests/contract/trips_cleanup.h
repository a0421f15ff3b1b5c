/*
 * trips_cleanup.h - counts exactly how often a clean-up waits for a store.
 *
 *     main_trips_<store>.c -> trips_cleanup_case(): sessions in `here` live for an hour, and then go
 *
 * Threads    one.
 * Ownership  set_up opens the store here, tear_down closes it.
 * Units      trips: round trips to a server.
 * Errors     none: a test fails.
 */
#ifndef TRIPS_CLEANUP_H
#define TRIPS_CLEANUP_H

#include "support.h"

enum { CLEANUP_FEW = 30, CLEANUP_MANY = 300 }; /* sessions that one op removes */

/* Round trips for that many sessions. */
struct trips_of {
    int64_t few, many;
};

struct trips_cleanup {
    int64_t (*so_far)(const struct store *s); /* how many trips the store has made */
    void (*set_up)(void), (*tear_down)(void);
    struct trips_of expired; /* sessions with a message each */
    struct trips_of idle;    /* the same; half of them have had a thread */
    struct trips_of told;    /* the idle ones, as one of a pair */
    struct trips_of alone;   /* the idle ones, while the other store of the pair is away */
};

TCase *trips_cleanup_case(const struct trips_cleanup *of);

#endif

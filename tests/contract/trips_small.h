/*
 * trips_small.h - counts exactly how often ops on small values wait for a store.
 *
 *     main_trips_<store>.c -> trips_small_case(): steps from `here` and from `there`, on one store
 *
 * Threads    one.
 * Ownership  set_up opens the stores here, with a cache, and there, without; tear_down closes them.
 * Units      trips: round trips to a server.
 * Errors     none: a test fails.
 */
#ifndef TRIPS_SMALL_H
#define TRIPS_SMALL_H

#include "support.h"

struct trips_small {
    int64_t (*so_far)(const struct store *s); /* how many trips a store, here or there, has made */
    void (*set_up)(void), (*tear_down)(void);
    int64_t step;  /* of a step whose parent is the newest that the cache knows */
    int64_t cold;  /* of a step without a cache: its parent is read */
    int64_t stale; /* of a step that carries on across a parent which others have stored */
    int64_t gone;  /* of a step after others have deleted the thread */
    int64_t get;   /* of a checkpoint, without a cache */
    int64_t base;  /* of a value in a head, without a cache */
};

TCase *trips_small_case(const struct trips_small *of);

#endif

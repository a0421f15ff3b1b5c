/*
 * trips_pair.h - how often what a pair asks of its stores waits for them, counted exactly.
 *
 *     main_trips_<store>.c -> trips_pair_case(): changes here, their copies there
 *
 * Threads    one.
 * Ownership  set_up opens the stores here and there, tear_down closes them.
 * Units      trips: ways to a server and back.
 * Errors     none: a test fails.
 */
#ifndef TRIPS_PAIR_H
#define TRIPS_PAIR_H

#include "support.h"

struct trips_pair {
    int64_t (*so_far)(const struct store *s); /* how many trips a store, here or there, has made */
    void (*set_up)(void), (*tear_down)(void);
    int64_t append; /* trips of an append */
    int64_t copy;   /* trips of a merge of a message */
    int64_t again;  /* trips of a merge of what is there */
    int64_t guess;  /* trips more where a message was taken for the next one, and is not */
    int64_t get;    /* trips in which records are read by their names */
};

TCase *trips_pair_case(const struct trips_pair *of);

#endif

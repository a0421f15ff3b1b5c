/*
 * trips_pair.h - counts exactly how often the ops of a pair wait for its stores.
 *
 *     main_trips_<store>.c -> trips_pair_case(): changes in `here`, their copies in `there`
 *
 * Threads    one.
 * Ownership  set_up opens the stores here and there, tear_down closes them.
 * Units      trips: round trips to a server.
 * Errors     none: a test fails.
 */
#ifndef TRIPS_PAIR_H
#define TRIPS_PAIR_H

#include "support.h"

struct trips_pair {
    int64_t (*so_far)(const struct store *s); /* how many trips a store, here or there, has made */
    void (*set_up)(void), (*tear_down)(void);
    int64_t append; /* of an append */
    int64_t copy;   /* of a merge of one message */
    int64_t again;  /* of a merge of what is there already */
    int64_t guess;  /* how many more if a message was wrongly taken for the next one */
    int64_t get;    /* of a read of records by their names */
};

TCase *trips_pair_case(const struct trips_pair *of);

#endif

/*
 * pair.h - a primary store and its fallback, opened: what serves, and the thread that tends both.
 *
 *     app -> pair_open() -> lanes of the failover -> relay -> lanes of each store
 *                        -> a thread: failover_tend()
 *
 * Threads    open and close: one. pair_report(): any.
 * Ownership  the pair owns all lanes; what pair_lanes() gives is closed with it.
 * Units      none.
 * Errors     a store that is not there now is no error; ERR_CONFIG: a URL is wrong.
 */
#ifndef PAIR_H
#define PAIR_H

#include "failover.h"
#include "lane.h"

struct pair;

struct pair_config {
    struct backend_config stores[2]; /* primary, fallback */
    struct lanes_config lanes;       /* numbers of them */
    struct failover_config failover;
};

/* NULL on failure. */
struct pair *pair_open(const struct pair_config *cfg, struct err *err) MUST_USE;

/* Where to send ops. */
struct lanes *pair_lanes(struct pair *p) MUST_USE;

/* The schemes of the two URLs. */
const char *pair_type(const struct pair *p, bool fallback) MUST_USE;

/* How it is now; `pair` is a struct pair. */
void pair_report(void *pair, struct failover_report *out);

/* Runs what is queued, then closes all. NULL is allowed. */
void pair_close(struct pair *p);

#endif

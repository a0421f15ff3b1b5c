/*
 * pair.h - opens a primary store and its fallback: the lanes that serve, and the thread that tends both.
 *
 *     app -> pair_open() -> lanes of the failover -> relay -> lanes of each store
 *                        -> a thread: failover_tend()
 *
 * Threads    open and close: one. pair_report(): any.
 * Ownership  the pair owns all lanes, those of pair_lanes() too.
 * Units      none.
 * Errors     a store that cannot be reached now is no error; ERR_CONFIG: a URL is wrong.
 */
#ifndef PAIR_H
#define PAIR_H

#include "failover.h"
#include "lane.h"

struct pair;

struct pair_config {
    struct backend_config stores[2]; /* primary, fallback */
    struct lanes_config lanes;       /* how many, for both stores and for the failover */
    struct failover_config failover;
};

/* Opens both stores and starts the thread. NULL on failure. */
struct pair *pair_open(const struct pair_config *cfg, struct err *err) MUST_USE;

/* The lanes to which ops are sent. */
struct lanes *pair_lanes(struct pair *p) MUST_USE;

/* The scheme of the URL of the primary, or of the fallback. */
const char *pair_type(const struct pair *p, bool fallback) MUST_USE;

/* Says how the pair is now; `pair` is a struct pair. */
void pair_report(void *pair, struct failover_report *out);

/* Runs what is queued, then closes everything. NULL is allowed. */
void pair_close(struct pair *p);

#endif

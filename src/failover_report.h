/*
 * failover_report.h - how a primary store and its fallback are, for those who show it.
 *
 *     storage/failover.c fills it -> monitor.c: logs -> GET /health, GET /metrics
 *
 * Threads    plain data.
 * Ownership  plain data.
 * Units      as named.
 * Errors     none.
 */
#ifndef FAILOVER_REPORT_H
#define FAILOVER_REPORT_H

#include <stdbool.h>
#include <stdint.h>

enum failover_state {
    FAILOVER_STARTING,      /* not both stores were seen yet */
    FAILOVER_NORMAL,        /* the primary serves, each change goes to both */
    FAILOVER_ON_FALLBACK,   /* the fallback serves; the primary cannot be had */
    FAILOVER_RECOVERING,    /* the fallback serves while the primary is made equal to it */
    FAILOVER_FALLBACK_DOWN, /* the primary serves; the fallback cannot be had */
    FAILOVER_FILLING,       /* the primary serves; the fallback is being filled */
    FAILOVER_BOTH_DOWN,
    FAILOVER_STATES
};

/* One store of the two. */
struct failover_store {
    bool up;
    int64_t outbox; /* entries that wait for the other; at least so many if `more` */
    bool more;
    int64_t behind_us; /* age of the oldest of them; 0 = none */
    double latency_s;  /* of the last look */
    bool measured;     /* latency_s and caps are known */
    unsigned caps;     /* enum backend_caps */
    char problem[240]; /* empty: none */
};

struct failover_report {
    enum failover_state state;
    struct failover_store primary, fallback;
    int64_t copied;    /* records that were copied late, since the start */
    int64_t unsynced;  /* ids that only the primary has */
    char trouble[240]; /* what keeps the two from becoming equal; empty: nothing */
    bool unseen;       /* it serves without having seen both: what it reads may be old */
};

/* Whether one of the two answers requests in this state. */
bool failover_serves(enum failover_state state);

/* "on_fallback": in /health, metrics and logs. */
const char *failover_state_name(enum failover_state state);

#endif

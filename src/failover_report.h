/*
 * failover_report.h - the state of a primary store and its fallback, for logs, health and metrics.
 *
 *     storage/failover.c fills it -> monitor.c: logs -> GET /health, GET /metrics
 *
 * Threads    plain data.
 * Ownership  plain data.
 * Units      *_us microseconds, *_s seconds; counts of outbox entries, records and ids.
 * Errors     none.
 */
#ifndef FAILOVER_REPORT_H
#define FAILOVER_REPORT_H

#include <stdbool.h>
#include <stdint.h>

enum failover_state {
    FAILOVER_STARTING,      /* not both stores have been seen yet */
    FAILOVER_NORMAL,        /* the primary serves, each change goes to both */
    FAILOVER_ON_FALLBACK,   /* the fallback serves; the primary is unavailable */
    FAILOVER_RECOVERING,    /* the fallback serves while its changes are copied to the primary */
    FAILOVER_FALLBACK_DOWN, /* the primary serves; the fallback is unavailable */
    FAILOVER_FILLING,       /* the primary serves; the fallback is being filled */
    FAILOVER_BOTH_DOWN,     /* also if only the primary answers, but lacks what the fallback has */
    FAILOVER_STATES
};

/* One store of the two. */
struct failover_store {
    bool up;
    int64_t outbox; /* entries that wait for the other store; a lower bound if `more` */
    bool more;
    int64_t behind_us; /* age of the oldest of them; 0 = none */
    double latency_s;  /* of the last probe */
    bool measured;     /* latency_s and caps are known */
    unsigned caps;     /* enum backend_caps */
    char problem[240]; /* empty: none */
};

struct failover_report {
    enum failover_state state;
    struct failover_store primary, fallback;
    int64_t copied;    /* records copied from an outbox or by a fill, since the start */
    int64_t unsynced;  /* ids whose newest changes only the primary has */
    char trouble[240]; /* what keeps the two from becoming equal; empty: nothing */
    bool unseen;       /* serves without having seen both stores: reads may be old */
};

/* Whether requests are answered in this state, by one store or the other. */
bool failover_serves(enum failover_state state);

/* "on_fallback": in /health, metrics and logs. */
const char *failover_state_name(enum failover_state state);

#endif

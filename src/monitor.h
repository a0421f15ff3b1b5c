/*
 * monitor.h - asks the store for a sign of life, and sweeps what has expired.
 *
 *     monitor thread, once a second -> OP_PROBE on the lanes -> monitor_report() -> GET /health
 *
 * It logs one line when the state of the store, of one of two or of the pair changes, and one when what was
 * answered may be lost with the store; it is the only one that does.
 *
 * Threads    report, note, ready and draining: any. start and stop: main.
 * Ownership  the caller frees by monitor_stop(). The text of a report lives in the report.
 * Units      *_us wall microseconds, latency seconds.
 * Errors     start: ERR_NO_MEMORY, ERR_INTERNAL when no thread can be had.
 */
#ifndef MONITOR_H
#define MONITOR_H

#include "err.h"
#include "failover_report.h"
#include "lane.h"

struct monitor;

enum { MONITOR_RECENT_S = 10 };

struct monitor_config {
    struct lanes *lanes;
    const char *type;          /* "sqlite": for reports; of a pair that of the primary */
    const char *fallback_type; /* NULL: there is one store only */
    void (*report)(void *pair, struct failover_report *out); /* of two */
    void *pair;
    int64_t cleanup_interval_s; /* 0 = no sweeps */
};

struct monitor_report {
    bool healthy;       /* of a pair: one of the two serves */
    int64_t checked_us; /* 0 = not yet */
    double latency_s;   /* of the last sign of life */
    unsigned caps;      /* enum backend_caps, as of the last sign of life; of a pair: see there */
    char type[32];
    char problem[240]; /* empty when healthy */
    bool writes_fail;  /* a write has failed within MONITOR_RECENT_S */
    char write_problem[240];
    const char *fallback_type;   /* NULL: there is one store only */
    struct failover_report pair; /* of two; of one only the primary, up and caps */
};

/* Starts the thread; the first probe is sent at once. NULL on failure. */
struct monitor *monitor_start(const struct monitor_config *cfg, struct err *err) MUST_USE;

/* The last result; at most about a second old. How a pair is stands in it as of now. */
void monitor_report(struct monitor *m, struct monitor_report *out);

/*
 * An op is back from the store. A probe only reads, so that a full disk shows in the writes of
 * requests alone.
 */
void monitor_note(struct monitor *m, const struct op *op);

/* Whether it has started, is not draining and, of a pair, is not back at waiting for a look at both. */
bool monitor_ready(struct monitor *m);

/* Whether the store has answered once; of a pair, whether one of the two has served. */
bool monitor_started(struct monitor *m);

/* From now on not ready. */
void monitor_drain(struct monitor *m);

/* Whether monitor_drain() was called. */
bool monitor_draining(struct monitor *m);

/* Ends the thread and frees the monitor. Before lanes_close(). NULL is allowed. */
void monitor_stop(struct monitor *m);

#endif

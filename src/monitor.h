/*
 * monitor.h - the thread that probes the store and removes what has expired.
 *
 *     monitor thread, once a second -> OP_PROBE on the lanes -> monitor_report() -> GET /health
 *
 * It logs one line when the state of the store, of one of the two, or of the pair changes, and one when
 * acknowledged data may be lost with the store. Nothing else logs these.
 *
 * Threads    report, note, ready and draining: any. start and stop: main.
 * Ownership  the caller frees with monitor_stop(). The texts of a report lie in the report.
 * Units      *_us wall microseconds, latency seconds.
 * Errors     start: ERR_NO_MEMORY, ERR_INTERNAL when no thread can be started.
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
    const char *type;          /* "sqlite": for reports; of a pair: that of the primary */
    const char *fallback_type; /* NULL: there is one store only */
    void (*report)(void *pair, struct failover_report *out); /* of a pair: its state */
    void *pair;
    int64_t cleanup_interval_s; /* 0 = no sweeps */
};

struct monitor_report {
    bool healthy;       /* of a pair: one of the two serves */
    int64_t checked_us; /* 0 = not yet */
    double latency_s;   /* of the last probe */
    unsigned caps;      /* enum backend_caps, as of the last probe; of a pair: see `pair` */
    char type[32];
    char problem[240]; /* empty when healthy */
    bool writes_fail;  /* a write has failed within MONITOR_RECENT_S */
    char write_problem[240];
    const char *fallback_type;   /* NULL: there is one store only */
    struct failover_report pair; /* without a pair only primary.up and primary.caps are set */
};

/* Starts the thread, which sends its first probe at once. NULL on failure. */
struct monitor *monitor_start(const struct monitor_config *cfg, struct err *err) MUST_USE;

/* The last result, at most about a second old; the state of a pair is that of now. */
void monitor_report(struct monitor *m, struct monitor_report *out);

/*
 * Notes the outcome of a finished op. Probes only read, so a full disk shows only in the writes of
 * requests.
 */
void monitor_note(struct monitor *m, const struct op *op);

/* Whether to send requests here: it has started, is not draining, and (a pair) is not waiting, again,
 * until it has seen both stores. */
bool monitor_ready(struct monitor *m);

/* Whether the store has answered once; of a pair, whether one of the two has served. */
bool monitor_started(struct monitor *m);

/* Makes it not ready from now on. */
void monitor_drain(struct monitor *m);

/* Whether monitor_drain() was called. */
bool monitor_draining(struct monitor *m);

/* Ends the thread and frees the monitor. Call it before lanes_close(). NULL is allowed. */
void monitor_stop(struct monitor *m);

#endif

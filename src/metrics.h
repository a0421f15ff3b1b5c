/*
 * metrics.h - counters and histograms of the process.
 *
 *     loop: metrics_request(), metrics_op() -> GET /metrics, GET /stats
 *
 * Threads    any; counters are relaxed atomics, so the numbers of one report may be a few events apart.
 * Ownership  static; nothing to free.
 * Units      durations are nanoseconds in, seconds out.
 * Errors     none.
 */
#ifndef METRICS_H
#define METRICS_H

#include "failover_report.h"
#include "op.h"
#include "text.h"

enum metrics_gauge {
    GAUGE_CONNECTIONS,
    GAUGE_CONNECTIONS_MAX,
    GAUGE_REQUESTS,     /* being served */
    GAUGE_BODY_BYTES,   /* request bodies in memory */
    GAUGE_ANSWER_BYTES, /* large answers in memory: set when it is read */
    GAUGE_QUEUE,        /* ops on lanes */
    GAUGE_COUNT,
};

/* Counts a request answered with this status; probes are left out. */
void metrics_request(int status, int64_t duration_ns);

/* Counts a connection that was refused because as many as may be are open. */
void metrics_refused(void);

/* Counts a finished op; `failed` if its status is the service's fault (5xx). */
void metrics_op(enum op_type type, bool failed, int64_t duration_ns);

/* Counts an executed batch of n_ops ops. */
void metrics_batch(size_t n_ops);

/* Adds delta, which may be negative, to a gauge. */
void metrics_gauge_add(enum metrics_gauge gauge, int64_t delta);

/* Gives a gauge a value that does not change by itself. */
void metrics_gauge_set(enum metrics_gauge gauge, int64_t value);

/* The value of a gauge. */
int64_t metrics_gauge_value(enum metrics_gauge gauge);

/* Writes all metrics of the process, in Prometheus' text format 0.0.4. */
void metrics_write_prometheus(struct text *out);

/* Writes, after those, the state of the store, or of a primary and its fallback (else NULL). */
void metrics_write_stores(struct text *out, const struct failover_store *primary,
                          const struct failover_store *fallback);

/* Writes, after those, the state of a pair. */
void metrics_write_failover(struct text *out, const struct failover_report *pair);

/* Writes the members of a JSON object, one per op that has run: {total_operations, error_count,
 * error_rate, avg_latency, min_latency, max_latency} in seconds. */
void metrics_write_report(struct text *out);

#endif

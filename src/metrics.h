/*
 * metrics.h - counters and histograms of the process.
 *
 *     loop: metrics_request(), metrics_op() -> GET /metrics, GET /stats
 *
 * Threads    any; counters are relaxed atomics, so a report may be a few events apart.
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
    GAUGE_REQUESTS,   /* being served */
    GAUGE_BODY_BYTES, /* request bodies in memory */
    GAUGE_QUEUE,      /* ops on lanes */
    GAUGE_COUNT,
};

/* One request answered with this status. */
void metrics_request(int status, int64_t duration_ns);

/* One op finished; `failed` when its status is the service's fault (5xx). */
void metrics_op(enum op_type type, bool failed, int64_t duration_ns);

/* One batch executed: how many ops it held. */
void metrics_batch(size_t n_ops);

/* Adds to a gauge; negative values take away. */
void metrics_gauge_add(enum metrics_gauge gauge, int64_t delta);

/* The value of a gauge. */
int64_t metrics_gauge_value(enum metrics_gauge gauge);

/* All that the process counts, in Prometheus' text format 0.0.4. */
void metrics_write_prometheus(struct text *out);

/* Behind that: how the store is, or a primary and its fallback (NULL: there is none). */
void metrics_write_stores(struct text *out, const struct failover_store *primary,
                          const struct failover_store *fallback);

/* Behind that, of two stores. */
void metrics_write_failover(struct text *out, const struct failover_report *pair);

/* The members of a JSON object, one per op that has run: {total_operations, error_count, error_rate,
 * avg_latency, min_latency, max_latency} in seconds. */
void metrics_write_report(struct text *out);

#endif

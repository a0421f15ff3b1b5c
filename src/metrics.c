/* metrics.c - see metrics.h. */
#include "metrics.h"

#include <stdatomic.h>

#include "backend.h"
#include "json.h"
#include "log.h"

enum {
    STATUS_FIRST = 100,
    STATUS_COUNT = 500,
    DURATION_BUCKETS = 14,
    BATCH_BUCKETS = 9,
};

static const int64_t duration_bounds_us[DURATION_BUCKETS] = {
    500,    1000,   2500,   5000,    10000,   25000,   50000,
    100000, 250000, 500000, 1000000, 2500000, 5000000, 10000000,
};
static const int64_t batch_bounds[BATCH_BUCKETS] = {1, 2, 4, 8, 16, 32, 64, 128, 256};

/* The last bucket of a histogram counts what is beyond all bounds. */
struct histogram {
    _Atomic uint64_t buckets[DURATION_BUCKETS + 1];
    _Atomic uint64_t sum;
};

struct op_counters {
    _Atomic uint64_t count, failed, sum_ns;
    _Atomic uint64_t min_ns, max_ns; /* 0 = none yet */
};

static _Atomic uint64_t statuses[STATUS_COUNT];
static struct histogram durations, batches;
static struct op_counters counters[OP_TYPE_COUNT];
static _Atomic int64_t gauges[GAUGE_COUNT];
static _Atomic uint64_t refused;

static void add(_Atomic uint64_t *counter, uint64_t n)
{
    atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

static uint64_t get(_Atomic uint64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

static void observe(struct histogram *h, const int64_t *bounds, size_t n, int64_t value,
                    uint64_t sum)
{
    size_t i = 0;

    while (i < n && value > bounds[i])
        i++;
    add(&h->buckets[i], 1);
    add(&h->sum, sum);
}

void metrics_request(int status, int64_t duration_ns)
{
    if (status >= STATUS_FIRST && status < STATUS_FIRST + STATUS_COUNT)
        add(&statuses[status - STATUS_FIRST], 1);
    observe(&durations, duration_bounds_us, DURATION_BUCKETS, duration_ns / 1000,
            (uint64_t)duration_ns);
}

void metrics_refused(void)
{
    add(&refused, 1);
}

static void lower(_Atomic uint64_t *least, uint64_t value)
{
    uint64_t seen = get(least);

    while ((seen == 0 || value < seen) && !atomic_compare_exchange_weak(least, &seen, value))
        ;
}

static void raise_to(_Atomic uint64_t *most, uint64_t value)
{
    uint64_t seen = get(most);

    while (value > seen && !atomic_compare_exchange_weak(most, &seen, value))
        ;
}

void metrics_op(enum op_type type, bool failed, int64_t duration_ns)
{
    uint64_t ns = duration_ns > 0 ? (uint64_t)duration_ns : 1;
    struct op_counters *c = &counters[type];

    add(&c->count, 1);
    if (failed)
        add(&c->failed, 1);
    add(&c->sum_ns, ns);
    lower(&c->min_ns, ns);
    raise_to(&c->max_ns, ns);
}

void metrics_batch(size_t n_ops)
{
    observe(&batches, batch_bounds, BATCH_BUCKETS, (int64_t)n_ops, n_ops);
}

void metrics_gauge_add(enum metrics_gauge gauge, int64_t delta)
{
    atomic_fetch_add_explicit(&gauges[gauge], delta, memory_order_relaxed);
}

void metrics_gauge_set(enum metrics_gauge gauge, int64_t value)
{
    atomic_store_explicit(&gauges[gauge], value, memory_order_relaxed);
}

int64_t metrics_gauge_value(enum metrics_gauge gauge)
{
    return atomic_load_explicit(&gauges[gauge], memory_order_relaxed);
}

static void head(struct text *out, const char *name, const char *type, const char *help)
{
    text_printf(out, "# HELP stateward_%s %s\n# TYPE stateward_%s %s\n", name, help, name, type);
}

static void write_histogram(struct text *out, const char *name, struct histogram *h,
                            const int64_t *bounds, size_t n, double unit, double sum_unit)
{
    uint64_t total = 0;

    for (size_t i = 0; i < n; i++) {
        total += get(&h->buckets[i]);
        text_printf(out, "stateward_%s_bucket{le=\"%g\"} %llu\n", name, (double)bounds[i] * unit,
                    (unsigned long long)total);
    }
    total += get(&h->buckets[n]);
    text_printf(out, "stateward_%s_bucket{le=\"+Inf\"} %llu\nstateward_%s_sum %.9g\n", name,
                (unsigned long long)total, name, (double)get(&h->sum) * sum_unit);
    text_printf(out, "stateward_%s_count %llu\n", name, (unsigned long long)total);
}

/* Statuses that are watched are there from the start, so that the first ones are seen to rise. */
static bool is_shown(int i)
{
    int status = i + STATUS_FIRST;

    return status == 500 || status == 503 || status == 504 || get(&statuses[i]) > 0;
}

static void write_requests(struct text *out)
{
    head(out, "http_requests_total", "counter",
         "Requests answered, by status; without those to /health and below.");
    for (int i = 0; i < STATUS_COUNT; i++)
        if (is_shown(i))
            text_printf(out, "stateward_http_requests_total{status=\"%d\"} %llu\n",
                        i + STATUS_FIRST, (unsigned long long)get(&statuses[i]));
    head(out, "http_request_duration_seconds", "histogram",
         "From the first byte of a request to the last of its answer; the same requests.");
    write_histogram(out, "http_request_duration_seconds", &durations, duration_bounds_us,
                    DURATION_BUCKETS, 1e-6, 1e-9);
}

static void write_ops(struct text *out)
{
    head(out, "operations_total", "counter", "Operations finished.");
    for (size_t i = 0; i < OP_TYPE_COUNT; i++)
        if (get(&counters[i].count))
            text_printf(out, "stateward_operations_total{operation=\"%s\"} %llu\n",
                        op_name((enum op_type)i), (unsigned long long)get(&counters[i].count));
    head(out, "operation_errors_total", "counter",
         "Operations that failed by no fault of the caller.");
    for (size_t i = 0; i < OP_TYPE_COUNT; i++)
        if (get(&counters[i].count))
            text_printf(out, "stateward_operation_errors_total{operation=\"%s\"} %llu\n",
                        op_name((enum op_type)i), (unsigned long long)get(&counters[i].failed));
    head(out, "operation_seconds_total", "counter", "Time from submission to completion.");
    for (size_t i = 0; i < OP_TYPE_COUNT; i++)
        if (get(&counters[i].count))
            text_printf(out, "stateward_operation_seconds_total{operation=\"%s\"} %.9g\n",
                        op_name((enum op_type)i), (double)get(&counters[i].sum_ns) * 1e-9);
}

static void write_gauges(struct text *out)
{
    static const struct {
        const char *name, *help;
    } about[GAUGE_COUNT] = {
        [GAUGE_CONNECTIONS] = {"connections", "Open connections."},
        [GAUGE_CONNECTIONS_MAX] = {"connections_max", "Connections that may be open."},
        [GAUGE_REQUESTS] = {"requests", "Requests being served."},
        [GAUGE_BODY_BYTES] =
            {"body_bytes",
             "Bytes of request bodies in memory, and of values rebuilt from patches."},
        [GAUGE_ANSWER_BYTES] = {"answer_bytes", "Bytes of large answers in memory."},
        [GAUGE_QUEUE] = {"queue_operations", "Operations waiting or running."},
    };

    metrics_gauge_set(GAUGE_ANSWER_BYTES, allowance_in_use());
    for (size_t i = 0; i < GAUGE_COUNT; i++) {
        head(out, about[i].name, "gauge", about[i].help);
        text_printf(out, "stateward_%s %lld\n", about[i].name,
                    (long long)metrics_gauge_value((enum metrics_gauge)i));
    }
}

void metrics_write_prometheus(struct text *out)
{
    write_requests(out);
    write_ops(out);
    head(out, "batch_operations", "histogram", "Operations that one batch held.");
    write_histogram(out, "batch_operations", &batches, batch_bounds, BATCH_BUCKETS, 1, 1);
    write_gauges(out);
    head(out, "connections_refused_total", "counter",
         "Connections that were closed at once, since connections_max were open.");
    text_printf(out, "stateward_connections_refused_total %llu\n",
                (unsigned long long)get(&refused));
    head(out, "log_lines_dropped_total", "counter", "Log lines that could not be written.");
    text_printf(out, "stateward_log_lines_dropped_total %llu\n", (unsigned long long)log_dropped());
}

static const char *const roles[] = {"primary", "fallback"};

void metrics_write_stores(struct text *out, const struct failover_store *primary,
                          const struct failover_store *fallback)
{
    const struct failover_store *stores[] = {primary, fallback};
    int n = fallback ? 2 : 1;

    head(out, "store_up", "gauge", "Whether the store answers.");
    for (int i = 0; i < n; i++)
        text_printf(out, "stateward_store_up{role=\"%s\"} %d\n", roles[i], stores[i]->up);
    head(out, "store_durable", "gauge",
         "Whether what was answered outlives the store's death; 0 until it was asked.");
    for (int i = 0; i < n; i++)
        text_printf(out, "stateward_store_durable{role=\"%s\"} %d\n", roles[i],
                    (stores[i]->caps & BACKEND_DURABLE) != 0);
}

void metrics_write_failover(struct text *out, const struct failover_report *pair)
{
    const struct failover_store *stores[] = {&pair->primary, &pair->fallback};

    head(out, "failover_state", "gauge", "1 for the state that the pair of stores is in.");
    for (int i = 0; i < FAILOVER_STATES; i++)
        text_printf(out, "stateward_failover_state{state=\"%s\"} %d\n",
                    failover_state_name((enum failover_state)i), (int)pair->state == i);
    head(
        out, "outbox_entries", "gauge",
        "Changes that wait for the other store; at most 8192 (primary) or 1000 (fallback) are counted.");
    for (int i = 0; i < 2; i++)
        text_printf(out, "stateward_outbox_entries{role=\"%s\"} %lld\n", roles[i],
                    (long long)stores[i]->outbox);
    head(out, "outbox_age_seconds", "gauge", "Age of the oldest of them.");
    for (int i = 0; i < 2; i++)
        text_printf(out, "stateward_outbox_age_seconds{role=\"%s\"} %.3f\n", roles[i],
                    (double)stores[i]->behind_us * 1e-6);
    head(out, "failover_copied_records_total", "counter", "Records that were copied late.");
    text_printf(out, "stateward_failover_copied_records_total %lld\n", (long long)pair->copied);
}

void metrics_write_report(struct text *out)
{
    for (size_t i = 0; i < OP_TYPE_COUNT; i++) {
        uint64_t count = get(&counters[i].count), failed = get(&counters[i].failed);

        if (count == 0)
            continue;
        json_key(out, op_name((enum op_type)i));
        json_open(out, '{');
        json_member_int(out, "total_operations", (int64_t)count);
        json_member_int(out, "error_count", (int64_t)failed);
        json_key(out, "error_rate");
        json_double(out, (double)failed / (double)count);
        json_key(out, "avg_latency");
        json_double(out, (double)get(&counters[i].sum_ns) * 1e-9 / (double)count);
        json_key(out, "min_latency");
        json_double(out, (double)get(&counters[i].min_ns) * 1e-9);
        json_key(out, "max_latency");
        json_double(out, (double)get(&counters[i].max_ns) * 1e-9);
        json_close(out, '}');
    }
}

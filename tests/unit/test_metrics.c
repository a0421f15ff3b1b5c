#include <check.h>

#include "backend.h"
#include "metrics.h"

static struct arena arena;

static void has(void (*write)(struct text *), const char *expected)
{
    struct text t;

    text_init(&t, &arena);
    write(&t);
    ck_assert(!t.failed);
    ck_assert_msg(memmem(t.at, t.len, expected, strlen(expected)) != NULL, "%s not in %.*s",
                  expected, (int)t.len, t.at);
    arena_done(&arena);
}

START_TEST(shows_failures_before_the_first)
{
    has(metrics_write_prometheus, "# TYPE stateward_http_requests_total counter\n"
                                  "stateward_http_requests_total{status=\"500\"} 0\n"
                                  "stateward_http_requests_total{status=\"503\"} 0\n"
                                  "stateward_http_requests_total{status=\"504\"} 0\n# HELP");
}
END_TEST

START_TEST(counts_requests)
{
    metrics_request(200, 400 * 1000);
    metrics_request(200, 60 * 1000000);
    metrics_request(503, INT64_C(20000000000));
    metrics_request(7, 1); /* no status: only its time counts */
    has(metrics_write_prometheus, "stateward_http_requests_total{status=\"200\"} 2\n");
    has(metrics_write_prometheus, "stateward_http_requests_total{status=\"503\"} 1\n");
    has(metrics_write_prometheus, "duration_seconds_bucket{le=\"0.0005\"} 2\n");
    has(metrics_write_prometheus, "duration_seconds_bucket{le=\"0.1\"} 3\n");
    has(metrics_write_prometheus, "duration_seconds_bucket{le=\"10\"} 3\n");
    has(metrics_write_prometheus, "duration_seconds_bucket{le=\"+Inf\"} 4\n");
    has(metrics_write_prometheus, "duration_seconds_count 4\n");
}
END_TEST

START_TEST(counts_ops)
{
    metrics_op(OP_SESSION_GET, false, 1000000000);
    metrics_op(OP_SESSION_GET, true, 3000000000);
    metrics_op(OP_STATS, false, 0);
    has(metrics_write_prometheus, "stateward_operations_total{operation=\"session_get\"} 2\n");
    has(metrics_write_prometheus,
        "stateward_operation_errors_total{operation=\"session_get\"} 1\n");
    has(metrics_write_prometheus,
        "stateward_operation_seconds_total{operation=\"session_get\"} 4\n");
    has(metrics_write_report, "\"session_get\":{\"total_operations\":2,\"error_count\":1,"
                              "\"error_rate\":0.5,\"avg_latency\":2.0,\"min_latency\":1.0,"
                              "\"max_latency\":3.0}");
}
END_TEST

START_TEST(counts_batches_and_gauges)
{
    metrics_batch(1);
    metrics_batch(100);
    metrics_gauge_add(GAUGE_QUEUE, 5);
    metrics_gauge_add(GAUGE_QUEUE, -2);
    ck_assert_int_eq(metrics_gauge_value(GAUGE_QUEUE), 3);
    has(metrics_write_prometheus, "stateward_batch_operations_bucket{le=\"1\"} 1\n");
    has(metrics_write_prometheus, "stateward_batch_operations_bucket{le=\"128\"} 2\n");
    has(metrics_write_prometheus, "stateward_batch_operations_sum 101\n");
    has(metrics_write_prometheus, "stateward_queue_operations 3\n");
}
END_TEST

static void write_one(struct text *t)
{
    metrics_write_stores(t, &(struct failover_store){.up = true, .caps = BACKEND_DURABLE}, NULL);
}

static void write_two(struct text *t)
{
    struct failover_report pair = {.state = FAILOVER_ON_FALLBACK,
                                   .primary = {.behind_us = 1500000, .outbox = 7},
                                   .fallback.up = true};

    metrics_write_stores(t, &pair.primary, &pair.fallback);
    metrics_write_failover(t, &pair);
}

START_TEST(tells_of_stores)
{
    has(write_one, "stateward_store_up{role=\"primary\"} 1\n# HELP");
    has(write_one, "stateward_store_durable{role=\"primary\"} 1\n");
    has(write_two, "stateward_store_up{role=\"primary\"} 0\n"
                   "stateward_store_up{role=\"fallback\"} 1\n");
    has(write_two, "stateward_store_durable{role=\"fallback\"} 0\n");
    has(write_two, "stateward_failover_state{state=\"on_fallback\"} 1\n");
    has(write_two, "stateward_outbox_entries{role=\"primary\"} 7\n");
    has(write_two, "stateward_outbox_age_seconds{role=\"primary\"} 1.500\n");
}
END_TEST

START_TEST(a_report_of_nothing_is_empty)
{
    struct text t;

    text_init(&t, &arena);
    metrics_write_report(&t);
    ck_assert_uint_eq(t.len, 0);
}
END_TEST

Suite *suite_metrics(void);

Suite *suite_metrics(void)
{
    Suite *s = suite_create("metrics");
    TCase *t = tcase_create("metrics");

    tcase_add_test(t, a_report_of_nothing_is_empty);
    tcase_add_test(t, shows_failures_before_the_first);
    tcase_add_test(t, counts_requests);
    tcase_add_test(t, counts_ops);
    tcase_add_test(t, counts_batches_and_gauges);
    tcase_add_test(t, tells_of_stores);
    suite_add_tcase(s, t);
    return s;
}

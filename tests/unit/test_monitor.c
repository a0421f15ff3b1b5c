#include <check.h>
#include <time.h>

#include "clock.h"
#include "fake_backend.h"
#include "monitor.h"

static struct fake_backend writer;
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

static struct backend *open_writer(void *ctx, enum backend_role role, struct err *err)
{
    (void)ctx;
    (void)role;
    (void)err;
    return &writer.base;
}

static struct lanes *open_lanes(enum err_kind fail, bool gated)
{
    struct lanes_config cfg = {
        .layout = LANES_BY_KEY,
        .n_lanes = 1,
        .batch_max_ops = 10,
        .queue_max = 10,
        .open = open_writer,
    };
    struct err err;
    struct lanes *l;

    writer = FAKE_BACKEND;
    writer.fail = fail;
    writer.gate = gated ? &gate : NULL;
    l = lanes_open(&cfg, &err);
    ck_assert_ptr_nonnull(l);
    return l;
}

static struct monitor *start(struct lanes *lanes, int64_t interval_s)
{
    struct monitor_config cfg = {.lanes = lanes, .type = "fake", .cleanup_interval_s = interval_s};
    struct err err;
    struct monitor *m = monitor_start(&cfg, &err);

    ck_assert_ptr_nonnull(m);
    return m;
}

/* The first report that a probe has made. */
static struct monitor_report first_report(struct monitor *m)
{
    struct monitor_report report;

    do {
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        monitor_report(m, &report);
    } while (!report.checked_us);
    return report;
}

START_TEST(a_store_that_answers)
{
    struct lanes *lanes = open_lanes(ERR_OK, false);
    struct monitor *m = start(lanes, 0);
    struct monitor_report report = first_report(m);

    ck_assert(report.healthy && !report.writes_fail);
    ck_assert_str_eq(report.type, "fake");
    ck_assert_str_eq(report.problem, "");
    ck_assert(monitor_started(m) && monitor_ready(m) && !monitor_draining(m));
    monitor_drain(m);
    ck_assert(monitor_started(m) && !monitor_ready(m) && monitor_draining(m));
    monitor_stop(m);
    lanes_close(lanes);
    ck_assert_uint_gt(writer.n_probes, 0);
    ck_assert_uint_eq(writer.n_ran, 0); /* no sweeps */
}
END_TEST

/* Whether a report says so of a store with these capabilities. */
static bool says_durable(unsigned caps)
{
    struct lanes *lanes = open_lanes(ERR_OK, false);
    struct monitor_report report;
    struct monitor *m;

    writer.base.caps = caps;
    m = start(lanes, 0);
    report = first_report(m);
    monitor_stop(m);
    lanes_close(lanes);
    ck_assert_uint_eq(report.caps, caps);
    return report.caps & BACKEND_DURABLE;
}

START_TEST(how_durable_a_store_is)
{
    ck_assert(says_durable(BACKEND_DURABLE));
    ck_assert(!says_durable(BACKEND_SHARED));
}
END_TEST

START_TEST(a_store_that_fails)
{
    struct lanes *lanes = open_lanes(ERR_UNAVAILABLE, false);
    struct monitor *m = start(lanes, 0);
    struct monitor_report report = first_report(m);

    ck_assert(!report.healthy);
    ck_assert_str_eq(report.problem, "told to fail");
    ck_assert(!monitor_started(m) && !monitor_ready(m));
    monitor_stop(m);
    lanes_close(lanes);
}
END_TEST

START_TEST(stops_while_its_ops_are_out)
{
    struct lanes *lanes = open_lanes(ERR_OK, true);
    struct monitor *m;
    struct monitor_report report;

    pthread_mutex_lock(&gate);
    m = start(lanes, 1);
    monitor_report(m, &report);
    ck_assert(!report.healthy && !report.checked_us);
    ck_assert_str_eq(report.problem, "not asked yet");
    pthread_mutex_unlock(&gate);
    monitor_stop(m);
    monitor_stop(NULL);
    lanes_close(lanes);
}
END_TEST

static void *stop(void *monitor)
{
    monitor_stop(monitor);
    return NULL;
}

START_TEST(stops_without_spinning)
{
    struct lanes *lanes = open_lanes(ERR_OK, true);
    struct timespec pause = {.tv_nsec = 300000000};
    struct monitor *m;
    pthread_t thread;
    clock_t used;

    pthread_mutex_lock(&gate);
    m = start(lanes, 0);
    nanosleep(&pause, NULL); /* until the probe is out */
    ck_assert_int_eq(pthread_create(&thread, NULL, stop, m), 0);
    nanosleep(&pause, NULL);
    used = clock();
    nanosleep(&pause, NULL);
    used = clock() - used;
    pthread_mutex_unlock(&gate);
    pthread_join(thread, NULL);
    lanes_close(lanes);
    ck_assert_uint_gt(writer.n_probes, 0);
    ck_assert_int_lt(used, CLOCKS_PER_SEC / 20);
}
END_TEST

START_TEST(sweeps)
{
    struct lanes *lanes = open_lanes(ERR_OK, false);
    struct monitor *m = start(lanes, 1);

    first_report(m);
    nanosleep(&(struct timespec){.tv_sec = 1, .tv_nsec = 300000000}, NULL);
    monitor_stop(m);
    lanes_close(lanes);
    ck_assert_uint_gt(writer.n_ran, 0);
}
END_TEST

/* Whether the monitor says so after an op of this type ended so. */
static bool notes(struct monitor *m, enum op_type type, enum err_kind kind)
{
    struct op op = {.type = type};
    struct monitor_report report;

    if (kind != ERR_OK)
        err_fill(&op.status, kind, "the disk is full");
    monitor_note(m, &op);
    monitor_report(m, &report);
    return report.writes_fail;
}

START_TEST(writes_that_fail)
{
    struct lanes *lanes = open_lanes(ERR_OK, false);
    struct monitor *m = start(lanes, 0);
    struct monitor_report report;
    int64_t now_ns;

    first_report(m);
    ck_assert(!notes(m, OP_MESSAGE_APPEND, ERR_OK));
    ck_assert(!notes(m, OP_MESSAGE_APPEND, ERR_NO_SESSION));
    ck_assert(!notes(m, OP_MESSAGE_APPEND, ERR_OVERLOADED));
    ck_assert(!notes(m, OP_SESSION_GET, ERR_UNAVAILABLE));
    ck_assert(notes(m, OP_MESSAGE_APPEND, ERR_UNAVAILABLE));
    ck_assert(notes(m, OP_MESSAGE_APPEND, ERR_OK)); /* it may have had nothing to write */
    monitor_report(m, &report);
    ck_assert(report.healthy);
    ck_assert_str_eq(report.write_problem, "the disk is full");
    monitor_stop(m);
    m = start(lanes, 0);
    first_report(m);
    now_ns = clock_now_ns();
    ck_assert(notes(m, OP_SESSION_PUT, ERR_STORAGE));
    clock_fake(now_ns + (MONITOR_RECENT_S + 1) * INT64_C(1000000000), 1);
    monitor_report(m, &report);
    clock_fake(0, 0);
    ck_assert(!report.writes_fail);
    monitor_stop(m);
    lanes_close(lanes);
}
END_TEST

Suite *suite_monitor(void);

Suite *suite_monitor(void)
{
    Suite *s = suite_create("monitor");
    TCase *t = tcase_create("monitor");

    tcase_add_test(t, a_store_that_answers);
    tcase_add_test(t, how_durable_a_store_is);
    tcase_add_test(t, a_store_that_fails);
    tcase_add_test(t, stops_while_its_ops_are_out);
    tcase_add_test(t, stops_without_spinning);
    tcase_add_test(t, sweeps);
    tcase_add_test(t, writes_that_fail);
    suite_add_tcase(s, t);
    return s;
}

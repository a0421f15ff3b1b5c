#include <check.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "fake_backend.h"
#include "monitor.h"
#include "stderr.h"

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

static struct {
    pthread_mutex_t lock; /* guards the report */
    struct failover_report report;
} pair = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void report_pair(void *ctx, struct failover_report *out)
{
    ck_assert_ptr_eq(ctx, &pair);
    pthread_mutex_lock(&pair.lock);
    *out = pair.report;
    pthread_mutex_unlock(&pair.lock);
}

/* Puts the pair into this state; primary, fallback: what is wrong with each store, or NULL. */
static void set_pair(enum failover_state state, const char *primary, const char *fallback)
{
    struct failover_report now = {.state = state, .primary.up = !primary, .fallback.up = !fallback};

    snprintf(now.primary.problem, sizeof(now.primary.problem), "%s", primary ? primary : "");
    snprintf(now.fallback.problem, sizeof(now.fallback.problem), "%s", fallback ? fallback : "");
    pthread_mutex_lock(&pair.lock);
    pair.report = now;
    pthread_mutex_unlock(&pair.lock);
}

static struct monitor *start_pair(struct lanes *lanes)
{
    struct monitor_config cfg = {.lanes = lanes,
                                 .type = "redis",
                                 .fallback_type = "sqlite",
                                 .report = report_pair,
                                 .pair = &pair};
    struct err err;
    struct monitor *m = monitor_start(&cfg, &err);

    ck_assert_ptr_nonnull(m);
    return m;
}

/* Waits until the log has these words, and drops all up to there. */
static void logged(int fd, const char *words)
{
    static char text[8192];
    static size_t n;
    char *found;

    while (!(found = strstr(text, words))) {
        ssize_t got = read(fd, text + n, sizeof(text) - 1 - n);

        ck_assert_msg(got > 0, "%s", text);
        n += (size_t)got;
        text[n] = '\0';
    }
    found += strlen(words);
    n -= (size_t)(found - text);
    memmove(text, found, n + 1);
}

static struct monitor_report report_of(struct monitor *m)
{
    struct monitor_report report;

    monitor_report(m, &report);
    return report;
}

START_TEST(a_pair_that_starts)
{
    struct lanes *lanes = open_lanes(ERR_OK, false);
    struct monitor_report report;
    struct monitor *m;
    int fd = stderr_capture();

    set_pair(FAILOVER_STARTING, NULL, NULL);
    m = start_pair(lanes);
    logged(fd, "\"event\":\"starting\"");
    report = report_of(m);
    ck_assert(!report.healthy && report.checked_us && !monitor_started(m) && !monitor_ready(m));
    ck_assert_str_eq(report.problem, "neither store serves before both were seen");
    set_pair(FAILOVER_STARTING, NULL, "refused");
    logged(fd, "\"event\":\"store_down\",\"message\":\"fallback: refused\"");
    pthread_mutex_lock(&pair.lock); /* logged without a change of state */
    pair.report.primary.measured = pair.report.fallback.measured = true;
    pair.report.primary.caps = BACKEND_DURABLE;
    pthread_mutex_unlock(&pair.lock);
    logged(fd, "\"event\":\"volatile\",\"message\":\"fallback: what was answered may be lost");
    pthread_mutex_lock(&pair.lock);
    pair.report.fallback.caps = BACKEND_DURABLE;
    pthread_mutex_unlock(&pair.lock);
    logged(fd, "\"event\":\"durable\",\"message\":\"fallback: what was answered outlives");
    set_pair(FAILOVER_FALLBACK_DOWN, NULL, "refused");
    ck_assert(report_of(m).healthy && monitor_started(m) && monitor_ready(m));
    logged(fd, "\"event\":\"fallback_down\"");
    monitor_stop(m);
    lanes_close(lanes);
}
END_TEST

START_TEST(a_pair_whose_stores_die)
{
    struct lanes *lanes = open_lanes(ERR_UNAVAILABLE,
                                     false); /* as when the primary has just died */
    struct monitor *m;
    int fd = stderr_capture();

    set_pair(FAILOVER_NORMAL, NULL, NULL);
    m = start_pair(lanes);
    logged(fd, "\"event\":\"normal\"");
    ck_assert(report_of(m).healthy);
    set_pair(FAILOVER_ON_FALLBACK, "hangs", NULL);
    logged(fd, "\"event\":\"store_down\",\"message\":\"primary: hangs\"");
    logged(fd, "\"event\":\"on_fallback\"");
    ck_assert(report_of(m).healthy && monitor_ready(m));
    set_pair(FAILOVER_BOTH_DOWN, "hangs", "refused");
    logged(fd, "\"message\":\"fallback: refused\"");
    logged(fd, "\"event\":\"both_down\"");
    ck_assert(!report_of(m).healthy && monitor_started(m) && monitor_ready(m));
    ck_assert_str_eq(report_of(m).problem, "neither store can serve");
    set_pair(FAILOVER_NORMAL, NULL, NULL);
    logged(fd, "\"event\":\"store_up\",\"message\":\"primary: the store answers again\"");
    logged(fd, "\"event\":\"normal\"");
    monitor_stop(m);
    lanes_close(lanes);
}
END_TEST

/* Waits for the first report that a probe has made. */
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

/* Whether a report calls a store with these capabilities durable. */
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
    nanosleep(&pause, NULL); /* until the probe is under way */
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

/* Whether the monitor reports a failure after an op of this type ended so. */
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
    ck_assert(notes(m, OP_MESSAGE_APPEND, ERR_OK)); /* the op may have had nothing to write */
    monitor_report(m, &report);
    ck_assert(report.healthy);
    ck_assert_str_eq(report.write_problem, "the disk is full");
    monitor_stop(m);
    m = start(lanes, 0);
    first_report(m);
    now_ns = clock_now_ns();
    ck_assert(notes(m, OP_SESSION_PUT, ERR_CONFIG));
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
    tcase_add_test(t, a_pair_that_starts);
    tcase_add_test(t, a_pair_whose_stores_die);
    suite_add_tcase(s, t);
    return s;
}

/* monitor.c - see monitor.h. */
#include "monitor.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include "backend.h"
#include "clock.h"
#include "inbox.h"
#include "log.h"

enum { PROBE_MS = 1000, SILENT_MS = 5000, SWEEP_LIMIT = 100 };

static const char silence[] = "the store does not answer";

/* An op that the monitor sends repeatedly. */
struct errand {
    struct op op;
    struct arena arena;
    bool out;        /* it is on a lane */
    int64_t next_ns; /* when to send it next */
};

struct monitor {
    struct monitor_config cfg;
    pthread_t thread;
    struct inbox inbox;
    struct errand probe, sweep;
    struct failover_report logged; /* of a pair: the last state in the log */
    atomic_bool stopping, draining;
    pthread_mutex_t lock;    /* guards what follows */
    int64_t write_failed_ns; /* 0 = never */
    struct monitor_report report;
    bool started; /* the store, or the pair, has answered once */
    bool silent;  /* the probe is overdue */
    bool known;   /* the state was logged at least once */
    bool asked;   /* report.caps are the store's */
};

static void send_errand(struct monitor *m, struct errand *e, enum op_type type, int64_t now_ns)
{
    struct err err;

    /* The sweep's is set again when it is back. */
    e->next_ns = now_ns + PROBE_MS * MS_NS;
    if (!lanes_admit(m->cfg.lanes, 1, &err))
        return;
    arena_init(&e->arena, NULL, 0);
    e->op = (struct op){
        .type = type,
        .tenant = SLICE("default"),
        .now_us = clock_now_us(),
        .stamp = type == OP_CLEANUP ? stamp_next() : 0,
        .deadline_ns = now_ns + SILENT_MS * MS_NS,
        .arena = &e->arena,
        .home = &m->inbox,
        .owner = e,
        .started_ns = now_ns,
    };
    if (type == OP_CLEANUP) {
        e->op.cleanup.expired = true;
        e->op.cleanup.limit = SWEEP_LIMIT;
    }
    e->out = true;
    lanes_submit(m->cfg.lanes, &e->op);
}

/* The text of `problem` names the kind of store. */
static void log_store(bool up, const char *role, const char *problem)
{
    log_message(up ? LOG_INFO : LOG_ERROR, up ? "store_up" : "store_down", "%s: %s", role,
                up ? "the store answers again" : problem);
}

/* Sets the state; logs a change, and also the first state if it is bad. */
static void set_state(struct monitor *m, bool healthy, double latency_s, const char *problem)
{
    bool changed;

    pthread_mutex_lock(&m->lock);
    changed = m->known ? m->report.healthy != healthy : !healthy;
    m->known = true;
    m->started = m->started || healthy;
    m->report.healthy = healthy;
    m->report.checked_us = clock_now_us();
    if (healthy)
        m->report.latency_s = latency_s;
    snprintf(m->report.problem, sizeof(m->report.problem), "%s", problem);
    pthread_mutex_unlock(&m->lock);
    if (changed)
        log_store(healthy, "primary", problem);
}

/* Logs when acknowledged data may be lost from now on, and when that ends. */
static void log_durability(const char *role, unsigned was, unsigned is)
{
    if (is & ~was & BACKEND_EVICTS)
        log_message(LOG_WARNING, "volatile",
                    "%s: it throws away what was answered when its memory is full: set "
                    "maxmemory-policy noeviction; see docs/operations.md",
                    role);
    else if (was & ~is & BACKEND_DURABLE)
        log_message(LOG_WARNING, "volatile",
                    "%s: what was answered may be lost when the store dies; see docs/operations.md",
                    role);
    else if (is & ~was & BACKEND_DURABLE)
        log_message(LOG_INFO, "durable", "%s: what was answered outlives the store's death", role);
}

static void set_caps(struct monitor *m, unsigned caps)
{
    unsigned was;

    pthread_mutex_lock(&m->lock);
    was = m->asked ? m->report.caps : BACKEND_DURABLE;
    m->asked = true;
    m->report.caps = caps;
    pthread_mutex_unlock(&m->lock);
    log_durability("primary", was, caps);
}

static const struct {
    enum log_level level;
    const char *text;
} changes[FAILOVER_STATES] = {
    [FAILOVER_STARTING] = {LOG_INFO, "neither store serves before both were seen"},
    [FAILOVER_NORMAL] = {LOG_INFO, "the primary serves, each change goes to both"},
    [FAILOVER_ON_FALLBACK] = {LOG_ERROR, "the fallback serves, the primary cannot be had"},
    [FAILOVER_RECOVERING] = {LOG_WARNING, "the fallback serves while the primary is made equal"},
    [FAILOVER_FALLBACK_DOWN] = {LOG_ERROR, "the primary serves, the fallback cannot be had"},
    [FAILOVER_FILLING] = {LOG_WARNING, "the primary serves while the fallback is filled"},
    [FAILOVER_BOTH_DOWN] = {LOG_ERROR, "neither store can serve"},
};

/* Until a store was asked, it counts as durable. */
static void log_one_of_pair(const char *role, const struct failover_store *was,
                            const struct failover_store *is)
{
    if (was->up != is->up)
        log_store(is->up, role, is->problem);
    if (is->measured)
        log_durability(role, was->measured ? was->caps : BACKEND_DURABLE, is->caps);
}

/* Logs one line for each change: of the state, of a store, of what keeps the two from becoming equal, of
 * serving without having seen both. The first state counts as a change. */
static void log_pair(struct monitor *m, const struct failover_report *is)
{
    const char *problem = is->primary.problem[0] ? is->primary.problem : is->fallback.problem;
    const struct failover_report *was = &m->logged;

    log_one_of_pair("primary", &was->primary, &is->primary);
    log_one_of_pair("fallback", &was->fallback, &is->fallback);
    if (was->state != is->state)
        log_message(changes[is->state].level, failover_state_name(is->state),
                    "%s%s%s; outboxes: %lld and %lld", changes[is->state].text,
                    problem[0] ? ": " : "", problem, (long long)is->primary.outbox,
                    (long long)is->fallback.outbox);
    if (is->trouble[0] && strcmp(was->trouble, is->trouble) != 0)
        log_message(LOG_WARNING, "not_equal", "%s", is->trouble);
    if (is->unseen && !was->unseen)
        log_message(LOG_WARNING, "unseen",
                    "serving without having seen both stores: what is read may be old");
    m->logged = *is;
}

/*
 * Updates the state of a pair to that of now: its breakers know earlier than a probe. It is healthy if one of
 * the two serves, and if the probe, which takes the way of all ops, is not stuck.
 */
static void look_at_pair(struct monitor *m)
{
    struct failover_report is;

    if (!m->cfg.pair)
        return;
    pthread_mutex_lock(&m->lock);
    m->cfg.report(m->cfg.pair, &is); /* under the lock, so that reports do not go backwards */
    m->report.pair = is;
    m->report.checked_us = clock_now_us();
    m->report.healthy = failover_serves(is.state) && !m->silent;
    m->started = m->started || m->report.healthy;
    snprintf(m->report.problem, sizeof(m->report.problem), "%s",
             m->report.healthy ? ""
             : m->silent       ? silence
                               : changes[is.state].text);
    pthread_mutex_unlock(&m->lock);
}

static void watch_pair(struct monitor *m)
{
    struct failover_report is;

    look_at_pair(m);
    pthread_mutex_lock(&m->lock);
    is = m->report.pair;
    pthread_mutex_unlock(&m->lock);
    log_pair(m, &is);
}

static void set_silent(struct monitor *m, bool silent)
{
    pthread_mutex_lock(&m->lock);
    m->silent = silent;
    pthread_mutex_unlock(&m->lock);
    if (silent && !m->cfg.pair)
        set_state(m, false, 0, silence);
}

static void probe_back(struct monitor *m, struct errand *e, int64_t now_ns)
{
    double latency_s = (double)(now_ns - e->op.started_ns) * 1e-9;
    bool ok = e->op.status.kind == ERR_OK;

    set_silent(m, false);
    if (!m->cfg.pair) {
        if (ok)
            set_caps(m, e->op.probe.out.caps);
        set_state(m, ok, latency_s, ok ? "" : e->op.status.text);
    } else if (ok) {
        pthread_mutex_lock(&m->lock);
        m->report.latency_s = latency_s;
        pthread_mutex_unlock(&m->lock);
    }
}

static void sweep_back(struct monitor *m, struct errand *e, int64_t now_ns)
{
    const struct op_cleanup *swept = &e->op.cleanup;
    bool failed = e->op.status.kind != ERR_OK;

    if (failed)
        log_message(LOG_WARNING, "sweep_failed", "%s", e->op.status.text);
    else if (swept->out.removed > 0)
        log_message(LOG_INFO, "sweep", "%lld expired records removed",
                    (long long)swept->out.removed);
    e->next_ns = !failed && swept->out.more ? now_ns : now_ns + m->cfg.cleanup_interval_s * S_NS;
}

static void take_home(struct monitor *m, struct op *op)
{
    while (op) {
        struct op *next = op->next;
        struct errand *e = op->owner;

        if (e == &m->probe)
            probe_back(m, e, clock_now_ns());
        else
            sweep_back(m, e, clock_now_ns());
        arena_done(&e->arena);
        e->out = false;
        op = next;
    }
}

static int until(const struct errand *e, int64_t now_ns)
{
    int64_t ms = (e->next_ns - now_ns) / MS_NS + 1;

    if (e->out || ms > PROBE_MS)
        return PROBE_MS;
    return ms > 0 ? (int)ms : 0;
}

static void *watch(void *arg)
{
    struct monitor *m = arg;

    while (!atomic_load(&m->stopping)) {
        int64_t now_ns = clock_now_ns();
        int probe_ms, sweep_ms;

        if (m->cfg.pair)
            watch_pair(m);
        if (!m->probe.out && m->probe.next_ns <= now_ns)
            send_errand(m, &m->probe, OP_PROBE, now_ns);
        else if (m->probe.out && now_ns - m->probe.op.started_ns > SILENT_MS * MS_NS)
            set_silent(m, true);
        if (m->cfg.cleanup_interval_s && !m->sweep.out && m->sweep.next_ns <= now_ns)
            send_errand(m, &m->sweep, OP_CLEANUP, now_ns);
        probe_ms = until(&m->probe, now_ns);
        sweep_ms = m->cfg.cleanup_interval_s ? until(&m->sweep, now_ns) : PROBE_MS;
        take_home(m, inbox_wait(&m->inbox, probe_ms < sweep_ms ? probe_ms : sweep_ms));
    }
    while (m->probe.out || m->sweep.out)
        take_home(m, inbox_wait(&m->inbox, -1));
    return NULL;
}

struct monitor *monitor_start(const struct monitor_config *cfg, struct err *err)
{
    struct monitor *m = calloc(1, sizeof(*m));

    if (!m) {
        (void)err_no_memory(err);
        return NULL;
    }
    m->cfg = *cfg;
    snprintf(m->report.type, sizeof(m->report.type), "%s", cfg->type);
    m->report.fallback_type = cfg->fallback_type;
    snprintf(m->report.problem, sizeof(m->report.problem), "not asked yet");
    m->logged.state = FAILOVER_STATES; /* none logged yet */
    m->logged.primary.up = m->logged.fallback.up = true;
    m->sweep.next_ns = clock_now_ns() + cfg->cleanup_interval_s * S_NS;
    if (!inbox_init(&m->inbox, err)) {
        free(m);
        return NULL;
    }
    pthread_mutex_init(&m->lock, NULL);
    if (pthread_create(&m->thread, NULL, watch, m) != 0) {
        inbox_done(&m->inbox);
        pthread_mutex_destroy(&m->lock);
        free(m);
        err_fill(err, ERR_INTERNAL, "no thread can be had");
        return NULL;
    }
    return m;
}

void monitor_report(struct monitor *m, struct monitor_report *out)
{
    look_at_pair(m);
    pthread_mutex_lock(&m->lock);
    *out = m->report;
    if (!m->cfg.pair)
        out->pair.primary = (struct failover_store){.up = out->healthy, .caps = out->caps};
    out->writes_fail = m->write_failed_ns &&
                       clock_now_ns() - m->write_failed_ns < MONITOR_RECENT_S * S_NS;
    pthread_mutex_unlock(&m->lock);
}

void monitor_note(struct monitor *m, const struct op *op)
{
    enum err_kind kind = op->status.kind;

    if ((kind != ERR_UNAVAILABLE && kind != ERR_STORAGE && kind != ERR_DAMAGED &&
         kind != ERR_IN_DOUBT && kind != ERR_CONFIG) ||
        !op_writes(op))
        return;
    pthread_mutex_lock(&m->lock);
    m->write_failed_ns = clock_now_ns();
    snprintf(m->report.write_problem, sizeof(m->report.write_problem), "%s", op->status.text);
    pthread_mutex_unlock(&m->lock);
}

bool monitor_started(struct monitor *m)
{
    bool started;

    look_at_pair(m);
    pthread_mutex_lock(&m->lock);
    started = m->started;
    pthread_mutex_unlock(&m->lock);
    return started;
}

/* A pair must have seen one store before the other may serve. */
bool monitor_ready(struct monitor *m)
{
    bool ready;

    look_at_pair(m);
    pthread_mutex_lock(&m->lock);
    ready = m->started && (!m->cfg.pair || m->report.pair.state != FAILOVER_STARTING);
    pthread_mutex_unlock(&m->lock);
    return ready && !monitor_draining(m);
}

void monitor_drain(struct monitor *m)
{
    atomic_store(&m->draining, true);
}

bool monitor_draining(struct monitor *m)
{
    return atomic_load(&m->draining);
}

void monitor_stop(struct monitor *m)
{
    if (!m)
        return;
    atomic_store(&m->stopping, true);
    eventfd_write(m->inbox.fd, 1);
    pthread_join(m->thread, NULL);
    inbox_done(&m->inbox);
    pthread_mutex_destroy(&m->lock);
    free(m);
}

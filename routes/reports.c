/*
 * Reports of the service about itself: health, metrics, totals, the API document.
 */
#include "service.h"

#include <pthread.h>

#include "clock.h"
#include "id.h"
#include "json.h"
#include "metrics.h"
#include "parse.h"
#include "response.h"
#include "routes.h"

#define STATS_AGE_MAX_NS (10 * S_NS)

/*
 * GET /health - the state of the store, or of both, at most about a second old; contacts no store.
 *
 *   200, 503  {"status": "healthy", "degraded" (a write has failed within 10 s, or one of two stores is
 *             not as it should be) or "unhealthy" (503: no store serves), "timestamp": "...Z",
 *             "checks": {"connection": "ok", "performance": "ok (0.001s)"}, "backends": [{"role":
 *             "primary", "type": "sqlite", "state": "up", "outbox": 0, "durability": "durable"}]}; of
 *             two stores also "failover": {"state": "on_fallback", "waiting", "copied", "problem"}
 */
static void write_checks(struct text *t, const struct monitor_report *report)
{
    struct slice performance;
    struct slice problem;

    if (report->healthy && report->writes_fail) {
        problem = SLICE("ok");
        performance = arena_printf(t->arena, "error: a write failed: %s", report->write_problem);
    } else if (report->healthy) {
        problem = SLICE("ok");
        performance = arena_printf(t->arena, "ok (%.3fs)", report->latency_s);
    } else {
        problem = arena_printf(t->arena, "error: %s",
                               report->checked_us ? report->problem : "not asked yet");
        performance = problem;
    }
    if (!slice_present(problem) || !slice_present(performance))
        t->failed = true;
    json_key(t, "checks");
    json_open(t, '{');
    json_member_string(t, "connection", problem);
    json_member_string(t, "performance", performance);
    json_close(t, '}');
}

static void write_seconds(struct text *t, const char *key, double seconds)
{
    json_key(t, key);
    json_double(t, seconds);
}

static void write_backend(struct text *t, const char *role, const char *type,
                          const struct failover_store *store)
{
    json_open(t, '{');
    json_member_string(t, "role", slice_of(role));
    json_member_string(t, "type", slice_of(type));
    json_member_string(t, "state", slice_of(store->up ? "up" : "down"));
    json_member_int(t, "outbox", store->outbox);
    json_member_string(t, "durability",
                       slice_of(store->caps & BACKEND_DURABLE ? "durable" : "volatile"));
    if (store->caps & BACKEND_EVICTS)
        json_member_string(t, "volatile_by", SLICE("maxmemory-policy"));
    if (store->behind_us > 0)
        write_seconds(t, "oldest_seconds", (double)store->behind_us * 1e-6);
    if (store->problem[0])
        json_member_string(t, "error", slice_of(store->problem));
    json_close(t, '}');
}

static void write_backends(struct text *t, const struct monitor_report *report)
{
    json_key(t, "backends");
    json_open(t, '[');
    write_backend(t, "primary", report->type, &report->pair.primary);
    if (report->fallback_type)
        write_backend(t, "fallback", report->fallback_type, &report->pair.fallback);
    json_close(t, ']');
}

static void write_failover(struct text *t, const struct failover_report *pair)
{
    json_key(t, "failover");
    json_open(t, '{');
    json_member_string(t, "state", slice_of(failover_state_name(pair->state)));
    json_member_int(t, "waiting", pair->unsynced);
    json_member_int(t, "copied", pair->copied);
    if (pair->trouble[0] || pair->unseen)
        json_member_string(t, "problem",
                           pair->trouble[0]
                               ? slice_of(pair->trouble)
                               : SLICE("serving without having seen both stores since the start"));
    json_close(t, '}');
}

static struct slice state_of(const struct monitor_report *report)
{
    bool whole = !report->fallback_type || report->pair.state == FAILOVER_NORMAL;

    if (!report->healthy)
        return SLICE("unhealthy");
    return slice_of(report->writes_fail || !whole ? "degraded" : "healthy");
}

bool health_finish(struct request *req, struct op *op UNUSED, struct response *res, struct err *err)
{
    const struct service *service = request_service(req);
    struct text *t = &res->body;
    struct monitor_report report;

    if (!parse_no_query(req, err))
        return false;
    monitor_report(service->monitor, &report);
    response_status(res, report.healthy ? 200 : 503);
    json_open(t, '{');
    json_member_string(t, "status", state_of(&report));
    json_member_time(t, "timestamp", report.checked_us ? report.checked_us : request_now_us(req));
    write_checks(t, &report);
    write_backends(t, &report);
    if (report.fallback_type)
        write_failover(t, &report.pair);
    json_close(t, '}');
    return true;
}

/* Answers {"status": word}: a probe reads the HTTP status, the word is for people. */
static bool answer_status(struct response *res, int status, const char *word)
{
    response_status(res, status);
    if (status == 503)
        response_header(res, "Retry-After", SLICE("1"));
    json_open(&res->body, '{');
    json_member_string(&res->body, "status", slice_of(word));
    json_close(&res->body, '}');
    return true;
}

/*
 * GET /health/live - whether the process answers; touches no store.
 *
 *   200       {"status": "live"}
 */
bool health_live_finish(struct request *req, struct op *op UNUSED, struct response *res,
                        struct err *err)
{
    return parse_no_query(req, err) && answer_status(res, 200, "live");
}

/*
 * GET /health/ready - whether to send requests here: not before the store has answered once, or one of
 * two serves, nor while draining. A store that dies later changes nothing: that is for /health.
 *
 *   200, 503  {"status": "ready", "starting" or "draining"}
 */
bool health_ready_finish(struct request *req, struct op *op UNUSED, struct response *res,
                         struct err *err)
{
    struct monitor *monitor = request_service(req)->monitor;

    if (!parse_no_query(req, err))
        return false;
    if (monitor_ready(monitor))
        return answer_status(res, 200, "ready");
    return answer_status(res, 503, monitor_draining(monitor) ? "draining" : "starting");
}

/*
 * GET /health/startup - whether the store has answered once, or one of two has served.
 *
 *   200, 503  {"status": "started" or "starting"}
 */
bool health_startup_finish(struct request *req, struct op *op UNUSED, struct response *res,
                           struct err *err)
{
    if (!parse_no_query(req, err))
        return false;
    if (monitor_started(request_service(req)->monitor))
        return answer_status(res, 200, "started");
    return answer_status(res, 503, "starting");
}

/*
 * GET /metrics - counters and histograms.
 *
 *   200       Prometheus' text format 0.0.4
 */
bool metrics_finish(struct request *req, struct op *op UNUSED, struct response *res,
                    struct err *err)
{
    struct monitor_report report;

    if (!parse_no_query(req, err))
        return false;
    res->content_type = "text/plain; version=0.0.4; charset=utf-8";
    monitor_report(request_service(req)->monitor, &report);
    metrics_write_prometheus(&res->body);
    metrics_write_stores(&res->body, &report.pair.primary,
                         report.fallback_type ? &report.pair.fallback : NULL);
    if (report.fallback_type)
        metrics_write_failover(&res->body, &report.pair);
    return true;
}

/*
 * GET /stats?fresh=false - totals of the tenant, and the latencies of operations so far.
 *
 *   200       {"total_sessions", "active_sessions", "total_messages", "total_checkpoints",
 *             "counted_at", "operations": {"session_get": {"total_operations", "error_count",
 *             "error_rate", "avg_latency", "min_latency", "max_latency"}}}: totals were exact at
 *             counted_at, at most 10 s ago; fresh=true counts now
 *   errors    storage_unavailable 503
 */
struct totals {
    int64_t sessions, active_sessions, messages, checkpoints, counted_us;
};

/* The last totals of some tenants: counting reads whole tables, and dashboards ask often. */
static struct {
    pthread_mutex_t lock; /* guards what follows */
    struct counted {
        uint8_t tenant[ID_HASH_LEN];
        int64_t at_ns; /* 0 = unused */
        struct totals totals;
    } slots[64]; /* a tenant's hash selects its slot; the newer tenant replaces the older */
} counts = {.lock = PTHREAD_MUTEX_INITIALIZER};

static struct counted *counts_slot(struct slice tenant, uint8_t hash[ID_HASH_LEN])
{
    id_hash(&tenant, 1, hash);
    return &counts.slots[hash[0] % COUNT_OF(counts.slots)];
}

static bool counts_find(struct slice tenant, struct totals *out)
{
    uint8_t hash[ID_HASH_LEN];
    const struct counted *slot = counts_slot(tenant, hash);
    bool found;

    pthread_mutex_lock(&counts.lock);
    found = slot->at_ns && clock_now_ns() - slot->at_ns < STATS_AGE_MAX_NS &&
            memcmp(slot->tenant, hash, sizeof(hash)) == 0;
    if (found)
        *out = slot->totals;
    pthread_mutex_unlock(&counts.lock);
    return found;
}

static void counts_keep(struct slice tenant, const struct totals *totals, int64_t at_ns)
{
    uint8_t hash[ID_HASH_LEN];
    struct counted *slot = counts_slot(tenant, hash);

    pthread_mutex_lock(&counts.lock);
    memcpy(slot->tenant, hash, sizeof(hash));
    slot->at_ns = at_ns;
    slot->totals = *totals;
    pthread_mutex_unlock(&counts.lock);
}

struct stats_query {
    bool fresh;
};

static const struct member stats_query_members[] = {
    MEMBER(struct stats_query, fresh, MEMBER_BOOL),
    MEMBER_END,
};

bool stats_start(struct request *req, struct err *err)
{
    struct stats_query query = {0};
    struct totals *totals = arena_zalloc(request_arena(req), 1, sizeof(*totals));
    struct op *op;

    if (!totals)
        return err_no_memory(err);
    if (!parse_query(req, stats_query_members, &query, err))
        return false;
    request_set_state(req, totals);
    if (!query.fresh && counts_find(request_tenant(req), totals))
        return true;
    op = request_op(req, OP_STATS, (struct slice){NULL, 0}, err);
    return op && request_submit(req, op, err);
}

bool stats_finish(struct request *req, struct op *op, struct response *res, struct err *err UNUSED)
{
    struct totals *totals = request_state(req);
    struct text *t = &res->body;

    if (op) {
        totals->sessions = op->stats.out.sessions;
        totals->active_sessions = op->stats.out.active_sessions;
        totals->messages = op->stats.out.messages;
        totals->checkpoints = op->stats.out.checkpoints;
        totals->counted_us = op->now_us;
        counts_keep(request_tenant(req), totals, op->started_ns);
    }
    json_open(t, '{');
    json_member_int(t, "total_sessions", totals->sessions);
    json_member_int(t, "active_sessions", totals->active_sessions);
    json_member_int(t, "total_messages", totals->messages);
    json_member_int(t, "total_checkpoints", totals->checkpoints);
    json_member_time(t, "counted_at", totals->counted_us);
    json_key(t, "operations");
    json_open(t, '{');
    metrics_write_report(t);
    json_close(t, '}');
    json_close(t, '}');
    return true;
}

/*
 * GET /openapi.json - this API as an OpenAPI 3.1 document.
 *
 *   200       the document
 */
bool openapi_finish(struct request *req, struct op *op UNUSED, struct response *res,
                    struct err *err)
{
    if (!parse_no_query(req, err))
        return false;
    text_put(&res->body, request_service(req)->openapi);
    return true;
}

/*
 * GET /docs - the same document as a page for people, which loads nothing else.
 *
 *   200       text/html
 */
bool docs_finish(struct request *req, struct op *op UNUSED, struct response *res, struct err *err)
{
    if (!parse_no_query(req, err))
        return false;
    res->content_type = "text/html; charset=utf-8";
    text_put(&res->body, request_service(req)->docs);
    return true;
}

/*
 * postgres_open.c - from a URL to a connection that is ours, up to date, and a pipeline.
 *
 *     URL -> options -> connect -> schema -> number of the instance -> clock -> pipeline
 */
#include <ctype.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "clock.h"
#include "postgres_instance.h"
#include "postgres_pipe.h"
#include "postgres_setup.h"

enum { OPTIONS_MAX = 64, DEFAULT_TIMEOUT_MS = 1000, SCHEMA_MAX = 63 };

/* How long ops wait for a new connection; what has not come by then goes on behind them. */
enum { RECONNECT_MS = 50 };

/*
 * What the driver relies on; what the user has set for these connections comes first. Every statement
 * has an index; a new table has no statistics, and the planner then takes and sorts whole sessions.
 */
#define SETTINGS                                                                          \
    "%s -c search_path=%s -c jit=off -c lock_timeout=500 -c client_min_messages=warning " \
    "-c idle_in_transaction_session_timeout=60000 -c enable_seqscan=off "                 \
    "-c enable_bitmapscan=off"

/* Reasons as libpq gives them, with hosts and users in them, and as we do. */
static const struct {
    const char *part, *reason;
} reasons[] = {
    {"password authentication failed", "the server refuses the user or the password"},
    {"no password supplied", "the server wants a password"},
    {"no pg_hba.conf entry", "the server admits nobody from here (pg_hba.conf)"},
    {"rejects connection", "the server admits nobody from here (pg_hba.conf)"},
    {"invalid integer value", "the URL is malformed"},
    {"too many", "the server has too many connections"},
    {"remaining connection slots", "the server has too many connections"},
    {"starting up", "the server is starting up"},
    {"shutting down", "the server is shutting down"},
    {"recovery mode", "the server is recovering"},
    {"does not exist", "the user or the database does not exist"},
    {"read-only", "the server is read-only (a standby?)"},
    {"hot standby", "the server is a standby"},
    {"SSL", "no connection by TLS as sslmode asks for"},
    {"certificate", "no connection by TLS as sslmode asks for"},
    {"refused", "connection refused"},
    {"could not translate host name", "the name of the host is not known"},
    {"unsupported startup parameter", "a pool that stands between refuses the settings in options"},
};

static const char *reason_of(const char *message)
{
    for (size_t i = 0; i < COUNT_OF(reasons); i++)
        if (strstr(message, reasons[i].part))
            return reasons[i].reason;
    return "no connection to the server";
}

struct options {
    const char *keys[OPTIONS_MAX], *values[OPTIONS_MAX];
    size_t n;
};

static void add(struct options *o, const char *key, const char *value)
{
    if (o->n + 1 < OPTIONS_MAX) {
        o->keys[o->n] = key;
        o->values[o->n] = value;
        o->keys[++o->n] = NULL;
    }
}

/* The hosts in another order: one that hangs must not keep us from the others. */
static char *rotate(const char *list, unsigned by)
{
    size_t len = strlen(list), n = 1;
    const char *first = list;
    char *out = malloc(len + 2);

    for (const char *c = list; *c; c++)
        n += *c == ',';
    for (by %= (unsigned)n; by > 0; by--)
        first = strchr(first, ',') + 1;
    if (!out || first == list)
        return out ? strcpy(out, list) : NULL;
    snprintf(out, len + 2, "%s,%.*s", first, (int)(first - list - 1), list);
    return out;
}

static bool is_list(const char *keyword)
{
    return strcmp(keyword, "host") == 0 || strcmp(keyword, "hostaddr") == 0 ||
           strcmp(keyword, "port") == 0;
}

/* A single port is that of all hosts, and stays by itself. */
static bool rotate_hosts(PQconninfoOption *given, unsigned by)
{
    for (PQconninfoOption *p = given; p->keyword; p++) {
        char *rotated = p->val && is_list(p->keyword) ? rotate(p->val, by) : NULL;

        if (p->val && is_list(p->keyword) && !rotated)
            return false;
        if (rotated) {
            free(p->val);
            p->val = rotated;
        }
    }
    return true;
}

/* Later values of a key win. */
static bool start(struct postgres *d, struct err *err)
{
    PQconninfoOption *given = PQconninfoParse(d->url, NULL);
    struct options o = {.n = 0};
    char settings[1024];
    const char *users = "";

    if (!given) /* what libpq says of it holds parts of the URL */
        return err_set(err, ERR_CONFIG, "postgres: the URL is malformed");
    if (!rotate_hosts(given, d->hung)) {
        PQconninfoFree(given);
        return err_set(err, ERR_NO_MEMORY, "Out of memory while opening the store.");
    }
    for (PQconninfoOption *p = given; p->keyword; p++) {
        if (!p->val)
            continue;
        if (strcmp(p->keyword, "options") == 0)
            users = p->val;
        else
            add(&o, p->keyword, p->val);
    }
    snprintf(settings, sizeof(settings), SETTINGS, users, d->schema);
    add(&o, "options", settings);
    add(&o, "client_encoding", "UTF8");
    add(&o, "fallback_application_name", "stateward");
    d->conn = PQconnectStartParams(o.keys, o.values, 0);
    PQconninfoFree(given);
    if (!d->conn)
        return err_set(err, ERR_NO_MEMORY, "Out of memory while opening the store.");
    return true;
}

static bool fail_connect(struct postgres *d, struct err *err)
{
    return err_set(err, ERR_UNAVAILABLE, "postgres: %s", reason_of(PQerrorMessage(d->conn)));
}

/* Waits a little for what a new connection is at; *waits: it goes on later. */
static bool wait_some(struct postgres *d, PostgresPollingStatusType status, bool *waits,
                      struct err *err)
{
    int64_t left_ms = (d->connect_end_ns - clock_now_ns()) / 1000000;
    int64_t wait_ms = d->patient || left_ms < RECONNECT_MS ? left_ms : RECONNECT_MS;
    struct pollfd fd = {.fd = PQsocket(d->conn),
                        .events = status == PGRES_POLLING_READING ? POLLIN : POLLOUT};

    if (poll(&fd, 1, wait_ms > 0 ? (int)wait_ms : 0) > 0)
        return true;
    *waits = wait_ms < left_ms;
    d->hung += !*waits;
    return err_set(err, ERR_UNAVAILABLE, "postgres: no answer within %lld ms",
                   (long long)d->timeout_ms);
}

/* Goes on until there is a connection, or it takes too long for those who wait. */
static bool establish(struct postgres *d, bool *waits, struct err *err)
{
    *waits = false;
    if (PQstatus(d->conn) == CONNECTION_BAD)
        return fail_connect(d, err);
    while (d->status != PGRES_POLLING_OK) {
        if (!wait_some(d, d->status, waits, err))
            return false;
        d->status = PQconnectPoll(d->conn);
        if (d->status == PGRES_POLLING_FAILED)
            return fail_connect(d, err);
    }
    if (PQsetnonblocking(d->conn, 1) != 0)
        return err_set(err, ERR_NO_MEMORY, "Out of memory while opening the store.");
    return true;
}

static bool set_up(struct postgres *d, struct err *err)
{
    int64_t high = 0, durable = 0;

    if (!setup_schema(d, err) || !instance_take(d, err) ||
        !setup_number(d, POSTGRES_CLOCK, &high, err) ||
        !setup_number(d, POSTGRES_SETTINGS, &durable, err))
        return false;
    stamp_observe(high);
    d->stamp_high = 0;
    d->sql.base.caps = BACKEND_SHARED | (durable ? BACKEND_DURABLE : 0);
    if (!PQenterPipelineMode(d->conn))
        return err_set(err, ERR_INTERNAL, "postgres: no pipeline");
    return true;
}

/* A server that has gone says so to who looks. */
static bool is_gone(struct postgres *d)
{
    struct pollfd fd = {.fd = PQsocket(d->conn), .events = POLLIN};

    while (poll(&fd, 1, 0) > 0) /* its last words, and then the end */
        if (!PQconsumeInput(d->conn))
            return true;
    return PQstatus(d->conn) != CONNECTION_OK;
}

static bool begin_connect(struct postgres *d, struct err *err)
{
    d->connect_end_ns = clock_now_ns() + d->timeout_ms * 1000000;
    d->status = PGRES_POLLING_WRITING;
    d->ready = false;
    d->sql.tenant = 0;
    return start(d, err);
}

bool postgres_connect(struct postgres *d, struct err *err)
{
    struct err why;
    bool waits = false;

    if (d->conn && d->ready) {
        if (!is_gone(d))
            return true;
        pipe_lose(d, "the connection was lost", true);
    }
    if (!d->conn && clock_now_ns() < d->retry_ns) {
        *err = d->failure;
        err->kind = ERR_UNAVAILABLE;
        return false;
    }
    if ((d->conn || begin_connect(d, &why)) && establish(d, &waits, &why) && set_up(d, &why)) {
        d->failed = d->open = false;
        d->ready = true;
        d->backoff_ns = 0;
        return true;
    }
    if (!waits)
        pipe_lose(d, "not connected", false);
    d->failure = *err = why;
    return false;
}

static bool is_name(const char *s)
{
    size_t len = strlen(s);

    if (len == 0 || len > SCHEMA_MAX || isdigit((unsigned char)*s))
        return false;
    return strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_") == len;
}

struct backend *postgres_open(const struct backend_config *cfg, struct err *err)
{
    static _Atomic int64_t lanes;
    const char *schema = cfg->postgres_schema ? cfg->postgres_schema : "stateward";
    struct postgres *d;

    if (!is_name(schema)) {
        err_fill(err, ERR_CONFIG, "postgres: a schema is named by a-z, 0-9 and _");
        return NULL;
    }
    d = calloc(1, sizeof(*d));
    if (!d) {
        err_fill(err, ERR_NO_MEMORY, "Out of memory while opening the store.");
        return NULL;
    }
    sql_init(&d->sql, &postgres_driver, &d->rows, cfg);
    d->sql.base.ops = &postgres_backend_ops;
    d->url = strdup(cfg->url);
    d->schema = strdup(schema);
    d->timeout_ms = cfg->store_timeout_ms > 0 ? cfg->store_timeout_ms : DEFAULT_TIMEOUT_MS;
    d->wanted_instance = cfg->instance;
    d->lane = atomic_fetch_add(&lanes, 1);
    if (!d->url || !d->schema)
        err_fill(err, ERR_NO_MEMORY, "Out of memory while opening the store.");
    else {
        bool done;

        d->patient = true;
        done = postgres_connect(d, err);
        d->patient = false;
        if (done)
            return &d->sql.base;
    }
    backend_close(&d->sql.base);
    return NULL;
}

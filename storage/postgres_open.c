/*
 * postgres_open.c - from a URL to a connection that is ours, up to date, and a pipeline.
 *
 *     URL -> connection -> no pool between -> schema -> number of the instance -> clock -> pipeline
 */
#include <ctype.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "clock.h"
#include "postgres_connect.h"
#include "postgres_instance.h"
#include "postgres_pipe.h"
#include "postgres_setup.h"

enum { DEFAULT_TIMEOUT_MS = 1000, SCHEMA_MAX = 63 };

/*
 * A pool in transaction mode gives what was ours to others: statements, settings, locks. It shows
 * when a second connection meets the same process of the server.
 */
static bool check_pool(struct postgres *d, struct err *err)
{
    struct postgres other = {
        .url = d->url, .schema = d->schema, .timeout_ms = d->timeout_ms, .patient = true};
    int64_t ours = 0, theirs = 0;
    bool waits, done;

    if (!setup_number(d, POSTGRES_PROCESS, &ours, err))
        return false;
    if (ours == PQbackendPID(d->conn))
        return true;
    done = connect_start(&other, err) && connect_go_on(&other, &waits, err) &&
           setup_number(&other, POSTGRES_PROCESS, &theirs, err);
    PQfinish(other.conn);
    if (done && ours == theirs)
        return err_set(err, ERR_CONFIG,
                       "postgres: a pool in transaction mode stands between; name the server "
                       "itself, or set pool_mode=session");
    return done;
}

static bool set_up(struct postgres *d, struct err *err)
{
    int64_t high = 0, durable = 0;
    char text[256];

    snprintf(text, sizeof(text), POSTGRES_SET, d->schema);
    if (!check_pool(d, err) || !setup_run(d, text, err) || !setup_schema(d, err) ||
        !instance_take(d, err) || !setup_number(d, POSTGRES_CLOCK, &high, err) ||
        !setup_number(d, POSTGRES_SETTINGS, &durable, err))
        return false;
    stamp_observe(high);
    d->stamp_high = 0;
    postgres_set_caps(d, durable);
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
    d->ready = false;
    d->sql.tenant = 0;
    return connect_start(d, err);
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
    if ((d->conn || begin_connect(d, &why)) && connect_go_on(d, &waits, &why) && set_up(d, &why)) {
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

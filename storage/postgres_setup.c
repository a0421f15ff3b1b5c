/* postgres_setup.c - see postgres_setup.h. */
#include "postgres_setup.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "postgres_errors.h"
#include "schema.h"

enum { MIGRATION_MS = 60000 }; /* other instances may hold the lock for this long */

static const char *const migrations[] = {postgres_0001_sql, postgres_0002_sql, postgres_0003_sql,
                                         postgres_0004_sql};

static bool judge(struct postgres *d, PGresult *result, int64_t *n, struct err *err)
{
    ExecStatusType status = PQresultStatus(result);
    bool ok = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;

    if (ok && n && status == PGRES_TUPLES_OK && PQntuples(result) > 0) {
        const char *value = PQgetvalue(result, 0, 0);

        *n = *value == 't' ? 1 : strtoll(value, NULL, 10);
    }
    if (!ok) {
        bool repeatable, gone;

        postgres_explain(result, &repeatable, &gone, err);
        if (!PQresultErrorField(result, PG_DIAG_SQLSTATE))
            err_fill(err, ERR_UNAVAILABLE, "postgres: the connection was lost");
    }
    PQclear(result);
    d->failed |= !ok;
    return ok;
}

int setup_poll(const struct postgres *d, short events)
{
    struct pollfd fd = {.fd = PQsocket(d->conn), .events = events};
    int n;

    do
        n = poll(&fd, 1, (int)d->timeout_ms);
    while (n < 0 && errno == EINTR);
    return n;
}

static bool wait_for_server(const struct postgres *d, short events, struct err *err)
{
    int n = setup_poll(d, events);

    if (n == 0)
        return err_set(err, ERR_UNAVAILABLE, "postgres: no answer within %lld ms",
                       (long long)d->timeout_ms);
    return n > 0 || err_set(err, ERR_UNAVAILABLE, "postgres: the connection was lost");
}

bool setup_number(struct postgres *d, const char *text, int64_t *n, struct err *err)
{
    PGresult *result;
    bool ok = true;

    if (!PQsendQuery(d->conn, text))
        return err_set(err, ERR_UNAVAILABLE, "postgres: the connection was lost");
    for (;;) {
        while (PQisBusy(d->conn)) {
            int left = PQflush(d->conn);

            if (left < 0)
                return err_set(err, ERR_UNAVAILABLE, "postgres: the connection was lost");
            if (!wait_for_server(d, (short)(POLLIN | (left ? POLLOUT : 0)), err))
                return false;
            if (!PQconsumeInput(d->conn))
                break;
        }
        result = PQgetResult(d->conn);
        if (!result)
            return ok;
        ok = judge(d, result, n, ok ? err : &(struct err){0}) && ok;
    }
}

bool setup_run(struct postgres *d, const char *text, struct err *err)
{
    return setup_number(d, text, NULL, err);
}

unsigned setup_key(const struct postgres *d)
{
    unsigned hash = 2166136261u;

    for (const char *c = d->schema; *c; c++)
        hash = (hash ^ (unsigned char)*c) * 16777619u;
    return hash >> 1;
}

/* Reads the number of the schema; 0 if there is none. */
static bool read_number(struct postgres *d, int64_t *number, struct err *err)
{
    int64_t there = 0;

    *number = 0;
    return setup_number(d, POSTGRES_VERSION, &there, err) &&
           (!there || setup_number(d, POSTGRES_NUMBER, number, err));
}

static bool check_number(const struct postgres *d, int64_t number, struct err *err)
{
    if (number <= (int64_t)COUNT_OF(migrations) + 1)
        return true;
    return err_set(err, ERR_CONFIG,
                   "postgres: the schema %s was made by a newer version of this program: it is "
                   "number %lld, known are those up to %zu",
                   d->schema, (long long)number, COUNT_OF(migrations));
}

/* In one transaction and under a lock: an instance that comes second finds all done. */
static bool migrate(struct postgres *d, struct err *err)
{
    char text[512];
    int64_t number;

    snprintf(text, sizeof(text), POSTGRES_MIGRATE, setup_key(d), d->schema);
    if (!setup_run(d, text, err) || !read_number(d, &number, err) || !check_number(d, number, err))
        return false;
    for (size_t i = (size_t)number; i < COUNT_OF(migrations); i++) {
        snprintf(text, sizeof(text), POSTGRES_MIGRATED, i + 1);
        if (!setup_run(d, migrations[i], err) || !setup_run(d, text, err))
            return false;
    }
    if (!setup_run(d, "COMMIT", err))
        return false;
    if (d->migrated && number < (int64_t)COUNT_OF(migrations))
        d->migrated(d->fallback, number, (int64_t)COUNT_OF(migrations));
    return true;
}

bool setup_schema(struct postgres *d, struct err *err)
{
    int64_t number, timeout_ms = d->timeout_ms;
    bool done;

    if (!read_number(d, &number, err) || !check_number(d, number, err))
        return false;
    if (number >= (int64_t)COUNT_OF(migrations))
        return true;
    if (number == 0 && d->existing)
        return err_set(err, ERR_CONFIG,
                       "postgres: this database has no schema %s with the tables of stateward",
                       d->schema);
    if (number > 0 && d->as_is)
        return err_set(err, ERR_CONFIG, "postgres: %s " SCHEMA_OLD, d->schema, (long long)number,
                       COUNT_OF(migrations));
    d->timeout_ms = MIGRATION_MS;
    done = migrate(d, err);
    d->timeout_ms = timeout_ms;
    return done;
}

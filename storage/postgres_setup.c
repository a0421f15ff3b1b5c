/* postgres_setup.c - see postgres_setup.h. */
#include "postgres_setup.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "clock.h"
#include "postgres_errors.h"
#include "schema.h"

enum {
    MIGRATION_MS = 60000, /* the server may be silent for this long */
    TURN_MS = 30000,      /* another instance may migrate for this long */
    TABLE_MS = 50, /* a table is waited for this long, and whoever else wants it waits behind */
};

/* Pause after a migration that found a table in use: doubled each time, and spread. */
#define PAUSE_FIRST_NS S_NS
#define PAUSE_MOST_NS (15 * S_NS)

#define LOCK_TIMEOUT "55P03"

/* What the server says to statements. */
struct answer {
    char value[160]; /* first column of the first row; "" = there is none */
    char state[6];   /* SQLSTATE of the failure */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* The migration of a primary store, and of a fallback: the lanes take turns. Guarded by lock. */
static struct turn {
    bool taken;
    int64_t next_ns, pause_ns; /* none is taken before next_ns */
    struct err why;            /* the last one found a table in use */
} turns[2];

static const char *const migrations[] = {postgres_0001_sql, postgres_0002_sql, postgres_0003_sql,
                                         postgres_0004_sql};

static bool judge(struct postgres *d, PGresult *result, struct answer *answer, struct err *err)
{
    ExecStatusType status = PQresultStatus(result);
    bool ok = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;

    if (status == PGRES_TUPLES_OK && PQntuples(result) > 0)
        snprintf(answer->value, sizeof(answer->value), "%s", PQgetvalue(result, 0, 0));
    if (!ok) {
        const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
        bool repeatable, gone;

        postgres_explain(result, &repeatable, &gone, err);
        snprintf(answer->state, sizeof(answer->state), "%s", state ? state : "");
        if (!state)
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

/* Runs statements. */
static bool ask(struct postgres *d, const char *text, struct answer *answer, struct err *err)
{
    PGresult *result;
    bool ok = true;

    *answer = (struct answer){.value = ""};
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
        ok = judge(d, result, answer, ok ? err : &(struct err){0}) && ok;
    }
}

bool setup_number(struct postgres *d, const char *text, int64_t *n, struct err *err)
{
    struct answer answer;

    if (!ask(d, text, &answer, err))
        return false;
    if (*answer.value)
        *n = *answer.value == 't' ? 1 : strtoll(answer.value, NULL, 10);
    return true;
}

bool setup_run(struct postgres *d, const char *text, struct err *err)
{
    struct answer ignored;

    return ask(d, text, &ignored, err);
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

/* Begins a migration once no other instance is at one, and reads the number of the schema. */
static bool begin_migration(struct postgres *d, int64_t *number, struct err *err)
{
    struct answer answer;
    char text[512];

    snprintf(text, sizeof(text), POSTGRES_MIGRATE_TURN, TURN_MS, setup_key(d));
    if (!ask(d, text, &answer, err)) {
        if (strcmp(answer.state, LOCK_TIMEOUT) == 0)
            err_fill(err, ERR_UNAVAILABLE, "postgres: another instance updates the schema");
        return false;
    }
    snprintf(text, sizeof(text), POSTGRES_MIGRATE, TABLE_MS, d->schema);
    return setup_run(d, text, err) && read_number(d, number, err) && check_number(d, *number, err);
}

/* Ends a migration that could not lock a table, and says who uses it. */
static void explain_use(struct postgres *d, const char *migration, struct err *err)
{
    struct answer answer;
    struct err ignored;
    char *text;

    err_fill(err, ERR_UNAVAILABLE, "postgres: the update of the schema waits for a table in use");
    if (asprintf(&text, POSTGRES_HOLDER, migration) < 0)
        return;
    if (setup_run(d, "ROLLBACK", &ignored) && ask(d, text, &answer, &ignored) && *answer.value)
        err_fill(err, ERR_UNAVAILABLE, "postgres: the update of the schema waits for %s",
                 answer.value);
    free(text);
}

/* In one transaction and under a lock: an instance that comes second finds all done. *in_use: a table is. */
static bool migrate(struct postgres *d, bool *in_use, struct err *err)
{
    struct answer answer;
    char text[128];
    int64_t number;

    if (!begin_migration(d, &number, err))
        return false;
    for (size_t i = (size_t)number; i < COUNT_OF(migrations); i++) {
        snprintf(text, sizeof(text), POSTGRES_MIGRATED, i + 1);
        if (!ask(d, migrations[i], &answer, err)) {
            *in_use = strcmp(answer.state, LOCK_TIMEOUT) == 0;
            if (*in_use)
                explain_use(d, migrations[i], err);
            return false;
        }
        if (!setup_run(d, text, err))
            return false;
    }
    if (!setup_run(d, "COMMIT", err))
        return false;
    if (d->migrated && number < (int64_t)COUNT_OF(migrations))
        d->migrated(d->fallback, number, (int64_t)COUNT_OF(migrations));
    return true;
}

/* False: another lane is at it, or the pause after a failure is not over. */
static bool take_turn(const struct postgres *d, struct err *err)
{
    struct turn *turn = &turns[d->fallback];
    bool mine;

    pthread_mutex_lock(&lock);
    mine = !turn->taken && clock_now_ns() >= turn->next_ns;
    turn->taken |= mine;
    if (!mine && turn->why.kind != ERR_OK)
        *err = turn->why;
    else if (!mine)
        err_fill(err, ERR_UNAVAILABLE, "postgres: the schema is being updated");
    pthread_mutex_unlock(&lock);
    return mine;
}

static void end_turn(const struct postgres *d, bool in_use, const struct err *why)
{
    struct turn *turn = &turns[d->fallback];
    int64_t last_ns, now_ns = clock_now_ns();

    pthread_mutex_lock(&lock);
    last_ns = turn->pause_ns;
    *turn = (struct turn){.taken = false};
    if (in_use) {
        turn->pause_ns = last_ns ? last_ns * 2 : PAUSE_FIRST_NS;
        if (turn->pause_ns > PAUSE_MOST_NS)
            turn->pause_ns = PAUSE_MOST_NS;
        turn->next_ns = now_ns + turn->pause_ns / 2 + now_ns % (turn->pause_ns / 2);
        turn->why = *why;
    }
    pthread_mutex_unlock(&lock);
}

bool setup_schema(struct postgres *d, struct err *err)
{
    int64_t number, timeout_ms = d->timeout_ms;
    bool done, in_use = false;

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
    if (!take_turn(d, err))
        return false;
    d->timeout_ms = MIGRATION_MS;
    done = migrate(d, &in_use, err);
    d->timeout_ms = timeout_ms;
    end_turn(d, in_use, err);
    return done;
}

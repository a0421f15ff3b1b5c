/*
 * postgres_open.c - makes a connection and sets it up; see postgres_driver.h.
 *
 *     URL -> connection -> encoding, no pool between -> schema -> number of the instance -> clock -> pipeline
 */
#include <poll.h>
#include <inttypes.h>
#include <stdio.h>

#include "clock.h"
#include "postgres_connect.h"
#include "postgres_instance.h"
#include "postgres_pipe.h"
#include "postgres_setup.h"

/*
 * Refuses a pool in transaction mode, which shares statements, settings and locks of our session with others.
 * It shows when a second connection reaches the same process of the server.
 */
static bool check_pool(struct postgres *d, struct err *err)
{
    struct postgres other;
    int64_t ours = 0, theirs = 0;
    bool done;

    if (!setup_number(d, POSTGRES_PROCESS, &ours, err))
        return false;
    if (ours == PQbackendPID(d->conn))
        return true;
    done = connect_another(d, &other, err) && setup_number(&other, POSTGRES_PROCESS, &theirs, err);
    PQfinish(other.conn);
    if (done && ours == theirs)
        return err_set(err, ERR_CONFIG,
                       "postgres: a pool in transaction mode stands between; name the server "
                       "itself, or set pool_mode=session");
    return done;
}

/* In another encoding not every text can be stored. */
static bool check_encoding(const struct postgres *d, struct err *err)
{
    const char *encoding = PQparameterStatus(d->conn, "server_encoding");

    if (!encoding || strcmp(encoding, "UTF8") == 0)
        return true;
    return err_set(err, ERR_CONFIG, "postgres: the database must have ENCODING 'UTF8', it has %s",
                   encoding);
}

void postgres_set_caps(struct postgres *d, bool durable)
{
    d->sql.base.caps = BACKEND_SHARED | (durable ? BACKEND_DURABLE : 0);
}

/* Finds out which store the connection leads to, if it is of a pair. */
static bool meet(struct postgres *d, struct err *err)
{
    int64_t incarnation = 0, position = 0, pair = 0;
    char numbers[2][24];

    if (!d->acquaintance)
        return true;
    if (!setup_number(d, POSTGRES_INCARNATION, &incarnation, err) ||
        !setup_number(d, POSTGRES_POSITION, &position, err) ||
        !setup_number(d, POSTGRES_PAIR, &pair, err))
        return false;
    snprintf(numbers[0], sizeof(numbers[0]), "%" PRId64, incarnation);
    snprintf(numbers[1], sizeof(numbers[1]), "%016" PRIx64, (uint64_t)pair);
    d->met = acquaintance_meet(d->acquaintance, slice_of(numbers[0]),
                               pair ? slice_of(numbers[1]) : (struct slice){NULL, 0}, position);
    d->moved = d->busy;
    return true;
}

static bool set_up(struct postgres *d, struct err *err)
{
    int64_t high = 0, durable = 0;
    char text[512];

    snprintf(text, sizeof(text), POSTGRES_SET, d->schema);
    if (!check_encoding(d, err) || !check_pool(d, err) || !setup_run(d, text, err) ||
        !setup_schema(d, err) ||
        (d->sql.role == BACKEND_SCANNER && !setup_run(d, POSTGRES_SET_SCANNER, err)) ||
        !instance_take(d, err) || !setup_number(d, POSTGRES_CLOCK, &high, err) ||
        !setup_number(d, POSTGRES_SETTINGS, &durable, err) || !meet(d, err))
        return false;
    stamp_observe(high);
    d->stamp_high = 0;
    postgres_set_caps(d, durable);
    if (!PQenterPipelineMode(d->conn))
        return err_set(err, ERR_INTERNAL, "postgres: no pipeline");
    return true;
}

/* Whether the server has closed the connection, which shows when reading from it. */
static bool is_gone(struct postgres *d)
{
    struct pollfd fd = {.fd = PQsocket(d->conn), .events = POLLIN};

    while (poll(&fd, 1, 0) > 0) /* first its last message, then the end */
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
    if (!d->conn && !d->hosts && clock_now_ns() < d->retry_ns) {
        *err = d->failure;
        err->kind = ERR_UNAVAILABLE;
        return false;
    }
    if ((d->conn || d->hosts || begin_connect(d, &why)) && connect_go_on(d, &waits, &why) &&
        set_up(d, &why)) {
        d->failed = d->open = false;
        d->ready = true;
        d->backoff_ns = 0;
        return true;
    }
    if (!waits)
        pipe_lose(d, "not connected", false);
    d->failure = *err = why;
    if (err->kind == ERR_CONFIG && !d->patient) /* it may become right later */
        err->kind = ERR_UNAVAILABLE;
    return false;
}

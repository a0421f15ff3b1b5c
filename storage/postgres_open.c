/*
 * postgres_open.c - makes a connection and sets it up; see postgres_driver.h.
 *
 *     URL -> connection -> encoding, no pool between -> schema -> number of the instance -> clock -> pipeline
 */
#include <poll.h>
#include <inttypes.h>
#include <stdio.h>

#include "clock.h"
#include "id.h"
#include "postgres_connect.h"
#include "postgres_instance.h"
#include "postgres_pipe.h"
#include "postgres_setup.h"

enum { QUESTION_SIZE = 192 };

/*
 * Whether our session stays ours through a pool: it keeps its mark, and no other connection reaches its process.
 * A pool in transaction mode gives a transaction the process that was used last, or with server_round_robin
 * the one that was not used for longest; and others use it meanwhile, or it grows.
 */
static bool is_ours(struct postgres *d, const char *question, int64_t process, bool *ours,
                    struct err *err)
{
    int64_t kept[3] = {0}, theirs = 0;
    struct postgres other;
    bool done;

    if (!setup_number(d, question, &kept[0], err))
        return false;
    done = connect_another(d, &other, err) &&
           setup_number(&other, POSTGRES_PROCESS, &theirs, err) &&
           setup_number(d, question, &kept[1], err) && setup_number(d, question, &kept[2], err);
    PQfinish(other.conn);
    *ours = kept[0] && kept[1] && kept[2] && theirs != process;
    return done;
}

static bool refuse_pool(struct err *err)
{
    return err_set(
        err, ERR_CONFIG,
        "postgres: a pool in transaction mode stands between; name the server itself, or "
        "set pool_mode=session");
}

/*
 * Refuses a pool in transaction mode, which shares statements, settings and locks of our session with others.
 * Writes a question that shows also later whether the session is ours.
 */
static bool check_pool(struct postgres *d, char question[QUESTION_SIZE], struct err *err)
{
    char mark[ID_UUID_LEN + 1];
    int64_t process = 0;
    bool ours;

    id_uuid7(mark);
    snprintf(question, QUESTION_SIZE, POSTGRES_MARK, mark);
    if (!setup_number(d, question, &process, err))
        return false;
    d->process = process;
    snprintf(question, QUESTION_SIZE, POSTGRES_IS_MARKED, (long long)process, mark);
    if (process == PQbackendPID(d->conn)) /* a pool has numbers of its own */
        return true;
    return is_ours(d, question, process, &ours, err) && (ours || refuse_pool(err));
}

/* Sets what the statements need. */
static bool set_settings(struct postgres *d, const char *question, struct err *err)
{
    char text[QUESTION_SIZE + 512];
    int64_t ours = 0;

    snprintf(text, sizeof(text), "%s; " POSTGRES_SET, question, d->schema);
    return setup_number(d, text, &ours, err) && (ours || refuse_pool(err));
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

/* Finds the highest bound of stamps that is stored, but for those of this process. */
static bool find_bound(struct postgres *d, int64_t *bound, struct err *err)
{
    char text[sizeof(POSTGRES_CLOCK) + (STAMP_OWN + 1) * 24];
    int64_t own[STAMP_OWN];
    size_t n = stamp_own(own);
    size_t len = (size_t)snprintf(text, sizeof(text), "%s", POSTGRES_CLOCK);

    for (size_t i = 0; i < n; i++)
        len += (size_t)snprintf(text + len, sizeof(text) - len, ", %" PRId64, own[i]);
    snprintf(text + len, sizeof(text) - len, ")");
    return setup_number(d, text, bound, err);
}

/* No stamp of this process may be below one that is stored. */
static bool read_clock(struct postgres *d, struct err *err)
{
    int64_t bound = 0;

    do /* again if another lane has just stored it */
        if (!find_bound(d, &bound, err))
            return false;
    while (stamp_is_own(bound));
    stamp_observe(bound);
    d->stamp_high = 0;
    return true;
}

static bool set_up(struct postgres *d, struct err *err)
{
    int64_t durable = 0;
    char question[QUESTION_SIZE];

    if (!check_encoding(d, err) || !check_pool(d, question, err) ||
        !set_settings(d, question, err) || !setup_schema(d, err) ||
        (d->sql.role == BACKEND_SCANNER && !setup_run(d, POSTGRES_SET_SCANNER, err)) ||
        !instance_take(d, err) || !read_clock(d, err) ||
        !setup_number(d, POSTGRES_SETTINGS, &durable, err) || !meet(d, err))
        return false;
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

/* postgres_pipe.c - see postgres_pipe.h. */
#include "postgres_pipe.h"

#include <assert.h>
#include <poll.h>
#include <stdlib.h>

#include "clock.h"
#include "postgres_connect.h"
#include "postgres_errors.h"
#include "postgres_hosts.h"
#include "postgres_instance.h"
#include "postgres_setup.h"

/* Pause between tries to connect: doubled each time, and spread, so that lanes do not all come at once. */
#define BACKOFF_FIRST_NS (50 * MS_NS)
#define BACKOFF_MOST_NS (2 * S_NS)

/* By then the server itself has ended a scan: POSTGRES_SET_SCANNER. */
#define SCAN_NS (30 * S_NS)

struct use *pipe_use(struct postgres *d, enum use_kind kind, int which, struct err *err)
{
    struct use *use = d->free;

    if (use)
        d->free = use->next;
    else if (!(use = malloc(sizeof(*use)))) {
        (void)err_no_memory(err);
        return NULL;
    }
    use->next = NULL;
    use->kind = kind;
    use->which = which;
    use->sent = use->done = use->detached = false;
    use->result = NULL;
    use->first = use->rows = 0;
    use->members = NULL;
    use->answered = NULL;
    use->borrowed = false;
    use->row = -1;
    use->cursor = 0;
    use->n = 0;
    return use;
}

void use_append(struct use **first, struct use **last, struct use *use)
{
    use->next = NULL;
    if (*first)
        (*last)->next = use;
    else
        *first = use;
    *last = use;
}

void use_bind_as(struct use *use, const struct use *other, int n)
{
    use->n = n;
    memcpy(use->types, other->types, (size_t)n * sizeof(*use->types));
    memcpy(use->values, other->values, (size_t)n * sizeof(*use->values));
    memcpy(use->lengths, other->lengths, (size_t)n * sizeof(*use->lengths));
}

static void recycle(struct postgres *d, struct use *use)
{
    if (!use->borrowed)
        PQclear(use->result);
    use->result = NULL;
    use->next = d->free;
    d->free = use;
}

void pipe_free(struct postgres *d, struct use *use)
{
    if (use->sent && !use->done)
        use->detached = true;
    else
        recycle(d, use);
}

/* Takes the first use out of the pipeline: it is answered, or will never be. */
static void finish(struct postgres *d)
{
    struct use *use = d->first;

    d->first = use->next;
    use->next = NULL;
    use->done = true;
    use->rows = PQntuples(use->result);
    if (use->answered)
        use->answered(d, use);
    else if (use->detached)
        recycle(d, use);
}

void pipe_lose(struct postgres *d, const char *reason, bool gone)
{
    bool first = d->ready && gone; /* a connection that worked: try another at once */
    int64_t spread;

    if (!d->conn && !d->hosts)
        return;
    instance_leave(d);
    hosts_end(d->hosts);
    d->hosts = NULL;
    PQfinish(d->conn);
    d->conn = NULL;
    d->ready = false;
    err_fill(&d->failure, ERR_UNAVAILABLE, "postgres: %s", reason);
    d->failed = true;
    d->repeatable = first;
    memset(d->prepared, 0, sizeof(d->prepared));
    while (d->first)
        finish(d);
    d->backoff_ns = d->backoff_ns ? d->backoff_ns * 2 : BACKOFF_FIRST_NS;
    if (d->backoff_ns > BACKOFF_MOST_NS)
        d->backoff_ns = BACKOFF_MOST_NS;
    spread = d->backoff_ns / 2 + clock_now_ns() % (d->backoff_ns / 2);
    d->retry_ns = first ? 0 : clock_now_ns() + spread;
}

/* Closes a lost connection, and tells why. */
static COLD bool fail_lost(struct postgres *d, const char *reason, bool gone, struct err *err)
{
    pipe_lose(d, reason, gone);
    *err = d->failure;
    return false;
}

/* Closes a connection for which libpq lacked memory: of what it sent or read, a part may be missing. */
static COLD bool fail_memory(struct postgres *d, struct err *err)
{
    pipe_lose(d, "out of memory", true);
    (void)err_no_memory(&d->failure);
    d->repeatable = false;
    *err = d->failure;
    return false;
}

bool pipe_sent(struct postgres *d, struct use *use, int sent, struct err *err)
{
    if (!sent) {
        bool gone = PQstatus(d->conn) != CONNECTION_OK;

        recycle(d, use);
        return gone ? fail_lost(d, "the connection was lost", true, err) : fail_memory(d, err);
    }
    use->sent = true;
    use->trip = d->trips;
    use_append(&d->first, &d->last, use);
    return true;
}

bool pipe_sync_by(struct postgres *d, struct use *use, struct use **sync, struct err *err)
{
    use->detached = !sync;
    if (!pipe_sent(d, use, PQpipelineSync(d->conn), err))
        return false;
    if (sync)
        *sync = use;
    return true;
}

bool pipe_sync(struct postgres *d, struct use **sync, struct err *err)
{
    struct use *use = pipe_use(d, USE_SYNC, 0, err);

    return use && pipe_sync_by(d, use, sync, err);
}

/* Waits for the socket. A scan may stay silent for longer, as long as the server is at work on it. */
static bool wait_for_server(struct postgres *d, short events, struct err *err)
{
    int64_t end_ns = clock_now_ns() + SCAN_NS;
    int n = setup_poll(d, events);
    bool works = d->sql.role == BACKEND_SCANNER;
    char reason[64];

    while (n == 0 && works) {
        works = clock_now_ns() < end_ns && connect_sees_work(d);
        n = setup_poll(d, events); /* its answer may have been on the way */
    }
    if (n > 0)
        return true;
    snprintf(reason, sizeof(reason), "no answer within %lld ms", (long long)d->timeout_ms);
    return fail_lost(d, n == 0 ? reason : "the connection was lost", n != 0, err);
}

/* Sends what is queued, and reads until libpq has a whole result. Without memory for one it waits for ever. */
static bool fill(struct postgres *d, struct err *err)
{
    static const char no_memory[] = "out of memory";

    while (PQisBusy(d->conn)) {
        int left = PQflush(d->conn);

        if (strncmp(PQerrorMessage(d->conn), no_memory, strlen(no_memory)) == 0)
            return fail_memory(d, err);
        if (left < 0)
            return fail_lost(d, "the connection was lost", true, err);
        if (!wait_for_server(d, (short)(POLLIN | (left ? POLLOUT : 0)), err))
            return false;
        if (!PQconsumeInput(d->conn))
            return fail_lost(d, "the connection was lost", true, err);
    }
    return true;
}

/* Evaluates the answer to a use. False: the connection is lost. */
static bool judge(struct postgres *d, struct use *use, struct err *err)
{
    ExecStatusType status = PQresultStatus(use->result);
    char reason[sizeof(d->failure.text)];
    bool gone = false;

    if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK || status == PGRES_PIPELINE_SYNC)
        return true;
    if (use->kind == USE_PREPARE)
        d->prepared[use->which] = false;
    if (status == PGRES_PIPELINE_ABORTED) {
        d->failed = true;
        return true;
    }
    if (!PQresultErrorField(use->result, PG_DIAG_SQLSTATE)) /* libpq says so, not the server */
        return PQstatus(d->conn) != CONNECTION_OK
                   ? fail_lost(d, "the connection was lost", true, err)
                   : fail_memory(d, err);
    d->refused |= use->which != POSTGRES_COMMIT && postgres_is_servers(use->result);
    if (!d->failed || d->failure.kind == ERR_OK)
        postgres_explain(use->result, &d->repeatable, &gone, &d->failure);
    d->failed = true;
    if (!gone)
        return true;
    strcpy(reason, d->failure.text + strlen("postgres: "));
    return fail_lost(d, reason, true, err);
}

/* Reads the answer to the first use. */
static bool take(struct postgres *d, struct err *err)
{
    struct use *use = d->first;
    PGresult *result;

    assert(use);
    if (!fill(d, err))
        return false;
    result = PQgetResult(d->conn);
    if (!result) { /* end of the results of the previous use */
        if (PQstatus(d->conn) != CONNECTION_OK)
            return fail_lost(d, "the connection was lost", true, err);
        return true;
    }
    use->result = result;
    if (!judge(d, use, err))
        return false;
    finish(d);
    return true;
}

bool pipe_wait(struct postgres *d, struct use *use, struct err *err)
{
    while (!use->done)
        if (!take(d, err))
            return false;
    if (d->conn)
        return true;
    *err = d->failure;
    return false;
}

/* postgres_transaction.c - see postgres_transaction.h. */
#include "postgres_transaction.h"

#include <time.h>

#include "clock.h"
#include "postgres_pipe.h"

/* How often a transaction is tried when others get in its way, and the longest pause between. */
enum { TRIES = 5, PAUSE_US = 20000 };

/* Queues one of the driver's own statements, whose parameters are numbers, without waiting. */
static bool queue(struct postgres *d, int which, const int64_t in[], size_t n, struct err *err)
{
    struct query q;

    if (!query_begin(&d->sql, which, &q, err))
        return false;
    for (size_t i = 0; i < n; i++)
        query_int(&q, in[i]);
    return query_run(&q, err);
}

bool postgres_begin(struct sql *self, bool writes, struct err *err)
{
    struct postgres *d = (struct postgres *)self;

    if (!postgres_connect(d, err) ||
        (d->moved && !acquaintance_admits(d->acquaintance, &d->met, err)))
        return false;
    postgres_roll_back(self);
    d->failed = d->repeatable = d->refused = false;
    d->failure = (struct err){0};
    d->writes = writes;
    d->open = true;
    return queue(d, writes ? POSTGRES_BEGIN_WRITE : POSTGRES_BEGIN_READ, NULL, 0, err);
}

/* Makes sure that no stamp of this lane exceeds the one in its row of table clocks. */
static bool keep_clock(struct postgres *d, int64_t *high, struct err *err)
{
    int64_t now = stamp_next(), old = d->stamp_high;

    *high = old;
    if (d->settling) {
        *high = now;
        return queue(d, POSTGRES_CLOCK_SETTLE, (int64_t[]){stamp_node(old), d->lane, old, now}, 4,
                     err);
    }
    if (now < old)
        return true;
    *high = stamp_bound(stamp_us(SQL_CLOCK_AHEAD));
    return queue(d, POSTGRES_CLOCK_SET, (int64_t[]){stamp_node(*high), d->lane, *high}, 3, err);
}

/* Without an answer to COMMIT, the changes may have been made. */
static bool fail_commit(const struct postgres *d, bool writes, bool *lost, struct err *err)
{
    *lost = d->ready || d->refused;
    if (d->failed)
        *err = d->failure;
    if (!*lost && writes)
        err->kind = ERR_IN_DOUBT;
    return false;
}

/* Once COMMIT is queued it may be carried out, whatever fails after that. */
static bool queue_commit(struct postgres *d, struct use **sync, struct err *err)
{
    struct use *end = pipe_use(d, USE_SYNC, 0, err); /* allocated while failing is still harmless */

    if (!end)
        return false;
    if (!queue(d, POSTGRES_COMMIT, NULL, 0, err)) {
        pipe_free(d, end);
        return false;
    }
    d->open = false;
    if (pipe_sync_by(d, end, sync, err))
        return true;
    pipe_lose(d, "out of memory", true);
    return false;
}

/* A transaction that only read need not be waited for. */
static bool commit_read(struct postgres *d, bool *lost, struct err *err)
{
    if (!queue_commit(d, NULL, err))
        return fail_commit(d, false, lost, err);
    if (PQflush(d->conn) >= 0)
        return true;
    pipe_lose(d, "the connection was lost", true);
    return fail_commit(d, false, lost, err);
}

void transaction_end_early(struct postgres *d)
{
    struct err ignored;

    if (!d->failed && keep_clock(d, &d->early_high, &ignored))
        (void)!queue_commit(d, &d->early, &ignored);
}

/* Sends COMMIT and a sync, unless that was done early. */
static bool send_commit(struct postgres *d, struct use **sync, int64_t *high, bool *lost,
                        struct err *err)
{
    *sync = d->early;
    *high = d->early ? d->early_high : d->stamp_high;
    d->early = NULL;
    if (*sync)
        return true;
    *lost = d->ready;
    if (d->failed) /* something may not even have been sent: the server would commit the rest */
        return fail_commit(d, !d->open, lost, err);
    if (!keep_clock(d, high, err))
        return false;
    if (!queue_commit(d, sync, err))
        return fail_commit(d, true, lost, err);
    d->trips++;
    return true;
}

bool postgres_commit(struct sql *self, bool writes, bool *lost, struct err *err)
{
    struct postgres *d = (struct postgres *)self;
    struct use *sync;
    int64_t high;
    bool answered;

    if (!writes)
        return commit_read(d, lost, err);
    if (!send_commit(d, &sync, &high, lost, err))
        return false;
    answered = pipe_wait(d, sync, err);
    pipe_free(d, sync);
    if (!answered || d->failed)
        return fail_commit(d, writes, lost, err);
    *lost = false;
    d->stamp_high = high;
    return true;
}

/* The server skips everything until a sync after a failure; so ROLLBACK follows a sync. */
void postgres_roll_back(struct sql *self)
{
    struct postgres *d = (struct postgres *)self;
    struct err ignored;
    struct use *sync = NULL;
    bool failed = d->failed, repeatable = d->repeatable;

    d->writes = false;
    if (!d->ready || (!d->open && !failed))
        return;
    d->open = false;
    d->failed = false; /* or ROLLBACK itself would be refused */
    if (pipe_sync(d, NULL, &ignored) && queue(d, POSTGRES_ROLLBACK, NULL, 0, &ignored) &&
        pipe_sync(d, &sync, &ignored)) {
        (void)!pipe_wait(d, sync, &ignored);
        pipe_free(d, sync);
    } else if (d->ready) {
        pipe_lose(d, "out of memory", true);
    }
    d->repeatable = repeatable;
    d->failed = false;
}

bool postgres_again(struct sql *self, unsigned n)
{
    struct postgres *d = (struct postgres *)self;
    int64_t wait_ns = (clock_now_ns() / 1000 + d->lane * 7919) % PAUSE_US * 1000;

    if (!d->repeatable || n >= TRIES)
        return false;
    nanosleep(&(struct timespec){.tv_nsec = wait_ns}, NULL);
    return true;
}

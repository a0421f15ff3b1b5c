/* sql_cleanup.c - clean-up and totals; see op_service.h. */
#include "clock.h"
#include "copies.h"
#include "sql_bury.h"
#include "sql_garbage.h"
#include "sql_load.h"
#include "sql_ops.h"
#include "sql_pair.h"
#include "sql_removal.h"

struct found {
    struct burial *items;
    size_t n;
    bool more;
};

/* Sessions of the op's tenant become copies; of other tenants only the outbox is told, by name. */
static bool take_row(struct query *q, const struct op *op, int64_t tenant, struct burial *b,
                     struct err *err)
{
    row_numbers(q, &b->row);
    b->row.tenant = query_col_int(q, ROW_TENANT);
    return query_copy(q, ROW_ID, op->arena, &b->row.s.session_id, err) &&
           (b->row.tenant == tenant || !op->replicate ||
            query_copy(q, ROW_TENANT_NAME, op->arena, &b->tenant, err));
}

/* Collects the rows before anything is removed, since removing changes the index that is read. */
static bool collect(struct query *q, struct op *op, int64_t tenant, struct found *out,
                    struct err *err)
{
    size_t limit = (size_t)op->cleanup.limit;
    struct found f = {.items = arena_zalloc(op->arena, limit, sizeof(*f.items))};

    if (!f.items)
        return err_no_memory(err);
    for (;; f.n++) {
        if (!query_step(q, &f.more, err))
            return false;
        if (!f.more || f.n == limit)
            break;
        if (!take_row(q, op, tenant, &f.items[f.n], err))
            return false;
    }
    *out = f;
    return true;
}

static bool find_idle(struct sql *d, struct op *op, int64_t tenant, struct found *f,
                      struct err *err)
{
    AUTO(query_end) struct query q = {0};

    if (!query_begin(d, SQL_SESSION_IDLE, &q, err))
        return false;
    query_int(&q, tenant);
    query_int(&q, row_minute(op->cleanup.idle_us));
    query_int(&q, op->cleanup.idle_us);
    query_int(&q, op->cleanup.limit + 1);
    return collect(&q, op, tenant, f, err);
}

static bool copy_idle(struct op *op, const struct burial *b, struct err *err)
{
    struct slice id = b->row.s.session_id;

    return copies_session(op, id, &b->row.s, err) &&
           (!b->with_thread || copies_thread(op, id, b->thread.tomb, b->thread.updated_us, err));
}

/* A thread goes only with a live session: without one, nothing says that it is idle. */
static bool clean_idle(struct sql *d, struct op *op, struct err *err)
{
    struct op_cleanup *cleanup = &op->cleanup;
    struct found f;
    int64_t tenant;

    if (!sql_tenant(d, op->tenant, false, &tenant, err) || !find_idle(d, op, tenant, &f, err))
        return false;
    for (size_t i = 0; i < f.n; i++) {
        struct burial *b = &f.items[i];

        b->with_thread = session_state_live(&b->row.s, d->session_ttl_us, op->now_us);
        cleanup->out.removed += b->with_thread;
    }
    if (!bury_sessions(d, op, f.items, f.n, err))
        return false;
    for (size_t i = 0; i < f.n; i++)
        if (!copy_idle(op, &f.items[i], err))
            return false;
    cleanup->out.more = f.more;
    return true;
}

static bool find_expired(struct sql *d, struct op *op, int64_t tenant, struct found *f,
                         struct err *err)
{
    int64_t before_us = clock_expired_us(d->session_ttl_us, op->now_us);
    AUTO(query_end) struct query q = {0};

    if (!query_begin(d, SQL_SESSION_EXPIRED, &q, err))
        return false;
    query_int(&q, row_minute(before_us));
    query_int(&q, before_us);
    query_int(&q, op->cleanup.limit + 1);
    return collect(&q, op, tenant, f, err);
}

/* Adds an outbox entry for a session of another tenant. */
static bool keep_entry(struct sql *d, const struct op *op, const struct burial *b, struct err *err)
{
    struct op own = {.id = b->row.s.session_id,
                     .tenant = b->tenant,
                     .stamp = stamp_next(),
                     .replicate = true,
                     .arena = op->arena};

    return copies_session(&own, own.id, &b->row.s, err) && sql_pair_keep_entry(d, &own, err);
}

static bool tell(struct sql *d, struct op *op, const struct burial *b, struct err *err)
{
    return slice_present(b->tenant) ? keep_entry(d, op, b, err)
                                    : copies_session(op, b->row.s.session_id, &b->row.s, err);
}

static bool remove_expired(struct sql *d, struct op *op, struct err *err)
{
    struct op_cleanup *cleanup = &op->cleanup;
    struct found f = {0};
    int64_t tenant;

    if (d->session_ttl_us <= 0 || cleanup->sessions_stay)
        return true;
    if (!sql_tenant(d, op->tenant, false, &tenant, err) || !find_expired(d, op, tenant, &f, err))
        return false;
    for (size_t i = 0; i < f.n; i++)
        cleanup->out.removed += f.items[i].row.s.gen > f.items[i].row.s.tomb;
    if (!bury_sessions(d, op, f.items, f.n, err))
        return false;
    for (size_t i = 0; i < f.n; i++)
        if (!tell(d, op, &f.items[i], err))
            return false;
    cleanup->out.more = f.more;
    return true;
}

/* Runs one of the statements below; *more if there may be others to remove. */
static bool collect_old(struct query *q, int64_t limit, bool *more, struct err *err)
{
    int64_t changes;

    query_int(q, limit);
    if (!query_change(q, &changes, err))
        return false;
    *more = changes == limit;
    return true;
}

/* Tombstones of sessions lie next to each other in their index. */
static bool forget_sessions(struct sql *d, int64_t before_us, int64_t limit, bool *more,
                            struct err *err)
{
    struct query q;

    if (!query_begin(d, SQL_SESSION_COLLECT, &q, err))
        return false;
    query_int(&q, -1 - row_minute(before_us));
    query_int(&q, before_us << STAMP_NODE_BITS);
    return collect_old(&q, limit, more, err);
}

static bool forget_keys(struct sql *d, int64_t before_us, int64_t limit, bool *more,
                        struct err *err)
{
    struct query q;

    if (!query_begin(d, SQL_REPEAT_COLLECT, &q, err))
        return false;
    query_int(&q, before_us);
    return collect_old(&q, limit, more, err);
}

/* Finds empty threads that were deleted before; where others write to the store too, it locks them. */
static bool find_threads(struct sql *d, struct op *op, int64_t before_us, int64_t *ids, size_t *n,
                         struct err *err)
{
    AUTO(query_end) struct query q = {0};
    bool found;

    if (!query_begin(d, SQL_THREAD_OLD, &q, err))
        return false;
    query_int(&q, before_us << STAMP_NODE_BITS);
    query_int(&q, op->cleanup.limit);
    for (*n = 0;; ids[(*n)++] = query_col_int(&q, 0)) {
        if (!query_step(&q, &found, err))
            return false;
        if (!found)
            return true;
    }
}

/* Two statements, as one sees the store as it was when it began: the one that finds threads may not see
 * what was put into them before it locked them. */
static bool collect_threads(struct sql *d, struct op *op, int64_t before_us, bool *more,
                            struct err *err)
{
    int64_t *ids = arena_alloc(op->arena, (size_t)op->cleanup.limit * sizeof(*ids));
    AUTO(query_end) struct query q = {0};
    size_t n;

    if (!ids)
        return err_no_memory(err);
    if (!find_threads(d, op, before_us, ids, &n, err))
        return false;
    *more = n == (size_t)op->cleanup.limit;
    return n == 0 || (load_begin_among(d, SQL_THREAD_COLLECT, ids, n, op->arena, &q, err) &&
                      query_run(&q, err));
}

/* Once no empty thread is left, threads that live again may forget their deletion, too. */
static bool forget_threads(struct sql *d, struct op *op, int64_t before_us, bool *more,
                           struct err *err)
{
    struct query q;

    if (!collect_threads(d, op, before_us, more, err))
        return false;
    if (*more)
        return true;
    if (!query_begin(d, SQL_THREAD_FORGET, &q, err))
        return false;
    query_int(&q, before_us << STAMP_NODE_BITS);
    return query_run(&q, err);
}

/* Discards copies of threads that were not finished. */
static bool forget_copies(struct sql *d, int64_t before_us, struct err *err)
{
    for (;;) {
        int64_t thread = 0;

        if (!query_number(d, SQL_COPY_BROKEN, (int64_t[]){before_us, 0}, &thread, err))
            return false;
        if (thread == 0)
            return true;
        if (!garbage_thread(d, thread, err) || !query_do(d, SQL_THREAD_FORGO, thread, 0, err))
            return false;
    }
}

/* Removes tombstones and idempotency keys that nothing can refer to any more. */
static bool forget(struct sql *d, struct op *op, struct err *err)
{
    int64_t limit = op->cleanup.limit, before_us = op->now_us - COLLECT_AFTER_US;
    bool sessions, keys, threads;

    if (before_us <= 0)
        return true;
    if (!forget_copies(d, before_us, err) ||
        !forget_sessions(d, before_us, limit, &sessions, err) ||
        !forget_keys(d, before_us, limit, &keys, err) ||
        !forget_threads(d, op, before_us, &threads, err))
        return false;
    op->cleanup.out.more |= sessions || keys || threads;
    return true;
}

static bool clean_expired(struct sql *d, struct op *op, struct err *err)
{
    return remove_expired(d, op, err) && forget(d, op, err) &&
           sql_checkpoints_clean(d, op, op->now_us - COLLECT_AFTER_US, err);
}

bool sql_cleanup(struct sql *d, struct op *op, struct err *err)
{
    if (op->progress)
        return op->cleanup.expired ? removal_go_on(d, op, op->progress, err)
                                   : garbage_finish(d, op, err);
    memset(&op->cleanup.out, 0, sizeof(op->cleanup.out));
    if (op->cleanup.expired)
        return clean_expired(d, op, err);
    return clean_idle(d, op, err) && garbage_finish(d, op, err);
}

/* Reads one row of totals of a tenant; bounds[1] is a time, for statements that have it. */
static bool count(struct sql *d, enum sql_statement which, const int64_t *bounds, int64_t out[2],
                  struct err *err)
{
    AUTO(query_end) struct query q = {0};
    bool found;

    if (!query_begin(d, which, &q, err))
        return false;
    for (int i = 0; i < query_parameters(&q); i++)
        query_int(&q, bounds[i]);
    if (!query_step(&q, &found, err))
        return false;
    out[0] = query_col_int(&q, 0);
    out[1] = query_col_int(&q, 1);
    return true;
}

bool sql_stats(struct sql *d, struct op *op, struct err *err)
{
    bool ages = d->checkpoint_ttl_us > 0;
    int64_t sessions[2], messages[2], checkpoints[2], tenant;

    if (!sql_tenant(d, op->tenant, false, &tenant, err) ||
        !count(d, SQL_STATS_SESSIONS,
               (int64_t[]){tenant, clock_expired_us(d->session_ttl_us, op->now_us)}, sessions,
               err) ||
        !count(d, SQL_STATS_MESSAGES,
               (int64_t[]){tenant, clock_expired_us(d->session_ttl_us, op->now_us)}, messages,
               err) ||
        !count(d, ages ? SQL_STATS_CHECKPOINTS_TTL : SQL_STATS_CHECKPOINTS,
               (int64_t[]){tenant, op->now_us - d->checkpoint_ttl_us}, checkpoints, err))
        return false;
    op->stats.out.sessions = sessions[0];
    op->stats.out.active_sessions = sessions[1];
    op->stats.out.messages = messages[0];
    op->stats.out.checkpoints = checkpoints[0];
    return true;
}

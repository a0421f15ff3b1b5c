/* redis_cleanup.c - clean-up and totals; see op_service.h. */
#include <stdlib.h>

#include "clock.h"
#include "copies.h"
#include "redis_each.h"
#include "redis_lasting.h"
#include "redis_removal.h"
#include "redis_rows.h"
#include "redis_ops.h"
#include "redis_pair.h"
#include "redis_used.h"

enum { THREADS_MAX = 1000, TOMBS_MAX = 10000, BUCKETS_AT_ONCE = 64 };

static const char *const of_sessions[] = {"active", "loose"};

/* Indexes whose scores are times, and the latest time that is wanted. */
struct indexes {
    const char *const *kinds;
    size_t n_kinds;
    int64_t bound;
};

struct found {
    struct slice *ids;
    size_t n, cap;
    bool more;
};

/* Members of the indexes in some buckets whose score is at or below the bound, until there are `limit`.
 * Each index gives its share at most; out->more: one had more. */
static bool find_in(struct call *c, const struct indexes *in, const unsigned *buckets, size_t n,
                    size_t limit, struct found *out, struct err *err)
{
    size_t share = (limit - out->n) * 2 / (n * in->n_kinds) + 1;
    struct reply **replies;

    for (size_t i = 0; i < n * in->n_kinds; i++)
        ASK(c, SLICE("ZRANGEBYSCORE"),
            call_index_at(c, in->kinds[i % in->n_kinds], buckets[i / in->n_kinds]), SLICE("-inf"),
            call_number(c, in->bound), SLICE("LIMIT"), SLICE("0"),
            call_number(c, (int64_t)share + 1));
    if (!call_answers(c, &replies, err))
        return false;
    for (size_t i = 0; i < n * in->n_kinds; i++) {
        for (size_t k = 0; k < replies[i]->n; k++) {
            void *grown;

            if (out->n == limit || k == share) {
                out->more = true;
                break;
            }
            grown = arena_grow(c->arena, out->ids, out->n, sizeof(*out->ids), &out->cap);
            if (!grown)
                return err_no_memory(err);
            out->ids = grown;
            out->ids[out->n++] = replies[i]->items[k]->text;
        }
    }
    return true;
}

/* The same over all buckets of the tenant, some at a time, so that little is read in vain. */
static bool find(struct call *c, const struct indexes *in, size_t limit, struct found *out,
                 struct err *err)
{
    unsigned *buckets;
    size_t n;

    *out = (struct found){0};
    if (!used_buckets(c, c->tenant, &buckets, &n, err))
        return false;
    for (size_t i = 0; i < n; i += BUCKETS_AT_ONCE) {
        if (out->n == limit) {
            out->more = true;
            break;
        }
        if (!find_in(c, in, buckets + i, n - i < BUCKETS_AT_ONCE ? n - i : BUCKETS_AT_ONCE, limit,
                     out, err))
            return false;
    }
    return true;
}

/* The hash of the session was lost, perhaps by an expiry of Redis (redis_lasting.h): removes what is left of it,
 * and what the indexes still say; redis_lists.c sees to the set of its user. Additions that the other store has
 * yet to count, and what is missing here, are not of the session alone. */
static bool unindex(struct call *c, struct err *err)
{
    static const char *const kinds[] = {"active", "loose", "tombs", "sessions"};

    if (!redis_row_empty(c, err))
        return false;
    call_guard(c, call_key(c, "session"), (struct slice){NULL, 0});
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        CHANGE(c, SLICE("ZREM"), call_index(c, kinds[i]), c->id);
    return call_commit(c, err);
}

struct idle {
    int64_t bound; /* only sessions that were last active at this time or before */
    int64_t removed;
};

/* Removes a session, unless it has become active since the index was read. */
static bool remove_idle(struct call *c, void *arg, struct err *err)
{
    struct idle *idle = arg;
    bool threads = !c->op->cleanup.expired;
    struct session_row row;
    struct reply **replies;
    size_t copies = c->op->n_copies;
    int64_t stored, stamp;
    bool live;

    redis_row_ask(c, false);
    if (!call_answers(c, &replies, err) || !redis_row_take(c, replies[0], &row, err))
        return false;
    if (!row.s.stored)
        return unindex(c, err);
    if (row.s.hollow || row.s.active_us > idle->bound)
        return true;
    live = threads ? session_state_live(&row.s, c->d->session_ttl_us, c->op->now_us)
                   : row.s.gen > row.s.tomb;
    stored = session_state_stamp(&row.s) > row.content_stamp ? session_state_stamp(&row.s)
                                                             : row.content_stamp;
    if (!op_stamp_above(c->op, stored, &stamp, err) || !redis_row_remove(c, &row, stamp, err) ||
        !redis_row_store(c, &row, err) || !copies_session(c->op, c->id, &row.s, err) ||
        !redis_pending_delete(c, stamp, err) ||
        (live && threads && !redis_thread_remove(c, stamp, err)) || !call_commit(c, err))
        return false;
    if (!slice_equal(c->tenant, c->op->tenant)) /* copies are of op->tenant; the outbox has to do
                                                   for others */
        c->op->n_copies = c->entered = copies;
    idle->removed += live;
    return true;
}

/* Removes idle sessions of a tenant, at most *left, which it lowers. */
static bool clean_sessions(struct call *c, struct slice tenant, int64_t bound, size_t *left,
                           struct err *err)
{
    const struct indexes in = {of_sessions, COUNT_OF(of_sessions), bound};
    struct op_cleanup *cleanup = &c->op->cleanup;
    struct idle idle = {.bound = bound};
    struct found f;
    bool ok;

    c->tenant = tenant;
    if (!find(c, &in, *left, &f, err))
        return false;
    ok = redis_each(c, tenant, f.ids, f.n, remove_idle, &idle, err);
    cleanup->out.removed += idle.removed;
    if (!ok)
        return false;
    *left -= f.n;
    cleanup->out.more |= f.more;
    return true;
}

/* Drops the tombstone of a deleted session once no repeated request can ask for it any more. */
static bool forget_session(struct call *c, void *arg, struct err *err)
{
    int64_t before_us = *(const int64_t *)arg;
    struct session_row row;
    struct reply **replies;

    redis_row_ask(c, false);
    if (!call_answers(c, &replies, err) || !redis_row_take(c, replies[0], &row, err))
        return false;
    if (!row.s.stored)
        return unindex(c, err);
    if (!row.s.hollow || stamp_us(row.s.tomb) >= before_us)
        return true;
    call_guard(c, call_key(c, "session"), row.rev);
    CHANGE(c, SLICE("DEL"), call_key(c, "session"));
    CHANGE(c, SLICE("ZREM"), call_index(c, "tombs"), c->id);
    CHANGE(c, SLICE("ZREM"), call_index(c, "sessions"), c->id);
    return call_commit(c, err);
}

/* Drops the tombstone of a thread. A thread that lives again forgets only when it was deleted. */
static bool forget_thread(struct call *c, void *arg, struct err *err)
{
    int64_t before_us = *(const int64_t *)arg;
    struct thread_row thread;

    if (!redis_thread_read(c, &thread, err))
        return false;
    if (stamp_us(thread.tomb) >= before_us)
        return true;
    thread.tomb = 0;
    if (thread.n > 0)
        return redis_thread_store(c, &thread, NULL, err) && call_commit(c, err);
    call_guard(c, call_key(c, "thread"), thread.rev);
    CHANGE(c, SLICE("DEL"), call_key(c, "thread"));
    CHANGE(c, SLICE("ZREM"), call_index(c, "thread-tombs"), c->id);
    CHANGE(c, SLICE("ZREM"), call_index(c, "threads"), c->id);
    return call_commit(c, err);
}

/* before_us: tombstones of an earlier time go. more: the limit was met. */
struct forgetting {
    int64_t before_us;
    size_t limit; /* of each kind */
    bool more;
};

/* Drops old tombstones of a tenant. */
static bool forget(struct call *c, struct slice tenant, struct forgetting *f, struct err *err)
{
    static const struct {
        const char *kind;
        redis_one *one;
    } kinds[] = {{"tombs", forget_session}, {"thread-tombs", forget_thread}};
    struct found found;

    for (size_t k = 0; k < COUNT_OF(kinds); k++) {
        const struct indexes in = {&kinds[k].kind, 1, f->before_us - 1};

        c->tenant = tenant;
        if (!find(c, &in, f->limit, &found, err) ||
            !redis_each(c, tenant, found.ids, found.n, kinds[k].one, &f->before_us, err))
            return false;
        f->more |= found.more;
    }
    return true;
}

/* Removes expired checkpoints and writes of a tenant, thread by thread. */
static bool clean_threads(struct call *c, struct slice tenant, struct err *err)
{
    static const char *const kinds[] = {"created", "places"};
    const struct indexes in = {kinds, COUNT_OF(kinds),
                               clock_expired_us(c->d->checkpoint_ttl_us, c->op->now_us)};
    struct slice parts[3], last = {NULL, 0};
    struct found f;

    c->tenant = tenant;
    if (!find(c, &in, THREADS_MAX, &f, err))
        return false;
    for (size_t i = 0; i < f.n; i++) {
        int tries = 0;

        if (!redis_split(f.ids[i], parts, COUNT_OF(parts), c->arena))
            return err_no_memory(err);
        if (slice_present(last) && slice_equal(last, parts[0]))
            continue;
        last = parts[0];
        call_at(c, tenant, last);
        while (!redis_removal_expired(c, err))
            if (!call_again(c, &tries))
                return false;
    }
    c->op->cleanup.out.more |= f.more;
    return true;
}

static bool clean_tenant(struct call *c, struct slice tenant, size_t *left, struct err *err)
{
    int64_t expired_us = clock_expired_us(c->d->session_ttl_us, c->op->now_us);
    struct forgetting f = {c->op->now_us - COLLECT_AFTER_US, (size_t)c->op->cleanup.limit, false};

    if (c->d->session_ttl_us > 0 && !c->op->cleanup.sessions_stay &&
        !clean_sessions(c, tenant, expired_us, left, err))
        return false;
    if (c->op->now_us > COLLECT_AFTER_US && !forget(c, tenant, &f, err))
        return false;
    c->op->cleanup.out.more |= f.more;
    return c->d->checkpoint_ttl_us <= 0 || clean_threads(c, tenant, err);
}

static bool clean(struct call *c, struct err *err)
{
    struct op_cleanup *cleanup = &c->op->cleanup;
    size_t left = (size_t)cleanup->limit, n;
    struct slice *tenants;

    cleanup->out.more = false;
    if (!cleanup->expired)
        return clean_sessions(c, c->op->tenant, cleanup->idle_us, &left, err);
    if (!redis_lasting(c, err) || !used_tenants(c, &tenants, &n, err))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!clean_tenant(c, tenants[i], &left, err))
            return false;
    return true;
}

/* What was removed before the op was fenced stays removed: the op comes again with a newer stamp and goes
 * on counting. After any other failure the count starts anew. */
bool redis_cleanup(struct call *c, struct op *op, struct err *err)
{
    bool ok = clean(c, err);

    if (!ok && err->kind != ERR_FENCED)
        op->cleanup.out.removed = 0;
    return ok;
}

/* Whether the tenant has neither sessions nor threads left in these buckets. */
static bool is_empty(struct call *c, const unsigned *buckets, size_t n, bool *empty,
                     struct err *err)
{
    struct reply **replies;

    for (size_t i = 0; i < n; i++) {
        ASK(c, SLICE("ZCARD"), call_index_at(c, "sessions", buckets[i]));
        ASK(c, SLICE("ZCARD"), call_index_at(c, "threads", buckets[i]));
    }
    if (!call_answers(c, &replies, err))
        return false;
    *empty = true;
    for (size_t i = 0; i < 2 * n; i++)
        *empty &= replies[i]->number == 0;
    return true;
}

bool redis_tenant_forget(struct call *c, struct op *op, struct err *err)
{
    struct reply **replies;
    unsigned *buckets;
    struct forgetting f = {INT64_MAX, TOMBS_MAX, false};
    size_t n;

    if (!forget(c, op->tenant, &f, err) || !used_buckets(c, op->tenant, &buckets, &n, err) ||
        !is_empty(c, buckets, n, &op->tenant_forget.out.removed, err))
        return false;
    if (!op->tenant_forget.out.removed)
        return true;
    for (size_t i = 0; i < n; i++)
        ASK(c, SLICE("DEL"), call_index_at(c, "totals", buckets[i]));
    c->tenant = op->tenant;
    return call_answers(c, &replies, err) && used_drop(c, err);
}

/* Some buckets of a tenant; sessions last active at `bound` or before have expired. */
struct expired {
    const unsigned *buckets;
    size_t n;
    int64_t bound;
};

/* Subtracts from the totals what they count of sessions that have expired but are still stored. */
static bool subtract_in(struct call *c, void *arg, struct err *err)
{
    const struct expired *e = arg;
    const struct indexes in = {of_sessions, COUNT_OF(of_sessions), e->bound};
    struct op_stats *stats = &c->op->stats;
    struct found f = {0};
    struct reply **replies;

    if (!find_in(c, &in, e->buckets, e->n, INT32_MAX, &f, err))
        return false;
    for (size_t i = 0; i < f.n; i++) {
        call_at(c, c->op->tenant, f.ids[i]);
        ASK(c, SLICE("HLEN"), call_key(c, "messages"));
        ASK(c, SLICE("HMGET"), call_key(c, "session"), SLICE("gen"), SLICE("status"));
    }
    if (!call_answers(c, &replies, err))
        return false;
    for (size_t i = 0; i < f.n; i++) {
        struct reply **fields = replies[2 * i + 1]->items;

        stats->out.messages -= replies[2 * i]->number;
        stats->out.active_sessions -= redis_number(fields[0]->text) > 0 &&
                                      slice_equal(fields[1]->text, SLICE("active"));
    }
    return true;
}

static bool subtract_expired(struct call *c, const unsigned *buckets, size_t n, int64_t bound,
                             struct err *err)
{
    for (size_t i = 0; i < n; i += BUCKETS_AT_ONCE) {
        struct expired e = {buckets + i, n - i < BUCKETS_AT_ONCE ? n - i : BUCKETS_AT_ONCE, bound};

        if (!call_apart(c, subtract_in, &e, err))
            return false;
    }
    return true;
}

static struct slice above(struct call *c, int64_t bound)
{
    return bound == INT64_MIN ? SLICE("-inf") : call_concat(c, SLICE("("), call_number(c, bound));
}

bool redis_stats(struct call *c, struct op *op, struct err *err)
{
    int64_t expired_us = clock_expired_us(c->d->session_ttl_us, op->now_us);
    struct op_stats *stats = &op->stats;
    struct reply **replies;
    unsigned *buckets;
    size_t n;

    memset(&stats->out, 0, sizeof(stats->out));
    c->tenant = op->tenant;
    if (!used_buckets(c, op->tenant, &buckets, &n, err))
        return false;
    for (size_t i = 0; i < n; i++) {
        ASK(c, SLICE("ZCOUNT"), call_index_at(c, "active", buckets[i]), above(c, expired_us),
            SLICE("+inf"));
        ASK(c, SLICE("ZCOUNT"), call_index_at(c, "created", buckets[i]),
            above(c, clock_expired_us(c->d->checkpoint_ttl_us, op->now_us)), SLICE("+inf"));
        ASK(c, SLICE("HMGET"), call_index_at(c, "totals", buckets[i]), SLICE("messages"),
            SLICE("active"));
    }
    if (!call_answers(c, &replies, err))
        return false;
    for (size_t i = 0; i < n; i++) {
        stats->out.sessions += replies[3 * i]->number;
        stats->out.checkpoints += replies[3 * i + 1]->number;
        stats->out.messages += redis_number(replies[3 * i + 2]->items[0]->text);
        stats->out.active_sessions += redis_number(replies[3 * i + 2]->items[1]->text);
    }
    return c->d->session_ttl_us <= 0 || subtract_expired(c, buckets, n, expired_us, err);
}

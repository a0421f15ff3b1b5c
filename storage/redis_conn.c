/* redis_conn.c - see redis_conn.h. */
#include "redis_conn.h"

#include <errno.h>
#include <stdlib.h>

#include "clock.h"
#include "lookup.h"

#define PAUSE_FIRST_NS INT64_C(100000000)
#define PAUSE_MAX_NS INT64_C(5000000000)

static struct reply *reply_new(const redisReadTask *task, enum reply_type type)
{
    struct conn *c = task->privdata;
    struct reply *r = arena_zalloc(c->arena, 1, sizeof(*r));

    if (!r)
        return NULL;
    r->type = type;
    if (task->parent)
        ((struct reply *)task->parent->obj)->items[task->idx] = r;
    return r;
}

static void *create_string(const redisReadTask *task, char *text, size_t len)
{
    struct conn *c = task->privdata;
    struct reply *r = reply_new(task, task->type == REDIS_REPLY_ERROR    ? REPLY_ERROR
                                      : task->type == REDIS_REPLY_STATUS ? REPLY_STATUS
                                                                         : REPLY_TEXT);

    if (!r)
        return NULL;
    r->text = arena_copy(c->arena, (struct slice){text, len});
    return r->text.at ? r : NULL;
}

static void *create_array(const redisReadTask *task, int n)
{
    struct conn *c = task->privdata;
    struct reply *r = reply_new(task, REPLY_LIST);

    if (!r)
        return NULL;
    r->n = n > 0 ? (size_t)n : 0;
    r->items = arena_zalloc(c->arena, r->n, sizeof(struct reply *));
    return r->items ? r : NULL;
}

static void *create_integer(const redisReadTask *task, long long n)
{
    struct reply *r = reply_new(task, REPLY_INTEGER);

    if (r)
        r->number = n;
    return r;
}

static void *create_nil(const redisReadTask *task)
{
    return reply_new(task, REPLY_NIL);
}

static void free_nothing(void *reply UNUSED)
{
}

/* Replies are made in the arena of whoever takes them, so hiredis has nothing to free. */
static redisReplyObjectFunctions in_arena = {
    create_string, create_array, create_integer, create_nil, free_nothing,
};

/* Says how contact was lost. `silent`: the server was slow, not gone, so trying again at once is useless. */
static bool contact_lost(struct conn *c, struct err *err)
{
    const redisContext *r = c->redis;

    c->silent = r->err == REDIS_ERR_IO && (errno == EAGAIN || errno == EWOULDBLOCK);
    if (c->silent)
        return err_set(err, ERR_UNAVAILABLE, "redis: no answer within %lld ms",
                       (long long)(c->timeout_us / 1000));
    return err_set(err, ERR_UNAVAILABLE, "redis: %s", r->errstr[0] ? r->errstr : "contact lost");
}

bool conn_refused(const struct reply *reply, struct err *err)
{
    static const struct {
        const char *starts;
        enum err_kind kind;
        const char *text;
    } known[] = {
        {"OOM ", ERR_UNAVAILABLE, "redis: its memory is full (maxmemory)"},
        {"LOADING ", ERR_UNAVAILABLE, "redis: it is still loading its data"},
        {"READONLY ", ERR_UNAVAILABLE, "redis: it is a read-only replica"},
        {"MASTERDOWN ", ERR_UNAVAILABLE, "redis: it is a replica without its master"},
        {"MISCONF ", ERR_UNAVAILABLE, "redis: it cannot write to its disk"},
        {"NOREPLICAS ", ERR_UNAVAILABLE, "redis: it has too few replicas to write"},
        {"BUSY ", ERR_UNAVAILABLE, "redis: a script keeps it busy"},
        {"CLUSTERDOWN ", ERR_UNAVAILABLE, "redis: the cluster is down"},
        {"MOVED ", ERR_UNAVAILABLE,
         "redis: this is a node of a cluster, which needs its own client"},
        {"ASK ", ERR_UNAVAILABLE, "redis: this is a node of a cluster, which needs its own client"},
        {"WRONGTYPE ", ERR_DAMAGED, "redis: a key of a record holds another type than it should"},
        {"NOAUTH ", ERR_CONFIG, "redis: it wants a password"},
        {"WRONGPASS ", ERR_CONFIG, "redis: user or password is wrong"},
        {"NOPERM ", ERR_CONFIG, "redis: this user has not the permissions that are needed"},
        {"ERR max number of clients", ERR_UNAVAILABLE, "redis: it has too many clients"},
        {"ERR DB index", ERR_CONFIG, "redis: there is no database of this number"},
        {"ERR AUTH", ERR_CONFIG, "redis: it has no password, but one was given"},
        {"ERR Client sent AUTH", ERR_CONFIG, "redis: it has no password, but one was given"},
    };

    for (size_t i = 0; i < COUNT_OF(known); i++)
        if (slice_starts(reply->text, slice_of(known[i].starts)))
            return err_set(err, known[i].kind, "%s", known[i].text);
    return err_set(err, ERR_STORAGE, "redis: %.*s",
                   (int)(reply->text.len < 100 ? reply->text.len : 100), reply->text.at);
}

void conn_close(struct conn *c)
{
    if (c->redis)
        redisFree(c->redis);
    c->redis = NULL;
}

void conn_drop(struct conn *c, const struct err *why)
{
    int64_t pause = c->pause_ns;

    conn_close(c);
    c->why = *why;
    if (pause == 0) { /* this connection was open: the next try needs no pause */
        c->retry_ns = 0;
        c->pause_ns = PAUSE_FIRST_NS;
        return;
    }
    c->retry_ns = clock_now_ns() + pause / 2 + random() % (pause / 2);
    c->pause_ns = pause * 2 < PAUSE_MAX_NS ? pause * 2 : PAUSE_MAX_NS;
}

bool conn_put(struct conn *c, const struct slice *args, size_t n, struct arena *scratch,
              struct err *err)
{
    const char **at = arena_alloc(scratch, n * sizeof(*at));
    size_t *lens = arena_alloc(scratch, n * sizeof(*lens));

    if (!at || !lens)
        return err_no_memory(err);
    for (size_t i = 0; i < n; i++) {
        at[i] = args[i].at;
        lens[i] = args[i].len;
    }
    if (redisAppendCommandArgv(c->redis, (int)n, at, lens) != REDIS_OK)
        return err_no_memory(err);
    return true;
}

bool conn_send(struct conn *c, struct err *err)
{
    int done = 0;

    c->trips++;
    do {
        errno = 0;
        if (redisBufferWrite(c->redis, &done) != REDIS_OK) {
            contact_lost(c, err);
            conn_drop(c, err);
            return false;
        }
    } while (!done);
    return true;
}

bool conn_take(struct conn *c, struct arena *arena, struct reply **out, struct err *err)
{
    void *reply = NULL;

    c->arena = arena;
    for (;;) {
        if (redisReaderGetReply(c->redis->reader, &reply) != REDIS_OK) {
            err_fill(err, ERR_UNAVAILABLE, "redis: %s", c->redis->reader->errstr);
            conn_drop(c, err);
            return false;
        }
        if (reply)
            break;
        errno = 0;
        if (redisBufferRead(c->redis) != REDIS_OK) {
            contact_lost(c, err);
            conn_drop(c, err);
            return false;
        }
    }
    *out = reply;
    return true;
}

static bool ask(struct conn *c, const struct slice *args, size_t n, struct err *err)
{
    struct arena scratch = {0};
    struct reply *reply;
    bool ok = conn_put(c, args, n, &scratch, err) && conn_send(c, err) &&
              conn_take(c, &scratch, &reply, err) &&
              (reply->type != REPLY_ERROR || conn_refused(reply, err));

    arena_done(&scratch);
    return ok;
}

static bool greet(struct conn *c, struct err *err)
{
    struct slice user = slice_of(c->url.user), password = slice_of(c->url.password);
    char db[16];

    if (user.len > 0 && !ask(c, (struct slice[]){SLICE("AUTH"), user, password}, 3, err))
        return false;
    if (user.len == 0 && password.len > 0 &&
        !ask(c, (struct slice[]){SLICE("AUTH"), password}, 2, err))
        return false;
    snprintf(db, sizeof(db), "%d", c->url.db);
    if (c->url.db > 0 && !ask(c, (struct slice[]){SLICE("select"), slice_of(db)}, 2, err))
        return false;
    return ask(c, (struct slice[]){SLICE("PING")}, 1, err);
}

static struct timeval until(int64_t end_ns)
{
    int64_t left_us = (end_ns - clock_now_ns()) / 1000;

    if (left_us < 1000)
        left_us = 1000;
    return (struct timeval){.tv_sec = left_us / 1000000, .tv_usec = left_us % 1000000};
}

/* Tries the addresses of a host that has a name, first another than last time: that may have hung. */
static redisContext *dial_named(struct conn *c, const struct lookup *host, int64_t end_ns)
{
    redisContext *r = NULL;
    size_t n = 0;

    while (lookup_address(host, n))
        n++;
    for (size_t i = 0; i < n && (!r || (r->err && clock_now_ns() < end_ns)); i++) {
        if (r)
            redisFree(r);
        r = redisConnectWithTimeout(lookup_address(host, (c->failures + i) % n), c->url.port,
                                    until(end_ns));
    }
    return r;
}

/* hiredis would wait for the name servers as long as they like. */
static bool dial_host(struct conn *c, int64_t end_ns, struct err *err)
{
    struct lookup *host;
    bool ok;

    if (lookup_is_address(c->url.host)) {
        c->redis = redisConnectWithTimeout(c->url.host, c->url.port, until(end_ns));
        return c->redis || err_no_memory(err);
    }
    host = lookup_begin(c->url.host);
    if (!host)
        return err_no_memory(err);
    if (lookup_wait(host, c->timeout_us / 2000) && lookup_address(host, 0)) {
        c->redis = dial_named(c, host, end_ns);
        ok = c->redis || err_no_memory(err);
    } else
        ok = err_set(err, ERR_UNAVAILABLE, "redis: %s", lookup_reason(host));
    lookup_end(host);
    return ok;
}

static bool dial(struct conn *c, struct err *err)
{
    struct timeval t = {.tv_sec = c->timeout_us / 1000000, .tv_usec = c->timeout_us % 1000000};

    if (!c->url.port) {
        c->redis = redisConnectUnixWithTimeout(c->url.host, t);
        if (!c->redis)
            return err_no_memory(err);
    } else if (!dial_host(c, clock_now_ns() + c->timeout_us * 1000, err))
        return false;
    if (c->redis->err)
        return err_set(err, ERR_UNAVAILABLE, "redis: cannot connect: %s", c->redis->errstr);
    if (redisSetTimeout(c->redis, t) != REDIS_OK)
        return err_set(err, ERR_UNAVAILABLE, "redis: %s", c->redis->errstr);
    c->redis->reader->fn = &in_arena;
    c->redis->reader->privdata = c;
    return greet(c, err);
}

bool conn_ready(struct conn *c, bool *fresh, struct err *err)
{
    *fresh = false;
    if (c->redis)
        return true;
    if (c->retry_ns && clock_now_ns() < c->retry_ns) {
        *err = c->why;
        return false;
    }
    if (!dial(c, err)) {
        struct err why = *err;

        c->failures++;
        c->pause_ns = c->pause_ns ? c->pause_ns : PAUSE_FIRST_NS;
        conn_drop(c, &why);
        return false;
    }
    c->pause_ns = 0;
    c->times++;
    *fresh = true;
    return true;
}

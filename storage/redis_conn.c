/* redis_conn.c - see redis_conn.h. */
#include "redis_conn.h"

#include <errno.h>
#include <fcntl.h>
#include <hiredis/sds.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "backend.h"
#include "clock.h"
#include "redis_dial.h"

enum { READ_SIZE = 1 << 14 }; /* a record of TLS */

#define PAUSE_FIRST_NS (100 * MS_NS)
#define PAUSE_MAX_NS (5 * S_NS)
#define LEFT_NS S_NS /* a request must not cost a connection each */

/* Stands for what the arena has no room for: hiredis reads on, so that the replies behind it are not lost. */
static struct reply no_room;

/* NULL: a part of the reply at hand had no room. */
static struct reply *reply_new(const redisReadTask *task, enum reply_type type)
{
    struct conn *c = task->privdata;
    struct reply *r = c->no_room ? NULL : arena_zalloc(c->arena, 1, sizeof(*r));

    if (!r)
        return NULL;
    r->type = type;
    if (task->parent)
        ((struct reply *)task->parent->obj)->items[task->idx] = r;
    return r;
}

static void *kept(const redisReadTask *task, struct reply *r, bool whole)
{
    struct conn *c = task->privdata;

    c->no_room |= !whole;
    return c->no_room ? &no_room : r;
}

static void *create_string(const redisReadTask *task, char *text, size_t len)
{
    struct conn *c = task->privdata;
    struct reply *r = reply_new(task, task->type == REDIS_REPLY_ERROR    ? REPLY_ERROR
                                      : task->type == REDIS_REPLY_STATUS ? REPLY_STATUS
                                                                         : REPLY_TEXT);

    if (r)
        r->text = arena_copy(c->arena, (struct slice){text, len});
    return kept(task, r, r && r->text.at);
}

static void *create_array(const redisReadTask *task, int n)
{
    struct conn *c = task->privdata;
    struct reply *r = reply_new(task, REPLY_LIST);

    if (r) {
        r->n = n > 0 ? (size_t)n : 0;
        r->items = arena_zalloc(c->arena, r->n, sizeof(struct reply *));
    }
    return kept(task, r, r && r->items);
}

static void *create_integer(const redisReadTask *task, long long n)
{
    struct reply *r = reply_new(task, REPLY_INTEGER);

    if (r)
        r->number = n;
    return kept(task, r, r != NULL);
}

static void *create_nil(const redisReadTask *task)
{
    struct reply *r = reply_new(task, REPLY_NIL);

    return kept(task, r, r != NULL);
}

static void free_nothing(void *reply UNUSED)
{
}

/* Replies are made in the arena of whoever takes them, so hiredis has nothing to free. */
static redisReplyObjectFunctions in_arena = {
    create_string, create_array, create_integer, create_nil, free_nothing,
};

/* Says how contact was lost; looks at errno, so nothing may come in between. `silent`: the server was slow, not
 * gone, so trying again at once is useless. */
static bool contact_lost(struct conn *c, struct err *err)
{
    const char *complaint = tls_complaint(c->tls);
    const redisContext *r = c->redis;

    c->silent = (c->tls || r->err == REDIS_ERR_IO) && (errno == EAGAIN || errno == EWOULDBLOCK);
    c->refused = complaint != NULL;
    if (c->silent)
        return err_set(err, ERR_UNAVAILABLE, "redis: no answer within %lld ms",
                       (long long)(c->timeout_us / 1000));
    if (complaint)
        return err_set(err, ERR_UNAVAILABLE, "redis: no connection by TLS: %s", complaint);
    return err_set(err, ERR_UNAVAILABLE, "redis: %s", r->errstr[0] ? r->errstr : "contact lost");
}

void conn_close(struct conn *c)
{
    dial_end(c->dial);
    c->dial = NULL;
    tls_end(c->tls);
    c->tls = NULL;
    redisFree(c->redis);
    redisFree(c->coming);
    c->redis = c->coming = NULL;
    c->step = CONN_CLOSED;
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

void conn_leave(struct conn *c, const struct err *why)
{
    conn_drop(c, why);
    c->failures++;
    c->retry_ns = clock_now_ns() + LEFT_NS;
}

/* Makes room in the output buffer, which is NULL when memory ended after the last write. */
static bool make_room(redisContext *r, size_t len)
{
    sds room;

    if (!r->obuf)
        r->obuf = sdsempty();
    room = r->obuf ? sdsMakeRoomFor(r->obuf, len) : NULL;
    if (room)
        r->obuf = room;
    return room != NULL;
}

static char *put_count(char *at, char of, size_t n)
{
    return at + sprintf(at, "%c%zu\r\n", of, n);
}

bool conn_put(struct conn *c, const struct slice *args, size_t n, struct err *err)
{
    enum { COUNT_MAX = sizeof("$18446744073709551615\r\n") };
    size_t room = COUNT_MAX, had;
    char *at;

    for (size_t i = 0; i < n; i++)
        room += COUNT_MAX + args[i].len + strlen("\r\n");
    if (!make_room(c->redis, room))
        return err_no_memory(err);
    had = sdslen(c->redis->obuf);
    at = put_count(c->redis->obuf + had, '*', n);
    for (size_t i = 0; i < n; i++) {
        at = put_count(at, '$', args[i].len);
        if (args[i].len)
            memcpy(at, args[i].at, args[i].len);
        at = stpcpy(at + args[i].len, "\r\n");
    }
    sdssetlen(c->redis->obuf, (size_t)(at - c->redis->obuf));
    return true;
}

/* hiredis frees a buffer that it has sent, and looks at the new one only if asked whether it is done: there may be
 * no memory for it. */
static bool write_all(struct conn *c)
{
    redisContext *r = c->redis;

    if (c->tls && r->obuf) {
        if (!tls_write(c->tls, r->obuf, sdslen(r->obuf)))
            return false;
        sdsfree(r->obuf);
        r->obuf = NULL;
    }
    while (r->obuf && sdslen(r->obuf) > 0) {
        errno = 0;
        if (redisBufferWrite(r, NULL) != REDIS_OK)
            return false;
    }
    return true;
}

/* Gives a large buffer back. hiredis would do it, but aborts when there is no memory for a small one. */
static void shrink(redisReader *reader)
{
    sds small;

    if (reader->len > 0 || sdsavail(reader->buf) <= REDIS_READER_MAX_BUF)
        return;
    small = sdsempty();
    if (!small)
        return;
    sdsfree(reader->buf);
    reader->buf = small;
    reader->pos = 0;
}

/* As redisBufferRead(). */
static bool read_some(struct conn *c)
{
    char part[READ_SIZE];
    int n;

    shrink(c->redis->reader);
    errno = 0;
    if (!c->tls)
        return redisBufferRead(c->redis) == REDIS_OK;
    n = tls_read(c->tls, part, sizeof(part));
    return n > 0 && redisReaderFeed(c->redis->reader, part, (size_t)n) == REDIS_OK;
}

bool conn_send(struct conn *c, struct err *err)
{
    c->trips++;
    if (write_all(c))
        return true;
    contact_lost(c, err);
    conn_drop(c, err);
    return false;
}

bool conn_take(struct conn *c, struct arena *arena, struct reply **out, struct err *err)
{
    void *reply = NULL;

    c->arena = arena;
    c->no_room = false;
    for (;;) {
        if (redisReaderGetReply(c->redis->reader, &reply) != REDIS_OK) {
            err_fill(err, ERR_UNAVAILABLE, "redis: %s", c->redis->reader->errstr);
            conn_drop(c, err);
            return false;
        }
        if (reply)
            break;
        if (!read_some(c)) {
            contact_lost(c, err);
            conn_drop(c, err);
            return false;
        }
    }
    *out = reply;
    return !c->no_room || err_no_memory(err);
}

/* What the server is told first, all at once. The last is PING, which it answers when it works. */
static bool put_greeting(struct conn *c, size_t *n, struct err *err)
{
    struct slice user = slice_of(c->url.user), password = slice_of(c->url.password);
    struct slice auth[] = {SLICE("AUTH"), user, password};
    char db[16];

    *n = 1;
    if (user.len == 0)
        auth[1] = password;
    if (user.len > 0 || password.len > 0) {
        if (!conn_put(c, auth, user.len > 0 ? 3 : 2, err))
            return false;
        ++*n;
    }
    snprintf(db, sizeof(db), "%d", c->url.db);
    if (c->url.db > 0) {
        if (!conn_put(c, (struct slice[]){SLICE("select"), slice_of(db)}, 2, err))
            return false;
        ++*n;
    }
    return conn_put(c, (struct slice[]){SLICE("PING")}, 1, err);
}

static bool send_greeting(struct conn *c, struct err *err)
{
    struct timeval timeout = {.tv_sec = c->timeout_us / S_US, .tv_usec = c->timeout_us % S_US};
    int fd = c->redis->fd;

    if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK) != 0 ||
        redisSetTimeout(c->redis, timeout) != REDIS_OK)
        return err_set(err, ERR_UNAVAILABLE, "redis: cannot connect: %s", strerror(errno));
    return put_greeting(c, &c->greetings, err) && conn_send(c, err);
}

static bool take_greeting(struct conn *c, struct err *err)
{
    struct arena scratch = {0};
    struct reply *reply;
    bool ok = true;

    for (size_t i = 0; ok && i < c->greetings; i++)
        ok = conn_take(c, &scratch, &reply, err) &&
             (reply->type != REPLY_ERROR || conn_only_reads(reply) || conn_refused(reply, err));
    arena_done(&scratch);
    return ok;
}

static bool begin(struct conn *c, struct err *err)
{
    c->refused = false;
    c->end_ns = clock_now_ns() + c->timeout_us * 1000;
    c->dial = dial_begin(&c->url, c->timeout_us, c->failures, err);
    c->step = CONN_SOCKET;
    return c->dial != NULL;
}

static bool take_socket(struct conn *c, int64_t until_ns, bool *waits, struct err *err)
{
    int fd;

    if (!dial_go_on(c->dial, until_ns, &fd, waits, err))
        return false;
    dial_end(c->dial);
    c->dial = NULL;
    c->redis = redisConnectFd(fd);
    if (!c->redis) {
        close(fd);
        return err_no_memory(err);
    }
    c->redis->reader->fn = &in_arena;
    c->redis->reader->privdata = c;
    c->redis->reader->maxbuf = 0; /* shrink() does it */
    c->step = CONN_TLS;
    if (!c->url.tls)
        return true;
    c->tls = tls_new(fd, &c->url, err);
    return c->tls != NULL;
}

static bool agree_on_tls(struct conn *c, int64_t until_ns, bool *waits, struct err *err)
{
    int events;

    while (c->tls && !tls_shake(c->tls, &events, err)) {
        if (!events)
            return false;
        *waits = !dial_wait(c->redis->fd, events, until_ns);
        if (*waits)
            return false;
    }
    c->step = CONN_GREETING;
    return send_greeting(c, err);
}

static bool be_greeted(struct conn *c, int64_t until_ns, bool *waits, struct err *err)
{
    *waits = !dial_wait(c->redis->fd, POLLIN, until_ns);
    if (*waits)
        return err_set(err, ERR_UNAVAILABLE, "redis: no answer within %lld ms",
                       (long long)(c->timeout_us / 1000));
    if (!take_greeting(c, err))
        return false;
    c->step = CONN_OPEN;
    return true;
}

/* Opens the connection. False with *waits: it is not open yet, but may be later. */
static bool go_on(struct conn *c, bool *waits, struct err *err)
{
    int64_t soon_ns = clock_now_ns() + RECONNECT_MS * MS_NS;
    int64_t until_ns = c->patient || soon_ns > c->end_ns ? c->end_ns : soon_ns;
    bool ok = true;

    c->redis = c->coming;
    c->coming = NULL;
    if (c->step == CONN_SOCKET)
        ok = take_socket(c, until_ns, waits, err);
    if (ok && c->step == CONN_TLS)
        ok = agree_on_tls(c, until_ns, waits, err);
    if (ok && c->step == CONN_GREETING)
        ok = be_greeted(c, until_ns, waits, err);
    if (!ok && c->refused)
        err->kind = ERR_CONFIG;
    *waits = *waits && until_ns < c->end_ns;
    if (*waits) {
        c->coming = c->redis;
        c->redis = NULL;
    }
    return ok;
}

bool conn_ready(struct conn *c, bool *fresh, struct err *err)
{
    bool waits = false;

    *fresh = false;
    if (c->redis)
        return true;
    if (c->step == CONN_CLOSED && c->retry_ns && clock_now_ns() < c->retry_ns) {
        *err = c->why;
        return false;
    }
    if ((c->step == CONN_CLOSED && !begin(c, err)) || !go_on(c, &waits, err)) {
        struct err why = *err;

        if (waits)
            return false;
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

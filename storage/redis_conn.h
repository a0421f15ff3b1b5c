/*
 * redis_conn.h - one connection to a Redis: commands out, replies in.
 *
 *     conn_ready() -> conn_put() ... -> conn_send() -> conn_take() once for each conn_put()
 *
 * A connection that has failed is closed, and opened again by the next conn_ready() once a pause is
 * over; until then that fails at once.
 *
 * Threads    the lane's.
 * Ownership  replies live in the arena that is given to conn_take().
 * Units      *_us microseconds, *_ns monotonic nanoseconds.
 * Errors     ERR_UNAVAILABLE: no contact, or the server refuses to work. ERR_CONFIG: it refuses us.
 *            What is lost after it was sent is for the caller to judge.
 */
#ifndef REDIS_CONN_H
#define REDIS_CONN_H

#include <hiredis/hiredis.h>

#include "arena.h"
#include "redis_url.h"

enum reply_type { REPLY_NIL, REPLY_INTEGER, REPLY_TEXT, REPLY_STATUS, REPLY_ERROR, REPLY_LIST };

struct reply {
    enum reply_type type;
    int64_t number;
    struct slice text;
    struct reply **items; /* of a list */
    size_t n;
};

struct conn {
    redisContext *redis; /* NULL = closed */
    struct redis_url url;
    int64_t timeout_us;
    int64_t retry_ns, pause_ns; /* when closed: not before; and the next pause */
    unsigned times;             /* how often it was opened */
    int64_t trips;              /* how often something was sent */
    struct arena *arena;        /* while a reply is read */
    struct err why;             /* it is closed */
    bool silent;                /* it did not answer in time */
    unsigned failures;          /* how often it could not be opened */
};

/* Opens it if it is closed. *fresh: it was opened now. */
bool conn_ready(struct conn *c, bool *fresh, struct err *err) MUST_USE;

/* Puts a command behind those that are to be sent. ERR_NO_MEMORY, and then nothing was put. */
bool conn_put(struct conn *c, const struct slice *args, size_t n, struct arena *scratch,
              struct err *err) MUST_USE;

/* Sends what was put. */
bool conn_send(struct conn *c, struct err *err) MUST_USE;

/* The next reply. A failure closes the connection. */
bool conn_take(struct conn *c, struct arena *arena, struct reply **out, struct err *err) MUST_USE;

/* Closes it; the next conn_ready() waits for a pause, which grows from time to time. */
void conn_drop(struct conn *c, const struct err *why);

/* Closes it for good. */
void conn_close(struct conn *c);

/* The reply is an error: what it means. Always false. */
bool conn_refused(const struct reply *reply, struct err *err);

#endif

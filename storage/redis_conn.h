/*
 * redis_conn.h - one connection to a Redis: commands out, replies in.
 *
 *     conn_ready() -> conn_put() ... -> conn_send() -> conn_take() once for each conn_put()
 *
 * A connection that fails is closed. The next conn_ready() opens it again, but not before a pause is
 * over: until then it fails at once. It waits only briefly; a later one goes on where it has stopped.
 *
 * Threads    the lane's.
 * Ownership  replies live in the arena that is given to conn_take().
 * Units      *_us microseconds, *_ns monotonic nanoseconds.
 * Errors     ERR_UNAVAILABLE: no contact, or the server refuses to work. ERR_CONFIG: it refuses us.
 *            Whether a command that was sent has run is for the caller to judge.
 */
#ifndef REDIS_CONN_H
#define REDIS_CONN_H

#include <hiredis/hiredis.h>

#include "arena.h"
#include "redis_tls.h"

enum reply_type { REPLY_NIL, REPLY_INTEGER, REPLY_TEXT, REPLY_STATUS, REPLY_ERROR, REPLY_LIST };

struct reply {
    enum reply_type type;
    int64_t number;
    struct slice text;
    struct reply **items; /* of a list */
    size_t n;
};

enum conn_step { CONN_CLOSED, CONN_SOCKET, CONN_TLS, CONN_GREETING, CONN_OPEN };

struct conn {
    redisContext *redis;  /* NULL = not open */
    enum conn_step step;  /* how far it is */
    struct dial *dial;    /* CONN_SOCKET */
    redisContext *coming; /* CONN_TLS, CONN_GREETING */
    struct tls *tls;      /* NULL = none, or closed */
    struct redis_url url;
    int64_t timeout_us;
    int64_t end_ns;             /* until then it must be open */
    bool patient;               /* conn_ready() waits until then */
    int64_t retry_ns, pause_ns; /* closed: time of the next try; pause after it */
    unsigned times;             /* how often it has been opened */
    int64_t trips;              /* how often conn_send() was called */
    struct arena *arena;        /* of the conn_take() in progress, */
    bool no_room;               /* which has found no room in it */
    size_t greetings;           /* CONN_GREETING: replies to come */
    struct err why;             /* why it is closed */
    bool silent;                /* it was lost to a timeout */
    bool refused;               /* ... or to the server's refusal of our TLS */
    bool replica, only_reads;   /* what redis_node_keep() was told when it failed */
    unsigned failures;          /* how often it could not be opened */
};

/* Opens the connection if it is closed, or goes on with that. *fresh: this call has opened it. */
bool conn_ready(struct conn *c, bool *fresh, struct err *err) MUST_USE;

/* Adds a command to the output buffer. ERR_NO_MEMORY: nothing was added. */
bool conn_put(struct conn *c, const struct slice *args, size_t n, struct err *err) MUST_USE;

/* Sends the output buffer. A failure closes the connection. */
bool conn_send(struct conn *c, struct err *err) MUST_USE;

/* Waits for the next reply, which is made in `arena`. ERR_NO_MEMORY: there was no room, and the reply is gone;
 * any other failure closes the connection. */
bool conn_take(struct conn *c, struct arena *arena, struct reply **out, struct err *err) MUST_USE;

/* Closes the connection. One that was open may be opened again at once; after that the pauses grow. */
void conn_drop(struct conn *c, const struct err *why);

/* Closes a connection to a server that is of no use. The next try, after a second, asks for the addresses anew, and
 * takes the next one. */
void conn_leave(struct conn *c, const struct err *why);

/* Closes the connection for good. */
void conn_close(struct conn *c);

/* Whether a script was refused one of its commands, perhaps after others had run. */
bool conn_denied_within(const struct reply *reply) MUST_USE;

/* Says that this user may not run a command, or if it is empty, use the keys. Returns false. */
bool conn_denied(struct slice command, struct err *err);

/* Whether the server refuses what writes, but can be read; whether it is a replica, which may be behind its primary. */
bool conn_only_reads(const struct reply *reply) MUST_USE;
bool conn_is_replica(const struct reply *reply) MUST_USE;

/* Whether the server does not know the script: it has restarted, or somebody has removed it. Nothing was done. */
bool conn_unknown_script(const struct reply *reply) MUST_USE;

/* Turns an error reply into *err. Returns false. */
bool conn_refused(const struct reply *reply, struct err *err);

#endif

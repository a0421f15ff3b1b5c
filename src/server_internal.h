/*
 * server_internal.h - what the parts of the server share.
 *
 *     server.c (daemon, tick) -> server_head.c -> server_body.c -> server_run.c -> server_send.c
 *
 * Threads    its loop's.
 * Ownership  as server.h. A peer belongs to its connection.
 * Units      *_ns monotonic.
 * Errors     as documented.
 */
#ifndef SERVER_INTERNAL_H
#define SERVER_INTERNAL_H

#include <sys/queue.h>

#include "lines.h"
#include "request_internal.h"
#include "server.h"

struct MHD_Daemon;

enum {
    FREE_REQUESTS_MAX = 256, /* kept for the next ones */
    DISCARD_MAX = 64 * 1024, /* a body that is read only to keep the connection */
    LINGER_MAX = 64,
    LINGER_POLL_MS = 5,
};

/* A socket that is kept open for its answer to arrive. */
struct lingering {
    int fd;
    int64_t until_ns;
};

/* What is known of a connection: where it stands, and since when. */
struct peer {
    TAILQ_ENTRY(peer) link;
    int fd;
    int64_t since_ns;
    struct request *req; /* the one that is being served */
    enum { PEER_IDLE, PEER_READING, PEER_SERVED } state;
    bool expired;
    bool ended; /* its client has ended its side */
};

TAILQ_HEAD(peers, peer);

struct server {
    struct service *service;
    struct MHD_Daemon *daemon;
    int epoll_fd, hangup_fd;
    int64_t now_ns;  /* of the tick */
    int64_t busy_ns; /* when something happened last */
    struct inbox inbox;
    struct op *out_first, *out_last; /* for the lanes, at the end of the tick */
    size_t ops_out;                  /* on lanes or in the list above */
    size_t active;
    struct request *free_requests;
    size_t n_free;
    struct request *suspended;
    struct peers idle, reading; /* each in order of since_ns: the first one expires first */
    struct lingering lingering[LINGER_MAX];
    size_t n_lingering;
    bool draining, quiesced;
    bool progress; /* something happened in this tick */
};

/* server_head.c: looks at the head. True: the body (if any) is to be read; false: answer now. */
bool server_head(struct request *req, const struct lines_first *first) MUST_USE;

/* The value of a header of a request whose connection is there. */
struct slice server_header(const struct request *req, const char *name);

/* The same of one that is a list: all its lines as one. Without memory for that: the first of them. */
struct slice server_list(struct request *req, const char *name);

/* server_body.c: makes room for a body. ERR_TOO_LARGE, ERR_OVERLOADED, ERR_NO_MEMORY. */
bool server_body_reserve(struct request *req, size_t size, struct err *err) MUST_USE;

/* Adds a part of the body; what goes wrong is in req->err. */
void server_body_add(struct request *req, const char *part, size_t len);

/* Gives back what the body has counted. */
void server_body_release(struct request *req);

/* server_run.c: the request is complete: starts the route. The stage is WAITING or READY then. */
void server_run(struct request *req);

/* Takes finished ops home. */
void server_take(struct server *s, struct op *first);

/* The ops that continue a stream are back: writes the next page into req->res. */
void server_next_page(struct request *req);

/* Makes res the answer to err. */
void server_fail(struct request *req, const struct err *err);

/* server_send.c: hands the answer to the connection. False: the connection must be closed. */
bool server_send(struct request *req) MUST_USE;

/* server_park.c: lets the connection wait; a long wait is suspended. Called from its handlers alone. */
void server_park(struct request *req);

/* Lets the connection go on. */
void server_unpark(struct request *req);

/* server_linger.c: keeps a socket that MHD is about to close, until its answer has arrived. */
void server_linger(struct server *s, int fd);

/* Reads from those sockets; closes those whose time is over. */
void server_linger_tick(struct server *s);

/* Closes all of them. */
void server_linger_stop(struct server *s);

/* server_hangup.c: notices when this client ends its side. */
void server_hangup_watch(struct server *s, struct peer *p);

/* Ends that; not needed twice. */
void server_hangup_forget(struct server *s, int fd);

/* Tells MHD when all that a client has sent is read and no more will come. */
void server_look_for_end(const struct peer *p);

/* server_log.c: the log line and the metrics of a request. */
void server_log(const struct request *req, int status);

#endif

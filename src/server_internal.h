/*
 * server_internal.h - what the parts of the server share.
 *
 *     server.c (daemon, tick) -> server_head.c -> server_body.c -> server_run.c -> server_send.c
 *
 * Threads    its loop's.
 * Ownership  as server.h. A peer belongs to its connection.
 * Units      *_ns monotonic.
 * Errors     go to the err of the request, or are named at the function.
 */
#ifndef SERVER_INTERNAL_H
#define SERVER_INTERNAL_H

#include <sys/queue.h>

#include "lines.h"
#include "request_internal.h"
#include "server.h"

struct MHD_Daemon;

enum {
    CONNECTION_MEMORY = 16 * 1024, /* MHD clears it for each request, so no more than needed */
    FREE_REQUESTS_MAX = 256,       /* kept for reuse */
    DISCARD_MAX = 64 * 1024,       /* a longer body is not read just to keep the connection */
    LINGER_MAX = 64,
    LINGER_POLL_MS = 5,
};

/* A closed connection whose socket is kept open until its answer has arrived. */
struct lingering {
    int fd;
    int64_t until_ns;
};

/* The state of a connection, and since when. */
struct peer {
    TAILQ_ENTRY(peer) link;
    int fd;
    int64_t since_ns;
    struct request *req; /* the request being served */
    enum { PEER_IDLE, PEER_READING, PEER_SERVED } state;
    bool expired;
    bool ended; /* the client has ended its side */
};

TAILQ_HEAD(peers, peer);

struct server {
    struct service *service;
    struct MHD_Daemon *daemon;
    int epoll_fd, hangup_fd;
    int64_t now_ns;  /* of the tick */
    int64_t busy_ns; /* when something last happened */
    struct inbox inbox;
    struct op *out_first, *out_last; /* for the lanes, after the tick */
    size_t ops_out;                  /* on lanes or in the list above */
    uint64_t begun;
    size_t active;
    struct request *free_requests;
    size_t n_free;
    struct request *suspended;
    struct peers idle, reading; /* each ordered by since_ns: the first expires first */
    struct lingering lingering[LINGER_MAX];
    size_t n_lingering;
    bool draining, quiesced;
    bool progress; /* something has happened since the last tick */
};

/* server_head.c: checks the head. True: read the body (if any); false: answer now. */
bool server_head(struct request *req, const struct lines_first *first) MUST_USE;

/* Whether the head leaves room for the head of an answer. ERR_HEAD: answer with server_send_alone(). */
bool server_head_leaves_room(const struct request *req, struct err *err) MUST_USE;

/* The value of a header of a request whose connection is open. */
struct slice server_header(const struct request *req, const char *name);

/* A header that is a list: all its lines joined. If memory runs out: the first of them. */
struct slice server_list(struct request *req, const char *name);

/* server_body.c: ERR_TOO_LARGE for a body above --max-body. */
bool server_body_too_large(const struct request *req, struct err *err);

/* Makes room for the beginning of a body; `length` is what a body that is not chunked will have.
 * ERR_OVERLOADED, ERR_NO_MEMORY. */
bool server_body_begin(struct request *req, uint64_t length, struct err *err) MUST_USE;

/* Appends a part of the body; an error goes to req->err. */
void server_body_add(struct request *req, const char *part, size_t len);

/* Releases the body's share of body_total. */
void server_body_release(struct request *req);

/* server_run.c: starts the route of a complete request. The stage is WAITING or READY then. */
void server_run(struct request *req);

/* Writes the next page into req->res, once the ops that continue a stream are back. */
void server_next_page(struct request *req);

/* Turns res into the answer to err. */
void server_fail(struct request *req, const struct err *err);

/* server_send.c: the socket of a connection. */
int server_fd(struct MHD_Connection *connection);

/* Hands the answer to the connection. False: the connection must be closed. */
bool server_send(struct request *req) MUST_USE;

/* Sends the answer without the memory of the connection, which must be closed then. */
void server_send_alone(struct request *req);

/* server_park.c: lets the connection wait; suspends it if the wait is long. For its handlers only. */
void server_park(struct request *req);

/* Lets the connection continue. */
void server_unpark(struct request *req);

/* server_linger.c: keeps open a socket that MHD is about to close, until its answer has arrived. */
void server_linger(struct server *s, int fd);

/* Reads from these sockets, and closes those whose time is over. */
void server_linger_tick(struct server *s);

/* Closes all of them. */
void server_linger_stop(struct server *s);

/* server_hangup.c: begins to watch for the client of p ending its side. */
void server_hangup_watch(struct server *s, struct peer *p);

/* Stops watching fd; may be called twice. */
void server_hangup_forget(struct server *s, int fd);

/* Tells MHD once all that the client has sent is read and no more will come. */
void server_look_for_end(const struct peer *p);

/* server_log.c: writes the log line and counts the metrics of a request. */
void server_log(const struct request *req, int status);

#endif

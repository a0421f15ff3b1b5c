/*
 * server.h - the HTTP server of one loop, on libmicrohttpd.
 *
 *     bytes -> server (limits, body, deadline, request id) -> router -> route -> lanes
 *     lanes -> inbox -> server (finish, answer, log line) -> bytes
 *
 * Only server.c and its parts server_*.c include microhttpd.h.
 *
 * Threads    each server belongs to one loop and the thread that runs it; all of them share body_total and
 *            max_connections through atomics.
 * Ownership  the caller frees with server_stop().
 * Units      milliseconds where said.
 * Errors     ERR_CONFIG (address), ERR_UNAVAILABLE (port in use), ERR_NO_MEMORY.
 */
#ifndef SERVER_H
#define SERVER_H

#include "inbox.h"
#include "service.h"

struct server;

/* Opens a listening socket (SO_REUSEPORT) on "HOST:PORT" or "[::1]:PORT"; port 0 picks a free one. *port
 * is the bound port. Refuses other than loopback addresses unless insecure. */
bool server_listen(const char *listen, bool insecure, int *fd, int *port, struct err *err) MUST_USE;

/* Whether server_listen() takes this address, and its port is free now. */
bool server_may_listen(const char *listen, bool insecure, struct err *err) MUST_USE;

/* Opens another listening socket on the address of fd, for the next loop. */
bool server_listen_beside(int fd, int *more, struct err *err) MUST_USE;

/* Starts a server on a listening socket, which it owns from now on, even on failure (NULL). */
struct server *server_start(struct service *service, int listen_fd, struct err *err) MUST_USE;

/* What the loop waits on: two epoll descriptors, and the fd of the inbox. */
int server_epoll_fd(const struct server *s);
int server_hangup_fd(const struct server *s);
struct inbox *server_inbox(struct server *s);

/* Runs one tick: network events, finished ops. Returns how many ms the loop may now sleep at most (-1 = until
 * something happens). */
int server_tick(struct server *s);

/* Takes the ops that gathered in the tick, for the lanes; NULL: there are none. */
struct op *server_ops(struct server *s) MUST_USE;

/* How many ops the server waits for, those that gathered included. */
size_t server_ops_out(const struct server *s);

/* Takes back ops that are done, without the inbox. In a loop a tick must follow at once. */
void server_take(struct server *s, struct op *first);

/* Clients have ended their side: hangup_fd is ready. Call it after the tick, which reads what they sent. */
void server_hangups(struct server *s);

/* From now on answers carry `Connection: close`. */
void server_drain(struct server *s);

/* Stops accepting connections. */
void server_quiesce(struct server *s);

/* Milliseconds until a quiesced server may close its idle connections; 0 = now. The delay lets a request
 * arrive that was on its way when the shutdown began. */
int server_last_call_ms(const struct server *s);

/* Number of requests that have begun so far. */
uint64_t server_begun(const struct server *s);

/* Number of requests without an answer. */
size_t server_active(const struct server *s);

/* Closes all connections, waits for its ops on lanes and frees the server. NULL is allowed. */
void server_stop(struct server *s);

#endif

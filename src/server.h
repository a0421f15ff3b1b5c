/*
 * server.h - libmicrohttpd <-> struct request.
 *
 *     bytes -> server (limits, body, deadline, request id) -> router -> route -> lanes
 *     lanes -> inbox -> server (finish, answer, log line) -> bytes
 *
 * The only file that includes microhttpd.h is server.c (and its parts server_*.c).
 *
 * Threads    each server belongs to one loop and its thread; body_total and max_connections are
 *            shared by all of them through atomics.
 * Ownership  the caller frees by server_stop().
 * Units      milliseconds where said.
 * Errors     ERR_CONFIG (address), ERR_UNAVAILABLE (port in use), ERR_NO_MEMORY.
 */
#ifndef SERVER_H
#define SERVER_H

#include "inbox.h"
#include "service.h"

struct server;

/* Opens a listening socket (SO_REUSEPORT) on "HOST:PORT" or "[::1]:PORT"; port 0 picks a free one.
 * *port is the one bound. Refuses what is not loopback unless insecure. */
bool server_listen(const char *listen, bool insecure, int *fd, int *port, struct err *err) MUST_USE;

/* Another listening socket on the address of fd, for the next loop. */
bool server_listen_beside(int fd, int *more, struct err *err) MUST_USE;

/* A server on a listening socket, which it owns from now on, also on failure. NULL on failure. */
struct server *server_start(struct service *service, int listen_fd, struct err *err) MUST_USE;

/* The epoll descriptors to wait on, and the inbox whose fd to wait on beside them. */
int server_epoll_fd(const struct server *s);
int server_hangup_fd(const struct server *s);
struct inbox *server_inbox(struct server *s);

/* One tick: network events, finished ops, new ops to the lanes. Returns the longest time in ms that
 * the loop may now sleep (-1 = until something happens). */
int server_tick(struct server *s);

/* Clients have ended their side: hangup_fd is ready. After the tick, which reads what came before. */
void server_hangups(struct server *s);

/* Answers get `Connection: close` from now on. */
void server_drain(struct server *s);

/* Takes no new connections. */
void server_quiesce(struct server *s);

/* Milliseconds until a quiesced server may close the connections that are idle: a request that is on
 * its way when the end begins shall arrive. 0 = now. */
int server_last_call_ms(const struct server *s);

/* Requests that are not answered yet. */
size_t server_active(const struct server *s);

/* Closes all connections, waits for its ops that are on lanes, frees the server. NULL allowed. */
void server_stop(struct server *s);

#endif

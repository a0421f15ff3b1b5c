/*
 * server_http.h - the callbacks of libmicrohttpd.
 *
 *     server.c gives them to MHD_start_daemon()
 *
 * Threads    its loop's.
 * Ownership  the context of a request is its struct request, that of a connection its struct peer.
 * Units      nanoseconds.
 * Errors     as libmicrohttpd expects them.
 */
#ifndef SERVER_HTTP_H
#define SERVER_HTTP_H

#include <microhttpd.h>

#include "server_internal.h"

/* Whether one more connection is allowed. */
enum MHD_Result server_http_accept(void *cls, const struct sockaddr *addr, socklen_t len);

/* A connection has begun or ended. */
void server_http_connection(void *cls, struct MHD_Connection *connection, void **context,
                            enum MHD_ConnectionNotificationCode code);

/* The request line has arrived: makes the request. */
void *server_http_begin(void *cls, const char *uri, struct MHD_Connection *connection);

/* Handles head, body and answer. */
enum MHD_Result server_http_handle(void *cls, struct MHD_Connection *connection, const char *url,
                                   const char *method, const char *version, const char *upload,
                                   size_t *upload_size, void **context);

/* The request has ended, well or badly. */
void server_http_end(void *cls, struct MHD_Connection *connection, void **context,
                     enum MHD_RequestTerminationCode code);

/* Cuts off clients that are too slow; returns the nanoseconds until the next may be due. */
int64_t server_http_expire(struct server *s);

#endif

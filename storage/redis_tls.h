/*
 * redis_tls.h - TLS on the socket of a connection to Redis, which hiredis 0.14 does not have.
 *
 *     tls_new() -> tls_shake() until it is done -> tls_write(), tls_read() -> tls_end(), before the socket is
 *     closed
 *
 * Certificates and keys are read anew for each connection, so that renewed files are used without a
 * restart.
 *
 * Threads    the lane's. After tls_shake() the socket blocks, and its timeouts (SO_RCVTIMEO, SO_SNDTIMEO) bound
 *            each call.
 * Ownership  the caller ends what tls_new() returns, and owns the socket.
 * Units      bytes.
 * Errors     CONFIG: a file, the certificate of the server, or a server that refuses ours. Texts name
 *            files, but neither host nor password.
 */
#ifndef REDIS_TLS_H
#define REDIS_TLS_H

#include "redis_url.h"

struct tls;

/* Whether the files that the URL names can be used. */
bool tls_check(const struct redis_url *url, struct err *err) MUST_USE;

/* Prepares TLS with the server at the other end of a socket; NULL on failure. */
struct tls *tls_new(int fd, const struct redis_url *url, struct err *err) MUST_USE;

/* Agrees on TLS. False with *waits POLLIN or POLLOUT: it is to be called again once the socket is ready for that,
 * and until then it is ERR_UNAVAILABLE; 0: it has failed. */
bool tls_shake(struct tls *t, int *waits, struct err *err) MUST_USE;

/* Sends all bytes. False: errno is EAGAIN after a timeout, else the connection is lost. */
bool tls_write(struct tls *t, const char *at, size_t len) MUST_USE;

/* Receives some bytes: 1 to len; 0 when the server has closed the connection; -1 as tls_write(). */
int tls_read(struct tls *t, char *at, size_t len) MUST_USE;

/* What the server said when it broke TLS off, e.g. because it wants a certificate; NULL: nothing. */
const char *tls_complaint(const struct tls *t);

/* Frees it. NULL is allowed. */
void tls_end(struct tls *t);

#endif

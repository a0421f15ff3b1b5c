/*
 * redis_dial.h - opens a socket to the Redis that a URL names, without blocking a lane for long.
 *
 *     dial_begin() -> dial_go_on() until it has a socket or fails -> dial_end()
 *
 * Threads    the lane's.
 * Ownership  the caller ends what dial_begin() returns, and closes the socket.
 * Units      *_us microseconds, *_ns monotonic nanoseconds.
 * Errors     UNAVAILABLE, with a reason that does not name the host. NO_MEMORY.
 */
#ifndef REDIS_DIAL_H
#define REDIS_DIAL_H

#include "redis_url.h"

struct dial;

/* Starts to connect; the URL must outlive it. Half of the timeout is for the name of the host. One with several
 * addresses is tried from number `first`, modulo their count: an address that hangs must not keep us from the
 * others. NULL: ERR_NO_MEMORY. */
struct dial *dial_begin(const struct redis_url *url, int64_t timeout_us, unsigned first,
                        struct err *err) MUST_USE;

/* Continues until then. True: *fd is a socket that does not block. False with *waits: it is not connected yet,
 * but may be later. */
bool dial_go_on(struct dial *d, int64_t until_ns, int *fd, bool *waits, struct err *err) MUST_USE;

/* Frees it. NULL is allowed. */
void dial_end(struct dial *d);

/* Waits for POLLIN or POLLOUT on a socket. False: there is no time left. */
bool dial_wait(int fd, int events, int64_t until_ns) MUST_USE;

#endif

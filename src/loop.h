/*
 * loop.h - a thread that runs one server.
 *
 *     main -> loops_start() -> per core: epoll_wait -> server_tick()
 *
 * Threads    start, drain and stop: main.
 * Ownership  the caller frees by loops_stop().
 * Units      milliseconds.
 * Errors     as server_start(); ERR_INTERNAL when no thread can be had.
 */
#ifndef LOOP_H
#define LOOP_H

#include "service.h"

struct loops;

/* How many cores this process may use. */
size_t loops_cores(void) MUST_USE;

/* Binds service->config->listen and starts the loops; *port is the bound port. NULL on failure. */
struct loops *loops_start(struct service *service, int *port, struct err *err) MUST_USE;

/* Answers carry `Connection: close` from now on. */
void loops_drain(struct loops *l);

/* Stops listening, waits up to timeout_ms for running requests, ends the threads, frees. NULL is
 * allowed. Returns how many requests were cut off. */
size_t loops_stop(struct loops *l, int64_t timeout_ms);

#endif

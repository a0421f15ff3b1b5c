/*
 * loop.h - the loops that run servers, one per core.
 *
 *     main -> loops_start() -> per core: epoll_wait -> server_tick() -> lanes_submit() or lanes_run()
 *
 * While ops come one by one and the store is quick, a loop runs them itself. Each loop has a second thread, which
 * takes it over when an op takes long after all (relief.h).
 *
 * Threads    start, drain and stop: main.
 * Ownership  the caller frees with loops_stop().
 * Units      milliseconds.
 * Errors     as server_start(); ERR_INTERNAL when no thread can be started.
 */
#ifndef LOOP_H
#define LOOP_H

#include "service.h"

struct loops;

/* How many cores this process may use. */
size_t loops_cores(void) MUST_USE;

/* Binds service->config->listen and starts the loops; *port is the bound port. NULL on failure. */
struct loops *loops_start(struct service *service, int *port, struct err *err) MUST_USE;

/* From now on answers carry `Connection: close`. */
void loops_drain(struct loops *l);

/* Stops listening, waits up to timeout_ms for running requests, ends the threads and frees. Ops that have not
 * begun by then fail. Returns how many requests were cut off. NULL is allowed. */
size_t loops_stop(struct loops *l, int64_t timeout_ms);

#endif

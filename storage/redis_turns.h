/*
 * redis_turns.h - the ops of a batch share their ways to the server.
 *
 *     redis.c -> turns_run(ops) -> each runs until turn_wait() -> one send, all replies -> on
 *
 * Op functions are written as if they were alone. Here each runs in a fiber (fiber.h); where it
 * waits for the server, the next one runs, and when all wait, what they asked travels together. Ops
 * on one record run one after the other, in their order.
 *
 * Threads    the lane's.
 * Ownership  fibers are kept for the next batch, and freed by turns_free().
 * Units      none.
 * Errors     those of the connection.
 */
#ifndef REDIS_TURNS_H
#define REDIS_TURNS_H

#include "redis.h"

/* Runs the ops; each has its status. */
void turns_run(struct redis *d, struct op *const ops[], size_t n);

/* Frees what is kept. */
void turns_free(struct redis *d);

/* Lets others run until the replies to what this call has asked are there. */
bool turn_wait(struct call *c, struct err *err) MUST_USE;

/* The replies to what the call has asked, into c->replies. */
bool call_take(struct call *c, struct err *err) MUST_USE;

/* Runs one call to its end: sets the status of its op. */
void redis_run(struct call *c);

#endif

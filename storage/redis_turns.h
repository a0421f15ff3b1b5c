/*
 * redis_turns.h - lets the ops of a batch share their round trips.
 *
 *     redis.c -> turns_run(ops) -> each runs until call->wait() -> one send, all replies -> each goes on
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

#include "redis_call.h"

/* Runs the ops. `run` runs one of them and sets its status. */
void turns_run(struct redis *d, struct op *const ops[], size_t n, void (*run)(struct call *c));

/*
 * Runs the parts of an op, each an op of its own, in the same way; returns when all have ended. At most
 * BATCH_MAX. `run` must leave no reply untaken (call_drain()).
 */
void turns_split(struct call *c, struct op *const parts[], size_t n, void (*run)(struct call *c));

/* Frees the fibers. */
void turns_free(struct redis *d);

#endif

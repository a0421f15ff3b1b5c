/*
 * redis_node.h - what a process and a Redis tell each other when they meet.
 *
 *     redis.c: connected -> redis_greet();  each batch -> redis_node_keep();  probe -> redis_alive()
 *
 * Stamps and value ids must be unique over all processes that use the store: each takes a number of
 * its own there, with a lease, and keeps a time there that is above all stamps it has made.
 *
 * Threads    any lane; the number is the process's, behind a lock.
 * Ownership  nothing.
 * Units      *_us wall microseconds, *_ns monotonic nanoseconds.
 * Errors     those of the connection.
 */
#ifndef REDIS_NODE_H
#define REDIS_NODE_H

#include "redis_call.h"

/* A sign of life, and whether what is confirmed outlives the server: sets caps. */
bool redis_alive(struct redis *d, struct err *err) MUST_USE;

/* After connecting: the scripts, the clock of the store, how durable it is. */
bool redis_greet(struct redis *d, struct err *err) MUST_USE;

/* Learns whom this connection leads to; only a pair asks. */
bool redis_meet(struct redis *d, struct err *err) MUST_USE;

/* What tells a server from another, and whether its past may be lost: from the sections of INFO. */
struct slice redis_incarnation(const struct redis *d, struct slice server, struct slice replication,
                               struct arena *arena) MUST_USE;

/* Takes or renews the number, and moves the clock ahead, when it is time. */
bool redis_node_keep(struct redis *d, struct err *err) MUST_USE;

#endif

/*
 * redis_node.h - learns what a Redis is, and gives this process its number and clock there.
 *
 *     redis.c: connected -> redis_greet();  each batch -> redis_node_keep();  probe -> redis_alive()
 *
 * Stamps and value ids must be unique over all processes that use the store: each leases a number of its
 * own there, and keeps a time there that is above all stamps it has made.
 *
 * Threads    any lane; the number belongs to the process and has a lock.
 * Ownership  nothing.
 * Units      *_us wall microseconds, *_ns monotonic nanoseconds.
 * Errors     those of the connection.
 */
#ifndef REDIS_NODE_H
#define REDIS_NODE_H

#include "redis_call.h"

/* A field of the key `note` that counts the changes of notes: the position of the store (op_pair.h). A store that
 * comes back older has counted fewer. */
#define REDIS_POSITION SLICE("#position")

/* Checks that the server answers and lets us read and run scripts, and learns whether what it confirms outlives it: sets caps. */
bool redis_alive(struct redis *d, struct err *err) MUST_USE;

/* After connecting: loads the scripts, tries what this user may do, reads durability, and meets the store. */
bool redis_greet(struct redis *d, struct err *err) MUST_USE;

/* Learns which store this connection leads to (d->met). Does nothing without a pair. */
bool redis_meet(struct redis *d, struct err *err) MUST_USE;

/* Identifies a server, and the past that it may have lost, from two sections of INFO. */
struct slice redis_incarnation(const struct redis *d, struct slice server, struct slice replication,
                               struct arena *arena) MUST_USE;

/* Takes or renews the instance number and moves the clock ahead, when it is time. A failure also sets
 * d->conn.replica or d->conn.only_reads, if the server says that it is so. */
bool redis_node_keep(struct redis *d, struct err *err) MUST_USE;

/* A lane is opened; is closed. When the last one closes, the clock need no longer be ahead of our stamps. */
void redis_node_enter(bool fallback);
void redis_node_leave(struct redis *d);

#endif

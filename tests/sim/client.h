/*
 * client.h - the clients of a world: each asks, waits, perhaps asks again, pauses.
 *
 *     client.c -> an entry of the journal -> acts_make() -> instance_submit() -> the answer
 *
 * A client reads from its home instance, and reports when that does not show what the client was told is
 * done.
 *
 * Threads    one.
 * Ownership  the world's.
 * Units      as in world.h.
 * Errors     findings.
 */
#ifndef CLIENT_H
#define CLIENT_H

#include "journal.h"

/* Starts the clients of a world. */
void clients_start(struct world *w);

/* Checks that an answer to a read shows what this client was told is done to an id that nobody deletes.
 * `life` is that of the instance that answered. Reports findings. */
void client_check_read(struct world *w, int client, int id, const struct op *op, int64_t life);

#endif

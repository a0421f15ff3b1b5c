/*
 * client.h - one of the clients of a world: asks, waits, perhaps asks again, pauses.
 *
 *     client.c -> an entry of the journal -> acts_make() -> instance_submit() -> the answer
 *
 * It reads from its own instance, and notes when that does not show what it was told to be done.
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

/* Whether an answer to a read shows what this client was told to be done, on an id that nobody
 * deletes; `life`: of the instance that answered. Findings if not. */
void client_check_read(struct world *w, int client, int id, const struct op *op, int64_t life);

#endif

/*
 * failover_look.h - takes in what a look at a store has shown.
 *
 *     failover_tend.c: OP_PAIR_READ of a store -> state_look() -> struct failover
 *
 * Threads    that of failover_tend(); the state is changed under its lock.
 * Ownership  what was read stays the caller's.
 * Units      asked_ns CLOCK_MONOTONIC nanoseconds; numbers of entries are stamps.
 * Errors     none.
 */
#ifndef FAILOVER_LOOK_H
#define FAILOVER_LOOK_H

#include "failover_state.h"

/* Takes in what a look at a store has shown; asked_ns is when it was sent. */
void state_look(struct failover *f, enum side side, const struct op_pair_read *read,
                int64_t asked_ns);

/* Whether an entry has been in the primary's outbox for a while, so that no lane is about to copy it. */
bool state_is_late(struct failover *f, int64_t number) MUST_USE;

/* Adds the ids that the entries of an outbox are about. Takes no lock. */
void state_waiting(const struct op_pair_read *read, struct id_set *ids);

#endif

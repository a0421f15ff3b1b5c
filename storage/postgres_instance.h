/*
 * postgres_instance.h - the number of this process among those that use a store, for its stamps.
 *
 * The number is an advisory lock, held by the connection of one lane on behalf of the process. When that
 * connection is lost, the next one takes the number again, or another one if it is taken meanwhile.
 *
 * Threads    any.
 * Ownership  the holder is known by its address until it leaves.
 * Units      numbers of instances, 1..1023; 0 = none.
 * Errors     take: CONFIG (the number is taken, or all are), and those of the store.
 */
#ifndef POSTGRES_INSTANCE_H
#define POSTGRES_INSTANCE_H

#include "postgres_driver.h"

/* Takes a number for the process, unless a lane holds one. */
bool instance_take(struct postgres *d, struct err *err) MUST_USE;

/* The connection of d is gone, and with it the number if d was the holder. */
void instance_leave(const struct postgres *d);

#endif

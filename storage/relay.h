/*
 * relay.h - a backend that passes its ops on to lanes, and waits for them.
 *
 *     failover (in lanes of its own) -> relay -> the lanes of one store -> driver
 *
 * Ops of several callers meet in the lanes below, in one batch. A lane that is idle is run by the caller
 * itself.
 *
 * Threads    each relay belongs to one caller; the lanes below are shared. The ops of a batch may run in
 *            several lanes at once, so each needs an arena of its own.
 * Ownership  the lanes belong to the caller, and outlive the relay.
 * Units      none.
 * Errors     in the status of each op; ERR_OVERLOADED when the queue of the lanes is full.
 */
#ifndef RELAY_H
#define RELAY_H

#include "lane.h"

/* Makes a relay to these lanes. NULL on failure. */
struct backend *relay_open(struct lanes *lanes, struct err *err) MUST_USE;

#endif

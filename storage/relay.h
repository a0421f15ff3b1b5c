/*
 * relay.h - a backend that hands its ops on to lanes, and waits.
 *
 *     failover (in lanes of its own) -> relay -> the lanes of one store -> driver
 *
 * Ops of several callers meet in the lanes below, in one batch.
 *
 * Threads    each relay belongs to one caller; the lanes below are shared. The ops of a batch may run in
 *            several lanes at once, so each has an arena of its own.
 * Ownership  the lanes are the caller's and outlive it.
 * Units      none.
 * Errors     of each op: what the lanes say; ERR_OVERLOADED when their queue is full.
 */
#ifndef RELAY_H
#define RELAY_H

#include "lane.h"

/* NULL on failure. */
struct backend *relay_open(struct lanes *lanes, struct err *err) MUST_USE;

#endif

/*
 * alone.h - a store that is used by itself, and may be one of a pair.
 *
 *     chain_open(cfg.alone) -> alone -> versions -> driver
 *
 * Changes that are made without the other store of the pair leave no entry in an outbox. So before the
 * first of them the store notes "alone": when the two are seen together again, the other one is filled
 * from it (failover_fill.c). What it left to be counted as the fallback of the pair it counts itself
 * (settle.h): before the first change, and when it serves before the first op. Where several processes
 * share a store it is looked at again once a minute: the pair may be made meanwhile.
 *
 * Threads    as backend.h.
 * Ownership  owns the backend below.
 * Units      none.
 * Errors     those of the backend below: without the note nothing is changed.
 */
#ifndef ALONE_H
#define ALONE_H

#include "backend.h"

/*
 * Wraps `below`, opened by cfg, which it owns from now on, also on failure (closed). NULL:
 * ERR_NO_MEMORY.
 */
struct backend *alone_open(struct backend *below, const struct backend_config *cfg,
                           struct err *err) MUST_USE;

#endif

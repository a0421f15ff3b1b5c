/*
 * alone.h - a backend for a store that is used by itself, though it may be one of a pair.
 *
 *     chain_open(cfg.alone) -> alone -> versions -> driver
 *
 * Changes that are made without the other store of the pair leave no entry in an outbox. So before the
 * first of them the store notes "alone": when the two are seen together again, the other one is filled
 * from it (failover_fill.c). Additions that it kept as the fallback of the pair it counts itself
 * (settle.h): before the first change, and if it serves before the first op. A store that several
 * processes share is looked at again once a minute, for it may have become one of a pair meanwhile.
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
 * Wraps `below`, which cfg has opened, and owns it from now on; on failure it is closed. NULL:
 * ERR_NO_MEMORY.
 */
struct backend *alone_open(struct backend *below, const struct backend_config *cfg,
                           struct err *err) MUST_USE;

#endif

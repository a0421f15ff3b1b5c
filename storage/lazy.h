/*
 * lazy.h - a store that was not there when it was opened.
 *
 *     caller_lanes() -> chain_open(): ERR_UNAVAILABLE -> lazy_open() -> each call tries to open it
 *
 * So the service starts, says that it is not ready, and serves as soon as the store is there.
 *
 * Threads    the lane's.
 * Ownership  texts of the configuration outlive it.
 * Units      none.
 * Errors     ERR_UNAVAILABLE until it is open; then those of the chain.
 */
#ifndef LAZY_H
#define LAZY_H

#include "backend.h"

/* NULL on failure. */
struct backend *lazy_open(const struct backend_config *cfg, struct err *err) MUST_USE;

#endif

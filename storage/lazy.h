/*
 * lazy.h - a backend for a store that could not be reached when it was to be opened.
 *
 *     caller_lanes() -> chain_open(): ERR_UNAVAILABLE -> lazy_open() -> each call tries to open it
 *
 * So the service starts, reports that it is not ready, and serves as soon as the store can be reached.
 *
 * Threads    the lane's.
 * Ownership  texts of the configuration must outlive it.
 * Units      none.
 * Errors     ERR_UNAVAILABLE until it is open; then those of the chain.
 */
#ifndef LAZY_H
#define LAZY_H

#include "backend.h"

/* Makes the backend; *err is why the store could not be opened. NULL on failure. */
struct backend *lazy_open(const struct backend_config *cfg, struct err *err) MUST_USE;

#endif

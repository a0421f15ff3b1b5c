/*
 * drivers.h - opens a chain of backends for a store URL.
 *
 *     main (per lane) -> chain_open() -> versions(driver), or alone(versions(driver))
 *
 * Threads    any; each chain belongs to the lane that opens it.
 * Ownership  the caller closes the chain with backend_close().
 * Units      none.
 * Errors     ERR_CONFIG "Unsupported storage type: ...", ERR_UNAVAILABLE, ERR_STORAGE, ERR_NO_MEMORY.
 */
#ifndef DRIVERS_H
#define DRIVERS_H

#include "backend.h"

struct backend_driver {
    const char *scheme; /* "sqlite": what precedes the first ':' of the URL */
    enum backend_lanes layout;
    size_t gather; /* of the lanes (lane.h), if there are but two */
    /* Checks URL and settings for this kind of store, without contacting it. ERR_CONFIG. */
    bool (*check)(const struct backend_config *cfg, struct err *err);
    struct backend *(*open)(const struct backend_config *cfg, struct err *err);
};

/* Finds the driver that a URL names. NULL: ERR_CONFIG. */
const struct backend_driver *driver_find(const char *url, struct err *err) MUST_USE;

/* Checks that cfg->url names a driver and that the driver accepts it; does not contact the store. */
bool driver_check(const struct backend_config *cfg, struct err *err) MUST_USE;

/* Opens the chain for cfg->url: versions over the driver; cfg->alone adds alone on top. NULL on failure. */
struct backend *chain_open(const struct backend_config *cfg, struct err *err) MUST_USE;

#endif

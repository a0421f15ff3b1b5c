/*
 * drivers.h - from a store URL to a chain of backends.
 *
 *     main (per lane) -> chain_open() -> versions(driver)
 *
 * Threads    any; each chain belongs to the lane that opens it.
 * Ownership  the caller closes the chain by backend_close().
 * Units      none.
 * Errors     ERR_CONFIG "Unsupported storage type: ...", ERR_UNAVAILABLE, ERR_STORAGE, ERR_NO_MEMORY.
 */
#ifndef DRIVERS_H
#define DRIVERS_H

#include "backend.h"

struct backend_driver {
    const char *scheme; /* "sqlite": all before the first ':' of the URL */
    enum backend_lanes layout;
    /* Whether the URL and the settings of this kind of store are well formed, or ERR_CONFIG. */
    bool (*check)(const struct backend_config *cfg, struct err *err);
    struct backend *(*open)(const struct backend_config *cfg, struct err *err);
};

/* Finds the driver that a URL names. NULL: ERR_CONFIG. */
const struct backend_driver *driver_find(const char *url, struct err *err) MUST_USE;

/* Whether cfg->url names a driver and the driver takes it; the store itself is not asked. */
bool driver_check(const struct backend_config *cfg, struct err *err) MUST_USE;

/* Opens the chain that serves cfg->url: versions over the driver. NULL on failure. */
struct backend *chain_open(const struct backend_config *cfg, struct err *err) MUST_USE;

#endif

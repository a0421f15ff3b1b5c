/*
 * postgres.h - opens the PostgreSQL driver.
 *
 *     drivers.c -> postgres_open() -> sql.c (batch) -> postgres_driver.h, which the files of the driver share
 *
 * Threads    a backend belongs to its lane's.
 * Ownership  the caller closes the backend.
 * Units      none.
 * Errors     texts begin with "postgres: " and contain neither password nor user.
 */
#ifndef POSTGRES_H
#define POSTGRES_H

#include "backend.h"

/* Checks that cfg->url and cfg->postgres_schema are well formed. ERR_CONFIG. */
bool postgres_check(const struct backend_config *cfg, struct err *err) MUST_USE;

/* Opens cfg->url (postgresql: or postgres:). NULL: ERR_CONFIG, ERR_STORAGE, ERR_UNAVAILABLE,
 * ERR_NO_MEMORY. */
struct backend *postgres_open(const struct backend_config *cfg, struct err *err) MUST_USE;

#endif

/*
 * sqlite.h - opens the sqlite driver, on a file or in memory.
 *
 *     drivers.c -> sqlite_open() -> sql.c (batch) -> sqlite_driver.h, which the files of the driver share
 *
 * Threads    a backend belongs to its lane's.
 * Ownership  the caller closes the backend.
 * Units      none.
 * Errors     texts begin with "sqlite: ".
 */
#ifndef SQLITE_H
#define SQLITE_H

#include "backend.h"

/* Checks that cfg->url is well formed. ERR_CONFIG, ERR_NO_MEMORY. */
bool sqlite_check(const struct backend_config *cfg, struct err *err) MUST_USE;

/* Opens cfg->url (sqlite: or memory:). NULL: ERR_CONFIG, ERR_STORAGE, ERR_UNAVAILABLE, ERR_NO_MEMORY
 * with the path in its text. */
struct backend *sqlite_open(const struct backend_config *cfg, struct err *err) MUST_USE;

#endif

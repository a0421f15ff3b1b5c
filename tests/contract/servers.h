/*
 * servers.h - opens stores on running servers, for the programs of the contract suite.
 *
 *     support/stores.py sets the environment -> servers_*_url() -> servers_open_*()
 *
 * Each test is a process. Each of its stores is a schema or a key prefix, which is left behind.
 *
 * Threads    one.
 * Ownership  the caller closes what was opened.
 * Units      none.
 * Errors     those of the driver.
 */
#ifndef SERVERS_H
#define SERVERS_H

#include "backend.h"

/* The URL of the server; NULL: there is none. */
const char *servers_postgres_url(void);
const char *servers_redis_url(void);

struct backend *servers_open_postgres(struct backend_config cfg, int number, struct err *err);

/* Opens a store on the server with this URL. */
struct backend *servers_open_redis(struct backend_config cfg, const char *url, int number,
                                   struct err *err);

#endif

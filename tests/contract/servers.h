/*
 * servers.h - stores of servers that run, for the programs of the contract suite.
 *
 *     support/stores.py sets the environment -> servers_*_url() -> servers_open_*()
 *
 * Each test is a process; each of its stores a schema, or a prefix, which is left behind.
 *
 * Threads    one.
 * Ownership  the caller closes what was opened.
 * Units      none.
 * Errors     those of the driver.
 */
#ifndef SERVERS_H
#define SERVERS_H

#include "backend.h"

/* NULL: there is no such server. */
const char *servers_postgres_url(void);
const char *servers_redis_url(void);

struct backend *servers_open_postgres(struct backend_config cfg, int number, struct err *err);

/* On the server of this url. */
struct backend *servers_open_redis(struct backend_config cfg, const char *url, int number,
                                   struct err *err);

#endif

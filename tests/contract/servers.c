/* servers.c - see servers.h. */
#include "servers.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "drivers.h"

enum { TIMEOUT_MS = 60000 }; /* sanitizers are slow, and so are others on the machine */

const char *servers_postgres_url(void)
{
    return getenv("STATEWARD_TEST_POSTGRES");
}

const char *servers_redis_url(void)
{
    return getenv("STATEWARD_TEST_REDIS");
}

struct backend *servers_open_postgres(struct backend_config cfg, int number, struct err *err)
{
    char schema[64];

    snprintf(schema, sizeof(schema), "contract_%ld_%d", (long)getpid(), number);
    cfg.url = servers_postgres_url();
    cfg.postgres_schema = schema;
    cfg.store_timeout_ms = TIMEOUT_MS;
    return chain_open(&cfg, err);
}

struct backend *servers_open_redis(struct backend_config cfg, const char *url, int number,
                                   struct err *err)
{
    char prefix[64];

    snprintf(prefix, sizeof(prefix), "t%ld_%d:", (long)getpid(), number);
    cfg.url = url;
    cfg.redis_prefix = prefix;
    cfg.store_timeout_ms = TIMEOUT_MS;
    return chain_open(&cfg, err);
}

/* drivers.c - see drivers.h. */
#include "drivers.h"

#include "alone.h"
#include "postgres.h"
#include "redis.h"
#include "sqlite.h"
#include "store_url.h"
#include "versions.h"

/* Two cores have more use for large transactions than for a second busy process (docs/decisions.md). */
enum { PG_GATHER = 8 };

static const struct backend_driver drivers[] = {
    {"sqlite", LANES_WRITER_READERS, 0, sqlite_check, sqlite_open},
    {"memory", LANES_ONE, 0, sqlite_check, sqlite_open},
    {"postgresql", LANES_BY_KEY, PG_GATHER, postgres_check, postgres_open},
    {"postgres", LANES_BY_KEY, PG_GATHER, postgres_check, postgres_open},
    {"redis", LANES_BY_KEY, 0, redis_check, redis_open},
    {"rediss", LANES_BY_KEY, 0, redis_check, redis_open},
    {"unix", LANES_BY_KEY, 0, redis_check, redis_open},
};

const struct backend_driver *driver_find(const char *url, struct err *err)
{
    enum { SCHEME_SHOWN = 32 };
    size_t len = strcspn(url, ":");
    char shown[STORE_URL_SHOWN];

    for (size_t i = 0; i < COUNT_OF(drivers); i++)
        if (strlen(drivers[i].scheme) == len && strncmp(drivers[i].scheme, url, len) == 0)
            return &drivers[i];
    store_url_show(url, shown);
    shown[strcspn(shown, ":")] = '\0';
    err_fill(err, ERR_CONFIG, "Unsupported storage type: %.*s%s", SCHEME_SHOWN, shown,
             url[0] == '/' || url[0] == '.' ? " (a file is named sqlite:PATH)" : "");
    return NULL;
}

bool driver_check(const struct backend_config *cfg, struct err *err)
{
    const struct backend_driver *driver = driver_find(cfg->url, err);

    return driver && driver->check(cfg, err);
}

struct backend *chain_open(const struct backend_config *cfg, struct err *err)
{
    const struct backend_driver *driver = driver_find(cfg->url, err);
    struct backend *below = driver ? driver->open(cfg, err) : NULL;

    below = below ? versions_open(below, &(struct encoding_rules){cfg->cache, cfg->inline_max}, err)
                  : NULL;
    return below && cfg->alone ? alone_open(below, cfg, err) : below;
}

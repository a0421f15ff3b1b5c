/* main_trips_redis.c - counts exactly how often a pair waits for Redis, and lets memory end; run as main_redis.c. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "memory_redis.h"
#include "redis.h"
#include "redis_call.h"
#include "threads.h"
#include "trips_cleanup.h"
#include "trips_pair.h"
#include "trips_small.h"
#include "upkeep_redis.h"
#include "value_cache.h"
#include "versions.h"

enum { INLINE_MAX = 1024, SKIPPED = 77 };

static const char *url;
static struct redis *driver;     /* the one that was opened last */
static struct redis *drivers[2]; /* the drivers below the chains through which the ops go */
static struct value_cache *cache;

static struct backend *open_prefix(struct backend_config cfg, int number, struct err *err)
{
    char prefix[64];
    struct backend *b;

    snprintf(prefix, sizeof(prefix), "trips%ld_%d:", (long)getpid(), number);
    cfg.url = url;
    cfg.redis_prefix = prefix;
    cfg.store_timeout_ms = 60000;
    b = redis_open(&cfg, err);
    driver = (struct redis *)b;
    return b ? versions_open(b, &(struct encoding_rules){cfg.cache, cfg.inline_max}, err) : NULL;
}

static void set_up(void)
{
    store_open(&here, store_config(), 0);
    drivers[0] = driver;
    store_open(&there, store_config(), 1);
    drivers[1] = driver;
}

/* `here` and `there` are one store. */
static void set_up_small(void)
{
    struct backend_config cfg = store_config();

    cfg.inline_max = INLINE_MAX;
    store_open(&there, cfg, 0);
    drivers[1] = driver;
    cfg.cache = cache = value_cache_new(1 << 20);
    store_open(&here, cfg, 0);
    drivers[0] = driver;
}

/* Sessions live for an hour. */
static void set_up_expiring(void)
{
    struct backend_config cfg = store_config();

    cfg.session_ttl_us = HOUR;
    store_open(&here, cfg, 0);
    drivers[0] = driver;
}

static void tear_down_here(void)
{
    store_close(&here);
}

static void tear_down(void)
{
    store_close(&here);
    store_close(&there);
    value_cache_free(cache);
    cache = NULL;
}

static struct redis *driver_of(const struct store *s)
{
    return drivers[s == &there];
}

static int64_t so_far(const struct store *s)
{
    return driver_of(s)->conn.trips;
}

int main(void)
{
    static const struct contract_target target = {.name = "trips, redis", .open = open_prefix};
    static const struct trips_pair pair = {
        .so_far = so_far,
        .set_up = set_up,
        .tear_down = tear_down,
        .append = 1,
        .copy = 1,
        .again = 1,
        .guess = 1,
        .get = 2,
    };
    static const struct trips_small small = {
        .so_far = so_far,
        .set_up = set_up_small,
        .tear_down = tear_down,
        .step = 2,
        .cold = 7,
        .stale = 2,
        .gone = 5,
        .get = 4,
        .base = 7,
    };
    static const struct trips_cleanup cleanup = {
        .so_far = so_far,
        .set_up = set_up_expiring,
        .tear_down = tear_down_here,
        .expired = {14, 44},
        .idle = {6, 26},
        .told = {6, 26},
        .alone = {9, 33},
    };
    static const struct upkeep_redis upkeep = {
        .set_up = set_up_small,
        .tear_down = tear_down,
        .driver = driver_of,
    };
    Suite *suite = suite_create(target.name);
    SRunner *runner;
    int failed;

    url = getenv("STATEWARD_TEST_REDIS");
    if (!url) {
        fputs("STATEWARD_TEST_REDIS is not set: skipped\n", stderr);
        return SKIPPED;
    }
    contract_target = &target;
    suite_add_tcase(suite, trips_cleanup_case(&cleanup));
    suite_add_tcase(suite, trips_pair_case(&pair));
    suite_add_tcase(suite, trips_small_case(&small));
    suite_add_tcase(suite, memory_redis_case());
    suite_add_tcase(suite, upkeep_redis_case(&upkeep));
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* main_redis.c - the contract on redis:, with versions.c in the chain. */
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "contract.h"
#include "redis.h"
#include "versions.h"

static const char *url;

/* Each test has a prefix of its own, which the process that ran it leaves behind. */
static struct backend *open_prefix(struct backend_config cfg, int number, struct err *err)
{
    static char prefix[64];
    struct backend *below;

    snprintf(prefix, sizeof(prefix), "t%ld_%d:", (long)getpid(), number);
    cfg.url = url;
    cfg.redis_prefix = prefix;
    below = redis_open(&cfg, err);
    return below ? versions_open(below, err) : NULL;
}

int main(void)
{
    static const struct contract_target target = {"redis", open_prefix};

    url = getenv("STATEWARD_TEST_REDIS");
    if (!url) {
        fputs("STATEWARD_TEST_REDIS is not set: skipped\n", stderr);
        return 77;
    }
    return contract_run(&target);
}

/* main_redis.c - the contract on redis:, with versions.c in the chain. */
#include <stdio.h>
#include <stdlib.h>

#include "clock.h"
#include "contract.h"
#include "servers.h"

#ifdef SANITIZED
enum { CROWDED_ONLY = 1 }; /* the uncrowded runs take long and run the same code */
#else
enum { CROWDED_ONLY = 0 };
#endif

enum { CROWD = 3, SKIPPED = 77 };

/* Runs each batch among other ops, so that they share round trips. */
struct crowd {
    struct backend base;
    struct backend *below;
};

static const char *url;

static bool crowd_execute(struct backend *self, struct op *const ops[], size_t n, struct err *err)
{
    struct crowd *crowd = (struct crowd *)self;
    struct op others[CROWD], *batch[BATCH_MAX];
    size_t n_others = n + CROWD <= BATCH_MAX ? CROWD : BATCH_MAX - n;
    struct arena arena = {0};
    bool ok;

    for (size_t i = 0; i < n_others; i++) {
        others[i] = (struct op){.type = OP_SESSION_GET,
                                .tenant = SLICE("other"),
                                .id = SLICE("nobody"),
                                .now_us = clock_now_us(),
                                .arena = &arena};
        batch[i] = &others[i];
    }
    memcpy(batch + n_others, ops, n * sizeof(*ops));
    ok = crowd->below->ops->execute(crowd->below, batch, n_others + n, err);
    arena_done(&arena);
    return ok;
}

static bool crowd_probe(struct backend *self, int64_t deadline_ns, struct err *err)
{
    return backend_probe(((struct crowd *)self)->below, deadline_ns, err);
}

static void crowd_close(struct backend *self)
{
    backend_close(((struct crowd *)self)->below);
    free(self);
}

static const struct backend_ops crowd_ops = {"crowd", crowd_execute, crowd_probe, crowd_close};

static struct backend *open_prefix(struct backend_config cfg, int number, struct err *err)
{
    return servers_open_redis(cfg, url, number, err);
}

static struct backend *open_crowd(struct backend_config cfg, int number, struct err *err)
{
    struct crowd *crowd = calloc(1, sizeof(*crowd));

    if (!crowd)
        return NULL;
    crowd->base.ops = &crowd_ops;
    crowd->below = open_prefix(cfg, number, err);
    if (crowd->below)
        return &crowd->base;
    free(crowd);
    return NULL;
}

int main(void)
{
    struct contract_target target = {.name = "redis, crowded",
                                     .open = open_crowd,
                                     .cached = true,
                                     .lasting = true,
                                     .shared = true};
    int failed;

    url = servers_redis_url();
    if (!url) {
        fputs("STATEWARD_TEST_REDIS is not set: skipped\n", stderr);
        return SKIPPED;
    }
    failed = contract_run(&target);
    target.name = "redis";
    target.open = open_prefix;
    if (!CROWDED_ONLY)
        failed |= contract_run(&target);
    url = getenv("STATEWARD_TEST_REDIS_NODE");
    target.name = "redis, node of a cluster";
    if (!CROWDED_ONLY && url)
        failed |= contract_run(&target);
    return failed;
}

/*
 * main_failover.c - the contract on two stores behind failover.c: both in memory; and if a server is
 * named, that server and memory, in both roles. At the end of each test both stores hold the same.
 */
#include <stdlib.h>

#include "contract.h"
#include "drivers.h"
#include "pair_stores.h"
#include "servers.h"
#include "state.h"

typedef struct backend *open_fn(struct backend_config cfg, int number, struct err *err);

/* A backend over a pair; closing it closes the whole pair. */
struct target {
    struct backend base;
    struct pair_stores pair;
    bool alike; /* they must hold the same at the end: no op was a merge, and nothing expires by
                   itself */
};

static open_fn *openers[2]; /* of the primary and the fallback */

static bool execute(struct backend *self, struct op *const ops[], size_t n, struct err *err)
{
    for (size_t i = 0; i < n; i++)
        ((struct target *)self)->alike &= ops[i]->type != OP_MERGE;
    return backend_execute(((struct target *)self)->pair.lane, ops, n, err);
}

static bool probe(struct backend *self, int64_t deadline_ns, struct err *err)
{
    return backend_probe(((struct target *)self)->pair.lane, deadline_ns, err);
}

/* Cuts the values out: Redis removes those that nothing needs at other times than SQL does. */
static void leave_values_out(struct slice *state)
{
    static const char line[] = "\n4 ";
    const char *from = memmem(state->at, state->len, line, strlen(line)), *to = NULL, *next = from;
    char *text = (char *)(uintptr_t)state->at;

    while (next) {
        to = next + 1;
        next = memmem(to, state->len - (size_t)(to - state->at), line, strlen(line));
    }
    if (!from)
        return;
    to = memchr(to, '\n', state->len - (size_t)(to - state->at));
    if (!to)
        to = state->at + state->len;
    memmove(text + (from - state->at), to, state->len - (size_t)(to - state->at));
    state->len -= (size_t)(to - from);
}

static void check_equal(struct pair_stores *pair)
{
    struct arena arena = {0};
    struct slice states[2];
    struct err err = {0};

    ck_assert_msg(pair_stores_settle(pair), "%s", pair->why);
    for (int i = 0; i < 2; i++)
        if (!state_read(pair->stores[i], STATE_EXACT, &arena, &states[i], &err))
            states[i] = SLICE("more than is compared");
        else if (servers_redis_url())
            leave_values_out(&states[i]);
    ck_assert_msg(slice_equal(states[0], states[1]), "%.*s\n--- is not\n%.*s",
                  SLICE_ARGS(state_difference(states[0], states[1])),
                  SLICE_ARGS(state_difference(states[1], states[0])));
    arena_done(&arena);
}

static void close_target(struct backend *self)
{
    struct target *t = (struct target *)self;

    if (t->alike)
        check_equal(&t->pair);
    pair_stores_close(&t->pair);
    free(t);
}

static struct backend *open_pair(struct backend_config cfg, int number, struct err *err)
{
    static const struct backend_ops ops = {
        .name = "failover", .execute = execute, .probe = probe, .close = close_target};
    struct target *t = calloc(1, sizeof(*t));
    struct backend *stores[2];

    cfg.role = BACKEND_ANY;
    for (int i = 0; i < 2; i++)
        stores[i] = openers[i](cfg, number, err);
    if (!t || !stores[0] || !stores[1] || !pair_stores_open(&t->pair, stores[0], stores[1], err))
        return NULL;
    t->alike = cfg.session_ttl_us == 0 && cfg.checkpoint_ttl_us == 0;
    t->base = (struct backend){.ops = &ops, .caps = t->pair.lane->caps};
    return &t->base;
}

static struct backend *open_memory(struct backend_config cfg, int number UNUSED, struct err *err)
{
    cfg.url = "memory:";
    cfg.cache = NULL; /* the cache belongs to the other store */
    return chain_open(&cfg, err);
}

static struct backend *open_redis(struct backend_config cfg, int number, struct err *err)
{
    return servers_open_redis(cfg, servers_redis_url(), number, err);
}

static int run(const char *name, open_fn *primary, open_fn *fallback)
{
    struct contract_target target = {
        .name = name, .open = open_pair, .stamps_anew = true, .cached = servers_redis_url()};

    openers[0] = primary;
    openers[1] = fallback;
    return contract_run(&target);
}

int main(void)
{
    if (servers_postgres_url())
        return run("failover, postgres and memory", servers_open_postgres, open_memory) |
               run("failover, memory and postgres", open_memory, servers_open_postgres);
    if (servers_redis_url())
        return run("failover, redis and memory", open_redis, open_memory) |
               run("failover, memory and redis", open_memory, open_redis);
    return run("failover", open_memory, open_memory);
}

/* main_memory.c - the contract on memory:, with versions.c in the chain. */
#include <stdlib.h>

#include "contract.h"
#include "sqlite.h"
#include "sqlite_driver.h"
#include "versions.h"

enum { NUMBERS = 32 };

/* A backend that leads to a store which lasts as long as the process. */
struct way {
    struct backend base;
    struct sqlite *store;
    struct value_cache *cache;
};

static struct sqlite *stores[NUMBERS];

static bool execute(struct backend *self, struct op *const ops[], size_t n, struct err *err)
{
    struct way *way = (struct way *)self;

    way->store->sql.cache = way->cache;
    return way->store->sql.base.ops->execute(&way->store->sql.base, ops, n, err);
}

static bool probe(struct backend *self, int64_t deadline_ns, struct err *err)
{
    return backend_probe(&((struct way *)self)->store->sql.base, deadline_ns, err);
}

static void close_way(struct backend *self)
{
    free(self);
}

static struct backend *open_memory(struct backend_config cfg, int number, struct err *err)
{
    static const struct backend_ops ops = {"way", execute, probe, close_way};
    struct encoding_rules rules = {cfg.cache, cfg.inline_max};
    struct way *way = calloc(1, sizeof(*way));

    cfg.url = "memory:";
    cfg.role = BACKEND_ANY;
    if (!stores[number])
        stores[number] = (struct sqlite *)sqlite_open(&cfg, err);
    if (!way || !stores[number])
        return NULL;
    *way = (struct way){{&ops, stores[number]->sql.base.caps}, stores[number], cfg.cache};
    return versions_open(&way->base, &rules, err);
}

int main(void)
{
    static const struct contract_target target = {
        .name = "memory", .open = open_memory, .cached = true, .lasting = true, .shared = true};

    return contract_run(&target);
}

/* main_memory.c - the contract on memory:, with versions.c in the chain. */
#include "contract.h"
#include "drivers.h"
#include "value_cache.h"

enum { CACHE_BYTES = 1 << 26 };

static struct value_cache *cache; /* of all stores: what is in it has an id of its own */

static struct backend *open_memory(struct backend_config cfg, int number UNUSED, struct err *err)
{
    cfg.url = "memory:";
    cfg.role = BACKEND_ANY;
    cfg.cache = cache;
    return chain_open(&cfg, err);
}

int main(void)
{
    static const struct contract_target target = {.name = "memory", .open = open_memory};

    int failed;

    cache = value_cache_new(CACHE_BYTES);
    failed = contract_run(&target);
    value_cache_free(cache);
    return failed;
}

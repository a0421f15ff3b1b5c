/* main_memory.c - the contract on memory:, with versions.c in the chain. */
#include "contract.h"
#include "drivers.h"

static struct backend *open_memory(struct backend_config cfg, int number UNUSED, struct err *err)
{
    cfg.url = "memory:";
    cfg.role = BACKEND_ANY;
    return chain_open(&cfg, err);
}

int main(void)
{
    static const struct contract_target target = {"memory", open_memory};

    return contract_run(&target);
}

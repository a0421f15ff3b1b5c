/* main_fault.c - the contract on memory:, behind a fault.c that never fails. */
#include "contract.h"
#include "drivers.h"
#include "fault.h"

static struct backend *open_fault(struct backend_config cfg, int number UNUSED, struct err *err)
{
    static struct fault_plan plan;
    struct backend *below;

    cfg.url = "memory:";
    cfg.role = BACKEND_ANY;
    below = chain_open(&cfg, err);
    return below ? fault_open(below, &plan, err) : NULL;
}

int main(void)
{
    static const struct contract_target target = {.name = "fault", .open = open_fault};

    return contract_run(&target);
}

/* main_postgres.c - the contract on the PostgreSQL server that STATEWARD_TEST_POSTGRES names. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "contract.h"
#include "drivers.h"

static const char *url;

/* Each test is a process; each of its stores a schema. */
static struct backend *open_schema(struct backend_config cfg, int number, struct err *err)
{
    char schema[64];

    snprintf(schema, sizeof(schema), "contract_%ld_%d", (long)getpid(), number);
    cfg.url = url;
    cfg.postgres_schema = schema;
    cfg.store_timeout_ms = 60000; /* sanitizers, and others on the machine */
    return chain_open(&cfg, err);
}

int main(void)
{
    static const struct contract_target target = {"postgres", open_schema};

    url = getenv("STATEWARD_TEST_POSTGRES");
    if (!url) {
        fprintf(stderr, "tests/support/stores.py postgres %s\n", "build/tests/contract_postgres");
        return EXIT_FAILURE;
    }
    return contract_run(&target);
}

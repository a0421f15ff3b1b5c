/* main_postgres.c - the contract on the PostgreSQL server that STATEWARD_TEST_POSTGRES names. */
#include <stdio.h>
#include <stdlib.h>

#include "contract.h"
#include "servers.h"

int main(void)
{
    static const struct contract_target target = {
        .name = "postgres", .open = servers_open_postgres, .lasting = true, .shared = true};

    if (!servers_postgres_url()) {
        fprintf(stderr, "tests/support/stores.py postgres %s\n", "build/tests/contract_postgres");
        return EXIT_FAILURE;
    }
    return contract_run(&target);
}

/* cli_diagnose.c - the command diagnose; see cli.h. */
#include <stdlib.h>

#include "cli.h"
#include "diagnose.h"
#include "store_url.h"

const char cli_diagnose_help[] =
    "Goes from the address to a working store step by step: the name of the host, contact, login, the\n"
    "server, its schema, how long 20 probes take; then, in a tenant of its own, it creates, reads,\n"
    "compares, ends and removes a session, a message and a checkpoint. A step that fails says what to\n"
    "do, and the exit status is 1. Without a URL it is the store of STATEWARD_PRIMARY. A database that\n"
    "is new gets its schema. Passwords are not shown.\n";

static void show(void *ctx, const char *name, bool ok, const char *text, const char *advice)
{
    (void)ctx;
    printf("%-6s  %-8s  %s\n", ok ? "ok" : "FAILED", name, text);
    if (!ok && advice)
        printf("%18s->  %s\n", "", advice);
    fflush(stdout);
}

int cli_diagnose(const struct config *cfg)
{
    const struct diagnosis d = {.check = show};
    struct backend_config backend = cli_backend(cfg, cfg->primary);
    struct caller store = {.patience_ns = 0};
    bool ok;

    backend.existing = store_url_is_sqlite(cfg->primary);
    backend.as_is = true;
    store_url_print(cfg->primary, stdout);
    printf("\n");
    ok = diagnose_connection(&d, &backend, &store) && diagnose_consistency(&d, &store);
    caller_close(&store);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* cli.c - see cli.h. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "drivers.h"
#include "inbox.h"
#include "sqlite_seal.h"

#ifndef STATEWARD_VERSION
#define STATEWARD_VERSION "0.1.0"
#endif

enum { CLEANUP_LIMIT = 100 };

static void print_help(const struct command *commands, const struct command *one, FILE *out)
{
    if (!one) {
        fprintf(out, "usage: stateward COMMAND [--FLAG VALUE ...]\n\n");
        for (const struct command *c = commands; c->name; c++)
            fprintf(out, "  %-10s %s\n", c->name, c->help);
        fprintf(out, "\n`stateward COMMAND --help` lists the flags of a command.\n");
        return;
    }
    fprintf(out, "usage: stateward %s%s%s\n\n%s\n", one->name, one->operand ? " " : "",
            one->operand    ? one->operand
            : one->settings ? " [--FLAG VALUE ...]"
                            : "",
            one->help);
    if (one->more)
        fprintf(out, "\n%s", one->more);
    if (one->settings) {
        fprintf(out, "\n");
        config_usage(one->settings, out);
        fprintf(out, "\nEach flag is also an environment variable: STATEWARD_ and the name in\n"
                     "capitals. The flag wins.\n");
    }
}

static bool is_help(const char *arg)
{
    return strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0 || strcmp(arg, "help") == 0;
}

static const struct command *find(const struct command *commands, const char *name)
{
    for (const struct command *c = commands; c->name; c++)
        if (strcmp(c->name, name) == 0)
            return c;
    return NULL;
}

static int misused(const char *what)
{
    fprintf(stderr, "stateward: %s\nTry `stateward help`.\n", what);
    return EXIT_USAGE;
}

int cli_run(const struct command *commands, int argc, char *const argv[], char *const envp[])
{
    const struct command *c;
    struct config cfg = {0};
    struct err err;

    if (argc < 2)
        return misused("a command is needed");
    if (is_help(argv[1])) {
        print_help(commands, argc > 2 ? find(commands, argv[2]) : NULL, stdout);
        return EXIT_SUCCESS;
    }
    c = find(commands, argv[1]);
    if (!c)
        return misused("there is no such command");
    for (int i = 2; i < argc; i++) {
        if (is_help(argv[i])) {
            print_help(commands, c, stdout);
            return EXIT_SUCCESS;
        }
    }
    if (c->operand && (argc != 3 || argv[2][0] == '-'))
        return misused("this command takes one argument, the store");
    if (c->operand)
        cfg.primary = argv[2];
    else if (!c->settings && argc > 2)
        return misused("this command takes no flags");
    if (c->settings && !config_load(&cfg, argc - 2, argv + 2, envp, &err))
        return misused(err.text);
    return c->run(&cfg);
}

int cli_fail(const struct err *err)
{
    fprintf(stderr, "stateward: %s\n", err->text);
    return err->kind == ERR_CONFIG ? EXIT_USAGE : EXIT_FAILURE;
}

static struct backend *open_chain(void *ctx, enum backend_role role, struct err *err)
{
    const struct config *cfg = ctx;
    struct backend_config backend = {
        .url = cfg->primary,
        .role = role,
        .session_ttl_us = cfg->session_ttl_s * 1000000,
        .checkpoint_ttl_us = cfg->checkpoint_ttl_s * 1000000,
        .context_versions = cfg->context_versions,
        .instance = cfg->instance,
        .store_timeout_ms = cfg->store_timeout_ms,
        .postgres_schema = cfg->postgres_schema,
        .redis_prefix = cfg->redis_prefix,
    };

    return chain_open(&backend, err);
}

struct lanes *cli_open_store(const struct config *cfg, const char **type, struct err *err)
{
    const struct backend_driver *driver = driver_find(cfg->primary, err);
    struct config copy = *cfg;
    struct lanes *opened;
    struct lanes_config lanes = {
        .n_readers = (unsigned)cfg->readers,
        .n_lanes = (unsigned)cfg->lanes,
        .batch_max_ops = (size_t)cfg->batch_max_ops,
        .queue_max = (size_t)cfg->queue_max,
        .open = open_chain,
        .ctx = &copy, /* all chains are open when lanes_open() returns */
    };

    if (!driver)
        return NULL;
    stamp_set_node((unsigned)cfg->instance);
    lanes.layout = driver->layout;
    *type = driver->scheme;
    opened = lanes_open(&lanes, err);
    if (!opened && err->kind == ERR_CONFIG) /* the setting is well formed: the store is at fault */
        err->kind = ERR_STORAGE;
    return opened;
}

int cli_config(const struct config *cfg)
{
    config_print(cfg, stdout);
    return EXIT_SUCCESS;
}

int cli_version(const struct config *cfg)
{
    (void)cfg;
    printf("stateward %s\n", STATEWARD_VERSION);
    return EXIT_SUCCESS;
}

/* One call of the op and its answer. */
static bool clean_once(struct lanes *lanes, struct inbox *home, int64_t idle_us,
                       struct op_cleanup *out, struct err *err)
{
    struct arena arena = {0};
    struct op op = {
        .type = OP_CLEANUP,
        .tenant = SLICE("default"),
        .now_us = clock_now_us(),
        .stamp = stamp_next(),
        .arena = &arena,
        .home = home,
        .cleanup = {.idle_us = idle_us, .limit = CLEANUP_LIMIT},
    };

    if (!lanes_admit(lanes, 1, err))
        return false;
    lanes_submit(lanes, &op);
    while (!inbox_wait(home, -1))
        ;
    arena_done(&arena);
    if (op.status.kind != ERR_OK) {
        *err = op.status;
        return false;
    }
    *out = op.cleanup;
    return true;
}

int cli_cleanup(const struct config *cfg)
{
    int64_t idle_us = clock_now_us() - cfg->max_idle_hours * 3600 * 1000000, removed = 0;
    struct op_cleanup last = {.out = {.more = true}};
    struct inbox home;
    struct lanes *lanes;
    const char *type;
    struct err err;
    bool ok = true;

    if (!inbox_init(&home, &err))
        return cli_fail(&err);
    lanes = cli_open_store(cfg, &type, &err);
    if (!lanes) {
        inbox_done(&home);
        return cli_fail(&err);
    }
    while (ok && last.out.more) {
        ok = clean_once(lanes, &home, idle_us, &last, &err);
        removed += ok ? last.out.removed : 0;
    }
    lanes_close(lanes);
    inbox_done(&home);
    if (!ok)
        return cli_fail(&err);
    printf("%lld\n", (long long)removed);
    return EXIT_SUCCESS;
}

const char cli_seal_help[] =
    "Each page of the file carries a checksum that only stateward keeps. When another program has\n"
    "written the file (.backup of sqlite3, VACUUM, a restore by other means), the service refuses it\n"
    "until it is sealed: the log is carried over, PRAGMA integrity_check must find nothing, and each\n"
    "page gets its checksum. Stop the service first. It may be killed and run again at any time.\n"
    "\n"
    "Sealing vouches for what the file holds now. The check finds a broken structure, not a changed\n"
    "letter in a text: seal files that you trust, as a backup, never one that was damaged.\n";

int cli_seal(const struct config *cfg)
{
    struct sqlite_sealed sealed;
    struct err err;

    if (!sqlite_seal(cfg->primary, &sealed, &err)) {
        if (strncmp(cfg->primary, "sqlite:", 7) == 0 && err.kind == ERR_CONFIG)
            err.kind = ERR_STORAGE; /* well called: the file is at fault */
        return cli_fail(&err);
    }
    printf("%lld pages, %lld sealed anew\n", sealed.pages, sealed.sealed);
    return EXIT_SUCCESS;
}

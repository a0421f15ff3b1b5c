/* cli.c - see cli.h. */
#include "cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "drivers.h"
#include "log.h"
#include "loop.h"
#include "sqlite_seal.h"
#include "store_url.h"
#include "value_cache.h"

enum {
    CLEANUP_LIMIT = 100,
    POLL_MS = 1000,         /* between two polls of a pair of stores */
    CONTEXTS_ALL = 1000000, /* the highest value of the setting: nothing gets trimmed */
};

#define PAIR_PATIENCE_NS (10 * S_NS)

static void print_help(const struct command *commands, const struct command *one, FILE *out)
{
    if (!one) {
        fprintf(out, "usage: stateward COMMAND [--FLAG VALUE ...]\n\n");
        for (const struct command *c = commands; c->name; c++)
            fprintf(out, "  %-10s %s\n", c->name, c->help);
        fprintf(out, "\n`stateward COMMAND --help` lists the flags of a command.\n");
        return;
    }
    fprintf(out, "usage: stateward %s", one->name);
    if (one->operand)
        fprintf(out, one->settings ? " [%s]" : " %s", one->operand);
    fprintf(out, "%s\n\n%s\n", one->settings ? " [--FLAG VALUE ...]" : "", one->help);
    if (one->more)
        fprintf(out, "\n%s", one->more);
    if (one->settings) {
        fprintf(out, "\n");
        config_usage(one->settings, out);
        fprintf(out, "\nEach flag is also an environment variable: STATEWARD_ and the name in\n"
                     "capitals. The flag wins.\n");
    }
}

static bool is_help_flag(const char *arg)
{
    return strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0;
}

static bool is_help(const char *arg)
{
    return is_help_flag(arg) || strcmp(arg, "help") == 0;
}

static const struct command *find(const struct command *commands, const char *name)
{
    if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0)
        name = "version";
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

/* Whether any word is neither a flag nor possibly the value of one. */
static bool has_stray(struct config_words words)
{
    bool may_be_value = false;

    for (int i = 0; i < words.argc; i++) {
        bool flag = words.argv[i][0] == '-';

        if (!flag && !may_be_value)
            return true;
        may_be_value = flag && !strchr(words.argv[i], '=');
    }
    return false;
}

/* Whether a flag is among the words. */
static bool has_flag(struct config_words words, const char *flag)
{
    size_t len = strlen(flag);

    for (int i = 0; i < words.argc; i++)
        if (strncmp(words.argv[i], flag, len) == 0 && strchr("=", words.argv[i][len]))
            return true;
    return false;
}

/* Reads the words after the name of the command. */
static bool load(struct config *cfg, const struct command *c, struct config_words words,
                 struct err *err)
{
    const char *operand = c->operand && words.argc && words.argv[0][0] != '-' ? words.argv[0]
                                                                              : NULL;

    if (operand) {
        words.argv++;
        words.argc--;
    }
    if (c->operand && !c->settings && (!operand || words.argc))
        return err_set(err, ERR_CONFIG, "%s takes one argument, the store: stateward %s %s",
                       c->name, c->name, c->operand);
    if (!c->operand && !c->settings && words.argc)
        return err_set(err, ERR_CONFIG, "%s takes neither arguments nor flags", c->name);
    if (c->operand && c->settings && has_stray(words))
        return err_set(err, ERR_CONFIG,
                       "%s takes one %s, before its flags: stateward %s %s [--FLAG VALUE ...]",
                       c->name, c->operand, c->name, c->operand);
    if (operand && has_flag(words, "--primary"))
        return err_set(err, ERR_CONFIG, "the store is named twice: %s, and --primary", operand);
    if (c->settings && !config_load(cfg, c->settings, &words, err))
        return false;
    if (operand)
        cfg->primary = operand;
    return true;
}

static void tell_unknown(const char *name, int len)
{
    fprintf(stderr, "stateward: warning: %.*s: there is no such setting\n", len, name);
}

/* A command whose output was lost has failed. */
static int finish(int status)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    fprintf(stderr, "stateward: standard output: %s\n", strerror(errno));
    return status == EXIT_SUCCESS ? EXIT_FAILURE : status;
}

int cli_run(const struct command *commands, int argc, char *const argv[], char *const envp[])
{
    const struct command *c;
    struct config cfg = {0};
    struct err err;

    if (argc < 2)
        return misused("a command is needed");
    if (is_help(argv[1]) && (argc == 2 || is_help(argv[2]))) {
        print_help(commands, NULL, stdout);
        return EXIT_SUCCESS;
    }
    c = find(commands, argv[is_help(argv[1]) ? 2 : 1]);
    if (!c)
        return misused("there is no such command");
    for (int i = 1; i < argc; i++) {
        if (i < 3 ? is_help(argv[i]) : is_help_flag(argv[i])) {
            print_help(commands, c, stdout);
            return EXIT_SUCCESS;
        }
    }
    if (!load(&cfg, c, (struct config_words){argc - 2, argv + 2, envp}, &err))
        return misused(err.text);
    if (c->settings && c->settings != CONFIG_SERVE) /* which has a log */
        config_unknown(envp, tell_unknown);
    return finish(c->run(&cfg));
}

int cli_fail(const struct err *err)
{
    fprintf(stderr, "stateward: %s\n", err->text);
    return err->kind == ERR_CONFIG ? EXIT_USAGE : EXIT_FAILURE;
}

struct backend_config cli_backend(const struct config *cfg, const char *url)
{
    return (struct backend_config){
        .url = url,
        .context_versions = CONTEXTS_ALL,
        .store_timeout_ms = cfg->store_timeout_ms,
        .postgres_schema = cfg->postgres_schema,
        .redis_prefix = cfg->redis_prefix,
    };
}

static void log_migration(bool fallback, int64_t from, int64_t to)
{
    struct text *line = log_line(LOG_INFO, "schema_migrated");
    char message[96];

    if (!line)
        return;
    snprintf(message, sizeof(message), "%s: the schema was brought from number %lld to %lld",
             fallback ? "fallback" : "primary", (long long)from, (long long)to);
    json_member_string(line, "message", slice_of(message));
    json_member_int(line, "from", from);
    json_member_int(line, "to", to);
    log_write(line);
    log_flush();
}

static struct backend_config served(const struct config *cfg, const char *url)
{
    struct backend_config backend = cli_backend(cfg, url);

    backend.session_ttl_us = cfg->session_ttl_s * S_US;
    backend.checkpoint_ttl_us = cfg->checkpoint_ttl_s * S_US;
    backend.context_versions = cfg->context_versions;
    backend.inline_max = (size_t)cfg->inline_max;
    backend.instance = cfg->instance;
    backend.migrated = log_migration;
    return backend;
}

/* Checks that a setting names a store, without contacting it. */
static bool check_store(const char *flag, const struct backend_config *store, struct err *err)
{
    return driver_check(store, err) || err_set(err, err->kind, "%s: %s", flag, err->text);
}

static struct failover_config failover_of(const struct config *cfg)
{
    return (struct failover_config){
        .breaker = {.failures = (unsigned)cfg->breaker_failures,
                    .window_ns = cfg->breaker_window_ms * MS_NS,
                    .pause_min_ns = cfg->breaker_pause_min_ms * MS_NS,
                    .pause_max_ns = cfg->breaker_pause_max_ms * MS_NS},
        .single_instance = cfg->single_instance,
        .start_wait_ms = cfg->start_wait_ms,
        .poll_ms = POLL_MS,
        .seed = (uint64_t)clock_now_ns(),
    };
}

static bool open_pair(const struct config *cfg, const struct lanes_config *lanes, bool existing,
                      struct cli_store *s, struct err *err)
{
    struct pair_config pair = {.stores = {served(cfg, cfg->primary), served(cfg, cfg->fallback)},
                               .lanes = *lanes,
                               .failover = failover_of(cfg)};

    if (!check_store("--fallback", &pair.stores[1], err))
        return false;
    for (int i = 0; i < 2; i++) {
        pair.stores[i].cache = s->caches[i];
        pair.stores[i].existing = pair.stores[i].as_is = existing;
    }
    s->pair = pair_open(&pair, err);
    if (!s->pair)
        return false;
    s->lanes = pair_lanes(s->pair);
    s->type = pair_type(s->pair, false);
    return true;
}

/*
 * Few lanes make large batches, which cost a store less per operation; on few cores that counts for more than
 * working on several connections at once (docs/performance.md).
 */
static unsigned lanes_wanted(const struct config *cfg)
{
    enum { FEWEST = 2, MOST = 4 };
    size_t cores = loops_cores();

    if (cfg->lanes)
        return (unsigned)cfg->lanes;
    return cores < FEWEST ? FEWEST : cores > MOST ? MOST : (unsigned)cores;
}

bool cli_open_store(const struct config *cfg, size_t cache_bytes, bool existing,
                    struct cli_store *out, struct err *err)
{
    struct backend_config backend = served(cfg, cfg->primary);
    /* No cache without memory for it. */
    struct cli_store s = {.caches = {value_cache_new(cache_bytes)}};
    struct lanes_config lanes = {
        .n_readers = (unsigned)cfg->readers,
        .n_lanes = lanes_wanted(cfg),
        .batch_max_ops = (size_t)cfg->batch_max_ops,
        .queue_max = (size_t)cfg->queue_max,
    };
    bool ok;

    backend.existing = backend.as_is = existing;
    ok = check_store("--primary", &backend, err);
    if (ok && cfg->fallback) {
        s.caches[1] = value_cache_new(cache_bytes);
        ok = open_pair(cfg, &lanes, existing, &s, err);
    } else if (ok) {
        backend.cache = s.caches[0];
        backend.alone = true;
        s.lanes = caller_lanes(&backend, lanes, &s.type, err);
        ok = s.lanes != NULL;
    }
    if (!ok)
        cli_close_store(&s);
    *out = s;
    return ok;
}

void cli_close_store(struct cli_store *s)
{
    if (s->pair)
        pair_close(s->pair);
    else
        lanes_close(s->lanes);
    value_cache_free(s->caches[0]);
    value_cache_free(s->caches[1]);
    *s = (struct cli_store){.lanes = NULL};
}

bool cli_open(const struct config *cfg, const char *flag, const char *url, bool existing,
              struct caller *out, struct err *err)
{
    struct backend_config backend = cli_backend(cfg, url);

    backend.existing = backend.as_is = existing;
    backend.alone = true;
    if (strcmp(url, "memory:") == 0)
        return err_set(err, ERR_CONFIG,
                       "%s: memory: cannot be used here: it is empty, and gone afterwards", flag);
    if (!check_store(flag, &backend, err))
        return false;
    return caller_open(&backend, out, err) || err_set(err, err->kind, "%s: %s", flag, err->text);
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

const char cli_cleanup_help[] =
    "Removes the sessions of the tenant default that were idle for --max-idle-hours, a day unless it is\n"
    "given, as POST /maintenance/cleanup does; there is no way back. Prints how many they were. A store\n"
    "that is not there is not made. On a file stop the service first; on a network store it may run. Of\n"
    "a pair give both stores: one that was changed by itself is filled again from the other.\n";

static bool clean(struct caller *store, int64_t idle_us, int64_t *removed, struct err *err)
{
    struct op op = {.cleanup = {.out = {.more = true}}};

    while (op.cleanup.out.more) {
        struct arena arena = {0};
        bool ok;

        op = (struct op){
            .type = OP_CLEANUP,
            .tenant = SLICE("default"),
            .now_us = clock_now_us(),
            .stamp = stamp_next(),
            .arena = &arena,
            .cleanup = {.idle_us = idle_us, .limit = CLEANUP_LIMIT},
        };
        ok = caller_run(store, &op, err);
        arena_done(&arena);
        if (!ok)
            return false;
        *removed += op.cleanup.out.removed;
    }
    return true;
}

int cli_cleanup(const struct config *cfg)
{
    int64_t idle_us = clock_now_us() - cfg->max_idle_hours * HOUR_US, removed = 0;
    struct caller caller = {.patience_ns = 0};
    struct cli_store store;
    struct err err;
    bool ok;

    if (!inbox_init(&caller.inbox, &err))
        return cli_fail(&err);
    ok = cli_open_store(cfg, 0, true, &store, &err);
    caller.lanes = store.lanes;
    caller.type = store.type;
    if (store.pair) /* both stores must be seen first */
        caller.patience_ns = PAIR_PATIENCE_NS;
    ok = ok && clean(&caller, idle_us, &removed, &err);
    cli_close_store(&store);
    inbox_done(&caller.inbox);
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
    const struct backend_config store = {.url = cfg->primary};
    struct sqlite_sealed sealed;
    struct err err, ignored;

    if (!sqlite_seal(cfg->primary, &sealed, &err)) {
        if (store_url_is_sqlite(cfg->primary) && err.kind == ERR_CONFIG &&
            driver_check(&store, &ignored))
            err.kind = ERR_STORAGE; /* called correctly: the file is at fault */
        return cli_fail(&err);
    }
    printf("%lld pages, %lld sealed anew\n", sealed.pages, sealed.sealed);
    return EXIT_SUCCESS;
}

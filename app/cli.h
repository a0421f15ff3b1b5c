/*
 * cli.h - the commands besides `serve`, and what all commands share.
 *
 *     main -> cli_run() -> command -> exit status
 *
 * Threads    main.
 * Ownership  nothing outlives a command.
 * Units      exit status: 0 success, 1 failure, 2 wrong usage.
 * Errors     go to standard error.
 */
#ifndef CLI_H
#define CLI_H

#include "caller.h"
#include "config.h"
#include "pair.h"

struct value_cache;

#ifndef STATEWARD_VERSION
#define STATEWARD_VERSION "0.1.0"
#endif

enum { EXIT_USAGE = 2 };

struct command {
    const char *name, *help;
    enum config_command settings; /* CONFIG_NONE: it takes none */
    const char *operand;          /* its first argument, which becomes cfg->primary; or NULL */
    const char *more;             /* further text of its --help; or NULL */
    int (*run)(const struct config *cfg);
};

/* Runs the command that argv names. Returns the exit status. */
int cli_run(const struct command *commands, int argc, char *const argv[], char *const envp[]);

/* Prints what is wrong. Returns EXIT_USAGE for ERR_CONFIG, else EXIT_FAILURE. */
int cli_fail(const struct err *err);

/* The store, or the two stores, that cfg names. */
struct cli_store {
    struct lanes *lanes; /* where to submit ops */
    const char *type;    /* the scheme of the URL */
    struct pair *pair;   /* NULL: it is a single store */
    struct value_cache *caches[2];
};

/* Opens it, with a cache of cache_bytes for each store. `existing`: fails if a store does not exist or has an
 * older schema. On failure nothing is left open. */
bool cli_open_store(const struct config *cfg, size_t cache_bytes, bool existing,
                    struct cli_store *out, struct err *err) MUST_USE;

/* Closes it; allowed on a zero-filled struct. */
void cli_close_store(struct cli_store *s);

/*
 * Settings for a command that moves or checks data: nothing expires and nothing is trimmed, so that all that
 * is stored is seen, and kept as it is.
 */
struct backend_config cli_backend(const struct config *cfg, const char *url);

/*
 * Opens a store for such a command. `flag` names the setting in errors. `existing`: file and schema must exist,
 * and the schema is not changed. ERR_CONFIG: the URL is wrong, or memory:, of which nothing would remain.
 */
bool cli_open(const struct config *cfg, const char *flag, const char *url, bool existing,
              struct caller *out, struct err *err) MUST_USE;

/* Further help texts of commands. */
extern const char cli_cleanup_help[], cli_seal_help[], cli_migrate_help[], cli_verify_help[],
    cli_export_help[], cli_import_help[], cli_diagnose_help[];

/* The commands. Each returns the exit status. */
int cli_config(const struct config *cfg);
int cli_cleanup(const struct config *cfg);
int cli_seal(const struct config *cfg);
int cli_version(const struct config *cfg);
int cli_migrate(const struct config *cfg);
int cli_verify(const struct config *cfg);
int cli_export(const struct config *cfg);
int cli_import(const struct config *cfg);
int cli_diagnose(const struct config *cfg);

#endif

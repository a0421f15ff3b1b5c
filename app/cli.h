/*
 * cli.h - the commands that do not serve, and what is common to all.
 *
 *     main -> cli_find() -> command -> exit status
 *
 * Threads    main.
 * Ownership  nothing outlives a command.
 * Units      exit status: 0 well, 1 failed, 2 called wrongly.
 * Errors     go to standard error.
 */
#ifndef CLI_H
#define CLI_H

#include "caller.h"
#include "config.h"
#include "pair.h"

struct value_cache;

enum { EXIT_USAGE = 2 };

struct command {
    const char *name, *help;
    enum config_command settings; /* CONFIG_NONE: takes none */
    const char *operand;          /* its first argument, given as cfg->primary; or NULL */
    const char *more;             /* of its --help; or NULL */
    int (*run)(const struct config *cfg);
};

/* Runs what argv names, one of these commands. Returns the exit status. */
int cli_run(const struct command *commands, int argc, char *const argv[], char *const envp[]);

/* Says what is wrong. Returns EXIT_FAILURE. */
int cli_fail(const struct err *err);

/* The store that cfg names, or the two. */
struct cli_store {
    struct lanes *lanes; /* where to send ops */
    const char *type;    /* the scheme of the URL */
    struct pair *pair;   /* NULL: it is one store */
    struct value_cache *caches[2];
};

/* Opens it; cache_bytes are for each store. `existing`: what is not there is not made,
 * and an older schema is refused. On failure nothing is left open. */
bool cli_open_store(const struct config *cfg, size_t cache_bytes, bool existing,
                    struct cli_store *out, struct err *err) MUST_USE;

/* A zero-filled struct was never opened. */
void cli_close_store(struct cli_store *s);

/*
 * What a command that moves or checks data asks of a store: nothing expires, nothing is trimmed, for
 * what is there is to be seen and kept as it is.
 */
struct backend_config cli_backend(const struct config *cfg, const char *url);

/*
 * Opens a store for such a command. `flag` names the setting in errors. `existing`: a file or
 * schema must be there, and is not changed. ERR_CONFIG: the URL, also memory:, of which nothing is
 * left afterwards.
 */
bool cli_open(const struct config *cfg, const char *flag, const char *url, bool existing,
              struct caller *out, struct err *err) MUST_USE;

/* More of the help of commands. */
extern const char cli_cleanup_help[], cli_seal_help[], cli_migrate_help[], cli_verify_help[],
    cli_export_help[], cli_import_help[], cli_diagnose_help[];

/* Commands. */
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

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

#include "config.h"
#include "lane.h"

enum { EXIT_USAGE = 2 };

struct command {
    const char *name, *help;
    enum config_command settings; /* CONFIG_NONE: takes none */
    const char *operand;          /* its only argument, given as cfg->primary; or NULL */
    const char *more;             /* of its --help; or NULL */
    int (*run)(const struct config *cfg);
};

/* Runs what argv names, one of these commands. Returns the exit status. */
int cli_run(const struct command *commands, int argc, char *const argv[], char *const envp[]);

/* Says what is wrong. Returns EXIT_FAILURE. */
int cli_fail(const struct err *err);

/* The lanes of the store that cfg names; *type is the kind of store. */
struct lanes *cli_open_store(const struct config *cfg, const char **type, struct err *err) MUST_USE;

/* What sealing is for, and what not. */
extern const char cli_seal_help[];

/* Commands. */
int cli_config(const struct config *cfg);
int cli_cleanup(const struct config *cfg);
int cli_seal(const struct config *cfg);
int cli_version(const struct config *cfg);

#endif

/*
 * config.h - the settings: one table of flag, environment variable, default, range and help.
 *
 *     main -> config_load(argv, environ) -> struct config -> everybody, read-only
 *
 * `--batch-max-ops 64`, `--batch-max-ops=64` and STATEWARD_BATCH_MAX_OPS=64 are the same setting;
 * the command line wins over the environment.
 *
 * Threads    read-only after loading: any.
 * Ownership  strings live as long as argv and environ.
 * Units      in the name of the field; sizes may be written 64MiB, times 30s, 250ms, 24h.
 * Errors     ERR_CONFIG: names the setting, what was given and what is allowed.
 */
#ifndef CONFIG_H
#define CONFIG_H

#include <stdint.h>
#include <stdio.h>

#include "err.h"

/* The commands, as flags: which ones use a setting. All accept the settings of the service. */
enum config_command {
    CONFIG_NONE = 0,
    CONFIG_SERVE = 1 << 0,
    CONFIG_CLEANUP = 1 << 1,
    CONFIG_SHOW = 1 << 2,
    CONFIG_MIGRATE = 1 << 3,
    CONFIG_VERIFY = 1 << 4,
    CONFIG_EXPORT = 1 << 5,
    CONFIG_IMPORT = 1 << 6,
    CONFIG_DIAGNOSE = 1 << 7,
};

struct config {
    const char *listen;       /* "127.0.0.1:8080" */
    const char *primary;      /* store URL */
    const char *fallback;     /* store URL; NULL = none */
    bool single_instance;     /* no other process uses the two */
    int64_t start_wait_ms;    /* how long a new process waits until it has seen both stores */
    int64_t breaker_failures; /* this many failures within the window open the breaker of a store */
    int64_t breaker_window_ms, breaker_pause_min_ms, breaker_pause_max_ms;
    bool insecure;   /* allows binding beyond loopback without tokens */
    int64_t loops;   /* epoll loops; 0 = one per core */
    int64_t readers; /* reader lanes of an embedded store */
    int64_t lanes;   /* lanes of a store on the network */
    const char *redis_prefix;
    int64_t batch_max_ops;
    int64_t queue_max;    /* ops waiting or running, all lanes */
    int64_t max_body;     /* bytes of one body */
    int64_t body_total;   /* bytes of all bodies in memory */
    int64_t answer_total; /* bytes of all large answers in memory */
    int64_t cache_bytes;  /* cache of checkpoint values */
    int64_t inline_max;   /* values up to this length stand in their checkpoint; 0 = none */
    int64_t max_connections;
    int64_t request_timeout_ms; /* from the first byte of a request to its answer */
    int64_t idle_timeout_ms;    /* of a connection between requests */
    int64_t drain_delay_ms;     /* after SIGTERM: not ready, but still serving */
    int64_t drain_timeout_ms;   /* after that: how long running requests may take */
    int64_t session_ttl_s;      /* 0 = keep */
    int64_t checkpoint_ttl_s;   /* 0 = keep */
    int64_t context_versions;
    int64_t cleanup_interval_s; /* how often expired records are removed; 0 = never */
    int64_t max_idle_hours;     /* command `cleanup` */
    int64_t instance;           /* 0..1023, unique per store; 0 = the store assigns it */
    int64_t store_timeout_ms; /* a store on the network that sends nothing for this long is lost */
    const char *postgres_schema;
    const char *log_level; /* error, warning, info, debug */
    const char *from, *to; /* migrate: store URLs; NULL = not given, as with all that follow */
    const char *a, *b;     /* verify: store URLs */
    const char *file;      /* export, import */
    bool repair;           /* verify */
    bool partial; /* import: accepts a file without the final line that has the number of records */
};

/* Where settings come from. */
struct config_words {
    int argc;
    char *const *argv; /* without program and command */
    char *const *envp; /* may be NULL */
};

/*
 * Fills *cfg from defaults, environment and command line. ERR_CONFIG: an unknown flag, a missing or
 * wrong value, or values that exclude each other; *cfg then is unchanged.
 */
bool config_load(struct config *cfg, enum config_command command, const struct config_words *words,
                 struct err *err) MUST_USE;

/*
 * Tells of each variable that is named like a setting (STATEWARD_...) and is none: a name that was misspelt.
 * What Kubernetes sets for a service that is called stateward is passed over.
 */
void config_unknown(char *const envp[], void (*tell)(const char *name, int len));

/*
 * Prints every setting: flag, environment variable, value in force, range, help. Passwords in URLs are
 * hidden.
 */
void config_print(const struct config *cfg, FILE *out);

/* Prints the flags that a command uses, for its --help. */
void config_usage(enum config_command command, FILE *out);

#endif

/* config.c - see config.h. */
#include "config.h"

#include <ctype.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "backend.h"
#include "clock.h"
#include "config_check.h"
#include "store_url.h"

enum kind { TEXT, SWITCH, NUMBER, SIZE, MILLIS, SECONDS, LEVEL };

struct setting {
    const char *flag; /* without "--" */
    enum kind kind;
    size_t offset;
    const char *value; /* default, as a user would write it */
    int64_t min, max;  /* in the unit of the field */
    const char *help;
    unsigned used_by; /* commands, enum config_command */
};

enum { NAME_MAX_LEN = 64, SHOWN_MAX = 64 };

#define KIB INT64_C(1024)
#define GIB (KIB * KIB * KIB)
#define YEAR_S (INT64_C(366) * 24 * 3600)
#define FIELD(name) offsetof(struct config, name)

#define SERVING (CONFIG_SERVE | CONFIG_SHOW)
#define KEEPING (SERVING | CONFIG_CLEANUP)
#define ALL \
    (KEEPING | CONFIG_MIGRATE | CONFIG_VERIFY | CONFIG_EXPORT | CONFIG_IMPORT | CONFIG_DIAGNOSE)

#define REDIS_SESSION_TTL_S (INT64_C(24) * 3600)

static const struct setting settings[] = {
    {"listen", TEXT, FIELD(listen), "127.0.0.1:8080", 0, 0,
     "address to serve on, HOST:PORT or [IPV6]:PORT", SERVING},
    {"primary", TEXT, FIELD(primary), "sqlite:stateward.db", 0, 0,
     "store: sqlite:PATH, memory:, redis://HOST:PORT/DB (rediss: for TLS), unix:PATH or "
     "postgresql://USER@HOST/DATABASE",
     KEEPING},
    {"fallback", TEXT, FIELD(fallback), NULL, 0, 0,
     "second store, which gets every change and takes over when the first is lost", KEEPING},
    {"single-instance", SWITCH, FIELD(single_instance), "false", 0, 0,
     "no other process uses the two stores: needed when one is a file", KEEPING},
    {"start-wait", MILLIS, FIELD(start_wait_ms), "15s", 0, 3600000,
     "a new process waits so long to see both stores, then serves from what is there", KEEPING},
    {"breaker-failures", NUMBER, FIELD(breaker_failures), "5", 1, 16,
     "a store that fails so often within breaker-window is not asked for a while", KEEPING},
    {"breaker-window", MILLIS, FIELD(breaker_window_ms), "10s", 1, 3600000, "see breaker-failures",
     KEEPING},
    {"breaker-pause-min", MILLIS, FIELD(breaker_pause_min_ms), "100ms", 1, 3600000,
     "first pause before a lost store is tried again; it doubles", KEEPING},
    {"breaker-pause-max", MILLIS, FIELD(breaker_pause_max_ms), "5s", 1, 3600000,
     "longest such pause", KEEPING},
    {"insecure", SWITCH, FIELD(insecure), "false", 0, 0,
     "allow an address that other machines reach, and any Host", SERVING},
    {"loops", NUMBER, FIELD(loops), "0", 0, 256,
     "network loops, of two threads each; 0 = one per core", SERVING},
    {"readers", NUMBER, FIELD(readers), "2", 1, 64, "reader threads of an embedded store", SERVING},
    {"redis-prefix", TEXT, FIELD(redis_prefix), "aiecs:", 0, 0, "prefix of all keys in Redis", ALL},
    {"lanes", NUMBER, FIELD(lanes), "0", 0, 256,
     "connections to a store on the network, beside one for scans; 0 = one per core, from 2 to 4",
     SERVING},
    {"batch-max-ops", NUMBER, FIELD(batch_max_ops), "100", 1, BATCH_MAX,
     "operations that one commit may hold", SERVING},
    {"queue-max", NUMBER, FIELD(queue_max), "10000", 1, 10000000,
     "operations waiting or running; more are refused with 503", SERVING},
    {"max-body", SIZE, FIELD(max_body), "64MiB", 1, GIB, "largest request body", SERVING},
    {"body-total", SIZE, FIELD(body_total), "256MiB", 1, 1024 * GIB,
     "size of all request bodies in memory together", SERVING},
    {"answer-total", SIZE, FIELD(answer_total), "512MiB", 1, 1024 * GIB,
     "size of all large answers in memory together, with what they are made of", SERVING},
    {"cache-bytes", SIZE, FIELD(cache_bytes), "64MiB", 0, 1024 * GIB,
     "values of checkpoints kept in memory; 0 = none", SERVING},
    {"inline-max", SIZE, FIELD(inline_max), "1KiB", 0, 16384,
     "values of a checkpoint up to this size are stored with it, others by themselves; 0 = none",
     SERVING},
    {"max-connections", NUMBER, FIELD(max_connections), "16384", 1, 1000000,
     "connections open at once", SERVING},
    {"request-timeout", MILLIS, FIELD(request_timeout_ms), "30s", 1, 3600000,
     "time from the first byte of a request to its answer", SERVING},
    {"idle-timeout", MILLIS, FIELD(idle_timeout_ms), "75s", 1000, 86400000,
     "how long a connection may be silent: between requests, in a body, or not reading its answer",
     SERVING},
    {"drain-delay", MILLIS, FIELD(drain_delay_ms), "5s", 0, 3600000,
     "after SIGTERM: not ready, but serving", SERVING},
    {"drain-timeout", MILLIS, FIELD(drain_timeout_ms), "20s", 0, 3600000,
     "after drain-delay: time for running requests to finish", SERVING},
    {"session-ttl", SECONDS, FIELD(session_ttl_s), "0", 0, 100 * YEAR_S,
     "idle sessions are removed after this; 0 = never; on Redis 24h unless set", KEEPING},
    {"checkpoint-ttl", SECONDS, FIELD(checkpoint_ttl_s), "0", 0, 100 * YEAR_S,
     "checkpoints are removed after this; 0 = never", KEEPING},
    {"context-versions", NUMBER, FIELD(context_versions), "10", 1, 1000000,
     "versions of a context that are kept", SERVING},
    {"cleanup-interval", SECONDS, FIELD(cleanup_interval_s), "60s", 0, 86400,
     "how often expired records are removed; 0 = never", SERVING},
    {"max-idle-hours", NUMBER, FIELD(max_idle_hours), "24", 0, 1000000,
     "the command cleanup removes sessions idle for so long; POST /maintenance/cleanup has its own",
     CONFIG_CLEANUP | CONFIG_SHOW},
    {"instance", NUMBER, FIELD(instance), "0", 0, (1 << STAMP_NODE_BITS) - 1,
     "number of this instance among those on one store; 0 = the store gives it", KEEPING},
    {"store-timeout", MILLIS, FIELD(store_timeout_ms), "1s", 10, 3600000,
     "a store on the network that sends nothing for so long is taken for lost", ALL},
    {"postgres-schema", TEXT, FIELD(postgres_schema), "stateward", 0, 0,
     "schema that holds the tables in PostgreSQL", ALL},
    {"log-level", LEVEL, FIELD(log_level), "info", 0, 0,
     "least level that is logged: error, warning, info or debug", SERVING},
    {"from", TEXT, FIELD(from), NULL, 0, 0, "store URL to read from; required", CONFIG_MIGRATE},
    {"to", TEXT, FIELD(to), NULL, 0, 0, "store URL to write to; required", CONFIG_MIGRATE},
    {"a", TEXT, FIELD(a), NULL, 0, 0, "store URL; required", CONFIG_VERIFY},
    {"b", TEXT, FIELD(b), NULL, 0, 0, "store URL to compare it with; required", CONFIG_VERIFY},
    {"repair", SWITCH, FIELD(repair), "false", 0, 0,
     "merge what differs into both, until they are equal", CONFIG_VERIFY},
    {"file", TEXT, FIELD(file), NULL, 0, 0,
     "path; standard input or output unless given, and for -", CONFIG_EXPORT | CONFIG_IMPORT},
    {"partial", SWITCH, FIELD(partial), "false", 0, 0,
     "lines were left out: the number of records at the end is not asked for", CONFIG_IMPORT},
};

struct unit {
    const char *name;
    int64_t factor;
};

/* In ascending order: a value is printed in the largest unit that divides it. */
static const struct unit sizes[] = {
    {"", 1}, {"KiB", KIB}, {"MiB", KIB *KIB}, {"GiB", GIB}, {NULL, 0}};
static const struct unit times[] = {
    {"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {NULL, 0}};
static const struct unit counts[] = {{"", 1}, {NULL, 0}};

static const struct unit *units_of(enum kind kind)
{
    if (kind == SIZE)
        return sizes;
    return kind == MILLIS || kind == SECONDS ? times : counts;
}

/* The unit of a number that is written without one: seconds for times. */
static const char *bare_unit(enum kind kind)
{
    return units_of(kind) == times ? "s" : "";
}

static void env_name(const struct setting *s, char out[NAME_MAX_LEN])
{
    size_t n = (size_t)snprintf(out, NAME_MAX_LEN, "STATEWARD_%s", s->flag);

    for (size_t i = 0; i < n; i++)
        out[i] = out[i] == '-' ? '_' : (char)toupper((unsigned char)out[i]);
}

/* Writes a value as a user would write it. */
static void show_number(enum kind kind, int64_t n, char out[SHOWN_MAX])
{
    const struct unit *u = units_of(kind), *best = u;
    int64_t value = kind == SECONDS ? n * 1000 : n;

    for (; u->name; u++)
        if (value != 0 && value % u->factor == 0)
            best = u;
    if (value == 0)
        snprintf(out, SHOWN_MAX, "0");
    else
        snprintf(out, SHOWN_MAX, "%lld%s", (long long)(value / best->factor), best->name);
}

static void show_range(const struct setting *s, char out[2 * SHOWN_MAX + 8])
{
    char min[SHOWN_MAX], max[SHOWN_MAX];

    out[0] = '\0';
    if (s->kind == SWITCH)
        strcpy(out, "true or false");
    if (s->kind == LEVEL)
        strcpy(out, s->help);
    if (s->kind == TEXT || s->kind == SWITCH || s->kind == LEVEL)
        return;
    show_number(s->kind, s->min, min);
    show_number(s->kind, s->max, max);
    snprintf(out, 2 * SHOWN_MAX + 8, "%s..%s", min, max);
}

static bool wrong(const struct setting *s, const char *text, struct err *err)
{
    char range[2 * SHOWN_MAX + 8], shown[STORE_URL_SHOWN];

    show_range(s, range);
    store_url_show(text, shown);
    return err_set(err, ERR_CONFIG, "--%s: \"%.60s\" is not allowed; %s", s->flag, shown,
                   *range ? range : "it must be printable and not empty");
}

static bool parse_number(const struct setting *s, const char *text, int64_t *out)
{
    const struct unit *u = units_of(s->kind);
    const char *unit;
    int64_t n = 0;

    for (unit = text; isdigit((unsigned char)*unit); unit++)
        if (__builtin_mul_overflow(n, 10, &n) || __builtin_add_overflow(n, *unit - '0', &n))
            return false;
    if (unit == text)
        return false;
    if (*unit == '\0')
        unit = bare_unit(s->kind);
    while (u->name && strcmp(u->name, unit) != 0)
        u++;
    if (!u->name || __builtin_mul_overflow(n, u->factor, &n))
        return false;
    if (s->kind == SECONDS) {
        if (n % 1000)
            return false;
        n /= 1000;
    }
    if (n < s->min || n > s->max)
        return false;
    *out = n;
    return true;
}

static bool parse_switch(const char *text, bool *out)
{
    bool on = strcmp(text, "true") == 0 || strcmp(text, "1") == 0;

    if (!on && strcmp(text, "false") != 0 && strcmp(text, "0") != 0)
        return false;
    *out = on;
    return true;
}

/* Must be printable, as config_print() prints one setting per line. */
static bool is_printable(const char *text)
{
    for (const char *c = text; *c; c++)
        if (iscntrl((unsigned char)*c))
            return false;
    return *text != '\0';
}

static bool is_level(const char *text)
{
    return strcmp(text, "error") == 0 || strcmp(text, "warning") == 0 ||
           strcmp(text, "info") == 0 || strcmp(text, "debug") == 0;
}

/* An empty text means "not given" for a setting without a default. */
static bool set(struct config *cfg, const struct setting *s, const char *text, struct err *err)
{
    char *field = (char *)cfg + s->offset;
    bool ok = false;

    if (!*text && s->kind == TEXT && !s->value)
        text = NULL;

    switch (s->kind) {
    case TEXT:
    case LEVEL:
        ok = !text || (s->kind == LEVEL ? is_level(text) : is_printable(text));
        if (ok)
            memcpy(field, &text, sizeof(text));
        break;
    case SWITCH:
        ok = parse_switch(text, (bool *)field);
        break;
    case NUMBER:
    case SIZE:
    case MILLIS:
    case SECONDS:
        ok = parse_number(s, text, (int64_t *)(void *)field);
        break;
    }
    return ok || wrong(s, text, err);
}

static bool set_from_env(struct config *cfg, const struct setting *s, char *const envp[],
                         struct err *err)
{
    char name[NAME_MAX_LEN];
    size_t len;

    env_name(s, name);
    len = strlen(name);
    for (; envp && *envp; envp++) {
        if (strncmp(*envp, name, len) != 0 || (*envp)[len] != '=')
            continue;
        if (!set(cfg, s, *envp + len + 1, err))
            return err_set(err, ERR_CONFIG, "%s: %s", name, err->text);
    }
    return true;
}

/* Whether a command accepts the setting. */
static bool is_known(const struct setting *s, enum config_command command)
{
    return (s->used_by & (command | CONFIG_SHOW)) != 0;
}

static const struct setting *find(enum config_command command, const char *flag, size_t len)
{
    for (size_t i = 0; i < COUNT_OF(settings); i++)
        if (is_known(&settings[i], command) && strlen(settings[i].flag) == len &&
            memcmp(settings[i].flag, flag, len) == 0)
            return &settings[i];
    return NULL;
}

/* A switch may stand alone, which means true; a next word that is true or false is its value. */
static bool set_switch(struct config *cfg, const struct setting *s,
                       const struct config_words *words, int *at, struct err *err)
{
    bool ignored;

    if (*at + 1 < words->argc && parse_switch(words->argv[*at + 1], &ignored))
        return set(cfg, s, words->argv[++*at], err);
    return set(cfg, s, "true", err);
}

/* Reads the flag argv[*at] and, if needed, the next word as its value. */
static bool set_from_flag(struct config *cfg, enum config_command command,
                          const struct config_words *words, int *at, struct err *err)
{
    const char *arg = words->argv[*at], *equals = strchr(arg, '=');
    size_t len = equals ? (size_t)(equals - arg) : strlen(arg);
    bool flag = strncmp(arg, "--", 2) == 0;
    const struct setting *s = flag ? find(command, arg + 2, len - 2) : NULL;
    char shown[STORE_URL_SHOWN];

    if (!s) {
        store_url_show(arg, shown);
        return err_set(err, ERR_CONFIG, "%.*s: there is no such setting",
                       (int)(flag ? strcspn(shown, "=") : strlen(shown)), shown);
    }
    if (equals)
        return set(cfg, s, equals + 1, err);
    if (s->kind == SWITCH)
        return set_switch(cfg, s, words, at, err);
    if (*at + 1 == words->argc)
        return err_set(err, ERR_CONFIG, "--%s: a value is needed", s->flag);
    return set(cfg, s, words->argv[++*at], err);
}

/* Loads defaults, environment and flags; the default of session_ttl depends on the store. */
static bool load(struct config *cfg, enum config_command command, const struct config_words *words,
                 int64_t session_ttl_s, struct err *err)
{
    for (size_t i = 0; i < COUNT_OF(settings); i++) {
        if (settings[i].value && !set(cfg, &settings[i], settings[i].value, err))
            return false;
        if (settings[i].offset == FIELD(session_ttl_s))
            cfg->session_ttl_s = session_ttl_s;
        if (is_known(&settings[i], command) && !set_from_env(cfg, &settings[i], words->envp, err))
            return false;
    }
    for (int i = 0; i < words->argc; i++)
        if (!set_from_flag(cfg, command, words, &i, err))
            return false;
    return true;
}

bool config_load(struct config *cfg, enum config_command command, const struct config_words *words,
                 struct err *err)
{
    struct config loaded = {0};

    if (!load(&loaded, command, words, 0, err) ||
        (store_url_is_redis(loaded.primary) &&
         !load(&loaded, command, words, REDIS_SESSION_TTL_S, err)) ||
        !config_check(&loaded, err))
        return false;
    *cfg = loaded;
    return true;
}

static bool is_setting(const char *name, size_t len)
{
    char known[NAME_MAX_LEN];

    for (size_t i = 0; i < COUNT_OF(settings); i++) {
        env_name(&settings[i], known);
        if (strlen(known) == len && memcmp(known, name, len) == 0)
            return true;
    }
    return false;
}

/* What Kubernetes sets for each service of a namespace: STATEWARD_PORT=tcp://10.0.0.1:8080,
 * STATEWARD_PORT_8080_TCP_ADDR, STATEWARD_SERVICE_HOST, STATEWARD_SERVICE_PORT_HTTP. */
static bool is_service_link(const char *entry, size_t len)
{
    const char *value = entry + len, *host = strstr(entry, "_SERVICE_HOST"),
               *port = strstr(entry, "_SERVICE_PORT"), *number = strstr(entry, "_PORT_");

    return (host && host < value) || (port && port < value) ||
           (number && number < value && isdigit((unsigned char)number[strlen("_PORT_")])) ||
           (memcmp(value - strlen("_PORT"), "_PORT", strlen("_PORT")) == 0 && strstr(value, "://"));
}

void config_unknown(char *const envp[], void (*tell)(const char *name, int len))
{
    for (; envp && *envp; envp++) {
        size_t len = strcspn(*envp, "=");

        if (strncmp(*envp, "STATEWARD_", 10) == 0 && !is_setting(*envp, len) &&
            !is_service_link(*envp, len))
            tell(*envp, (int)len);
    }
}

static void show_value(const struct config *cfg, const struct setting *s, FILE *out)
{
    const char *field = (const char *)cfg + s->offset;
    char shown[SHOWN_MAX];
    const char *text;
    int64_t n;

    switch (s->kind) {
    case TEXT:
    case LEVEL:
        memcpy(&text, field, sizeof(text));
        if (text)
            store_url_print(text, out);
        break;
    case SWITCH:
        fputs(*(const bool *)field ? "true" : "false", out);
        break;
    case NUMBER:
    case SIZE:
    case MILLIS:
    case SECONDS:
        memcpy(&n, field, sizeof(n));
        show_number(s->kind, n, shown);
        fputs(shown, out);
        break;
    }
}

void config_print(const struct config *cfg, FILE *out)
{
    char name[NAME_MAX_LEN], range[2 * SHOWN_MAX + 8];

    for (size_t i = 0; i < COUNT_OF(settings); i++) {
        const struct setting *s = &settings[i];

        if (!(s->used_by & CONFIG_SHOW))
            continue;
        env_name(s, name);
        show_range(s, range);
        fprintf(out, "--%s\t%s\t", s->flag, name);
        show_value(cfg, s, out);
        fprintf(out, "\t%s\t%s\n", range, s->help);
    }
}

void config_usage(enum config_command command, FILE *out)
{
    for (size_t i = 0; i < COUNT_OF(settings); i++) {
        if (!(settings[i].used_by & command))
            continue;
        fprintf(out, "  --%-18s %s", settings[i].flag, settings[i].help);
        fprintf(out, settings[i].value ? " (%s)\n" : "\n", settings[i].value);
    }
}

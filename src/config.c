/* config.c - see config.h. */
#include "config.h"

#include <ctype.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum kind { TEXT, SWITCH, NUMBER, SIZE, MILLIS, SECONDS, LEVEL };

struct setting {
    const char *flag; /* without "--" */
    enum kind kind;
    size_t offset;
    const char *value; /* default, as one would write it */
    int64_t min, max;  /* in the unit of the field */
    const char *help;
    unsigned not_for; /* commands that do not use it */
};

enum { NAME_MAX_LEN = 64, SHOWN_MAX = 64 };

#define KIB INT64_C(1024)
#define GIB (KIB * KIB * KIB)
#define YEAR_S (INT64_C(366) * 24 * 3600)
#define FIELD(name) offsetof(struct config, name)

#define REDIS_SESSION_TTL_S (INT64_C(24) * 3600)

static const struct setting settings[] = {
    {"listen", TEXT, FIELD(listen), "127.0.0.1:8080", 0, 0,
     "address to serve on, HOST:PORT or [IPV6]:PORT", CONFIG_CLEANUP},
    {"primary", TEXT, FIELD(primary), "sqlite:stateward.db", 0, 0,
     "store: sqlite:PATH, memory:, redis://HOST:PORT/DB, unix:PATH or postgresql://USER@HOST/DATABASE",
     0},
    {"insecure", SWITCH, FIELD(insecure), "false", 0, 0,
     "allow an address that other machines reach", CONFIG_CLEANUP},
    {"loops", NUMBER, FIELD(loops), "0", 0, 256, "network threads; 0 = one per core",
     CONFIG_CLEANUP},
    {"readers", NUMBER, FIELD(readers), "2", 1, 64, "reader threads of an embedded store",
     CONFIG_CLEANUP},
    {"redis-prefix", TEXT, FIELD(redis_prefix), "aiecs:", 0, 0, "of all keys in a Redis",
     CONFIG_CLEANUP},
    {"lanes", NUMBER, FIELD(lanes), "4", 1, 256, "connections to a store on the network",
     CONFIG_CLEANUP},
    {"batch-max-ops", NUMBER, FIELD(batch_max_ops), "100", 1, 256,
     "operations that one commit may hold", CONFIG_CLEANUP},
    {"queue-max", NUMBER, FIELD(queue_max), "10000", 1, 10000000,
     "operations waiting or running; more are refused with 503", CONFIG_CLEANUP},
    {"max-body", SIZE, FIELD(max_body), "64MiB", 1, GIB, "size of one request body",
     CONFIG_CLEANUP},
    {"body-total", SIZE, FIELD(body_total), "256MiB", 1, 1024 * GIB,
     "size of all request bodies in memory", CONFIG_CLEANUP},
    {"max-connections", NUMBER, FIELD(max_connections), "16384", 1, 1000000, "open connections",
     CONFIG_CLEANUP},
    {"request-timeout", MILLIS, FIELD(request_timeout_ms), "30s", 1, 3600000,
     "from the first byte of a request to its answer", CONFIG_CLEANUP},
    {"idle-timeout", MILLIS, FIELD(idle_timeout_ms), "75s", 1000, 86400000,
     "of a connection between requests", CONFIG_CLEANUP},
    {"drain-delay", MILLIS, FIELD(drain_delay_ms), "5s", 0, 3600000,
     "after SIGTERM: not ready, but serving", CONFIG_CLEANUP},
    {"drain-timeout", MILLIS, FIELD(drain_timeout_ms), "20s", 0, 3600000,
     "then: for the requests that still run", CONFIG_CLEANUP},
    {"session-ttl", SECONDS, FIELD(session_ttl_s), "0", 0, 100 * YEAR_S,
     "idle sessions are removed after this; 0 = never; on Redis 24h unless set", 0},
    {"checkpoint-ttl", SECONDS, FIELD(checkpoint_ttl_s), "0", 0, 100 * YEAR_S,
     "checkpoints are removed after this; 0 = never", 0},
    {"context-versions", NUMBER, FIELD(context_versions), "10", 1, 1000000,
     "versions of a context that are kept", CONFIG_CLEANUP},
    {"cleanup-interval", SECONDS, FIELD(cleanup_interval_s), "60s", 0, 86400,
     "how often expired records are removed; 0 = never", CONFIG_CLEANUP},
    {"max-idle-hours", NUMBER, FIELD(max_idle_hours), "24", 0, 1000000,
     "sessions idle for this long are removed", CONFIG_SERVE},
    {"instance", NUMBER, FIELD(instance), "0", 0, 1023,
     "number of this instance among those on one store; 0 = the store gives it", 0},
    {"store-timeout", MILLIS, FIELD(store_timeout_ms), "1s", 10, 3600000,
     "a store on the network that sends nothing for so long is lost", 0},
    {"postgres-schema", TEXT, FIELD(postgres_schema), "stateward", 0, 0,
     "schema that holds the tables in PostgreSQL", 0},
    {"log-level", LEVEL, FIELD(log_level), "info", 0, 0, "error, warning, info or debug",
     CONFIG_CLEANUP},
};

struct unit {
    const char *name;
    int64_t factor;
};

/* Largest last, so that a value is printed in the largest unit that fits. */
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

/* What a number without a unit means: bytes, pieces, and seconds for times. */
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

/* A value as one would write it. */
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
    char range[2 * SHOWN_MAX + 8];

    show_range(s, range);
    return err_set(err, ERR_CONFIG, "--%s: \"%.60s\" is not allowed; %s", s->flag, text,
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

/* A line of config_print() has one setting. */
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

static bool set(struct config *cfg, const struct setting *s, const char *text, struct err *err)
{
    char *field = (char *)cfg + s->offset;
    bool ok = false;

    switch (s->kind) {
    case TEXT:
    case LEVEL:
        ok = s->kind == LEVEL ? is_level(text) : is_printable(text);
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

static const struct setting *find(const char *flag, size_t len)
{
    for (size_t i = 0; i < COUNT_OF(settings); i++)
        if (strlen(settings[i].flag) == len && memcmp(settings[i].flag, flag, len) == 0)
            return &settings[i];
    return NULL;
}

/* Reads argv[*at] and, if it needs one, the value behind it. */
static bool set_from_flag(struct config *cfg, int argc, char *const argv[], int *at,
                          struct err *err)
{
    const char *arg = argv[*at], *equals = strchr(arg, '=');
    size_t len = equals ? (size_t)(equals - arg) : strlen(arg);
    const struct setting *s = strncmp(arg, "--", 2) == 0 ? find(arg + 2, len - 2) : NULL;

    if (!s)
        return err_set(err, ERR_CONFIG, "%.*s: there is no such setting",
                       len < 100 ? (int)len : 100, arg);
    if (equals)
        return set(cfg, s, equals + 1, err);
    if (s->kind == SWITCH)
        return set(cfg, s, "true", err);
    if (*at + 1 == argc)
        return err_set(err, ERR_CONFIG, "--%s: a value is needed", s->flag);
    return set(cfg, s, argv[++*at], err);
}

/* What is the default for sessions depends on the store. */
static bool load(struct config *cfg, int64_t session_ttl_s, int argc, char *const argv[],
                 char *const envp[], struct err *err)
{
    for (size_t i = 0; i < COUNT_OF(settings); i++) {
        if (!set(cfg, &settings[i], settings[i].value, err))
            return false;
        if (settings[i].offset == FIELD(session_ttl_s))
            cfg->session_ttl_s = session_ttl_s;
        if (!set_from_env(cfg, &settings[i], envp, err))
            return false;
    }
    for (int i = 0; i < argc; i++)
        if (!set_from_flag(cfg, argc, argv, &i, err))
            return false;
    return true;
}

static bool is_redis(const char *url)
{
    return strncmp(url, "redis:", 6) == 0 || strncmp(url, "unix:", 5) == 0;
}

bool config_load(struct config *cfg, int argc, char *const argv[], char *const envp[],
                 struct err *err)
{
    struct config loaded = {0};

    if (!load(&loaded, 0, argc, argv, envp, err) ||
        (is_redis(loaded.primary) && !load(&loaded, REDIS_SESSION_TTL_S, argc, argv, envp, err)))
        return false;
    *cfg = loaded;
    return true;
}

/* Puts *** for the characters from `from` to `to`; returns what follows. */
static const char *hide(const char *text, const char *from, const char *to, FILE *out)
{
    fprintf(out, "%.*s***", (int)(from - text), text);
    return to;
}

/*
 * A text without the passwords of a URL: scheme://user:PASSWORD@host?password=PASSWORD. A password
 * may hold a raw / or @, so all up to the last @ counts.
 */
static void show_text(const char *text, FILE *out)
{
    static const char name[] = "password=";
    const char *user = strstr(text, "://");
    const char *colon = user ? strchr(user + 3, ':') : NULL;
    const char *at = colon ? strrchr(colon, '@') : NULL;
    const char *word;

    if (at)
        text = hide(text, colon + 1, at, out);
    while (user && (word = strcasestr(text, name)) != NULL) {
        word += sizeof(name) - 1;
        text = hide(text, word, word + strcspn(word, "&"), out);
    }
    fputs(text, out);
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
        show_text(text, out);
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

        env_name(s, name);
        show_range(s, range);
        fprintf(out, "--%s\t%s\t", s->flag, name);
        show_value(cfg, s, out);
        fprintf(out, "\t%s\t%s\n", range, s->help);
    }
}

void config_usage(enum config_command command, FILE *out)
{
    for (size_t i = 0; i < COUNT_OF(settings); i++)
        if (!(settings[i].not_for & command))
            fprintf(out, "  --%-18s %s (%s)\n", settings[i].flag, settings[i].help,
                    settings[i].value);
}

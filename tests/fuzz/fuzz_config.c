/*
 * Settings. The input is a list of words that end with NUL: those that begin with STATEWARD_ are the
 * environment, the others are flags. A configuration that loads has values in their printed ranges, and
 * is the same after it was printed and read again.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "fuzz.h"

enum { WORDS_MAX = 64, SETTINGS_MAX = 64, COLUMNS = 5 };

struct words {
    char *argv[WORDS_MAX + 1], *envp[WORDS_MAX + 1];
    int argc, envc;
};

static void split_words(char *text, size_t len, struct words *out)
{
    for (char *at = text; at < text + len; at += strlen(at) + 1) {
        bool env = strncmp(at, "STATEWARD_", 10) == 0;

        if (env && out->envc < WORDS_MAX)
            out->envp[out->envc++] = at;
        else if (!env && out->argc < WORDS_MAX)
            out->argv[out->argc++] = at;
    }
}

static char *print(const struct config *cfg)
{
    char *out = NULL;
    size_t size;
    FILE *f = open_memstream(&out, &size);

    FUZZ_CHECK(f);
    config_print(cfg, f);
    FUZZ_CHECK(fclose(f) == 0 && out);
    return out;
}

/* A printed value as a number: "1536KiB" in bytes, "30s" in milliseconds, "7" as it is. Stops at a dot. */
static int64_t number(const char *text)
{
    static const struct {
        const char *name;
        int64_t factor;
    } units[] = {{"KiB", 1024}, {"MiB", 1048576}, {"GiB", 1073741824}, {"ms", 1},
                 {"s", 1000},   {"m", 60000},     {"h", 3600000}};
    char *unit;
    int64_t n = strtoll(text, &unit, 10);
    size_t len = strcspn(unit, ".");

    for (size_t i = 0; i < COUNT_OF(units); i++)
        if (strlen(units[i].name) == len && memcmp(units[i].name, unit, len) == 0)
            return n * units[i].factor;
    FUZZ_CHECK(len == 0);
    return n;
}

static void check_range(const char *value, const char *range)
{
    const char *dots = strstr(range, "..");

    FUZZ_CHECK(*value || !*range); /* a text may be unset */
    if (dots)
        FUZZ_CHECK(number(range) <= number(value) && number(value) <= number(dots + 2));
    else if (strcmp(range, "true or false") == 0)
        FUZZ_CHECK(strcmp(value, "true") == 0 || strcmp(value, "false") == 0);
    else if (*range)
        FUZZ_CHECK(strstr(range, value));
}

/* Checks the range of each printed line, and puts --flag=value into argv. Returns how many lines. */
static int read_lines(char *printed, char flags[SETTINGS_MAX][512], char *argv[SETTINGS_MAX])
{
    int n = 0;

    for (char *line; (line = strsep(&printed, "\n")) != NULL && *line; n++) {
        char *column[COLUMNS];

        for (int i = 0; i < COLUMNS; i++)
            FUZZ_CHECK((column[i] = strsep(&line, "\t")) != NULL);
        FUZZ_CHECK(!line && n < SETTINGS_MAX);
        check_range(column[2], column[3]);
        argv[n] = flags[n];
        FUZZ_CHECK(snprintf(flags[n], sizeof(flags[n]), "%s=%s", column[0], column[2]) <
                   (int)sizeof(flags[n]));
    }
    return n;
}

static void check_loaded(const struct config *cfg)
{
    char flags[SETTINGS_MAX][512], *argv[SETTINGS_MAX], *lines = print(cfg), *before = print(cfg);
    struct config_words words = {read_lines(lines, flags, argv), argv, NULL};
    struct config again;
    struct err err;
    char *after;

    FUZZ_CHECK(config_load(&again, CONFIG_SERVE, &words, &err));
    after = print(&again);
    FUZZ_CHECK(strcmp(before, after) == 0);
    free(lines);
    free(before);
    free(after);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct words words = {0};
    struct config_words given;
    struct config cfg = {.lanes = -7};
    struct err err = {0};
    char text[200];

    if (size >= sizeof(text))
        return -1;
    memcpy(text, data, size);
    text[size] = '\0';
    split_words(text, size, &words);
    given = (struct config_words){words.argc, words.argv, words.envp};
    if (config_load(&cfg, CONFIG_SERVE, &given, &err))
        check_loaded(&cfg);
    else
        FUZZ_CHECK(cfg.lanes == -7 && err.kind == ERR_CONFIG && *err.text);
    return 0;
}

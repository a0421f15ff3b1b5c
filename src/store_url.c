/* store_url.c - see store_url.h. */
#include "store_url.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Whether a text names a file, whose path may contain any character; one with a host is not a path. */
static bool is_path(const char *text)
{
    return store_url_is_sqlite(text) &&
           (strncmp(text, "sqlite://", 9) != 0 || strncmp(text, "sqlite:///", 10) == 0);
}

/* Takes a character, which in a query may be encoded as %77; 0 at the end. */
static int take(const char **at)
{
    const char *c = *at;
    char digits[3] = "";

    if (*c == '%' && isxdigit((unsigned char)c[1]) && isxdigit((unsigned char)c[2])) {
        memcpy(digits, c + 1, 2);
        *at += 3;
        return (int)strtol(digits, NULL, 16);
    }
    *at += *c != '\0';
    return (unsigned char)*c;
}

/* The length of "password=" here, in a query or in a connection string of libpq; 0: it is not here. */
static size_t word_len(const char *c)
{
    const char *at = c;
    int sign;

    for (const char *letter = "password"; *letter; letter++)
        if (tolower(take(&at)) != *letter)
            return 0;
    do
        sign = take(&at);
    while (isspace(sign));
    return sign == '=' ? (size_t)(at - c) : 0;
}

/* Up to the next word of a query; in a connection string a value may contain anything. */
static size_t value_len(const char *scheme, const char *value)
{
    return scheme && scheme < value ? strcspn(value, "&") : strlen(value);
}

/*
 * Where the password after the colon of a login ends; NULL: there is none. A password may contain a raw /
 * or @, so everything up to the last @ counts; if that @ is part of a password in the query, up to its end.
 */
static const char *login_end(const char *scheme, const char *colon)
{
    const char *at = strrchr(colon, '@'), *end = at;

    for (const char *c = colon; at && c < at; c++) {
        size_t word = word_len(c);
        const char *value_end = word ? c + word + value_len(scheme, c + word) : end;

        end = value_end > end ? value_end : end;
    }
    return end;
}

/* Where "://" follows the scheme of a URL; NULL: the text is no URL. */
static const char *scheme_end(const char *text)
{
    while (isalnum((unsigned char)*text) || (*text && strchr("+-.", *text)))
        text++;
    return strncmp(text, "://", 3) == 0 ? text : NULL;
}

void store_url_print(const char *text, FILE *out)
{
    const char *scheme = scheme_end(text), *from = scheme ? scheme + 3 : text, *end;
    bool path = is_path(text), login = !path && strncmp(text, "unix:", 5) != 0;

    for (const char *c = text; *c;) {
        size_t word = path ? 0 : word_len(c);

        if (word) {
            fprintf(out, "%.*s***", (int)word, c);
            c += word + value_len(scheme, c + word);
            continue;
        }
        fputc(iscntrl((unsigned char)*c) ? '?' : *c, out);
        end = NULL;
        if (login && *c == ':' && c >= from) {
            end = login_end(scheme, c);
            login = false;
        }
        if (end)
            fputs("***", out);
        c = end ? end : c + 1;
    }
}

bool store_url_is_redis(const char *url)
{
    return strncmp(url, "redis:", 6) == 0 || strncmp(url, "rediss:", 7) == 0 ||
           strncmp(url, "unix:", 5) == 0;
}

bool store_url_is_sqlite(const char *url)
{
    return strncmp(url, "sqlite:", 7) == 0;
}

bool store_url_is_file(const char *url)
{
    return store_url_is_sqlite(url) || strncmp(url, "memory:", 7) == 0;
}

const char *store_url_mistaken(const char *url)
{
    const char *path = store_url_is_sqlite(url) ? url + strlen("sqlite:") : "";

    if (strcmp(path + strspn(path, "/"), ":memory:") == 0)
        return "would be a file of that name: write memory:";
    if (strchr(path, '?'))
        return "has parameters: sqlite:PATH takes none; rename a file that has a ? in its name";
    return NULL;
}

static char *printed(const char *url)
{
    char *out = NULL;
    size_t size;
    FILE *f = open_memstream(&out, &size);

    if (!f)
        return NULL;
    store_url_print(url, f);
    if (fclose(f) == 0)
        return out;
    free(out);
    return NULL;
}

void store_url_show(const char *text, char out[STORE_URL_SHOWN])
{
    char *shown = printed(text);

    snprintf(out, STORE_URL_SHOWN, "%s", shown ? shown : "***");
    free(shown);
}

/* Whether both are names of one SQLite file that is there. */
static bool same_file(const char *a, const char *b)
{
    struct stat first, second;

    return store_url_is_sqlite(a) && store_url_is_sqlite(b) &&
           stat(a + strlen("sqlite:"), &first) == 0 && stat(b + strlen("sqlite:"), &second) == 0 &&
           first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

bool store_url_same(const char *a, const char *b)
{
    char *first = printed(a), *second = printed(b);
    bool same = (first && second && strcmp(first, second) == 0 && strcmp(a, "memory:") != 0) ||
                same_file(a, b);

    free(first);
    free(second);
    return same;
}

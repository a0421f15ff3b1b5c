/* store_url.c - see store_url.h. */
#include "store_url.h"

#include <stdlib.h>
#include <string.h>

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
void store_url_print(const char *text, FILE *out)
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

bool store_url_is_redis(const char *url)
{
    return strncmp(url, "redis:", 6) == 0 || strncmp(url, "unix:", 5) == 0;
}

bool store_url_is_sqlite(const char *url)
{
    return strncmp(url, "sqlite:", 7) == 0;
}

bool store_url_is_file(const char *url)
{
    return store_url_is_sqlite(url) || strncmp(url, "memory:", 7) == 0;
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

bool store_url_same(const char *a, const char *b)
{
    char *first = printed(a), *second = printed(b);
    bool same = first && second && strcmp(first, second) == 0 && strcmp(a, "memory:") != 0;

    free(first);
    free(second);
    return same;
}

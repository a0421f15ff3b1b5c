/* postgres_hosts.c - see postgres_hosts.h. */
#include "postgres_hosts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "lookup.h"

enum { HOSTS_MAX = 32, PLACES_MAX = 64 };

/* Where libpq may connect to: elements of its lists `host`, `hostaddr` and `port`. */
struct place {
    const char *host, *address, *port;
};

struct hosts {
    PQconninfoOption *options;
    size_t n;
    struct {
        struct place at;
        struct lookup *lookup; /* NULL: it needs none */
    } hosts[HOSTS_MAX];
    char *texts[3]; /* what the elements point into */
};

enum list { HOST, ADDRESS, PORT };

static PQconninfoOption *option(const struct hosts *h, enum list which)
{
    static const char *const keywords[] = {"host", "hostaddr", "port"};
    PQconninfoOption *o = h->options;

    while (o->keyword && strcmp(o->keyword, keywords[which]) != 0)
        o++;
    return o;
}

static const char **element(struct place *p, enum list which)
{
    return which == HOST ? &p->host : which == ADDRESS ? &p->address : &p->port;
}

/* Sets one element of each host from a list, "" where it has none; *n is how many it has. */
static bool split(struct hosts *h, enum list which, size_t *n)
{
    const char *list = option(h, which)->val;
    char *at = list ? strdup(list) : NULL;

    *n = 0;
    for (size_t i = 0; i < HOSTS_MAX; i++)
        *element(&h->hosts[i].at, which) = "";
    h->texts[which] = at;
    while (at && *n < HOSTS_MAX) {
        *element(&h->hosts[*n].at, which) = at;
        ++*n;
        at = strchr(at, ',');
        if (at)
            *at++ = '\0';
    }
    return !list || h->texts[which];
}

/* Lists that do not fit together, or are longer than ours, are left to libpq as they are: n is 0. */
static bool read_lists(struct hosts *h)
{
    size_t hosts, addresses, ports;

    if (!split(h, HOST, &hosts) || !split(h, ADDRESS, &addresses) || !split(h, PORT, &ports))
        return false;
    h->n = hosts > addresses ? hosts : addresses;
    if ((hosts > 0 && addresses > 0 && hosts != addresses) || (ports > 1 && ports != h->n) ||
        h->n == HOSTS_MAX)
        h->n = 0;
    for (size_t i = 1; ports == 1 && i < h->n; i++)
        h->hosts[i].at.port = h->hosts[0].at.port;
    return true;
}

static bool begin_lookups(struct hosts *h)
{
    for (size_t i = 0; i < h->n; i++) {
        const struct place *at = &h->hosts[i].at;

        if (at->address[0] || lookup_is_address(at->host))
            continue;
        h->hosts[i].lookup = lookup_begin(at->host);
        if (!h->hosts[i].lookup)
            return false;
    }
    return true;
}

/* What libpq says of a URL holds parts of it. */
PQconninfoOption *hosts_parse(const char *url, struct err *err)
{
    char *said = NULL;
    PQconninfoOption *options = PQconninfoParse(url, &said);

    if (!options && (!said || strstr(said, "out of memory")))
        (void)err_no_memory(err);
    else if (!options)
        err_fill(err, ERR_CONFIG, "postgres: the URL is malformed");
    PQfreemem(said);
    return options;
}

struct hosts *hosts_begin(const char *url, struct err *err)
{
    struct hosts *h = calloc(1, sizeof(*h));

    if (!h) {
        (void)err_no_memory(err);
        return NULL;
    }
    h->options = hosts_parse(url, err);
    if (h->options && read_lists(h) && begin_lookups(h))
        return h;
    if (h->options)
        (void)err_no_memory(err);
    hosts_end(h);
    return NULL;
}

bool hosts_known(const struct hosts *h, int64_t ms)
{
    int64_t end_ns = clock_now_ns() + ms * MS_NS;

    for (size_t i = 0; i < h->n; i++) {
        int64_t left_ms = (end_ns - clock_now_ns()) / MS_NS;

        if (h->hosts[i].lookup && !lookup_wait(h->hosts[i].lookup, left_ms > 0 ? left_ms : 0))
            return false;
    }
    return true;
}

/* All places, in the order of the hosts; those whose name has no address are left out. */
static size_t list_places(const struct hosts *h, struct place places[PLACES_MAX],
                          const char **reason)
{
    size_t n = 0;

    for (size_t i = 0; i < h->n && n < PLACES_MAX; i++) {
        struct lookup *lookup = h->hosts[i].lookup;
        struct place at = h->hosts[i].at;

        if (!lookup) {
            places[n++] = at;
            continue;
        }
        if (!lookup_wait(lookup, 0) || !lookup_address(lookup, 0)) {
            *reason = lookup_reason(lookup);
            continue;
        }
        for (size_t k = 0; n < PLACES_MAX && (at.address = lookup_address(lookup, k)); k++)
            places[n++] = at;
    }
    return n;
}

/* Writes one list of the places. There is none where no host has an address, or the URL has no list. */
static bool write_list(const struct hosts *h, enum list which, struct place *places, size_t n,
                       size_t first)
{
    PQconninfoOption *to = option(h, which);
    bool any = which != ADDRESS && to->val;
    char *text = NULL;
    size_t len;
    FILE *out;

    for (size_t i = 0; which == ADDRESS && i < n; i++)
        any |= places[i].address[0] != '\0';
    if (!any)
        return true;
    out = open_memstream(&text, &len);
    if (!out)
        return false;
    for (size_t i = 0; i < n; i++)
        fprintf(out, "%s%s", i ? "," : "", *element(&places[(first + i) % n], which));
    if (fclose(out) != 0) {
        free(text);
        return false;
    }
    free(to->val);
    to->val = text;
    return true;
}

const PQconninfoOption *hosts_options(struct hosts *h, unsigned first, struct err *err)
{
    const char *reason = "no connection to the server";
    struct place places[PLACES_MAX];
    size_t n = list_places(h, places, &reason);

    if (h->n > 0 && n == 0) {
        err_fill(err, ERR_UNAVAILABLE, "postgres: %s", reason);
        return NULL;
    }
    if (n > 0 &&
        (!write_list(h, HOST, places, n, first) || !write_list(h, ADDRESS, places, n, first) ||
         !write_list(h, PORT, places, n, first))) {
        (void)err_no_memory(err);
        return NULL;
    }
    return h->options;
}

void hosts_end(struct hosts *h)
{
    if (!h)
        return;
    for (size_t i = 0; i < h->n; i++)
        lookup_end(h->hosts[i].lookup);
    for (size_t i = 0; i < COUNT_OF(h->texts); i++)
        free(h->texts[i]);
    PQconninfoFree(h->options);
    free(h);
}

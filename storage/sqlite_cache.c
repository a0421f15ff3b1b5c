/*
 * sqlite_cache.c - see sqlite_cache.h.
 *
 * Every page in the cache has a number up to top, or is parked. If the counts are too high, a truncation looks
 * at all pages for nothing; if they were too low, it would miss pages. So in doubt both are too high.
 */
#include "sqlite_cache.h"

#include <stdbool.h>
#include <stddef.h>

struct sqlite3_pcache {
    struct sqlite3_pcache *inner;
    unsigned top;
    unsigned parked; /* pages with a number above top */
};

static sqlite3_pcache_methods2 inner;

static int start(void *arg)
{
    return inner.xInit(arg);
}

static void stop(void *arg)
{
    inner.xShutdown(arg);
}

static sqlite3_pcache *create(int page, int extra, int purgeable)
{
    struct sqlite3_pcache *c = sqlite3_malloc(sizeof(*c));

    if (!c)
        return NULL;
    *c = (struct sqlite3_pcache){.inner = inner.xCreate(page, extra, purgeable)};
    if (c->inner)
        return c;
    sqlite3_free(c);
    return NULL;
}

static void destroy(sqlite3_pcache *c)
{
    inner.xDestroy(c->inner);
    sqlite3_free(c);
}

static void set_size(sqlite3_pcache *c, int pages)
{
    inner.xCachesize(c->inner, pages);
}

static int count(sqlite3_pcache *c)
{
    return inner.xPagecount(c->inner);
}

static sqlite3_pcache_page *fetch(sqlite3_pcache *c, unsigned number, int make)
{
    sqlite3_pcache_page *page = inner.xFetch(c->inner, number, make);

    if (page && number > c->top)
        c->top = number;
    return page;
}

static void unpin(sqlite3_pcache *c, sqlite3_pcache_page *page, int discard)
{
    inner.xUnpin(c->inner, page, discard);
}

static void rekey(sqlite3_pcache *c, sqlite3_pcache_page *page, unsigned from, unsigned to)
{
    inner.xRekey(c->inner, page, from, to);
    if (from > c->top && c->parked > 0)
        c->parked--;
    if (to > c->top)
        c->parked++;
}

static void truncate_at(sqlite3_pcache *c, unsigned limit)
{
    if (limit > c->top && c->parked == 0)
        return;
    inner.xTruncate(c->inner, limit);
    if (limit > c->top + 1)
        return;
    c->top = limit > 0 ? limit - 1 : 0;
    c->parked = 0;
}

static void shrink(sqlite3_pcache *c)
{
    inner.xShrink(c->inner);
}

sqlite3_pcache_methods2 sqlite_cache_around(const sqlite3_pcache_methods2 *methods)
{
    inner = *methods;
    return (sqlite3_pcache_methods2){
        .iVersion = 1,
        .pArg = inner.pArg,
        .xInit = start,
        .xShutdown = stop,
        .xCreate = create,
        .xCachesize = set_size,
        .xPagecount = count,
        .xFetch = fetch,
        .xUnpin = unpin,
        .xRekey = rekey,
        .xTruncate = truncate_at,
        .xDestroy = destroy,
        .xShrink = shrink,
    };
}

void sqlite_cache_use(void)
{
    sqlite3_pcache_methods2 methods;

    if (sqlite3_config(SQLITE_CONFIG_GETPCACHE2, &methods) != SQLITE_OK ||
        methods.xTruncate == truncate_at)
        return;
    methods = sqlite_cache_around(&methods);
    (void)sqlite3_config(SQLITE_CONFIG_PCACHE2, &methods);
}

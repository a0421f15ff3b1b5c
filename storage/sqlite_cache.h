/*
 * sqlite_cache.h - SQLite's page cache, which looks for pages behind the end only where there are some.
 *
 *     sqlite_open() -> sqlite_cache_use() -> SQLITE_CONFIG_PCACHE2
 *
 * At a COMMIT SQLite drops what its cache holds behind the end of the database. Where a b-tree was
 * balanced it finds nothing and yet looks at every page: its balancing gives pages the number of the
 * "lock page", far behind the end, for a moment (balance_nonroot() of btree.c), and the cache
 * remembers that number as its highest (pcache1Rekey() of pcache1.c). In a database in memory all pages
 * are in the cache: with 260 MB that was a quarter of the CPU of an append, and it grows.
 * So the highest number is remembered here, without those that were given for a moment.
 *
 * Threads    a cache belongs to its connection; sqlite_cache_use() before SQLite is first used.
 * Ownership  pages and their memory are the cache's that SQLite brings.
 * Units      pages count from 1.
 * Errors     none of its own.
 */
#ifndef SQLITE_CACHE_H
#define SQLITE_CACHE_H

#include <sqlite3.h>

/* Puts it in place of the cache that SQLite has; nothing happens once SQLite runs. */
void sqlite_cache_use(void);

/* The methods of a cache around one with the methods inner, which are copied. */
sqlite3_pcache_methods2 sqlite_cache_around(const sqlite3_pcache_methods2 *inner);

#endif

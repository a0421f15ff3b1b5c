/*
 * sqlite_cache.h - wraps SQLite's page cache, so that truncations without effect cost nothing.
 *
 *     sqlite_open() -> sqlite_cache_use() -> SQLITE_CONFIG_PCACHE2
 *
 * At a COMMIT SQLite drops what its cache holds beyond the end of the database. Where a b-tree was balanced
 * there is nothing to drop, yet it looks at every page: balancing gives pages the number of the "lock page",
 * far beyond the end, for a moment (balance_nonroot() of btree.c), and the cache remembers it as its highest
 * (pcache1Rekey() of pcache1.c). A database in memory has all pages in the cache: at 260 MB that took a
 * quarter of the CPU time of an append, and it grows. So the wrapper remembers the highest number itself,
 * without those that were given for a moment.
 *
 * Threads    a cache belongs to its connection; call sqlite_cache_use() before SQLite is first used.
 * Ownership  pages and their memory belong to SQLite's own cache.
 * Units      pages count from 1.
 * Errors     none of its own.
 */
#ifndef SQLITE_CACHE_H
#define SQLITE_CACHE_H

#include <sqlite3.h>

/* Installs the wrapper; does nothing once SQLite is initialized. */
void sqlite_cache_use(void);

/* The methods of a wrapper around a cache with these methods, which are copied. */
sqlite3_pcache_methods2 sqlite_cache_around(const sqlite3_pcache_methods2 *inner);

#endif

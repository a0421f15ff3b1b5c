/*
 * store_url.h - what the URL of a store says before a driver reads it.
 *
 *     sqlite:PATH  memory:  redis://[USER:PASSWORD@]HOST:PORT/DB  unix:PATH  postgresql://...
 *
 * Threads    any.
 * Ownership  none is taken.
 * Units      none.
 * Errors     none: a text that is no URL is of no kind.
 */
#ifndef STORE_URL_H
#define STORE_URL_H

#include <stdbool.h>
#include <stdio.h>

enum { STORE_URL_SHOWN = 128 };

/*
 * Prints a text that may be a URL, its passwords as ***: scheme://user:PASSWORD@host?password=PASSWORD,
 * and "host=... password=PASSWORD", which is none. Control characters become ?. Whatever shows what a
 * user has given for a store goes through here.
 */
void store_url_print(const char *text, FILE *out);

/* The same into a buffer, for error texts; cut where it is full. */
void store_url_show(const char *text, char out[STORE_URL_SHOWN]);

/* By TCP or by a socket of this machine. */
bool store_url_is_redis(const char *url);

/* A file of SQLite's. */
bool store_url_is_sqlite(const char *url);

/* A store within this process, which no other one may have open. */
bool store_url_is_file(const char *url);

/*
 * Whether both name one store; what store_url_print() hides does not tell stores apart (an @ behind the
 * host is %40), and each memory: is one of its own.
 * False as well when memory is short.
 */
bool store_url_same(const char *a, const char *b);

#endif

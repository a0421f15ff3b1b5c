/*
 * store_url.h - tells kinds of store URLs apart, and prints URLs without their passwords.
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
 * Prints a text that may be a URL, with *** for its passwords: scheme://user:PASSWORD@host?password=
 * PASSWORD, or "host=... password=PASSWORD", which is no URL. Control characters become ?. Everything that
 * shows a store as the user gave it must use this.
 */
void store_url_print(const char *text, FILE *out);

/* Prints it into a buffer, for error texts; cut where that is full. */
void store_url_show(const char *text, char out[STORE_URL_SHOWN]);

/* Redis, by TCP or by a socket of this machine. */
bool store_url_is_redis(const char *url);

/* A SQLite file. */
bool store_url_is_sqlite(const char *url);

/* What is wrong with a SQLite URL that other programs do not take for a path (sqlite::memory:, ?mode=ro), as
 * words that follow it; NULL: nothing is. */
const char *store_url_mistaken(const char *url);

/* SQLite or memory: a store that only one process may open. */
bool store_url_is_file(const char *url);

/*
 * Whether both URLs name the same store. What store_url_print() hides makes no difference (an @ behind the
 * host is %40), nor do two names of one SQLite file, if it exists; each memory: is a store of its own. Also
 * false when memory is short.
 */
bool store_url_same(const char *a, const char *b);

#endif

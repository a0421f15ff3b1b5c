/*
 * redis_url.h - parses the URL of a Redis.
 *
 *     redis://[user:password@]host[:port][/db]      unix:/path/to/socket[?db=number]
 *
 * Threads    no state.
 * Ownership  texts are inside the struct. The password is in no error text.
 * Units      none.
 * Errors     ERR_CONFIG.
 */
#ifndef REDIS_URL_H
#define REDIS_URL_H

#include "bytes.h"
#include "err.h"

struct redis_url {
    char host[256]; /* when port is 0: the path of a socket */
    int port;
    int db;
    char user[256], password[512]; /* empty = none */
};

/* Parses a URL; user and password are percent-decoded. ERR_CONFIG for rediss: as well. */
bool redis_url_parse(const char *url, struct redis_url *out, struct err *err) MUST_USE;

#endif

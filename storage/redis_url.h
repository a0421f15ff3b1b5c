/*
 * redis_url.h - what the URL of a Redis says.
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
    char host[256]; /* or the path of a socket, when port is 0 */
    int port;
    int db;
    char user[256], password[512]; /* empty = none */
};

/* Reads a URL; user and password are percent-decoded. rediss: is ERR_CONFIG. */
bool redis_url_parse(const char *url, struct redis_url *out, struct err *err) MUST_USE;

#endif

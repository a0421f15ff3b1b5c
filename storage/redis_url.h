/*
 * redis_url.h - parses the URL of a Redis.
 *
 *     redis://[user:password@]host[:port][/db]      unix:/path/to/socket[?db=number]
 *     rediss://[user:password@]host[:port][/db][?ssl_ca_certs=path&ssl_certfile=path&...]
 *
 * The parameters of rediss: are those of redis-py.
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
    bool tls;
    bool unverified; /* the certificate of the server is not checked at all */
    bool any_host;   /* it may be that of another host */
    char ca_file[256], cert_file[256], key_file[256]; /* paths; empty = none */
};

/* Parses a URL; user, password and parameters are percent-decoded. */
bool redis_url_parse(const char *url, struct redis_url *out, struct err *err) MUST_USE;

#endif

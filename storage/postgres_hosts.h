/*
 * postgres_hosts.h - the hosts of a URL of PostgreSQL, as libpq is to try them.
 *
 *     hosts_begin() -> hosts_known() until it is true -> hosts_options() -> hosts_end()
 *
 * libpq would ask for the addresses of a host itself, and nobody can stop it while no name server
 * answers. So each host that has a name is looked up here (lookup.h), and libpq is given `hostaddr`
 * beside `host`, which it still checks certificates by.
 *
 * Threads    one at a time.
 * Ownership  hosts_end() frees all, the options too.
 * Units      milliseconds.
 * Errors     CONFIG: the URL. UNAVAILABLE: no host has an address. NO_MEMORY.
 */
#ifndef POSTGRES_HOSTS_H
#define POSTGRES_HOSTS_H

#include <libpq-fe.h>
#include <stdint.h>

#include "err.h"

struct hosts;

/* Reads a URL; to be freed with PQconninfoFree(). NULL on failure. */
PQconninfoOption *hosts_parse(const char *url, struct err *err) MUST_USE;

/* Reads a URL and starts to look up the hosts that it names. NULL on failure. */
struct hosts *hosts_begin(const char *url, struct err *err) MUST_USE;

/* Waits for at most so long; whether all lookups have ended. */
bool hosts_known(const struct hosts *h, int64_t ms);

/* The options of the URL, with an address for each host that has one by now. `first` is the number,
 * modulo their count, of the address that is tried first: one that hangs must not keep us from the others. */
const PQconninfoOption *hosts_options(struct hosts *h, unsigned first, struct err *err) MUST_USE;

/* Frees it, and gives up lookups that have not ended. NULL is allowed. */
void hosts_end(struct hosts *h);

#endif

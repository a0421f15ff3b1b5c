/*
 * lookup.h - the addresses of a host, found by a thread of its own.
 *
 *     lookup_begin() -> lookup_wait(), as often as one likes -> lookup_address() ... -> lookup_end()
 *
 * getaddrinfo() cannot be interrupted: while no name server answers it takes as long as resolv.conf
 * allows, which is 10 seconds or more. The caller stops waiting when it likes, and the thread ends by
 * itself. One that tries again a second later starts another thread, which asks a name server that is
 * back at once; before that it joins the lookup that runs. So there is at most one thread per host and
 * second of waiting.
 *
 * Threads    any; one lookup belongs to one thread.
 * Ownership  each lookup_begin() needs a lookup_end(). Addresses live until then.
 * Units      milliseconds.
 * Errors     lookup_begin: NULL when memory or threads have run out. A host that is not found has no
 *            addresses, and a reason.
 */
#ifndef LOOKUP_H
#define LOOKUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "compiler.h"

enum { LOOKUP_MAX = 16 }; /* addresses of one host that are kept */

struct lookup;

/* Whether a host needs no lookup: an address, the path of a socket, or nothing. */
bool lookup_is_address(const char *host);

/* Starts to look for the addresses of a host. */
struct lookup *lookup_begin(const char *host) MUST_USE;

/* Waits for at most so long; whether the lookup has ended. */
bool lookup_wait(struct lookup *l, int64_t ms);

/* Address number i, as text, in the order of getaddrinfo(); NULL when there are no more. Only once the
 * lookup has ended. */
const char *lookup_address(const struct lookup *l, size_t i);

/* Why there are no addresses, for the text of an error that does not name the host. */
const char *lookup_reason(struct lookup *l);

/* Gives the lookup up, whether it has ended or not. NULL is allowed. */
void lookup_end(struct lookup *l);

#endif

/*
 * diagnose.h - finds out what is wrong with a store, one check after the other.
 *
 *     diagnose_connection(): address, name, contact, login, server, schema, latency, durability
 *     diagnose_consistency(): in a tenant of its own: create, read, compare, end, remove
 *
 * A check that fails ends its function, since the later checks rest on it.
 *
 * Threads    one.
 * Ownership  texts are borrowed for the time of a call.
 * Units      none.
 * Errors     each check is told to the listener; the functions return whether all went well.
 */
#ifndef DIAGNOSE_H
#define DIAGNOSE_H

#include "caller.h"
#include "diagnosis.h"

/* Makes all checks up to a store that answers, which is then open in *out. It may be open on failure too. */
bool diagnose_connection(const struct diagnosis *d, const struct backend_config *cfg,
                         struct caller *out) MUST_USE;

/* Checks that what is written is what is read. Leaves nothing behind. */
bool diagnose_consistency(const struct diagnosis *d, struct caller *store) MUST_USE;

#endif

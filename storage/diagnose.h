/*
 * diagnose.h - what is the matter with a store, one check after the other.
 *
 *     diagnose_connection(): address, name, contact, login, server, schema, latency, durability
 *     diagnose_consistency(): in a tenant of its own: create, read, compare, end, remove
 *
 * A check that fails ends its row of checks, since the later ones rest on it.
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

/* Everything up to a store that answers, which is then open in *out. */
bool diagnose_connection(const struct diagnosis *d, const struct backend_config *cfg,
                         struct caller *out) MUST_USE;

/* What is written is what is read. Nothing of it is left. */
bool diagnose_consistency(const struct diagnosis *d, struct caller *store) MUST_USE;

#endif

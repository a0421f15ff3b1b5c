/*
 * postgres_errors.h - maps errors of the server to kinds and texts.
 *
 * Threads    no state.
 * Ownership  the result stays the caller's.
 * Units      none.
 * Errors     those that it maps to.
 */
#ifndef POSTGRES_ERRORS_H
#define POSTGRES_ERRORS_H

#include <libpq-fe.h>

#include "err.h"

/* Whether the server itself reports this error, rather than a pool that has lost the server. */
bool postgres_is_servers(const PGresult *result) MUST_USE;

/* Maps an error of the server to a kind and a text. *repeatable: another try may succeed; *gone: this
 * connection is useless now. */
void postgres_explain(const PGresult *result, bool *repeatable, bool *gone, struct err *err);

#endif

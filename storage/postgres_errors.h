/*
 * postgres_errors.h - errors of the server as kinds and texts.
 *
 * Threads    no state.
 * Ownership  the result stays the caller's.
 * Units      none.
 * Errors     those that it tells.
 */
#ifndef POSTGRES_ERRORS_H
#define POSTGRES_ERRORS_H

#include <libpq-fe.h>

#include "err.h"

/* Whether the server itself says so, not a pool between that has lost it. */
bool postgres_is_servers(const PGresult *result) MUST_USE;

/* Turns an error of the server into a kind and a text. *repeatable: another try may succeed; *gone:
 * this connection is of no more use. */
void postgres_explain(const PGresult *result, bool *repeatable, bool *gone, struct err *err);

#endif

/*
 * postgres_transaction.h - the transactions of the PostgreSQL driver.
 *
 *     sql.c -> struct sql_driver (postgres_query.c) -> here -> postgres_pipe.c
 *
 * Threads    the lane's.
 * Ownership  none.
 * Units      none.
 * Errors     those of the server, and of the connection: see postgres_driver.h.
 */
#ifndef POSTGRES_TRANSACTION_H
#define POSTGRES_TRANSACTION_H

#include "postgres_driver.h"

/* The parts of struct sql_driver that have these names. */
bool postgres_begin(struct sql *d, bool writes, struct err *err) MUST_USE;
bool postgres_commit(struct sql *d, bool writes, bool *lost, struct err *err) MUST_USE;
void postgres_roll_back(struct sql *d);
bool postgres_again(struct sql *d, unsigned n) MUST_USE;

/* Sends COMMIT before the ops have seen what they asked for. Without memory it comes later, as usual. */
void transaction_end_early(struct postgres *d);

#endif

/*
 * postgres_transaction.h - begins, commits and rolls back transactions on PostgreSQL.
 *
 *     sql.c -> struct sql_driver (postgres_query.c) -> here -> postgres_pipe.c
 *
 * Threads    the lane's.
 * Ownership  none.
 * Units      none.
 * Errors     those of the server and of the connection: see postgres_driver.h.
 */
#ifndef POSTGRES_TRANSACTION_H
#define POSTGRES_TRANSACTION_H

#include "postgres_driver.h"

/* Implement the members of struct sql_driver with these names. */
bool postgres_begin(struct sql *d, bool writes, struct err *err) MUST_USE;
bool postgres_commit(struct sql *d, bool writes, bool *lost, struct err *err) MUST_USE;
void postgres_roll_back(struct sql *d);
bool postgres_again(struct sql *d, unsigned n) MUST_USE;

/* Sends COMMIT together with the first questions of the ops. If that fails, COMMIT comes later, as usual. */
void transaction_end_early(struct postgres *d);

#endif

/*
 * sql.h - runs batches for the drivers that speak SQL.
 *
 *     lane -> sql_execute() (batch) -> sql_ops.h (one function per op) -> sql_query.h -> struct sql_driver
 *
 * One connection per backend. A batch is one transaction; each op's function runs inside it. Connections
 * and statements, which differ from store to store, are behind struct sql_driver (sql_driver.h).
 *
 * Threads    the lane's.
 * Ownership  the driver owns the backend.
 * Units      none.
 * Errors     of an op, in its status: see sql_ops.h; of a batch: those of the store.
 */
#ifndef SQL_H
#define SQL_H

#include "sql_driver.h"

/* Initializes the part that drivers share, from the settings. */
void sql_init(struct sql *d, const struct sql_driver *driver, struct row_cache *rows,
              const struct backend_config *cfg);

/* Runs one op in the transaction and sets its status. False: the transaction is lost. */
bool sql_run_op(struct sql *d, struct op *op) MUST_USE;

/* backend_ops.execute of all drivers. */
bool sql_execute(struct backend *self, struct op *const ops[], size_t n, struct err *err) MUST_USE;

#endif

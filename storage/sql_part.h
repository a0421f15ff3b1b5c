/*
 * sql_part.h - how much of an op is done in one transaction.
 *
 *     sql.c: sql_part_begin() -> an op that goes on for long asks sql_part_full() -> its next part
 *
 * Threads    the lane's.
 * Ownership  none.
 * Units      steps: rows or so, as the op counts them.
 * Errors     none.
 */
#ifndef SQL_PART_H
#define SQL_PART_H

#include "sql_driver.h"

/* A transaction begins, and with it the time of its parts. */
void sql_part_begin(struct sql *d);

/* Whether an op that has done so many steps in this transaction leaves the rest to its next part. */
bool sql_part_full(const struct sql *d, size_t steps) MUST_USE;

#endif

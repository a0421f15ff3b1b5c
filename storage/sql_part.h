/*
 * sql_part.h - decides how much of an op is done in one transaction.
 *
 *     sql.c: sql_part_begin() -> a long op asks sql_part_full() after each step -> its next part
 *
 * Threads    the lane's.
 * Ownership  none.
 * Units      steps: about a row each, as the op counts them.
 * Errors     none.
 */
#ifndef SQL_PART_H
#define SQL_PART_H

#include "sql_driver.h"

enum { PART_AT_ONCE = 200 }; /* rows that one statement handles */

/* A transaction begins: starts the time of its parts. */
void sql_part_begin(struct sql *d);

/*
 * How many more steps an op may do that has done `steps` in this transaction; 0: it leaves the rest to its
 * next part.
 */
size_t sql_part_left(const struct sql *d, size_t steps) MUST_USE;

/* Whether that is 0. */
bool sql_part_full(const struct sql *d, size_t steps) MUST_USE;

/* How many steps such an op may do next by one statement: 1 to PART_AT_ONCE. */
size_t sql_part_room(const struct sql *d, size_t steps) MUST_USE;

#endif

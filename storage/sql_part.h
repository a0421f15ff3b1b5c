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

enum { PART_AT_ONCE = 200 }; /* rows of one statement */

/* A transaction begins, and with it the time of its parts. */
void sql_part_begin(struct sql *d);

/*
 * How many more an op may do at once that has done so many steps in this transaction; 0: it leaves the
 * rest to its next part.
 */
size_t sql_part_left(const struct sql *d, size_t steps) MUST_USE;

/* Whether that is 0. */
bool sql_part_full(const struct sql *d, size_t steps) MUST_USE;

/* How many steps an op that has done so many may do next by one statement: 1 to PART_AT_ONCE. */
size_t sql_part_room(const struct sql *d, size_t steps) MUST_USE;

#endif

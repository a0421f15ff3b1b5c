/*
 * sql_pair.h - what a store keeps for its peer in a pair: outbox, missing ids, notes.
 *
 *     sql_run_op() -> sql_pair_admits() -> op function -> sql_pair_keep_entry()
 *
 * Threads    the lane's.
 * Ownership  nothing is kept.
 * Units      stamps as in clock.h.
 * Errors     STORAGE, DAMAGED, UNAVAILABLE, NO_MEMORY.
 */
#ifndef SQL_PAIR_H
#define SQL_PAIR_H

#include "sql_driver.h"

/* Checks that a store that is alone has all data the op is about. ERR_UNAVAILABLE: it lacks changes. */
bool sql_pair_admits(struct sql *d, struct op *op, struct err *err) MUST_USE;

/* Adds the outbox entry of an op that has changed something, unless its change has added it already. */
bool sql_pair_keep_entry(struct sql *d, struct op *op, struct err *err) MUST_USE;

#endif

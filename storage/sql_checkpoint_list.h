/*
 * sql_checkpoint_list.h - checkpoints in the order of their form.
 *
 * Threads    the lane's.
 * Ownership  nothing.
 * Units      *_us wall microseconds.
 * Errors     STORAGE, UNAVAILABLE, NO_MEMORY.
 */
#ifndef SQL_CHECKPOINT_LIST_H
#define SQL_CHECKPOINT_LIST_H

#include "sql.h"

/* The row of the latest checkpoint of a namespace of this form; 0 = none. */
bool list_latest(struct sql *d, int64_t ns, enum form form, int64_t expired_us, int64_t *row,
                 struct err *err) MUST_USE;

#endif

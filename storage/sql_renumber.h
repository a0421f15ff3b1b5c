/*
 * sql_renumber.h - gathers from rows the stamps that renumber.h replaces.
 *
 *     sql_renumber_query() for some rows -> renumber_take() -> renumber_of()
 *
 * Threads    the lane's.
 * Ownership  the numbers live in the arena.
 * Units      stamps as in clock.h.
 * Errors     STORAGE, DAMAGED, UNAVAILABLE, NO_MEMORY.
 */
#ifndef SQL_RENUMBER_H
#define SQL_RENUMBER_H

#include "renumber.h"
#include "sql_query.h"

/* Adds all columns of all rows of a query whose parameters are bound, and ends it; zeros are left out. */
bool sql_renumber_query(struct renumber *r, struct query *q, struct arena *arena,
                        struct err *err) MUST_USE;

#endif

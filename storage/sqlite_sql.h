/*
 * sqlite_sql.h - every SQL text of the sqlite driver, by name.
 *
 * Threads    constants.
 * Ownership  none.
 * Units      as in storage/schema/sqlite_*.sql.
 * Errors     none.
 */
#ifndef SQLITE_SQL_H
#define SQLITE_SQL_H

#include "sqlite_parts_sql.h"
#include "sqlite_sessions_sql.h"
#include "sqlite_threads_sql.h"

#define SQLITE_SQL(X)      \
    SQLITE_PARTS_SQL(X)    \
    SQLITE_SESSIONS_SQL(X) \
    SQLITE_THREADS_SQL(X)

#endif

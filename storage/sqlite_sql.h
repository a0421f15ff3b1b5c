/*
 * sqlite_sql.h - the SQL, by name, that only the sqlite driver runs.
 *
 * Threads    constants.
 * Ownership  none.
 * Units      as in storage/schema/sqlite_*.sql.
 * Errors     none.
 */
#ifndef SQLITE_SQL_H
#define SQLITE_SQL_H

#define SQLITE_SQL(X)                                    \
    X(BEGIN_READ, "BEGIN")                               \
    X(BEGIN_WRITE, "BEGIN IMMEDIATE")                    \
    X(COMMIT, "COMMIT")                                  \
    X(ROLLBACK, "ROLLBACK")                              \
    X(APPLICATION, "PRAGMA application_id")              \
    X(SCHEMA_VERSION, "PRAGMA user_version")             \
    X(PAGE_SIZE, "PRAGMA page_size")                     \
    X(INTEGRITY, "PRAGMA integrity_check(3)")            \
    X(TABLE_COUNT, "SELECT count(*) FROM sqlite_schema") \
    X(CLOCK_GET, "SELECT high FROM clock WHERE id = 1")  \
    X(CLOCK_SET, "UPDATE clock SET high = ?1 WHERE id = 1")

#endif

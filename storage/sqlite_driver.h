/*
 * sqlite_driver.h - what the files of the sqlite driver share: a connection to a file, or to memory.
 *
 *     sql.c -> sqlite.c (transaction) and sqlite_query.c (statements); sqlite_open.c opens
 *
 * Threads    the lane's.
 * Ownership  the backend owns the connection and its statements.
 * Units      *_us wall microseconds.
 * Errors     texts begin with "sqlite: ".
 */
#ifndef SQLITE_DRIVER_H
#define SQLITE_DRIVER_H

#include <sqlite3.h>
#include <sys/types.h>

#include "sql_rows.h"
#include "sqlite_sql.h"

enum sqlite_statement {
    SQLITE_BEFORE_OWN = SQL_COUNT - 1,
#define X(name, text) SQL_##name,
    SQLITE_SQL(X)
#undef X
        SQLITE_COUNT
};

struct sqlite {
    struct sql sql;
    sqlite3 *db;
    sqlite3_stmt *statements[SQLITE_COUNT]; /* prepared at first use */
    int lock_fd;                            /* of a writer or sole connection to a file, else -1 */
    struct carrier *carrier;                /* likewise, else NULL */
    ino_t wal;                              /* inode of the -wal file; 0 in memory */
    int64_t stamp_high;                     /* highest stamp that table clock allows */
    struct row_cache rows;
};

/* The methods of the backend, in sqlite.c; its interface for sql.c, in sqlite_query.c. */
extern const struct backend_ops sqlite_backend_ops;
extern const struct sql_driver sqlite_driver;

/* Members of sqlite_driver that are defined in sqlite.c. */
bool sqlite_begin(struct sql *d, bool writes, struct err *err) MUST_USE;
bool sqlite_commit(struct sql *d, bool writes, bool *lost, struct err *err) MUST_USE;
void sqlite_roll_back(struct sql *d);

/* Maps the last error of the connection to a kind and a text ("sqlite: the disk is full"). */
bool sqlite_fail(struct sqlite *d, struct err *err);

#endif

/*
 * schema.h - the texts of the migrations in storage/schema, put into the binary by the build.
 *
 * Append only: a migration that has been released is never changed.
 *
 * Threads    constants.
 * Ownership  none.
 * Units      lengths are bytes, without the NUL behind the text.
 * Errors     none.
 */
#ifndef SCHEMA_H
#define SCHEMA_H

#include <stddef.h>

/* The error text for a schema that must stay as it is: its number (%lld), and that of this program (%zu). */
#define SCHEMA_OLD                                                                                        \
    "has an older schema: it is number %lld, this program needs number %zu. `stateward serve` brings it " \
    "up to date; back up before"

extern const char sqlite_0001_sql[];
extern const size_t sqlite_0001_sql_len;
extern const char postgres_0001_sql[];
extern const size_t postgres_0001_sql_len;
extern const char sqlite_0002_sql[];
extern const size_t sqlite_0002_sql_len;
extern const char postgres_0002_sql[];
extern const size_t postgres_0002_sql_len;
extern const char sqlite_0003_sql[];
extern const size_t sqlite_0003_sql_len;
extern const char postgres_0003_sql[];
extern const size_t postgres_0003_sql_len;
extern const char postgres_0004_sql[];
extern const size_t postgres_0004_sql_len;

#endif

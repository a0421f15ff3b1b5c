/*
 * sqlite_dialect_sql.h - the parts of the shared SQL that differ on sqlite.
 *
 * Threads    constants.
 * Ownership  none.
 * Units      none.
 * Errors     none.
 */
#ifndef SQLITE_DIALECT_SQL_H
#define SQLITE_DIALECT_SQL_H

#define T_TENANT "tenant"
#define T_SESSION "session"
#define T_MESSAGE "message"
#define T_CONTEXT "context"
#define T_REPEAT "repeat"
#define T_THREAD "thread"
#define T_NAMESPACE "namespace"
#define T_CHECKPOINT "checkpoint"
#define T_VALUE "value"
#define T_TASK "task"
#define T_OUTBOX "outbox"
#define T_PENDING "pending"
#define T_MISSING "missing"
#define T_NOTE "note"

/* The planner of sqlite keeps the order in which joins are written, and uses an index that is named. */
#define NESTED_JOIN "CROSS JOIN"
#define INDEXED_BY(index) " INDEXED BY " index
#define SOME_OF_ONE(rows, order) NESTED_JOIN " " T_CHECKPOINT " c ON " rows
#define SOME_OF_EACH(rows) NESTED_JOIN " " T_CHECKPOINT " c ON c.id IN (SELECT c.id " rows ") "

#define CHANGED_BY "0" /* there is one writer, which knows its own changes */
#define MESSAGE_ROW "id"
#define PACKED(numbers) numbers
#define GREATER "max"
#define BYTES(text) text
#define OCTETS "length"
#define NO_BYTES "x''"
#define STATUS_ACTIVE "x'616374697665'"
#define RETURN_ID ""
#define UNLESS_MADE(key) ""
#define LOCKED(table) ""
#define IF_FREE(table) ""
#define DESCRIBE_STORE "SELECT 'SQLite ' || sqlite_version(), user_version FROM pragma_user_version"

#define INTEGER_TYPE "INTEGER"

/* Not used: on a local store nothing is gained by one statement instead of several. */
#define PUT_NEXT_MESSAGE "SELECT 1 WHERE 0"
#define PUT_NEXT_MESSAGE_TOLD "SELECT 1 WHERE 0"
#define PUT_NEXT_TASK "SELECT 1 WHERE 0"
#define PUT_NEXT_CHECKPOINT "SELECT 1 WHERE 0"

#define STORE_INCARNATION "SELECT text, 0 FROM note WHERE name = CAST('#incarnation' AS BLOB)"

#define AMONG(list) "IN (" EACH_NUMBER(list) ")"

/* A row for each number in "1,2,3". */
#define EACH_NUMBER(list) "SELECT value FROM json_each('[' || " list " || ']')"

/* Rows r of numbers r1 and so on, from a text "[1,2],[3,4]"; and the rows of a table for each of them. */
#define EACH_ROW(list, width) \
    "(SELECT value ->> 0 AS r1, value ->> 1 AS r2, value ->> 2 AS r3, value ->> 3 AS r4, " \
    "value ->> 4 AS r5, value ->> 5 AS r6, value ->> 6 AS r7 FROM json_each('[' || " list " || ']')) AS r "
#define JOIN_EACH(table, as, on) NESTED_JOIN " " table " AS " as " ON " on " "

#define VALUES_OF_KEYS(list) \
    NESTED_JOIN " " T_VALUE " v ON v.namespace = n.id AND v.key " AMONG(list) " "

#endif

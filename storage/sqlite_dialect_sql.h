/*
 * sqlite_dialect_sql.h - what the shared SQL texts say differently on sqlite.
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

/* Its planner takes joins in the order in which they are written, and an index that is named. */
#define NESTED_JOIN "CROSS JOIN"
#define INDEXED_BY(index) " INDEXED BY " index
#define SOME_OF_ONE(rows, order) NESTED_JOIN " " T_CHECKPOINT " c ON " rows
#define SOME_OF_EACH(rows) NESTED_JOIN " " T_CHECKPOINT " c ON c.id IN (SELECT c.id " rows ") "

#define CHANGED_BY "0" /* it has one writer, who knows */
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
#define FOR_REMOVAL(table) ""
#define DESCRIBE_STORE "SELECT 'SQLite ' || sqlite_version(), user_version FROM pragma_user_version"

#define INTEGER_TYPE "INTEGER"

/* It saves no way to a server, and is not used. */
#define PUT_NEXT_MESSAGE "SELECT 1 WHERE 0"
#define PUT_NEXT_MESSAGE_TOLD "SELECT 1 WHERE 0"
#define PUT_NEXT_TASK "SELECT 1 WHERE 0"
#define PUT_NEXT_CHECKPOINT "SELECT 1 WHERE 0"

#define STORE_INCARNATION "SELECT text, 0 FROM note WHERE name = CAST('#incarnation' AS BLOB)"

#define AMONG(list) "IN (" EACH_NUMBER(list) ")"

/* A row for each number of "1,2,3". */
#define EACH_NUMBER(list) "SELECT value FROM json_each('[' || " list " || ']')"

#define VALUES_OF_KEYS(list) \
    NESTED_JOIN " " T_VALUE " v ON v.namespace = n.id AND v.key " AMONG(list) " "

#endif

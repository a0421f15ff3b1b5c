/*
 * postgres_dialect_sql.h - what the shared SQL texts say differently on PostgreSQL.
 *
 * Threads    constants.
 * Ownership  none.
 * Units      none.
 * Errors     none.
 */
#ifndef POSTGRES_DIALECT_SQL_H
#define POSTGRES_DIALECT_SQL_H

#include "postgres_sql.h"

#define T_TENANT "tenants"
#define T_SESSION "sessions"
#define T_MESSAGE "conversations"
#define T_CONTEXT "task_contexts"
#define T_REPEAT "idempotency_keys"
#define T_THREAD "threads"
#define T_NAMESPACE "namespaces"
#define T_CHECKPOINT "checkpoints"
#define T_VALUE "checkpoint_values"
#define T_TASK "checkpoint_writes"
#define T_OUTBOX "outbox"
#define T_PENDING "pending_counts"
#define T_MISSING "missing_ids"
#define T_NOTE "notes"

#define NESTED_JOIN "JOIN"
#define INDEXED_BY(index) ""
#define SOME_OF_EACH(rows) \
    "JOIN LATERAL (SELECT c.id, c.checkpoint_id, c.stamp " rows ") c ON true "

#define MESSAGE_ROW "ctid" /* a message has no id of its own, and so no index for it */

/* Describing a column costs more than a number in it (postgres_query.c unpacks). */
#define PACKED(numbers) "ARRAY[" numbers "]"

#define GREATER "greatest"
#define BYTES(text) text "::bytea"
#define OCTETS "octet_length"
#define NO_BYTES "''::bytea"
#define STATUS_ACTIVE "'active'::bytea"
#define RETURN_ID " RETURNING id"

/* Others may make the same at the same time: then it is theirs that is returned. */
#define UNLESS_MADE(key) " ON CONFLICT (" key ") DO UPDATE SET " key " = excluded." key

/* Rows that another transaction works on are not idle. */
#define FOR_REMOVAL(table) " FOR UPDATE OF " table " SKIP LOCKED"
#define DESCRIBE_STORE                           \
    "SELECT split_part(version(), ' on ', 1), " \
    "(SELECT max(number) FROM schema_versions)"

#define INTEGER_TYPE "INT"

/*
 * Finds, locks and changes the row of a session, and adds a message. active_min is compared in a way that no
 * index serves: that of the ids is the right one.
 */
#define PUT_NEXT_MESSAGE                                                                               \
    "WITH s AS (UPDATE sessions SET last_seq = ?3, active_us = greatest(active_us, ?3) "               \
    "WHERE tenant = ?1 AND session_id = ?2 AND last_seq < ?3 AND active_min IS NOT DISTINCT FROM ?4 "  \
    "AND active_us > ?5 AND tomb < ?6 AND (?7 = 0 OR gen > tomb) RETURNING " SESSION_NUMBERS ", id), " \
    "m AS (INSERT INTO conversations (session, seq, message_id, stamp, role, content, metadata) "      \
    "SELECT id, ?3, ?8, ?6, ?9, ?10, ?11 FROM s ON CONFLICT DO NOTHING RETURNING 1) "                  \
    "SELECT s.*, EXISTS (SELECT 1 FROM m), CASE WHEN ?12 = 1 THEN " OUTBOX_WAITS " END FROM s"


#define STORE_INCARNATION \
    "SELECT convert_to(CAST((" POSTGRES_INCARNATION ") AS TEXT), 'UTF8'), (" POSTGRES_POSITION ")"

/* Whether what stands before it is one of the numbers of "1,2,3". */
#define AMONG(list) \
    "= ANY (CAST(string_to_array(convert_from(" list ", 'UTF8'), ',') AS BIGINT[]))"

/* A row for each number of "1,2,3". */
#define EACH_NUMBER(list) \
    "SELECT CAST(unnest(string_to_array(convert_from(" list ", 'UTF8'), ',')) AS BIGINT)"

#endif

/*
 * postgres_dialect_sql.h - the parts of the shared SQL that differ on PostgreSQL.
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
#define SOME_OF_ONE(rows, order) \
    SOME_OF_EACH("FROM " T_CHECKPOINT " c WHERE " rows "ORDER BY " order " LIMIT ?11")

/* The transaction that has last changed a row. */
#define CHANGED_BY "CAST(CAST(xmin AS TEXT) AS BIGINT)"

#define MESSAGE_ROW "ctid" /* a message has no id of its own, and so no index on one */

/* In a result, the description of a column costs more than a number; postgres_query.c unpacks these. */
#define PACKED(numbers) "ARRAY[" numbers "]"

#define GREATER "greatest"
#define BYTES(text) text "::bytea"
#define OCTETS "octet_length"
#define NO_BYTES "''::bytea"
#define STATUS_ACTIVE "'active'::bytea"
#define RETURN_ID " RETURNING id"

/* Another transaction may make the same row at the same time: then that row is returned. */
#define UNLESS_MADE(key) " ON CONFLICT (" key ") DO UPDATE SET " key " = excluded." key

#define LOCKED(table) " FOR UPDATE OF " table

/* Skips rows that another transaction works on: they are not idle, and waiting for them could be a deadlock. */
#define IF_FREE(table) " FOR UPDATE OF " table " SKIP LOCKED"
#define DESCRIBE_STORE                           \
    "SELECT split_part(version(), ' on ', 1), " \
    "(SELECT max(number) FROM schema_versions)"

#define INTEGER_TYPE "INT"

/*
 * Finds, locks and changes the row of a session, and adds a message. active_min is compared by an operator
 * that no index supports, so that the planner uses the index on the ids.
 */
#define NEXT_ROW(seq_, minute, expired, stamp_, require)                                             \
    "last_seq < " seq_ " AND active_min IS NOT DISTINCT FROM " minute " AND active_us > " expired    \
    " AND tomb < " stamp_ " AND (" require " = 0 OR gen > tomb)"
#define NEXT_COLUMNS "conversations (session, seq, message_id, stamp, role, content, metadata)"

#define NEXT_MESSAGE(entry)                                                                      \
    "WITH s AS (UPDATE sessions SET last_seq = ?3, active_us = greatest(active_us, ?3) WHERE "   \
    "tenant = ?1 AND session_id = ?2 AND " NEXT_ROW("?3", "?4", "?5", "?6", "?7")                \
    " RETURNING " SESSION_NUMBERS ", id), "                                                      \
    "m AS (INSERT INTO " NEXT_COLUMNS " SELECT id, ?3, ?8, ?6, ?9, ?10, ?11 FROM s "             \
    "ON CONFLICT DO NOTHING RETURNING 1) " entry                                                 \
    "SELECT s.*, EXISTS (SELECT 1 FROM m), CASE WHEN ?12 = 1 THEN " OUTBOX_WAITS " END FROM s"
#define PUT_NEXT_MESSAGE NEXT_MESSAGE("")

/*
 * The same, and an entry in the outbox. The name of the message also stands for what changes in its session.
 * No conflict is possible: no other op has this number, and this one has added no entry before.
 */
#define NEXT_ENTRY(stamp_, tenant, id, names, from)                                                  \
    ", o AS (INSERT INTO outbox (number, tenant, id, names) SELECT " stamp_ ", " tenant ", " id ", " \
    names " FROM " from ") "
#define PUT_NEXT_MESSAGE_TOLD NEXT_MESSAGE(NEXT_ENTRY("?6", "?13", "?2", "?14", "s"))

/*
 * Hides the length of an array from the planner. It would otherwise make a new plan each time, as a plan for
 * few rows is cheaper than the generic one.
 */
#define UNSEEN(array) "(SELECT " array ")"

/*
 * Common parts of the next two statements. The thread is locked, as by everything that changes it. If what
 * was read before the lock has changed, the row of the namespace differs, as each change changes it; then
 * nothing is done.
 */
#define NEXT_THREAD                                                                              \
    "WITH t AS MATERIALIZED (SELECT id, tomb FROM threads WHERE tenant = ?1 AND thread_id = ?2 " \
    "FOR UPDATE), "
#define NEXT_NAMESPACE(set)                                                                      \
    "g AS (UPDATE namespaces SET " set " "                                                       \
    "WHERE id = (SELECT id FROM n) AND (thread, last_stamp, checkpoints, bytes) = "              \
    "(SELECT thread, last_stamp, checkpoints, bytes FROM n) RETURNING id, thread), "
#define NEXT_TOUCH(now, minute, expired, if_)                                                    \
    "u AS (UPDATE threads SET updated_us = greatest(updated_us, " now ") "                       \
    "WHERE id = (SELECT thread FROM g)), "                                                       \
    "s AS (UPDATE sessions SET active_us = " now ", active_min = " minute " WHERE tenant = ?1 "  \
    "AND session_id = ?2 AND (SELECT thread FROM g) IS NOT NULL AND gen > tomb "                 \
    "AND active_us > " expired " AND active_us < " now if_ ") "                                  \
    "SELECT thread FROM g"

/* Adds the writes of a new task in the usual case: the checkpoint exists, and nothing there is newer. */
#define PUT_NEXT_TASK                                                                            \
    NEXT_THREAD                                                                                  \
    "n AS MATERIALIZED (SELECT n.id, n.thread, last_stamp, checkpoints, bytes, c.id AS at "      \
    "FROM t JOIN namespaces n ON n.thread = t.id AND n.ns = ?3 "                                 \
    "JOIN checkpoints c ON c.namespace = n.id AND c.checkpoint_id = ?4 "                         \
    "WHERE n.form = ?6 AND last_stamp < ?7 AND tomb < ?7 AND c.stamp > 0 AND c.created_us > ?8 " \
    "AND NOT EXISTS (SELECT 1 FROM checkpoint_writes k WHERE k.checkpoint = c.id "               \
    "AND k.task_id = ?5)), "                                                                     \
    NEXT_NAMESPACE("last_stamp = ?7, bytes = bytes + ?11")                                       \
    "k AS (INSERT INTO checkpoint_writes (task_path, seq, stamp, body, checkpoint, task_id) "    \
    "SELECT ?9, ?7, ?7, ?10, (SELECT at FROM n), ?5 FROM g), "                                   \
    NEXT_TOUCH("?12", "?13", "?14", " AND ?15 = 1")

/*
 * Adds a checkpoint in the usual case: it is new, nothing there is newer, its ?17 bases exist, and what it
 * carries is the newest of its name. There are ?20 new values: numbers column by column (?21), hashes of
 * 16 bytes each (?22), and bytes (?23) into which some of the numbers point.
 */
#define NEXT_NUMBER(column) "a[(" column " * ?20 + i)::INT]"
#define NEXT_BYTES(place, length)                                                                \
    "CASE WHEN " NEXT_NUMBER(length) " >= 0 "                                                    \
    "THEN substring(?23::bytea FROM " NEXT_NUMBER(place) "::INT FOR " NEXT_NUMBER(length) "::INT) END"

#define PUT_NEXT_CHECKPOINT                                                                      \
    NEXT_THREAD                                                                                  \
    "n AS MATERIALIZED (SELECT n.id, n.thread, last_stamp, checkpoints, bytes "                  \
    "FROM t JOIN namespaces n ON n.thread = t.id AND n.ns = ?3 "                                 \
    "WHERE n.form = ?5 AND last_stamp < ?6 AND tomb < ?6 "                                       \
    "AND NOT EXISTS (SELECT 1 FROM checkpoints c WHERE c.namespace = n.id "                      \
    "AND c.checkpoint_id = ?4) "                                                                 \
    "AND (SELECT count(*) FROM checkpoint_values v WHERE +v.namespace = n.id "                   \
    "AND v.id " AMONG(UNSEEN("?16::BYTEA")) ") = ?17 "                                                          \
    "AND NOT EXISTS (SELECT 1 FROM unnest(" NUMBERS(UNSEEN("?18::BYTEA")) ", " NUMBERS(UNSEEN("?19::BYTEA")) ") AS r (id, key) " \
    "WHERE r.id IS DISTINCT FROM (SELECT max(id) FROM (SELECT v.id FROM checkpoint_values v "    \
    "WHERE v.namespace = n.id AND v.key = r.key OFFSET 0) AS x))), "                             \
    NEXT_NAMESPACE("last_stamp = ?6, checkpoints = checkpoints + 1, bytes = bytes + ?7")         \
    "c AS (INSERT INTO checkpoints (stamp, form, created_us, parent_id, run_id, head, refs, "    \
    "metadata, namespace, checkpoint_id) "                                                       \
    "SELECT ?6, ?5, ?8, ?9, ?10, ?11, ?12, ?13, id, ?4 FROM g), "                                \
    "v AS (INSERT INTO checkpoint_values (id, namespace, key, base, encoding, hash, channel, "   \
    "version, type, bytes) SELECT " NEXT_NUMBER("0") ", g.id, nullif(" NEXT_NUMBER("1") ", 0), " \
    NEXT_NUMBER("2") ", " NEXT_NUMBER("3") ", "                                                  \
    "substring(?22::bytea FROM i * 16 - 15 FOR 16), " NEXT_BYTES("4", "5") ", "                  \
    NEXT_BYTES("6", "7") ", " NEXT_BYTES("8", "9") ", " NEXT_BYTES("10", "11") " FROM g, "       \
    "(SELECT " NUMBERS(UNSEEN("?21::BYTEA")) " AS a OFFSET 0) AS r, generate_series(1, " UNSEEN("?20::INT") ") AS i), "                \
    NEXT_TOUCH("?8", "?14", "?15", "")

/*
 * Looks up each row by the index on ids, however small the planner thinks the table is: a plan made for three
 * rows stays in use when there are thousands. FOR UPDATE, as OFFSET 0 elsewhere, keeps a subquery separate; it locks in
 * the order of the arrays. What has waited for a row checks its conditions again on the new version: the tenant of a
 * session discarded meanwhile differs.
 */
#define EACH_SESSION                                                                                 \
    "LATERAL (SELECT id FROM sessions WHERE tenant = r1 AND session_id = r2 FOR UPDATE) AS x(at)"
#define ONE_OF(ids) "id = ANY (" ids ")"
#define ONE_OF_R \
    ONE_OF("ARRAY(SELECT at FROM r)") " AND id = at AND tenant IS NOT DISTINCT FROM r1"

/*
 * PUT_NEXT_MESSAGE for many sessions, each at most once: arrays take the place of the parameters, in the same
 * order, and the last column is the number of the element that a row belongs to.
 */
#define NEXT_MESSAGES(arrays, columns, entry)                                                        \
    "WITH r AS MATERIALIZED (SELECT * FROM unnest(" UNSEEN("?1::bigint[]") ", ?2::bytea[], "         \
    "?3::bigint[], ?4::bigint[], ?5::bigint[], ?6::bigint[], ?7::bigint[], ?8::bytea[], "            \
    "?9::bytea[], ?10::text[], ?11::text[], ?12::bigint[]" arrays ") WITH ORDINALITY "               \
    "AS r(r1, r2, r3, r4, r5, r6, r7, r8, r9, r10, r11, r12, " columns "n), " EACH_SESSION "), "     \
    "s (numbers, time, id, n, look) AS (UPDATE sessions SET last_seq = r3, "                         \
    "active_us = greatest(active_us, r3) FROM r WHERE " ONE_OF_R " AND "                             \
    NEXT_ROW("r3", "r4", "r5", "r6", "r7") " RETURNING " SESSION_NUMBERS ", id, n, r12), "           \
    "m AS (INSERT INTO " NEXT_COLUMNS " SELECT id, r3, r8, r6, r9, r10, r11 FROM s JOIN r USING (n) " \
    "ON CONFLICT DO NOTHING RETURNING session) " entry                                               \
    "SELECT numbers, time, id, EXISTS (SELECT 1 FROM m WHERE session = s.id), "                      \
    "CASE WHEN look = 1 THEN " OUTBOX_WAITS " END, n FROM s"
#define PUT_NEXT_MESSAGES NEXT_MESSAGES("", "", "")
#define PUT_NEXT_MESSAGES_TOLD                                                                       \
    NEXT_MESSAGES(", ?13::bytea[], ?14::bytea[]", "r13, r14, ",                                      \
                  NEXT_ENTRY("r6", "r13", "r2", "r14", "s JOIN r USING (n)"))

/* The other statements that are gathered (postgres_gather.c). */
#define LOCK_EACH(table, id)                                                                          \
    "SELECT n FROM unnest(" UNSEEN("?1::bigint[]") ", ?2::bytea[]) WITH ORDINALITY AS r(r1, r2, n), " \
    "LATERAL (SELECT 1 FROM " table " WHERE tenant = r1 AND " id " = r2 FOR UPDATE) AS x"

#define EACH_TARGET(select)                                                                           \
    "SELECT x.*, n FROM unnest(" UNSEEN("?1::bigint[]") ", ?2::bytea[], ?3::bytea[], ?4::bytea[], "   \
    "?5::bytea[]) WITH ORDINALITY AS r(r1, r2, r3, r4, r5, n), LATERAL (" select " OFFSET 0) AS x"

#define PUT_VALUES                                                                                    \
    "INSERT INTO checkpoint_values (id, namespace, key, base, encoding, hash, channel, version, type, " \
    "bytes) SELECT * FROM unnest(" UNSEEN("?1::bigint[]") ", ?2::bigint[], ?3::bigint[], "            \
    "?4::bigint[], ?5::bigint[], ?6::bytea[], ?7::bytea[], ?8::bytea[], ?9::bytea[], ?10::bytea[])"

#define PUT_CHECKPOINTS                                                                               \
    "INSERT INTO checkpoints (stamp, form, created_us, parent_id, run_id, head, refs, metadata, "     \
    "namespace, checkpoint_id) SELECT * FROM unnest(" UNSEEN("?1::bigint[]") ", ?2::bigint[], "       \
    "?3::bigint[], ?4::bytea[], ?5::bytea[], ?6::bigint[], ?7::bytea[], ?8::text[], ?9::bigint[], "   \
    "?10::bytea[])"

#define PUT_TASKS                                                                                     \
    "INSERT INTO checkpoint_writes (task_path, seq, stamp, body, checkpoint, task_id) "               \
    "SELECT r1, r2, r3, r4, coalesce(nullif(r5, 0), (SELECT id FROM checkpoints "                     \
    "WHERE namespace = r7 AND checkpoint_id = r8)), r6 FROM unnest(" UNSEEN("?1::bytea[]") ", "       \
    "?2::bigint[], ?3::bigint[], ?4::bytea[], ?5::bigint[], ?6::bytea[], ?7::bigint[], ?8::bytea[]) " \
    "AS r(r1, r2, r3, r4, r5, r6, r7, r8)"

#define GROW_NAMESPACES                                                                               \
    "UPDATE namespaces SET last_stamp = greatest(last_stamp, r2), checkpoints = checkpoints + r3, "   \
    "bytes = bytes + r4 FROM unnest(" UNSEEN("?1::bigint[]") ", ?2::bigint[], ?3::bigint[], "         \
    "?4::bigint[]) AS r(r1, r2, r3, r4) WHERE id = r1 AND " ONE_OF(UNSEEN("?1::bigint[]") "::bigint[]")

#define TOUCH_THREADS                                                                                 \
    "UPDATE threads SET updated_us = r2 FROM unnest(" UNSEEN("?1::bigint[]") ", ?2::bigint[]) "       \
    "AS r(r1, r2) WHERE id = r1 AND updated_us < r2 AND " ONE_OF(UNSEEN("?1::bigint[]") "::bigint[]")

#define TOUCH_SESSIONS                                                                                \
    "WITH r AS MATERIALIZED (SELECT * FROM (SELECT r1, r2, max(r3) AS r3, max(r4) AS r4, max(r5) AS r5 " \
    "FROM unnest(" UNSEEN("?1::bigint[]") ", ?2::bytea[], ?3::bigint[], ?4::bigint[], ?5::bigint[]) " \
    "AS r(r1, r2, r3, r4, r5) GROUP BY r1, r2) AS r, "                                                \
    "LATERAL (" SESSION_TO_TOUCH("r1", "r2", "r3", "r5") ") AS x(at)) "                               \
    "UPDATE sessions SET active_us = r3, active_min = r4 FROM r WHERE " ONE_OF_R

#define PUT_OUTBOX                                                                                    \
    "INSERT INTO outbox (number, tenant, id, names) SELECT * FROM unnest(" UNSEEN("?1::bigint[]")     \
    ", ?2::bytea[], ?3::bytea[], ?4::bytea[]) ON CONFLICT DO NOTHING"

#define STORE_INCARNATION \
    "SELECT convert_to(CAST((" POSTGRES_INCARNATION ") AS TEXT), 'UTF8'), (" POSTGRES_POSITION ")"

/* The numbers in a text "1,2,3"; and whether the expression before AMONG is one of them. */
#define NUMBERS(list) "CAST(string_to_array(convert_from(" list ", 'UTF8'), ',') AS BIGINT[])"
#define AMONG(list) "= ANY (" NUMBERS(list) ")"

/* A row for each number in "1,2,3". */
#define EACH_NUMBER(list) \
    "SELECT CAST(unnest(string_to_array(convert_from(" list ", 'UTF8'), ',')) AS BIGINT)"

/* Rows r of `width` numbers, called r1 and so on, from a text "[1,2],[3,4]". */
#define EACH_ROW(list, width)                                                                    \
    "(SELECT a[i] AS r1, a[i + 1] AS r2, a[i + 2] AS r3, a[i + 3] AS r4, a[i + 4] AS r5, "       \
    "a[i + 5] AS r6, a[i + 6] AS r7 FROM (SELECT CAST(string_to_array(translate(convert_from("   \
    list ", 'UTF8'), '[]', ''), ',') AS BIGINT[]) AS a OFFSET 0) AS x, "                         \
    "generate_series(1, cardinality(a), " width ") AS i) AS r "

/* For each of them, the rows of a table, found by an index; see VALUES_OF_KEYS. */
#define JOIN_EACH(table, as, on) \
    ", LATERAL (SELECT * FROM " table " AS " as " WHERE " on " OFFSET 0) AS " as " "

/*
 * The values v of a namespace that have one of these keys. Each key is looked up separately: for a small table
 * the planner would read all values of the namespace, and the list of keys for each.
 */
#define VALUES_OF_KEYS(list)                                                                     \
    ", (" EACH_NUMBER(list) ") AS k (key), LATERAL (SELECT id, channel, version "                \
    "FROM checkpoint_values WHERE namespace = n.id AND key = k.key OFFSET 0) v "

#endif

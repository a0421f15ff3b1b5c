/*
 * sessions_sql.h - the SQL, by name, of tenants, sessions, messages and contexts.
 *
 * Indexed columns (active_min, user_id) are written only by statements of their own, as sqlite writes an
 * index whenever one of its columns is named.
 *
 * The texts are written once for all stores: names of tables, and whatever else differs, are macros of the
 * dialect (e.g. sqlite_dialect_sql.h), which must be included where they are expanded. Parameters are ?1, ...
 *
 * Threads    constants.
 * Ownership  none.
 * Units      as in storage/schema.
 * Errors     none.
 */
#ifndef SESSIONS_SQL_H
#define SESSIONS_SQL_H

/* In the order that row_numbers() and row_texts() expect; texts come last, as they may be long. */
#define SESSION_NUMBERS                                                                         \
    PACKED("id, gen, tomb, active_us, active_min, last_seq, last_context, version, "            \
           "request_count, error_count, created_us, updated_us, user_stamp, status_stamp, "     \
           "metadata_stamp") ", processing_time"
#define SESSION_TEXTS ", session_id, user_id, status, metadata"
enum { ROW_ID = 16, ROW_USER, ROW_STATUS, ROW_METADATA };

/* What SESSION_IDLE and SESSION_EXPIRED have after the id instead. */
enum { ROW_TENANT = ROW_ID + 1, ROW_TENANT_NAME };

/* Pages of the list; whole rows are then read by id (sql_session_list.c). */
#define SESSION_LIST(index, user)                                         \
    "SELECT id, active_us, session_id FROM " T_SESSION " " INDEXED_BY(index) " WHERE tenant = ?1" user  \
    " AND active_min BETWEEN ?2 AND ?3 AND gen > tomb AND active_us > ?4" \
    " AND (active_us < ?5 OR (active_us = ?5 AND session_id < ?6))"       \
    " AND (" BYTES("?7") " IS NULL OR status = ?7)"                                    \
    " ORDER BY active_min DESC, active_us DESC, session_id DESC LIMIT ?8"

/* A session whose activity is to be noted. Whoever has locked it changes it, and so notes that as well. */
#define SESSION_TO_TOUCH(tenant_, id_, now, expired)                                          \
    "SELECT id FROM " T_SESSION " WHERE tenant = " tenant_ " AND session_id = " id_                \
    " AND gen > tomb AND active_us > " expired " AND active_us < " now IF_FREE(T_SESSION)

#define SESSIONS_SQL(X)                                                                                                                                                                        \
    X(TENANT_FIND, "SELECT id FROM " T_TENANT " WHERE name = ?1")                                                                                                                                           \
    X(TENANT_LIST, "SELECT name FROM " T_TENANT " WHERE name > ?1 ORDER BY name LIMIT ?2") \
    X(TENANT_NO_SESSIONS, "DELETE FROM " T_SESSION " WHERE tenant = ?1 AND active_min < 0") \
    X(TENANT_NO_THREADS, "DELETE FROM " T_THREAD " WHERE tenant = ?1 AND NOT EXISTS " \
                         "(SELECT 1 FROM " T_NAMESPACE " n WHERE n.thread = " T_THREAD ".id)") \
    X(TENANT_DROP, "DELETE FROM " T_TENANT " WHERE id = ?1 " \
                   "AND NOT EXISTS (SELECT 1 FROM " T_SESSION " s WHERE s.tenant = ?1) " \
                   "AND NOT EXISTS (SELECT 1 FROM " T_THREAD " t WHERE t.tenant = ?1)") \
    X(DESCRIBE, DESCRIBE_STORE) \
    X(TENANT_MAKE, "INSERT INTO " T_TENANT " (name) VALUES (?1)" UNLESS_MADE("name") RETURN_ID)                                                                                                                                           \
    X(SESSION_FIND,                                                                                                                                                                                   \
      "SELECT " SESSION_NUMBERS " FROM " T_SESSION " WHERE tenant = ?1 AND session_id = ?2")                                                                                                                \
    X(SESSION_READ, "SELECT " SESSION_NUMBERS SESSION_TEXTS                                                                                                                                           \
                    " FROM " T_SESSION " WHERE tenant = ?1 AND session_id = ?2")                                                                                                                            \
    X(SESSION_ROWS, "SELECT " SESSION_NUMBERS SESSION_TEXTS " FROM " T_SESSION " WHERE id " AMONG("?1")) \
    X(SESSION_INSERT,                                                                                                                                                                                 \
      "INSERT INTO " T_SESSION " (gen, tomb, active_us, active_min, last_seq, "                                                                                                                             \
      "last_context, version, request_count, error_count, processing_time, created_us, "                                                                                                              \
      "updated_us, user_stamp, status_stamp, metadata_stamp, user_id, status, metadata, tenant, "                                                                                                     \
      "session_id) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, "                                                                                                        \
      "?16, ?17, ?18, ?19, ?20)" RETURN_ID)                                                                                                                                                                     \
    X(SESSION_UPDATE,                                                                                                                                                                                 \
      "UPDATE " T_SESSION " SET gen = ?2, tomb = ?3, active_us = ?4, last_seq = ?5, "                                                                                                                       \
      "last_context = ?6, version = ?7, request_count = ?8, error_count = ?9, "                                                                                                                       \
      "processing_time = ?10, created_us = ?11, updated_us = ?12, user_stamp = ?13, "                                                                                                                 \
      "status_stamp = ?14, metadata_stamp = ?15, status = ?16, metadata = ?17 WHERE id = ?1")                                                                                                         \
    X(SESSION_USER, "UPDATE " T_SESSION " SET user_id = ?2 WHERE id = ?1")                                                                                                                                  \
    X(SESSION_MINUTE, "UPDATE " T_SESSION " SET active_min = ?2 WHERE id = ?1")                                                                                                                             \
    X(SESSION_ADVANCE, "UPDATE " T_SESSION " SET active_us = ?2, last_seq = ?3, last_context = ?4 "                                                                                                         \
                       "WHERE id = ?1")                                                                                                                                                               \
    X(SESSION_TOUCH, "UPDATE " T_SESSION " SET active_us = ?3, active_min = ?4 WHERE id = (" \
                     SESSION_TO_TOUCH("?1", "?2", "?3", "?5") ")") \
    X(SESSION_LIST, SESSION_LIST("session_active", ""))                                                                                                                                               \
    X(SESSION_LIST_USER, SESSION_LIST("session_user", " AND user_id = ?9"))                                                                                                                           \
    X(SESSION_IDLE, "SELECT " SESSION_NUMBERS ", session_id, tenant FROM " T_SESSION " "                                                                                                                    \
                    INDEXED_BY("session_active") " WHERE tenant = ?1 AND active_min BETWEEN 0 AND ?2 "                                                                                                    \
                    "AND active_us <= ?3 ORDER BY active_min LIMIT ?4" IF_FREE(T_SESSION))                                                                                                                               \
    X(SESSION_EXPIRED,                                                                                                                                                                                \
      "SELECT " SESSION_NUMBERS ", session_id, tenant, o.name FROM "                                                                                                                                          \
      "(SELECT id AS owner, name FROM " T_TENANT ") AS o " NESTED_JOIN " " T_SESSION INDEXED_BY("session_active") " "                                                                                                                \
      "ON tenant = owner WHERE active_min BETWEEN 0 AND ?1 AND active_us <= ?2 LIMIT ?3" IF_FREE(T_SESSION))                                                                                                             \
    X(SESSION_COLLECT, "DELETE FROM " T_SESSION " WHERE id IN (SELECT s.id FROM " T_TENANT " t "                                                                                                                  \
                       NESTED_JOIN " " T_SESSION " s" INDEXED_BY("session_active") " ON s.tenant = t.id "                                                                                                           \
                       "WHERE s.active_min > ?1 AND s.active_min < 0 AND s.tomb < ?2 LIMIT ?3" IF_FREE("s") ")")                                                                                                      \
    X(THREAD_OLD, "SELECT t.id FROM " T_THREAD " t" INDEXED_BY("thread_tomb") " WHERE t.tomb > 0 AND t.tomb < ?1 " \
                  "AND NOT EXISTS (SELECT 1 FROM " T_NAMESPACE " n WHERE n.thread = t.id) LIMIT ?2" IF_FREE("t")) \
    X(THREAD_COLLECT, "DELETE FROM " T_THREAD " WHERE id " AMONG("?1") " AND NOT EXISTS " \
                      "(SELECT 1 FROM " T_NAMESPACE " n WHERE n.thread = " T_THREAD ".id)") \
    X(THREAD_FORGET,                                                                                                                                                                                  \
      "UPDATE " T_THREAD INDEXED_BY("thread_tomb") " SET tomb = 0 WHERE tomb > 0 AND tomb < ?1 " \
      "AND EXISTS (SELECT 1 FROM " T_NAMESPACE " n WHERE n.thread = " T_THREAD ".id)") \
    X(REPEAT_FIND, "SELECT body_hash FROM " T_REPEAT " WHERE op_id = ?1 AND at_us > ?2") \
    X(REPEAT_PUT, "INSERT INTO " T_REPEAT " (op_id, body_hash, at_us) VALUES (?1, ?2, ?3) ON CONFLICT (op_id) DO UPDATE SET body_hash = excluded.body_hash, at_us = excluded.at_us") \
    X(REPEAT_COLLECT, "DELETE FROM " T_REPEAT " WHERE op_id IN "                                                                                                                                            \
                      "(SELECT op_id FROM " T_REPEAT " WHERE at_us < ?1 LIMIT ?2) AND at_us < ?1")                                                                                                                       \
    X(CONTEXT_ALL, "SELECT version, stamp, updated_us, " OCTETS "(body) FROM " T_CONTEXT " "                                                                                                                    \
                   "WHERE session = ?1 ORDER BY stamp, version")                                                                                                                                      \
    X(CONTEXT_BODY, "SELECT body FROM " T_CONTEXT " WHERE session = ?1 AND version = ?2 AND stamp = ?3")                                                                                                    \
    X(CONTEXT_PUT, "INSERT INTO " T_CONTEXT " (session, version, stamp, updated_us, body) "                                                                                                                 \
                   "VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING")                                                                                                                              \
    X(CONTEXT_TRIM, "DELETE FROM " T_CONTEXT " WHERE session = ?1 AND stamp <= (SELECT stamp "                                                                                                              \
                    "FROM " T_CONTEXT " WHERE session = ?1 ORDER BY stamp DESC LIMIT 1 OFFSET ?2)")                                                                                                         \
    X(CONTEXT_LOWER, "DELETE FROM " T_CONTEXT " WHERE session = ?1 AND stamp = ?2 AND version < ?3")                                                                                                        \
    X(CONTEXT_KILL, "DELETE FROM " T_CONTEXT " WHERE session = ?1 AND stamp <= ?2")                                                                                                                         \
    X(MESSAGE_PUT, "INSERT INTO " T_MESSAGE " (session, seq, message_id, stamp, role, content, "                                                                                                            \
                   "metadata) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING")                                                                                                            \
    X(MESSAGE_NEXT, PUT_NEXT_MESSAGE) \
    X(MESSAGE_NEXT_TOLD, PUT_NEXT_MESSAGE_TOLD) \
    X(MESSAGE_FIND, "SELECT seq, stamp FROM " T_MESSAGE " WHERE session = ?1 AND message_id = ?2")                                                                                                          \
    X(MESSAGE_REPLACE, "UPDATE " T_MESSAGE " SET seq = ?2, stamp = ?4, role = ?5, content = ?6, "                                                                                                           \
                       "metadata = ?7 WHERE session = ?1 AND message_id = ?3")                                                                                                                        \
    X(MESSAGE_UP,                                                                                                                                                                                     \
      "SELECT message_id, seq, role, content, metadata FROM " T_MESSAGE " "                                                                                                                                 \
      "WHERE session = ?1 AND seq >= ?2 AND (seq > ?2 OR message_id > ?3) "                                                                                                                           \
      "AND seq <= ?4 AND (seq < ?4 OR message_id < ?5) ORDER BY seq, message_id LIMIT ?6")                                                                                                            \
    X(MESSAGE_DOWN, "SELECT message_id, seq, role, content, metadata FROM " T_MESSAGE " "                                                                                                                   \
                    "WHERE session = ?1 AND seq >= ?2 AND (seq > ?2 OR message_id > ?3) "                                                                                                             \
                    "AND seq <= ?4 AND (seq < ?4 OR message_id < ?5) "                                                                                                                                \
                    "ORDER BY seq DESC, message_id DESC LIMIT ?6")                                                                                                                                    \
    X(MESSAGE_OLDER, "SELECT 1 FROM " T_MESSAGE " WHERE session = ?1 AND seq <= ?2 "                                                                                                                        \
                     "AND (seq < ?2 OR message_id < ?3) LIMIT 1")                                                                                                                                     \
    X(MESSAGE_NEWER, "SELECT 1 FROM " T_MESSAGE " WHERE session = ?1 AND seq >= ?2 "                                                                                                                        \
                     "AND (seq > ?2 OR message_id > ?3) LIMIT 1")                                                                                                                                     \
    X(MESSAGE_NTH, "SELECT seq, message_id FROM " T_MESSAGE " WHERE session = ?1 "                                                                                                                          \
                   "ORDER BY seq DESC, message_id DESC LIMIT 1 OFFSET ?2")                                                                                                                            \
    X(MESSAGE_TRIM, "DELETE FROM " T_MESSAGE " WHERE " MESSAGE_ROW " IN (SELECT " MESSAGE_ROW " FROM " T_MESSAGE " WHERE session = ?1 "                                                                                                     \
                    "AND seq <= ?2 AND (seq < ?2 OR message_id < ?3) ORDER BY seq LIMIT ?4)")                                                                                                         \
    X(MESSAGE_KILL, "DELETE FROM " T_MESSAGE " WHERE session = ?1 AND stamp <= ?2")                                                                                                                         \
    X(CONTENT_STAMP,                                                                                                                                                                                  \
      "SELECT " GREATER "((SELECT coalesce(max(stamp), 0) FROM " T_MESSAGE " "                                                                                                                                      \
      "WHERE session = ?1), (SELECT coalesce(max(stamp), 0) FROM " T_CONTEXT " WHERE session = ?1))")                                                                                                       \
    X(CONTENT_LEFT, "SELECT EXISTS (SELECT 1 FROM " T_CONTEXT " WHERE session = ?1) "  \
                    "OR EXISTS (SELECT 1 FROM " T_MESSAGE " WHERE session = ?1)")  \
    X(STATS_SESSIONS, "SELECT count(*), count(*) FILTER (WHERE status = " STATUS_ACTIVE ") FROM " T_SESSION " "                                                                                                                \
                      "WHERE tenant = ?1 AND gen > tomb AND active_us > ?2")                                                                                                                          \
    X(STATS_MESSAGES,                                                                                                                                                                                 \
      "SELECT count(*), 0 FROM " T_SESSION " s " NESTED_JOIN " " T_MESSAGE " m ON m.session = s.id "                                                                                                                   \
      "WHERE s.tenant = ?1 AND s.active_min >= 0 AND s.active_us > ?2")                                                                                                                               \
    X(STATS_CHECKPOINTS, "SELECT CAST(coalesce(sum(n.checkpoints), 0) AS BIGINT), 0 FROM " T_THREAD " t "                                                                                                                   \
                         "JOIN " T_NAMESPACE " n ON n.thread = t.id WHERE t.tenant = ?1")                                                                                                                   \
    X(STATS_CHECKPOINTS_TTL,                                                                                                                                                                          \
      "SELECT count(*), 0 FROM " T_THREAD " t JOIN " T_NAMESPACE " n ON n.thread = t.id "                                                                                                                         \
      "JOIN " T_CHECKPOINT " c ON c.namespace = n.id "                                                                                                                                                      \
      "WHERE t.tenant = ?1 AND c.stamp > 0 AND c.created_us > ?2")                                                                                                                                    \
    X(RECORDS_SESSION,                                                                                                                                                                                \
      "SELECT " SESSION_NUMBERS SESSION_TEXTS " FROM " T_SESSION " WHERE tenant = ?1 "                                                                                                                      \
      "AND session_id > ?2 AND (active_min < 0 OR active_us > ?3) ORDER BY session_id LIMIT ?4")                                                                                                      \
    X(RECORDS_MESSAGE, "SELECT s.session_id, m.message_id, m.stamp, m.seq, m.role, m.content, "                                                                                                       \
                       "m.metadata FROM " T_SESSION " s " NESTED_JOIN " " T_MESSAGE " m ON m.session = s.id "                                                                                                          \
                       "WHERE s.tenant = ?1 AND s.session_id >= ?2 AND s.active_us > ?3 "                                                                                                             \
                       "AND m.message_id > CASE WHEN s.session_id = ?2 THEN ?4 ELSE " NO_BYTES " END "                                                                                                                          \
                       "ORDER BY s.session_id, m.message_id LIMIT ?5")                                                                                                                                \
    X(RECORDS_CONTEXT, "SELECT s.session_id, c.version, c.stamp, c.updated_us, c.body "                                                                                                               \
                       "FROM " T_SESSION " s " NESTED_JOIN " " T_CONTEXT " c ON c.session = s.id "                                                                                                                     \
                       "WHERE s.tenant = ?1 AND s.session_id >= ?2 AND s.active_us > ?3 "                                                                                                             \
                       "AND c.version >= CASE WHEN s.session_id = ?2 THEN ?4 ELSE 0 END "                                                                                                                              \
                       "AND (s.session_id > ?2 OR c.version > ?4 OR c.stamp > ?5) "                                                                                                                   \
                       "ORDER BY s.session_id, c.version, c.stamp LIMIT ?6")

#endif

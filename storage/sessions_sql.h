/*
 * sessions_sql.h - the SQL of tenants, sessions, messages, contexts.
 *
 * Columns that are indexed (active_min, user_id) are written only by statements of their own, for
 * sqlite writes an index whenever one of its columns is named.
 *
 * Threads    constants.
 * Ownership  none.
 * Units      as in storage/schema/sqlite_*.sql.
 * Errors     none.
 */
#ifndef SESSIONS_SQL_H
#define SESSIONS_SQL_H

/* In the order of row_numbers() and row_texts(); the texts come last: they may be long. */
#define SESSION_NUMBERS                                                                      \
    "id, gen, tomb, active_us, active_min, last_seq, last_context, version, request_count, " \
    "error_count, processing_time, created_us, updated_us, user_stamp, status_stamp, "       \
    "metadata_stamp"
#define SESSION_TEXTS ", session_id, user_id, status, metadata"

/* Pages of the list; the long columns are read row by row, for a sort would gather them all. */
#define SESSION_LIST(index, user)                                         \
    "SELECT id FROM session INDEXED BY " index " WHERE tenant = ?1" user  \
    " AND active_min BETWEEN ?2 AND ?3 AND gen > tomb AND active_us > ?4" \
    " AND (active_us < ?5 OR (active_us = ?5 AND session_id < ?6))"       \
    " AND (?7 IS NULL OR status = ?7)"                                    \
    " ORDER BY active_min DESC, active_us DESC, session_id DESC LIMIT ?8"

#define SESSIONS_SQL(X)                                                                                                                                                                        \
    X(TENANT_FIND, "SELECT id FROM tenant WHERE name = ?1")                                                                                                                                           \
    X(TENANT_MAKE, "INSERT INTO tenant (name) VALUES (?1)")                                                                                                                                           \
    X(SESSION_FIND,                                                                                                                                                                                   \
      "SELECT " SESSION_NUMBERS " FROM session WHERE tenant = ?1 AND session_id = ?2")                                                                                                                \
    X(SESSION_READ, "SELECT " SESSION_NUMBERS SESSION_TEXTS                                                                                                                                           \
                    " FROM session WHERE tenant = ?1 AND session_id = ?2")                                                                                                                            \
    X(SESSION_ROW, "SELECT " SESSION_NUMBERS SESSION_TEXTS " FROM session WHERE id = ?1") \
    X(SESSION_INSERT,                                                                                                                                                                                 \
      "INSERT INTO session (gen, tomb, active_us, active_min, last_seq, "                                                                                                                             \
      "last_context, version, request_count, error_count, processing_time, created_us, "                                                                                                              \
      "updated_us, user_stamp, status_stamp, metadata_stamp, user_id, status, metadata, tenant, "                                                                                                     \
      "session_id) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, "                                                                                                        \
      "?16, ?17, ?18, ?19, ?20)")                                                                                                                                                                     \
    X(SESSION_UPDATE,                                                                                                                                                                                 \
      "UPDATE session SET gen = ?2, tomb = ?3, active_us = ?4, last_seq = ?5, "                                                                                                                       \
      "last_context = ?6, version = ?7, request_count = ?8, error_count = ?9, "                                                                                                                       \
      "processing_time = ?10, created_us = ?11, updated_us = ?12, user_stamp = ?13, "                                                                                                                 \
      "status_stamp = ?14, metadata_stamp = ?15, status = ?16, metadata = ?17 WHERE id = ?1")                                                                                                         \
    X(SESSION_USER, "UPDATE session SET user_id = ?2 WHERE id = ?1")                                                                                                                                  \
    X(SESSION_MINUTE, "UPDATE session SET active_min = ?2 WHERE id = ?1")                                                                                                                             \
    X(SESSION_ADVANCE, "UPDATE session SET active_us = ?2, last_seq = ?3, last_context = ?4 "                                                                                                         \
                       "WHERE id = ?1")                                                                                                                                                               \
    X(SESSION_LIST, SESSION_LIST("session_active", ""))                                                                                                                                               \
    X(SESSION_LIST_USER, SESSION_LIST("session_user", " AND user_id = ?9"))                                                                                                                           \
    X(SESSION_IDLE, "SELECT " SESSION_NUMBERS ", session_id, tenant FROM session "                                                                                                                    \
                    "INDEXED BY session_active WHERE tenant = ?1 AND active_min BETWEEN 0 AND ?2 "                                                                                                    \
                    "AND active_us <= ?3 ORDER BY active_min LIMIT ?4")                                                                                                                               \
    X(SESSION_EXPIRED,                                                                                                                                                                                \
      "SELECT " SESSION_NUMBERS ", session_id, tenant FROM "                                                                                                                                          \
      "(SELECT id AS owner FROM tenant) CROSS JOIN session INDEXED BY session_active "                                                                                                                \
      "ON tenant = owner WHERE active_min BETWEEN 0 AND ?1 AND active_us <= ?2 LIMIT ?3")                                                                                                             \
    X(SESSION_COLLECT, "DELETE FROM session WHERE id IN (SELECT s.id FROM tenant t "                                                                                                                  \
                       "CROSS JOIN session s INDEXED BY session_active ON s.tenant = t.id "                                                                                                           \
                       "WHERE s.active_min > ?1 AND s.active_min < 0 AND s.tomb < ?2 LIMIT ?3)")                                                                                                      \
    X(THREAD_COLLECT,                                                                                                                                                                                 \
      "DELETE FROM thread WHERE id IN (SELECT t.id FROM thread t INDEXED BY thread_tomb WHERE t.tomb > 0 AND t.tomb < ?1 AND NOT EXISTS (SELECT 1 FROM namespace n WHERE n.thread = t.id) LIMIT ?2)") \
    X(THREAD_FORGET,                                                                                                                                                                                  \
      "UPDATE thread INDEXED BY thread_tomb SET tomb = 0 WHERE tomb > 0 AND tomb < ?1")                                                                                                               \
    X(REPEAT_FIND, "SELECT body_hash FROM repeat WHERE op_id = ?1 AND at_us > ?2") \
    X(REPEAT_PUT, "INSERT OR REPLACE INTO repeat (op_id, body_hash, at_us) VALUES (?1, ?2, ?3)") \
    X(REPEAT_COLLECT, "DELETE FROM repeat WHERE op_id IN "                                                                                                                                            \
                      "(SELECT op_id FROM repeat WHERE at_us < ?1 LIMIT ?2)")                                                                                                                         \
    X(CONTEXT_ALL, "SELECT version, stamp, updated_us, length(body) FROM context "                                                                                                                    \
                   "WHERE session = ?1 ORDER BY stamp, version")                                                                                                                                      \
    X(CONTEXT_BODY, "SELECT body FROM context WHERE session = ?1 AND version = ?2 AND stamp = ?3")                                                                                                    \
    X(CONTEXT_PUT, "INSERT INTO context (session, version, stamp, updated_us, body) "                                                                                                                 \
                   "VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING")                                                                                                                              \
    X(CONTEXT_NTH, "SELECT stamp FROM context WHERE session = ?1 ORDER BY stamp DESC "                                                                                                                \
                   "LIMIT 1 OFFSET ?2")                                                                                                                                                               \
    X(CONTEXT_TRIM, "DELETE FROM context WHERE session = ?1 AND stamp <= (SELECT stamp "                                                                                                              \
                    "FROM context WHERE session = ?1 ORDER BY stamp DESC LIMIT 1 OFFSET ?2)")                                                                                                         \
    X(CONTEXT_KILL, "DELETE FROM context WHERE session = ?1 AND stamp <= ?2")                                                                                                                         \
    X(MESSAGE_PUT, "INSERT INTO message (session, seq, message_id, stamp, role, content, "                                                                                                            \
                   "metadata) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING")                                                                                                            \
    X(MESSAGE_FIND, "SELECT seq, stamp FROM message WHERE session = ?1 AND message_id = ?2")                                                                                                          \
    X(MESSAGE_REPLACE, "UPDATE message SET seq = ?2, stamp = ?4, role = ?5, content = ?6, "                                                                                                           \
                       "metadata = ?7 WHERE session = ?1 AND message_id = ?3")                                                                                                                        \
    X(MESSAGE_UP,                                                                                                                                                                                     \
      "SELECT message_id, seq, role, content, metadata FROM message "                                                                                                                                 \
      "WHERE session = ?1 AND seq >= ?2 AND (seq > ?2 OR message_id > ?3) "                                                                                                                           \
      "AND seq <= ?4 AND (seq < ?4 OR message_id < ?5) ORDER BY seq, message_id LIMIT ?6")                                                                                                            \
    X(MESSAGE_DOWN, "SELECT message_id, seq, role, content, metadata FROM message "                                                                                                                   \
                    "WHERE session = ?1 AND seq >= ?2 AND (seq > ?2 OR message_id > ?3) "                                                                                                             \
                    "AND seq <= ?4 AND (seq < ?4 OR message_id < ?5) "                                                                                                                                \
                    "ORDER BY seq DESC, message_id DESC LIMIT ?6")                                                                                                                                    \
    X(MESSAGE_OLDER, "SELECT 1 FROM message WHERE session = ?1 AND seq <= ?2 "                                                                                                                        \
                     "AND (seq < ?2 OR message_id < ?3) LIMIT 1")                                                                                                                                     \
    X(MESSAGE_NEWER, "SELECT 1 FROM message WHERE session = ?1 AND seq >= ?2 "                                                                                                                        \
                     "AND (seq > ?2 OR message_id > ?3) LIMIT 1")                                                                                                                                     \
    X(MESSAGE_NTH, "SELECT seq, message_id FROM message WHERE session = ?1 "                                                                                                                          \
                   "ORDER BY seq DESC, message_id DESC LIMIT 1 OFFSET ?2")                                                                                                                            \
    X(MESSAGE_TRIM, "DELETE FROM message WHERE id IN (SELECT id FROM message WHERE session = ?1 "                                                                                                     \
                    "AND seq <= ?2 AND (seq < ?2 OR message_id < ?3) ORDER BY seq LIMIT ?4)")                                                                                                         \
    X(MESSAGE_KILL, "DELETE FROM message WHERE session = ?1 AND stamp <= ?2")                                                                                                                         \
    X(CONTENT_STAMP,                                                                                                                                                                                  \
      "SELECT max((SELECT coalesce(max(stamp), 0) FROM message "                                                                                                                                      \
      "WHERE session = ?1), (SELECT coalesce(max(stamp), 0) FROM context WHERE session = ?1))")                                                                                                       \
    X(CONTENT_LEFT, "SELECT EXISTS (SELECT 1 FROM context WHERE session = ?1) "  \
                    "OR EXISTS (SELECT 1 FROM message WHERE session = ?1)")  \
    X(STATS_SESSIONS, "SELECT count(*), total(status = x'616374697665') FROM session "                                                                                                                \
                      "WHERE tenant = ?1 AND gen > tomb AND active_us > ?2")                                                                                                                          \
    X(STATS_MESSAGES,                                                                                                                                                                                 \
      "SELECT count(*), 0 FROM session s CROSS JOIN message m ON m.session = s.id "                                                                                                                   \
      "WHERE s.tenant = ?1 AND s.active_min >= 0 AND s.active_us > ?2")                                                                                                                               \
    X(STATS_CHECKPOINTS, "SELECT coalesce(sum(n.checkpoints), 0), 0 FROM thread t "                                                                                                                   \
                         "JOIN namespace n ON n.thread = t.id WHERE t.tenant = ?1")                                                                                                                   \
    X(STATS_CHECKPOINTS_TTL,                                                                                                                                                                          \
      "SELECT count(*), 0 FROM thread t JOIN namespace n ON n.thread = t.id "                                                                                                                         \
      "JOIN checkpoint c ON c.namespace = n.id "                                                                                                                                                      \
      "WHERE t.tenant = ?1 AND c.stamp > 0 AND c.created_us > ?2")                                                                                                                                    \
    X(RECORDS_SESSION,                                                                                                                                                                                \
      "SELECT " SESSION_NUMBERS SESSION_TEXTS " FROM session WHERE tenant = ?1 "                                                                                                                      \
      "AND session_id > ?2 AND (active_min < 0 OR active_us > ?3) ORDER BY session_id LIMIT ?4")                                                                                                      \
    X(RECORDS_MESSAGE, "SELECT s.session_id, m.message_id, m.stamp, m.seq, m.role, m.content, "                                                                                                       \
                       "m.metadata FROM session s CROSS JOIN message m ON m.session = s.id "                                                                                                          \
                       "WHERE s.tenant = ?1 AND s.session_id >= ?2 AND s.active_us > ?3 "                                                                                                             \
                       "AND m.message_id > iif(s.session_id = ?2, ?4, x'') "                                                                                                                          \
                       "ORDER BY s.session_id, m.message_id LIMIT ?5")                                                                                                                                \
    X(RECORDS_CONTEXT, "SELECT s.session_id, c.version, c.stamp, c.updated_us, c.body "                                                                                                               \
                       "FROM session s CROSS JOIN context c ON c.session = s.id "                                                                                                                     \
                       "WHERE s.tenant = ?1 AND s.session_id >= ?2 AND s.active_us > ?3 "                                                                                                             \
                       "AND c.version >= iif(s.session_id = ?2, ?4, 0) "                                                                                                                              \
                       "AND (s.session_id > ?2 OR c.version > ?4 OR c.stamp > ?5) "                                                                                                                   \
                       "ORDER BY s.session_id, c.version, c.stamp LIMIT ?6")

#endif

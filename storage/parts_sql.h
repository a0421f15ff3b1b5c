/*
 * parts_sql.h - the SQL, by name, of work that is done in parts, and of clean-up.
 *
 * The texts are written once for all stores: names of tables, and whatever else differs, are macros of the
 * dialect (e.g. sqlite_dialect_sql.h), which must be included where they are expanded. Parameters are ?1, ...
 *
 * Threads    constants.
 * Ownership  none.
 * Units      as in storage/schema.
 * Errors     none.
 */
#ifndef PARTS_SQL_H
#define PARTS_SQL_H

/* clang-format off */

#define PARTS_SQL(X) \
    X(THREAD_DISCARD, "UPDATE " T_NAMESPACE " SET thread = -id WHERE thread = ?1") \
    X(THREAD_TOTAL, "SELECT CAST(coalesce(sum(checkpoints), 0) AS BIGINT) FROM " T_NAMESPACE " WHERE thread = ?1") \
    X(NS_DISCARD, "UPDATE " T_NAMESPACE " SET thread = -id WHERE id = ?1") \
    X(NS_NEWEST, "SELECT last_stamp FROM " T_NAMESPACE " WHERE id = ?1") \
    X(NS_STATE, "SELECT last_stamp, " CHANGED_BY " FROM " T_NAMESPACE " WHERE id = ?1") \
    X(NS_LEFT, "SELECT thread, EXISTS (SELECT 1 FROM " T_CHECKPOINT " WHERE namespace = ?1) " \
               "FROM " T_NAMESPACE " WHERE id = ?1") \
    X(CHECKPOINTS_DOOMED, "SELECT c.id, CASE WHEN c.stamp > 0 THEN c.stamp ELSE c.created_us END, c.stamp, " \
                          "coalesce(" OCTETS "(c.metadata), 0) + (SELECT coalesce(sum(" OCTETS "(k.body)), 0) " \
                          "FROM " T_TASK " k WHERE k.checkpoint = c.id) FROM " T_CHECKPOINT " c " \
                          "WHERE c.id " AMONG("?1") " AND +c.namespace = ?2") \
    X(CHECKPOINTS_DROP, "DELETE FROM " T_CHECKPOINT " WHERE id " AMONG("?1")) \
    X(TASKS_DROP, "DELETE FROM " T_TASK " WHERE checkpoint " AMONG("?1")) \
    X(VALUES_SIZE, "SELECT coalesce(sum(" OCTETS "(bytes)), 0) FROM " T_VALUE " WHERE id " AMONG("?1")) \
    X(VALUES_DROP, "DELETE FROM " T_VALUE " WHERE id " AMONG("?1")) \
    X(CHECKPOINT_SCAN, "SELECT id, checkpoint_id, stamp, parent_id, head, refs FROM " T_CHECKPOINT " " \
                       "WHERE namespace = ?1 AND checkpoint_id > ?2 ORDER BY checkpoint_id") \
    X(CHECKPOINTS_UNPARENT, "UPDATE " T_CHECKPOINT " AS c SET parent_id = NULL WHERE c.id " AMONG("?1") " " \
                            "AND NOT EXISTS (SELECT 1 FROM " T_CHECKPOINT " p WHERE p.namespace = ?2 " \
                            "AND p.checkpoint_id = c.parent_id AND p.stamp > 0)") \
    X(THREAD_STATE, "SELECT id, last_stamp, checkpoints, bytes, form FROM " T_NAMESPACE " " \
                    "WHERE thread = ?1 ORDER BY id") \
    X(THREAD_KNOWN, "SELECT 1 FROM " T_THREAD " WHERE id = ?1 AND tenant = ?2") \
    X(THREAD_FORGO, "DELETE FROM " T_THREAD " WHERE id = ?1") \
    X(NS_ATTACH, "UPDATE " T_NAMESPACE " AS n SET thread = ?2, last_stamp = ?4, " \
                 "(checkpoints, bytes) = (SELECT checkpoints, bytes FROM " T_NAMESPACE " WHERE id = ?3) " \
                 "WHERE n.id = ?1") \
    X(NS_COPY, "INSERT INTO " T_NAMESPACE " (thread, ns, form, last_stamp, checkpoints, bytes) " \
               "SELECT ?2, n.ns, n.form, 0, 0, 0 FROM " T_NAMESPACE " n WHERE n.thread = ?1 " \
               "AND EXISTS (SELECT 1 FROM " T_CHECKPOINT " c WHERE c.namespace = n.id)") \
    X(NS_COPIED, "SELECT n.id, h.id FROM " T_NAMESPACE " h " \
                 NESTED_JOIN " " T_NAMESPACE " n ON n.thread = ?1 AND n.ns = h.ns WHERE h.thread = ?2 ORDER BY n.id") \
    X(CHECKPOINT_IDS, "SELECT id FROM " T_CHECKPOINT " WHERE namespace " AMONG("?1")) \
    X(CHECKPOINT_CELLS, "SELECT id, namespace, stamp, head, refs, coalesce(" OCTETS "(metadata), 0) " \
                        "FROM " T_CHECKPOINT " WHERE id " AMONG("?1")) \
    X(CHECKPOINT_STAMPS, "SELECT stamp, 0 FROM " T_CHECKPOINT " WHERE id " AMONG("?1") " " \
                         "UNION ALL SELECT stamp, seq FROM " T_TASK " WHERE checkpoint " AMONG("?1")) \
    X(CHECKPOINT_COPY, \
      "INSERT INTO " T_CHECKPOINT " (stamp, form, created_us, parent_id, run_id, head, refs, metadata, " \
      "namespace, checkpoint_id) SELECT r2, c.form, CASE WHEN r3 > 0 THEN r3 ELSE c.created_us END, " \
      "c.parent_id, c.run_id, r4, CASE WHEN r6 > 0 THEN substr(" BYTES("?2") ", " \
      "CAST(r5 AS " INTEGER_TYPE "), CAST(r6 AS " INTEGER_TYPE ")) END, c.metadata, r7, c.checkpoint_id " \
      "FROM " EACH_ROW("?1", "7") JOIN_EACH(T_CHECKPOINT, "c", "c.id = r1")) \
    X(TASK_CELLS, "SELECT task_id, checkpoint, stamp, seq, substr(body, 1, CAST(?2 AS " INTEGER_TYPE ")), " OCTETS "(body) " \
                  "FROM " T_TASK " WHERE checkpoint " AMONG("?1")) \
    X(TASK_COPY, \
      "INSERT INTO " T_TASK " (task_path, seq, stamp, body, checkpoint, task_id) " \
      "SELECT k.task_path, r3, r2, k.body, n.id, k.task_id FROM " EACH_ROW("?1", "6") \
      JOIN_EACH(T_TASK, "k", "k.checkpoint = r1 AND k.task_id = substr(" BYTES("?2") ", " \
                "CAST(r5 AS " INTEGER_TYPE "), CAST(r6 AS " INTEGER_TYPE "))") \
      JOIN_EACH(T_CHECKPOINT, "c", "c.id = r1") \
      JOIN_EACH(T_CHECKPOINT, "n", "n.namespace = r4 AND n.checkpoint_id = c.checkpoint_id")) \
    X(VALUE_ROWS, "SELECT id FROM " T_VALUE INDEXED_BY("value_key") " WHERE namespace " AMONG("?1")) \
    X(VALUE_CELLS, "SELECT id, namespace, base, " OCTETS "(bytes) FROM " T_VALUE " WHERE id " AMONG("?1")) \
    X(VALUE_COPY, \
      "INSERT INTO " T_VALUE " (id, namespace, key, base, encoding, hash, channel, version, type, bytes) " \
      "SELECT r2, r3, CASE WHEN v.channel IS NULL THEN nullif(r4, 0) ELSE v.key END, r4, v.encoding, v.hash, " \
      "v.channel, v.version, v.type, v.bytes FROM " EACH_ROW("?1", "4") JOIN_EACH(T_VALUE, "v", "v.id = r1")) \
    X(COPY_BROKEN, "SELECT id FROM " T_THREAD " WHERE tenant = -1 AND updated_us < ?1 LIMIT 1") \
    X(UNSWEPT_ADD, "INSERT INTO " T_THREAD " (tenant, thread_id, tomb, updated_us) VALUES (-2, ?1, ?3, ?2) " \
                   "ON CONFLICT (tenant, thread_id) DO UPDATE SET tomb = excluded.tomb WHERE excluded.tomb < " T_THREAD ".tomb") \
    X(UNSWEPT_FIND, "SELECT id, tomb FROM " T_THREAD " WHERE tenant = -2 AND thread_id = ?1") \
    X(UNSWEPT_SOME, "SELECT r1, t.id FROM " EACH_ROW("?1", "1") \
                    JOIN_EACH(T_THREAD, "t", "t.tenant = -2 AND t.thread_id = substr(" BYTES("?2") ", CAST(r1 AS " INTEGER_TYPE "), 8)") \
                    "ORDER BY r1") \
    X(UNSWEPT_DROP, "DELETE FROM " T_THREAD " WHERE tenant = -2 AND thread_id = ?1") \
    X(UNSWEPT_LIST, "SELECT thread_id, tomb FROM " T_THREAD " WHERE tenant = -2 AND updated_us < ?1 LIMIT ?2") \
    X(GARBAGE_NS, "SELECT id FROM " T_NAMESPACE " WHERE thread < 0 ORDER BY thread LIMIT 1") \
    X(GARBAGE_TASKS, "DELETE FROM " T_TASK " WHERE checkpoint IN (SELECT id FROM " T_CHECKPOINT " " \
                     "WHERE namespace = ?1 ORDER BY checkpoint_id LIMIT ?2)") \
    X(GARBAGE_CHECKPOINTS, "DELETE FROM " T_CHECKPOINT " AS c WHERE c.id IN (SELECT id FROM " T_CHECKPOINT " " \
                           "WHERE namespace = ?1 ORDER BY checkpoint_id LIMIT ?2) " \
                           "AND NOT EXISTS (SELECT 1 FROM " T_TASK " k WHERE k.checkpoint = c.id)") \
    X(GARBAGE_VALUES, "DELETE FROM " T_VALUE " WHERE id IN (SELECT id FROM " T_VALUE " " \
                      "WHERE namespace = ?1 LIMIT ?2)") \
    X(GARBAGE_NS_DROP, "DELETE FROM " T_NAMESPACE " WHERE id = ?1 " \
                       "AND NOT EXISTS (SELECT 1 FROM " T_CHECKPOINT " WHERE namespace = ?1) " \
                       "AND NOT EXISTS (SELECT 1 FROM " T_VALUE " WHERE namespace = ?1)") \
    X(SESSION_FULL, "SELECT 1 FROM " T_MESSAGE " WHERE session = ?1 LIMIT 1 OFFSET ?2") \
    X(SESSION_DISCARD, "UPDATE " T_SESSION " SET tenant = -id, gen = 0, user_id = NULL WHERE id = ?1") \
    X(SESSION_LEAVE, \
      "INSERT INTO " T_SESSION " (gen, tomb, active_us, active_min, last_seq, last_context, version, request_count, " \
      "error_count, processing_time, created_us, updated_us, user_stamp, status_stamp, metadata_stamp, tenant, " \
      "session_id) SELECT 0, ?2, active_us, ?3, last_seq, last_context, version, 0, 0, 0, created_us, updated_us, " \
      "0, 0, 0, ?4, session_id FROM " T_SESSION " WHERE id = ?1") \
    X(SESSIONS_BURY, \
      "UPDATE " T_SESSION " SET gen = 0, tomb = ?2, active_min = ?3, request_count = 0, error_count = 0, " \
      "processing_time = 0, user_stamp = 0, status_stamp = 0, metadata_stamp = 0, user_id = NULL, status = NULL, " \
      "metadata = NULL WHERE id " AMONG("?1")) \
    X(MESSAGES_BURY, "DELETE FROM " T_MESSAGE " WHERE session " AMONG("?1")) \
    X(CONTEXTS_BURY, "DELETE FROM " T_CONTEXT " WHERE session " AMONG("?1")) \
    X(CONTENT_STAMPS, \
      "SELECT s.id, " GREATER "((SELECT coalesce(max(m.stamp), 0) FROM " T_MESSAGE " m WHERE m.session = s.id), " \
      "(SELECT coalesce(max(c.stamp), 0) FROM " T_CONTEXT " c WHERE c.session = s.id)), " \
      "coalesce((SELECT 1 FROM " T_MESSAGE " m WHERE m.session = s.id LIMIT 1 OFFSET ?2), 0) " \
      "FROM " T_SESSION " s WHERE s.id " AMONG("?1")) \
    X(THREADS_OF, "SELECT s.id, t.id, t.tomb, t.updated_us FROM " T_SESSION " s " NESTED_JOIN " " T_THREAD " t " \
                  "ON t.tenant = s.tenant AND t.thread_id = s.session_id WHERE s.id " AMONG("?1") LOCKED("t")) \
    X(THREADS_NEWEST, \
      "SELECT s.id, max(n.last_stamp) FROM " T_SESSION " s " NESTED_JOIN " " T_THREAD " t ON t.tenant = s.tenant " \
      "AND t.thread_id = s.session_id " NESTED_JOIN " " T_NAMESPACE " n ON n.thread = t.id " \
      "WHERE s.id " AMONG("?1") " GROUP BY s.id") \
    X(THREADS_DISCARD, "UPDATE " T_NAMESPACE " SET thread = -id WHERE thread " AMONG("?1")) \
    X(THREADS_TOMB, "UPDATE " T_THREAD " SET tomb = ?2 WHERE id " AMONG("?1") " AND tomb < ?2") \
    X(THREADS_MAKE, "INSERT INTO " T_THREAD " (tenant, thread_id, tomb, updated_us) " \
                    "SELECT ?3, session_id, ?2, 0 FROM " T_SESSION " WHERE id " AMONG("?1")) \
    X(GARBAGE_SESSION, "SELECT id FROM " T_SESSION INDEXED_BY("session_active") " WHERE tenant < 0 LIMIT 1") \
    X(GARBAGE_MESSAGES, "DELETE FROM " T_MESSAGE " WHERE " MESSAGE_ROW " IN (SELECT " MESSAGE_ROW " FROM " T_MESSAGE " " \
                        "WHERE session = ?1 ORDER BY seq LIMIT ?2)") \
    X(GARBAGE_CONTEXTS, "DELETE FROM " T_CONTEXT " WHERE id IN (SELECT id FROM " T_CONTEXT " " \
                        "WHERE session = ?1 LIMIT ?2)") \
    X(GARBAGE_SESSION_DROP, "DELETE FROM " T_SESSION " WHERE id = ?1 " \
                            "AND NOT EXISTS (SELECT 1 FROM " T_MESSAGE " WHERE session = ?1) " \
                            "AND NOT EXISTS (SELECT 1 FROM " T_CONTEXT " WHERE session = ?1)")

#endif

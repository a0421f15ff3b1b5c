/*
 * pair_sql.h - the SQL, by name, of what a store keeps for its peer in a pair.
 *
 * The texts are written once for all stores: names of tables, and whatever else differs, are macros of the
 * dialect (e.g. sqlite_dialect_sql.h), which must be included where they are expanded. Parameters are ?1, ...
 *
 * Threads    constants.
 * Ownership  none.
 * Units      as in storage/schema.
 * Errors     none.
 */
#ifndef PAIR_SQL_H
#define PAIR_SQL_H

/* clang-format off */

/* Parts of the statements of sql_look.c: ?1 tenant, ?2 session or thread, ?3 ns, ?4 checkpoint id. */
#define LOOK_AT_SESSION "WHERE s.tenant = ?1 AND s.session_id = ?2"
#define LOOK_AT_THREAD "WHERE t.tenant = ?1 AND t.thread_id = ?2"
#define LOOK_IN_THREAD \
    "FROM " T_THREAD " t " NESTED_JOIN " " T_NAMESPACE " n ON n.thread = t.id AND n.ns = ?3 " \
    NESTED_JOIN " " T_CHECKPOINT " c ON c.namespace = n.id AND c.checkpoint_id = ?4 "

/* By the index: a scan skips the dead entries at its start only once, as it marks them there. */
#define OUTBOX_WAITS "(SELECT number FROM " T_OUTBOX " ORDER BY number LIMIT 1) IS NOT NULL"

#define PAIR_SQL(X) \
    X(LOOK_MESSAGE, "SELECT m.seq, m.stamp FROM " T_SESSION " s " NESTED_JOIN " " T_MESSAGE " m " \
                    "ON m.session = s.id AND m.message_id = ?3 " LOOK_AT_SESSION) \
    X(LOOK_CONTEXT, "SELECT coalesce((SELECT c.stamp FROM " T_CONTEXT " c WHERE c.session = s.id " \
                    "ORDER BY c.stamp DESC LIMIT 1 OFFSET ?4), 0), " \
                    "coalesce((SELECT max(c.version) FROM " T_CONTEXT " c WHERE c.session = s.id " \
                    "AND c.stamp = ?3), 0) FROM " T_SESSION " s " LOOK_AT_SESSION) \
    X(LOOK_CHECKPOINT, "SELECT c.id, c.stamp, c.created_us, c.head, coalesce(" OCTETS "(c.metadata), 0), " \
                       "CASE WHEN c.parent_id IS NULL THEN 0 ELSE 1 END " LOOK_IN_THREAD LOOK_AT_THREAD) \
    X(LOOK_VALUE, "SELECT coalesce((SELECT namespace FROM " T_VALUE " WHERE id = ?1), 0), " \
                  "coalesce((SELECT namespace FROM " T_VALUE " WHERE id = ?2), 0)") \
    X(LOOK_NEEDED, "SELECT id, namespace FROM " T_VALUE " WHERE id " AMONG("?1")) \
    X(LOOK_TASK, "SELECT c.id, c.stamp, c.form, k.id, k.seq, k.stamp, k.body, k.task_path " LOOK_IN_THREAD \
                 "LEFT JOIN " T_TASK " k ON k.checkpoint = c.id AND k.task_id = ?5 " LOOK_AT_THREAD) \
    X(GET_CHECKPOINT, "SELECT c.checkpoint_id, c.stamp, c.form, c.created_us, c.parent_id, c.head, c.refs, " \
                      "c.metadata, c.run_id " LOOK_IN_THREAD LOOK_AT_THREAD) \
    X(GET_MESSAGE, "SELECT m.stamp, m.seq, m.role, m.content, m.metadata FROM " T_SESSION " s " \
                   NESTED_JOIN " " T_MESSAGE " m ON m.session = s.id AND m.message_id = ?3 " LOOK_AT_SESSION) \
    X(GET_CONTEXTS, "SELECT c.version, c.stamp, c.updated_us, c.body FROM " T_SESSION " s " \
                    NESTED_JOIN " " T_CONTEXT " c ON c.session = s.id " LOOK_AT_SESSION \
                    " AND (?3 = 0 OR c.stamp = ?3) ORDER BY c.stamp, c.version") \
    X(LOOK_REPEAT, "SELECT EXISTS (SELECT 1 FROM " T_REPEAT " WHERE op_id = ?1 AND at_us >= ?2), " \
                   "EXISTS (SELECT 1 FROM " T_PENDING " WHERE op_id = ?1 AND at_us > ?3 AND at_us < ?4)") \
    X(LOOK_PENDING, "SELECT EXISTS (SELECT 1 FROM " T_REPEAT " WHERE op_id = ?1 AND at_us > ?3 AND at_us < ?4), " \
                    "EXISTS (SELECT 1 FROM " T_OUTBOX " WHERE number = ?2)") \
    X(OUTBOX_PUT, "INSERT INTO " T_OUTBOX " (number, tenant, id, names) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING") \
    X(OUTBOX_LIST, "SELECT number, tenant, id, names FROM " T_OUTBOX " WHERE number > ?1 ORDER BY number LIMIT ?2") \
    X(OUTBOX_CLEAR, "DELETE FROM " T_OUTBOX " WHERE number " AMONG("?1")) \
    X(OUTBOX_ANY, "SELECT " OUTBOX_WAITS) \
    X(MISSING_PUT, "INSERT INTO " T_MISSING " (tenant, id) VALUES (?1, ?2) ON CONFLICT DO NOTHING") \
    X(MISSING_DROP, "DELETE FROM " T_MISSING " WHERE tenant = ?1 AND id = ?2") \
    X(MISSING_LIST, "SELECT tenant, id FROM " T_MISSING " ORDER BY tenant, id") \
    X(MISSING_HAS, "SELECT 1 FROM " T_MISSING " WHERE tenant = ?1 AND id = ?2") \
    X(MISSING_ANY, "SELECT 1 FROM " T_MISSING " LIMIT 1") \
    X(NOTE_PUT, "INSERT INTO " T_NOTE " (name, text) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET text = excluded.text") \
    X(NOTE_ONCE, "INSERT INTO " T_NOTE " (name, text) VALUES (?1, ?2) ON CONFLICT DO NOTHING") \
    X(NOTE_DROP, "DELETE FROM " T_NOTE " WHERE name = ?1") \
    X(NOTE_LIST, "SELECT name, text FROM " T_NOTE " ORDER BY name") \
    X(INCARNATION, STORE_INCARNATION) \
    X(PENDING_PUT, "INSERT INTO " T_PENDING " (op_id, tenant, id, stamp, requests, errors, processing_time, at_us, body_hash) " \
                   "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT DO NOTHING") \
    X(PENDING_DROP, "DELETE FROM " T_PENDING " WHERE op_id = ?1") \
    X(PENDING_KILL, "DELETE FROM " T_PENDING " WHERE tenant = ?1 AND id = ?2 AND stamp <= ?3") \
    X(PENDING_NEWEST, "SELECT coalesce(max(stamp), 0) FROM " T_PENDING " WHERE tenant = ?1 AND id = ?2") \
    X(PENDING_STAMPS, "SELECT s.id, max(p.stamp) FROM " T_SESSION " s " NESTED_JOIN " " T_PENDING " p " \
                      "ON p.tenant = ?2 AND p.id = s.session_id WHERE s.id " AMONG("?1") " GROUP BY s.id") \
    X(PENDING_BURY, "DELETE FROM " T_PENDING " WHERE tenant = ?3 AND stamp <= ?2 AND id IN " \
                    "(SELECT session_id FROM " T_SESSION " WHERE id " AMONG("?1") ")") \
    X(PENDING_READ, "SELECT stamp, requests, errors, processing_time, at_us, body_hash FROM " T_PENDING " WHERE op_id = ?1") \
    X(PENDING_ANY, "SELECT EXISTS (SELECT 1 FROM " T_PENDING ")") \
    X(PENDING_SUM, "SELECT CAST(coalesce(sum(requests), 0) AS BIGINT), CAST(coalesce(sum(errors), 0) AS BIGINT), coalesce(sum(processing_time), 0.0) " \
                   "FROM " T_PENDING " WHERE tenant = ?1 AND id = ?2 AND stamp > ?3") \
    X(REPEAT_READ, "SELECT body_hash, at_us FROM " T_REPEAT " WHERE op_id = ?1 " \
                   "AND NOT EXISTS (SELECT 1 FROM " T_PENDING " WHERE op_id = ?1)") \
    X(REPEAT_KEEP, "INSERT INTO " T_REPEAT " (op_id, body_hash, at_us) VALUES (?1, ?2, ?3) ON CONFLICT (op_id) DO UPDATE SET " \
                   "body_hash = excluded.body_hash, at_us = excluded.at_us WHERE " T_REPEAT ".at_us < excluded.at_us") \
    X(MESSAGE_GONE, "DELETE FROM " T_MESSAGE " WHERE session = ?1 AND message_id = ?2 AND stamp <= ?3") \
    X(NS_THREAD_ID, "SELECT t.thread_id FROM " T_NAMESPACE " n JOIN " T_THREAD " t ON t.id = n.thread WHERE n.id = ?1")

/* clang-format on */

#endif

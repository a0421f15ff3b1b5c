/*
 * parts_sql.h - the SQL of what is done in parts, and of what is left for the clean-up.
 *
 * Threads    constants.
 * Ownership  none.
 * Units      as in storage/schema/sqlite_*.sql.
 * Errors     none.
 */
#ifndef PARTS_SQL_H
#define PARTS_SQL_H

/* clang-format off */

#define PARTS_SQL(X) \
    X(THREAD_DISCARD, "UPDATE namespace SET thread = -id WHERE thread = ?1") \
    X(THREAD_TOTAL, "SELECT coalesce(sum(checkpoints), 0) FROM namespace WHERE thread = ?1") \
    X(NS_DISCARD, "UPDATE namespace SET thread = -id WHERE id = ?1") \
    X(NS_THREAD, "SELECT thread FROM namespace WHERE id = ?1") \
    X(NS_NEWEST, "SELECT last_stamp FROM namespace WHERE id = ?1") \
    X(CHECKPOINT_DOOM, "DELETE FROM checkpoint WHERE id = ?1 AND namespace = ?2 " \
                       "AND iif(stamp > 0, stamp, created_us) = ?3 " \
                       "RETURNING head, stamp, coalesce(length(metadata), 0)") \
    X(CHECKPOINT_SCAN, "SELECT id, checkpoint_id, stamp, parent_id, head, refs FROM checkpoint " \
                       "WHERE namespace = ?1 AND checkpoint_id > ?2 ORDER BY checkpoint_id") \
    X(CHECKPOINT_UNPARENT, "UPDATE checkpoint SET parent_id = NULL WHERE id = ?1") \
    X(VALUE_IDS, "SELECT id, 0 FROM value INDEXED BY value_key WHERE namespace = ?1") \
    X(VALUE_BASED, "SELECT EXISTS (SELECT 1 FROM value INDEXED BY value_base " \
                   "WHERE namespace = ?1 AND base > 0)") \
    X(THREAD_STATE, "SELECT id, last_stamp, checkpoints, bytes, form FROM namespace " \
                    "WHERE thread = ?1 ORDER BY id") \
    X(THREAD_KNOWN, "SELECT 1 FROM thread WHERE id = ?1 AND tenant = ?2") \
    X(THREAD_FORGO, "DELETE FROM thread WHERE id = ?1") \
    X(NS_ATTACH, "UPDATE namespace AS n SET thread = ?2, last_stamp = ?4, " \
                 "(checkpoints, bytes) = (SELECT checkpoints, bytes FROM namespace WHERE id = ?3) " \
                 "WHERE n.id = ?1") \
    X(CHECKPOINT_IDS, "SELECT id FROM checkpoint WHERE namespace = ?1 ORDER BY checkpoint_id") \
    X(CHECKPOINT_STAMP, "SELECT stamp FROM checkpoint WHERE id = ?1") \
    X(CHECKPOINT_CELLS, "SELECT id, checkpoint_id, stamp, created_us, parent_id, metadata, " \
                        "run_id, head, refs FROM checkpoint WHERE id = ?1") \
    X(TASK_STAMPS, "SELECT stamp, seq FROM task WHERE checkpoint = ?1") \
    X(VALUE_ROWS, "SELECT id FROM value INDEXED BY value_key WHERE namespace = ?1") \
    X(VALUE_BASE, "SELECT base FROM value WHERE id = ?1") \
    X(COPY_BROKEN, "SELECT id FROM thread WHERE tenant = -1 AND updated_us < ?1 LIMIT 1") \
    X(GARBAGE_NS, "SELECT id FROM namespace WHERE thread < 0 ORDER BY thread LIMIT 1") \
    X(GARBAGE_TASKS, "DELETE FROM task WHERE checkpoint IN (SELECT id FROM checkpoint " \
                     "WHERE namespace = ?1 ORDER BY checkpoint_id LIMIT ?2)") \
    X(GARBAGE_CHECKPOINTS, "DELETE FROM checkpoint WHERE id IN (SELECT id FROM checkpoint " \
                           "WHERE namespace = ?1 ORDER BY checkpoint_id LIMIT ?2)") \
    X(GARBAGE_VALUES, "DELETE FROM value WHERE id IN (SELECT id FROM value " \
                      "WHERE namespace = ?1 LIMIT ?2)") \
    X(GARBAGE_NS_DROP, "DELETE FROM namespace WHERE id = ?1") \
    X(SESSION_FULL, "SELECT 1 FROM message WHERE session = ?1 LIMIT 1 OFFSET ?2") \
    X(SESSION_DISCARD, "UPDATE session SET tenant = -id, gen = 0, user_id = NULL WHERE id = ?1") \
    X(GARBAGE_SESSION, "SELECT id FROM session INDEXED BY session_active WHERE tenant < 0 LIMIT 1") \
    X(GARBAGE_MESSAGES, "DELETE FROM message WHERE id IN (SELECT id FROM message " \
                        "WHERE session = ?1 ORDER BY seq LIMIT ?2)") \
    X(GARBAGE_CONTEXTS, "DELETE FROM context WHERE id IN (SELECT id FROM context " \
                        "WHERE session = ?1 LIMIT ?2)") \
    X(GARBAGE_SESSION_DROP, "DELETE FROM session WHERE id = ?1")

#endif

/*
 * sqlite_parts_sql.h - the SQL of what is done in parts, and of what is left for the clean-up.
 *
 * Threads    constants.
 * Ownership  none.
 * Units      as in storage/schema/sqlite_*.sql.
 * Errors     none.
 */
#ifndef SQLITE_PARTS_SQL_H
#define SQLITE_PARTS_SQL_H

/* clang-format off */

#define SQLITE_PARTS_SQL(X) \
    X(THREAD_DISCARD, "UPDATE namespace SET thread = -id WHERE thread = ?1") \
    X(THREAD_TOTAL, "SELECT coalesce(sum(checkpoints), 0) FROM namespace WHERE thread = ?1") \
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

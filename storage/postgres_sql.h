/*
 * postgres_sql.h - the SQL, by name, that only the PostgreSQL driver runs.
 *
 * A transaction that writes locks each record when it looks for it, so that the record does not change until
 * the end: *_LOCK is used instead of the statement of that name, or runs before it.
 *
 * Threads    constants.
 * Ownership  none.
 * Units      as in storage/schema.
 * Errors     none.
 */
#ifndef POSTGRES_SQL_H
#define POSTGRES_SQL_H

#include "sessions_sql.h"

/* A sign of life, and whether a commit survives a crash of the server. */
#define POSTGRES_SETTINGS \
    "SELECT current_setting('synchronous_commit') <> 'off' AND current_setting('fsync')::bool"

#define POSTGRES_SQL(X)                                                                      \
    X(BEGIN_READ, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")                         \
    X(BEGIN_WRITE, "BEGIN ISOLATION LEVEL READ COMMITTED")                                   \
    X(COMMIT, "COMMIT")                                                                      \
    X(ROLLBACK, "ROLLBACK")                                                                  \
    X(ALIVE, POSTGRES_SETTINGS)                                                                     \
    X(CLOCK_SET, "INSERT INTO clocks (instance, lane, high) VALUES (?1, ?2, ?3) "            \
                 "ON CONFLICT (instance, lane) DO UPDATE "                                   \
                 "SET high = greatest(clocks.high, excluded.high)")                          \
    X(CLOCK_SETTLE, "UPDATE clocks SET high = ?4 WHERE instance = ?1 AND lane = ?2 AND high = ?3") \
    X(SESSION_FIND_LOCK, "SELECT " SESSION_NUMBERS " FROM sessions "                         \
                         "WHERE tenant = ?1 AND session_id = ?2 FOR UPDATE")                 \
    X(SESSION_READ_LOCK, "SELECT " SESSION_NUMBERS SESSION_TEXTS " FROM sessions "           \
                         "WHERE tenant = ?1 AND session_id = ?2 FOR UPDATE")                 \
    X(SESSION_LOCK, "SELECT 1 FROM sessions WHERE tenant = ?1 AND session_id = ?2 FOR UPDATE")  \
    X(SESSION_LOCKS, LOCK_EACH("sessions", "session_id"))                                       \
    X(THREAD_FIND_LOCK, "SELECT id, tomb, updated_us FROM threads "                          \
                        "WHERE tenant = ?1 AND thread_id = ?2 FOR UPDATE")                   \
    X(NS_FIND_LOCK, "SELECT 1 FROM threads WHERE tenant = ?1 AND thread_id = ?2 FOR UPDATE") \
    X(MESSAGES_NEXT, PUT_NEXT_MESSAGES)                                                      \
    X(MESSAGES_NEXT_TOLD, PUT_NEXT_MESSAGES_TOLD)                                            \
    X(NS_FIND_LOCKS, LOCK_EACH("threads", "thread_id"))                                                        \
    X(TARGET_CHECKPOINTS, EACH_TARGET(TARGET_OF_CHECKPOINT("r1", "r2", "r3", "r4", "r5")))   \
    X(TARGET_TASKS, EACH_TARGET(TARGET_OF_TASK("r1", "r2", "r3", "r4", "r5")))               \
    X(VALUES_INSERT, PUT_VALUES)                                                             \
    X(CHECKPOINTS_INSERT, PUT_CHECKPOINTS)                                                   \
    X(TASKS_INSERT, PUT_TASKS)                                                               \
    X(NS_GROW_ALL, GROW_NAMESPACES)                                                          \
    X(THREADS_TOUCH, TOUCH_THREADS)                                                          \
    X(SESSIONS_TOUCH, TOUCH_SESSIONS)                                                        \
    X(OUTBOX_PUT_ALL, PUT_OUTBOX)                                                            \
    X(NS_NEWEST_LOCK, "SELECT 1 FROM threads WHERE id = "                                    \
                      "(SELECT thread FROM namespaces WHERE id = ?1) FOR UPDATE")

#define POSTGRES_OPEN "DECLARE c%u NO SCROLL CURSOR FOR %s"
#define POSTGRES_FETCH "FETCH FORWARD %d FROM c%u"
#define POSTGRES_CLOSE "CLOSE c%u"

/*
 * Sets up a new connection. There is an index for every statement; but a new table has no statistics, and the
 * planner would then read and sort whole sessions.
 */
#define POSTGRES_SET                                                                       \
    "SET search_path = \"%s\"; SET jit = off; SET lock_timeout = 200; "                    \
    "SET client_min_messages = warning; SET idle_in_transaction_session_timeout = 60000; " \
    "SET enable_seqscan = off; SET enable_bitmapscan = off; "                              \
    "SET enable_hashjoin = off; SET enable_mergejoin = off"

/* The server ends a scan that takes longer than this, in milliseconds. */
#define POSTGRES_SET_SCANNER "SET statement_timeout = 30000"

#define POSTGRES_PROCESS "SELECT pg_backend_pid()"
/* Whether a process is there, and not because it waits for its client: to ask, or to read. */
#define POSTGRES_AT_WORK \
    "SELECT count(*) FROM pg_stat_activity WHERE pid = %lld AND wait_event_type IS DISTINCT FROM 'Client'"
/* Marks the session, and asks whether it is still the one of that process and mark. */
#define POSTGRES_MARK "SELECT pg_backend_pid() FROM set_config('stateward.session', '%s', false)"
#define POSTGRES_IS_MARKED           \
    "SELECT pg_backend_pid() = %lld " \
    "AND current_setting('stateward.session', true) IS NOT DISTINCT FROM '%s'"
#define POSTGRES_VERSION "SELECT to_regclass('schema_versions') IS NOT NULL"
#define POSTGRES_NUMBER "SELECT coalesce(max(number), 0) FROM schema_versions"
/* Begins a migration once no other instance is at one; then it waits for a table only briefly. */
#define POSTGRES_MIGRATE_TURN                                             \
    "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL lock_timeout = %d; " \
    "SELECT pg_advisory_xact_lock(%u, 0)"
#define POSTGRES_MIGRATE                                                                     \
    "SET LOCAL lock_timeout = %d; CREATE SCHEMA IF NOT EXISTS \"%s\"; "                      \
    "CREATE TABLE IF NOT EXISTS schema_versions (number BIGINT PRIMARY KEY, "                \
    "at TIMESTAMPTZ NOT NULL DEFAULT now())"
/* Of the tables that a migration names, one that is locked, and who has locked it: the oldest of those
 * transactions, or one of another user, for these hide their age. */
#define POSTGRES_HOLDER                                                                         \
    "SELECT format('table %%s, which %%s uses', c.relname, "                                    \
    "coalesce('process ' || l.pid || ' of the server', 'a prepared transaction')) "             \
    "FROM pg_locks l JOIN pg_class c ON c.oid = l.relation "                                    \
    "LEFT JOIN pg_stat_activity a ON a.pid = l.pid "                                            \
    "WHERE l.granted AND c.relkind = 'r' AND c.relnamespace = to_regnamespace(current_schema()) " \
    "AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) "        \
    "AND strpos($migration$%s$migration$, c.relname) > 0 ORDER BY a.xact_start NULLS FIRST LIMIT 1"
#define POSTGRES_MIGRATED "INSERT INTO schema_versions (number) VALUES (%zu)"
/* Identity and progress of the store: the cluster and its timeline, which changes when a standby is promoted
 * or a backup restored; the position of its log, which only grows; and the name of the pair. */
#define POSTGRES_INCARNATION                                                       \
    "SELECT hashtextextended(system_identifier || '/' || "                         \
    "substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8), 0) FROM pg_control_system()"
#define POSTGRES_POSITION "SELECT CAST(pg_current_wal_lsn() - '0/0' AS BIGINT)"
#define POSTGRES_PAIR                                                                       \
    "SELECT coalesce((SELECT CAST(CAST('x' || convert_from(text, 'UTF8') AS BIT(64)) AS BIGINT) " \
    "FROM notes WHERE name = 'pair'), 0)"
/* The highest bound, but for those that follow. */
#define POSTGRES_CLOCK "SELECT coalesce(max(high), 0) FROM clocks WHERE high NOT IN (0"
#define POSTGRES_TAKE_NUMBER \
    "SELECT n FROM generate_series(%lld, %lld) AS n WHERE pg_try_advisory_lock(%u, n::int) LIMIT 1"
#endif

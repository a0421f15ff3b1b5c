/*
 * threads_sql.h - the SQL, by name, of threads, checkpoints, values and writes.
 *
 * An id is never empty, and it is UTF-8: NO_BYTES sorts below every id, x'FF' above.
 *
 * The texts are written once for all stores: names of tables, and whatever else differs, are macros of the
 * dialect (e.g. sqlite_dialect_sql.h), which must be included where they are expanded. Parameters are ?1, ...
 *
 * Threads    constants.
 * Ownership  none.
 * Units      as in storage/schema.
 * Errors     none.
 */
#ifndef THREADS_SQL_H
#define THREADS_SQL_H

/* clang-format off */

/*
 * Lists of checkpoints: ?1 scope, ?2 ns or NULL, ?3 created after, ?4 and ?5 bounds of the id, ?6 bound of the
 * write sequence, ?7 to ?10 a position (write sequence or id, thread, ns, id), ?11 limit. NESTED_JOIN fixes
 * the order of the loops: within a namespace an index gives the order of the list, and at most one page is
 * read of each namespace. Only these rows are sorted together.
 */
#define LIST_BOUNDS \
    "AND c.checkpoint_id >= ?4 AND c.checkpoint_id < ?5 AND c.stamp > 0 AND c.created_us > ?3 "
#define LIST_CHANNEL_ROWS        \
    "AND c.form = 2 " LIST_BOUNDS "AND c.checkpoint_id <= ?7 " \
    "AND (c.checkpoint_id, t.thread_id, n.ns) < (?7, ?8, ?9) "
#define LIST_DOCUMENT_ROWS                            \
    "AND c.form = 1 " LIST_BOUNDS "AND c.stamp < ?6 AND c.stamp <= ?7 " \
    "AND (c.stamp, t.thread_id, n.ns, c.checkpoint_id) < (?7, ?8, ?9, ?10) "
#define LIST_COLUMNS "SELECT c.id, t.thread_id, n.ns, c.checkpoint_id, c.stamp "
#define LIST_NAMESPACE(form, rows, order)                                               \
    LIST_COLUMNS "FROM " T_NAMESPACE " n " NESTED_JOIN " " T_THREAD " t ON t.id = n.thread "             \
                 "AND n.form = " form " " SOME_OF_ONE("c.namespace = n.id " rows, order) "WHERE n.id = ?1 "
#define LIST_NAMESPACES(form, rows, order)                                              \
    LIST_COLUMNS "FROM " T_THREAD " t " NESTED_JOIN " " T_NAMESPACE " n ON n.thread = t.id "             \
                 "AND n.form = " form " " SOME_OF_EACH("FROM " T_CHECKPOINT " c "        \
                 "WHERE c.namespace = n.id " rows "ORDER BY " order " LIMIT ?11")
#define LIST_THREAD "WHERE t.id = ?1 "
#define LIST_TENANT "WHERE t.tenant = ?1 AND (" BYTES("?2") " IS NULL OR n.ns = ?2) "
#define LIST_CHANNEL_ORDER "ORDER BY c.checkpoint_id DESC, t.thread_id DESC, n.ns DESC LIMIT ?11"
#define LIST_DOCUMENT_ORDER \
    "ORDER BY c.stamp DESC, t.thread_id DESC, n.ns DESC, c.checkpoint_id DESC LIMIT ?11"
#define LIST_NAMESPACES_CHANNEL LIST_NAMESPACES("2", LIST_CHANNEL_ROWS, "c.checkpoint_id DESC")
#define LIST_NAMESPACES_DOCUMENT \
    LIST_NAMESPACES("1", LIST_DOCUMENT_ROWS, "c.stamp DESC, c.checkpoint_id DESC")

/*
 * What a change of a checkpoint, or of a task on it, must know: ?1 tenant, ?2 thread, ?3 ns, ?4 checkpoint id.
 * Values are found by id: "+" keeps the planners from the index on namespaces, whose ranges may be long.
 */
#define TARGET_COLUMNS \
    "SELECT t.id, t.tomb, n.id, n.form, n.last_stamp, c.id, c.stamp, c.created_us, c.head, " \
    "coalesce(" OCTETS "(c.metadata), 0)"
#define TARGET_ROWS(ns_, checkpoint) \
    " FROM " T_THREAD " t LEFT JOIN " T_NAMESPACE " n ON n.thread = t.id AND n.ns = " ns_ " " \
    "LEFT JOIN " T_CHECKPOINT " c ON c.namespace = n.id AND c.checkpoint_id = " checkpoint " "
#define TARGET_OF_CHECKPOINT(tenant_, thread_, ns_, checkpoint, bases) \
    TARGET_COLUMNS ", (SELECT count(*) FROM " T_VALUE " v WHERE +v.namespace = n.id " \
    "AND v.id " AMONG(bases) ")" TARGET_ROWS(ns_, checkpoint) \
    "WHERE t.tenant = " tenant_ " AND t.thread_id = " thread_
#define TARGET_OF_TASK(tenant_, thread_, ns_, checkpoint, task) \
    TARGET_COLUMNS ", k.id, k.seq, k.stamp, k.body, k.task_path" TARGET_ROWS(ns_, checkpoint) \
    "LEFT JOIN " T_TASK " k ON k.checkpoint = c.id AND k.task_id = " task " " \
    "WHERE t.tenant = " tenant_ " AND t.thread_id = " thread_

/* The columns that these two have after TARGET_COLUMNS. */
enum { TARGET_KNOWN = 10 };
enum { TARGET_TASK = 10, TARGET_SEQ, TARGET_STAMP, TARGET_BODY, TARGET_PATH };

#define TARGET_THREAD "WHERE t.tenant = ?1 AND t.thread_id = ?2"

/* A checkpoint of a namespace, and its writes: ?1 tenant, ?2 thread, ?3 ns, ?4 created after, ?5 its id. */
#define CHECKPOINT_COLUMNS \
    "SELECT c.id, c.checkpoint_id, c.stamp, c.form, c.created_us, c.parent_id, c.head, c.refs, c.metadata "
#define CHECKPOINT_OF \
    "FROM " T_THREAD " t " NESTED_JOIN " " T_NAMESPACE " n ON n.thread = t.id AND n.ns = ?3 " \
    NESTED_JOIN " " T_CHECKPOINT " c ON "
#define LATEST_OF(form, order) \
    "(SELECT x.id FROM " T_CHECKPOINT " x WHERE x.namespace = n.id AND x.form = " form " " \
    "AND x.stamp > 0 AND x.created_us > ?4 ORDER BY x." order " DESC LIMIT 1)"

#define ASKED "c.namespace = n.id AND c.checkpoint_id = ?5 AND c.stamp > 0 AND c.created_us > ?4 "
#define LATEST "c.id = CASE n.form WHEN 2 THEN " LATEST_OF("2", "checkpoint_id") \
               " WHEN 1 THEN " LATEST_OF("1", "stamp") " END "
#define TASKS_OF(which) \
    "SELECT k.task_id, k.task_path, k.stamp, k.seq, k.body, c.id " CHECKPOINT_OF which \
    NESTED_JOIN " " T_TASK " k ON k.checkpoint = c.id " TARGET_THREAD \
    " ORDER BY CASE WHEN c.form = 1 THEN k.seq ELSE 0 END, " \
    "CASE WHEN c.form = 1 THEN " NO_BYTES " ELSE k.task_path END, k.task_id"

/* Namespaces of a thread: ?1 tenant, ?2 thread. */
#define SCOPE_OF \
    "SELECT n.id, n.form, n.checkpoints, n.bytes, n.thread FROM " T_THREAD " t " \
    NESTED_JOIN " " T_NAMESPACE " n ON n.thread = t.id "

#define VALUE_COLUMNS "v.id, v.base, v.encoding, v.hash, v.channel, v.version, v.type, v.bytes"

/* Records of a tenant in key order, after a key (?2, ...). */
#define RECORDS_FROM                                           \
    "FROM " T_THREAD " t " NESTED_JOIN " " T_NAMESPACE " n ON n.thread = t.id " \
    "AND n.ns >= CASE WHEN t.thread_id = ?2 THEN ?3 ELSE " NO_BYTES " END "

#define THREADS_SQL(X)                                                                      \
    X(THREAD_FIND, "SELECT id, tomb, updated_us FROM " T_THREAD " WHERE tenant = ?1 AND thread_id = ?2") \
    X(THREAD_MAKE, "INSERT INTO " T_THREAD " (tenant, thread_id, tomb, updated_us) "                     \
                   "VALUES (?1, ?2, ?3, ?4)" RETURN_ID)                                                      \
    X(THREAD_TOUCH, "UPDATE " T_THREAD " SET updated_us = ?2 WHERE id = ?1 AND updated_us < ?2")         \
    X(THREAD_TOMB, "UPDATE " T_THREAD " SET tomb = ?2 WHERE id = ?1 AND tomb < ?2")                      \
    X(THREAD_NAMESPACES, "SELECT id FROM " T_NAMESPACE " WHERE thread = ?1")                             \
    X(THREAD_MERGE, "UPDATE " T_THREAD " SET tomb = " GREATER "(tomb, ?2), updated_us = " GREATER "(updated_us, ?3) "    \
                    "WHERE id = ?1")                                                               \
    X(THREAD_NEWEST, "SELECT coalesce(max(last_stamp), 0) FROM " T_NAMESPACE " WHERE thread = ?1")       \
    X(THREAD_DROP, "DELETE FROM " T_THREAD " WHERE id = ?1 AND tomb = 0 "                                \
                   "AND NOT EXISTS (SELECT 1 FROM " T_NAMESPACE " WHERE thread = ?1)")                   \
    X(THREAD_HOLDS, "SELECT EXISTS (SELECT 1 FROM " T_NAMESPACE " n " NESTED_JOIN " " T_CHECKPOINT " c "            \
                    "ON c.namespace = n.id WHERE n.thread = ?1 AND c.created_us > ?2)")            \
    X(THREAD_LIST,                                                                                 \
      "SELECT t.id, t.thread_id, t.updated_us FROM " T_THREAD " t WHERE t.tenant = ?1 "                  \
      "AND t.thread_id >= ?2 AND t.thread_id < ?3 AND t.updated_us > ?4 "                          \
      "AND EXISTS (SELECT 1 FROM " T_NAMESPACE " n " NESTED_JOIN " " T_CHECKPOINT " c ON c.namespace = n.id "       \
      "WHERE n.thread = t.id AND c.created_us > ?5) ORDER BY t.thread_id LIMIT ?6")                \
    X(THREAD_COUNT,                                                                                \
      "SELECT count(*) FROM " T_NAMESPACE " n " NESTED_JOIN " " T_CHECKPOINT " c "                                  \
      "ON c.namespace = n.id WHERE n.thread = ?1 AND c.stamp > 0 AND c.created_us > ?2")           \
    X(THREAD_EXPIRED, "SELECT c.id, c.namespace, CASE WHEN c.stamp > 0 THEN c.stamp ELSE c.created_us END FROM " T_NAMESPACE " n " NESTED_JOIN " " T_CHECKPOINT " c "         \
                      "ON c.namespace = n.id WHERE n.thread = ?1 AND c.created_us <= ?2")          \
    X(NS_FIND, "SELECT t.id, t.tomb, n.id, n.form, n.last_stamp FROM " T_THREAD " t "                    \
               "LEFT JOIN " T_NAMESPACE " n ON n.thread = t.id AND n.ns = ?3 "                           \
               "WHERE t.tenant = ?1 AND t.thread_id = ?2")                                         \
    X(NS_MAKE, "INSERT INTO " T_NAMESPACE " (thread, ns, form, last_stamp, checkpoints, bytes) "         \
               "VALUES (?1, ?2, ?3, 0, 0, 0)" RETURN_ID)                                                     \
    X(NS_FORM, "UPDATE " T_NAMESPACE " SET form = ?2 WHERE id = ?1")                                     \
    X(NS_FORM_OF, "SELECT form FROM " T_NAMESPACE " WHERE id = ?1")                                      \
    X(NS_GROW, "UPDATE " T_NAMESPACE " SET last_stamp = " GREATER "(last_stamp, ?2), "                           \
               "checkpoints = checkpoints + ?3, bytes = bytes + ?4 WHERE id = ?1")                 \
    X(NS_LIST,                                                                                     \
      "SELECT n.id, n.ns, n.form, n.checkpoints, n.bytes FROM " T_NAMESPACE " n "                        \
      "WHERE n.thread = ?1 AND EXISTS (SELECT 1 FROM " T_CHECKPOINT " c WHERE c.namespace = n.id "       \
      "AND c.created_us > ?2) ORDER BY n.ns")                                                      \
    X(NS_COUNT, "SELECT count(*) FROM " T_CHECKPOINT " WHERE namespace = ?1 AND stamp > 0 "              \
                "AND created_us > ?2")                                                             \
    X(NS_HOLDS, "SELECT EXISTS (SELECT 1 FROM " T_CHECKPOINT " WHERE namespace = ?1)")                   \
    X(NS_FORMS, "SELECT max(CASE WHEN n.form = 1 THEN 1 ELSE 0 END), max(CASE WHEN n.form = 2 THEN 1 ELSE 0 END) FROM " T_THREAD " t "                           \
                NESTED_JOIN " " T_NAMESPACE " n ON n.thread = t.id "                                       \
                "WHERE t.tenant = ?1 AND (" BYTES("?2") " IS NULL OR n.ns = ?2)")                               \
    X(NS_RECOUNT,                                                                                  \
      "UPDATE " T_NAMESPACE " SET "                                                                      \
      "checkpoints = (SELECT count(*) FROM " T_CHECKPOINT " WHERE namespace = ?1 AND stamp > 0), "       \
      "bytes = (SELECT coalesce(sum(" OCTETS "(bytes)), 0) FROM " T_VALUE " WHERE namespace = ?1) "          \
      "+ (SELECT coalesce(sum(" OCTETS "(metadata)), 0) FROM " T_CHECKPOINT " WHERE namespace = ?1) "        \
      "+ (SELECT coalesce(sum(" OCTETS "(k.body)), 0) FROM " T_CHECKPOINT " c " NESTED_JOIN " " T_TASK " k "            \
      "ON k.checkpoint = c.id WHERE c.namespace = ?1) WHERE id = ?1")                              \
    X(NS_CLEAR_VALUES, "DELETE FROM " T_VALUE " WHERE namespace = ?1")                                   \
    X(NS_DROP, "DELETE FROM " T_NAMESPACE " WHERE id = ?1 RETURNING thread")                             \
    X(NS_DROP_EMPTY, "DELETE FROM " T_NAMESPACE " WHERE id = ?1 "                                        \
                     "AND NOT EXISTS (SELECT 1 FROM " T_CHECKPOINT " WHERE namespace = ?1) "             \
                     "AND NOT EXISTS (SELECT 1 FROM " T_VALUE " WHERE namespace = ?1) RETURNING thread") \
    X(CHECKPOINT_FIND, "SELECT id, stamp, created_us, head, coalesce(" OCTETS "(metadata), 0) "        \
                       "FROM " T_CHECKPOINT " WHERE namespace = ?1 AND checkpoint_id = ?2")              \
    X(TARGET_CHECKPOINT, TARGET_OF_CHECKPOINT("?1", "?2", "?3", "?4", "?5")) \
    X(TARGET_TASK, TARGET_OF_TASK("?1", "?2", "?3", "?4", "?5")) \
    X(TARGET_CARRIED, "SELECT v.id, v.channel, v.version FROM " T_THREAD " t " \
                      NESTED_JOIN " " T_NAMESPACE " n ON n.thread = t.id AND n.ns = ?3 " \
                      VALUES_OF_KEYS("?4") \
                      TARGET_THREAD " ORDER BY v.id DESC") \
    X(CHECKPOINT_ASKED, CHECKPOINT_COLUMNS CHECKPOINT_OF ASKED TARGET_THREAD) \
    X(CHECKPOINT_LATEST, CHECKPOINT_COLUMNS CHECKPOINT_OF LATEST TARGET_THREAD) \
    X(TASKS_ASKED, TASKS_OF(ASKED)) \
    X(TASKS_LATEST, TASKS_OF(LATEST)) \
    X(CHECKPOINT_SOME, CHECKPOINT_COLUMNS "FROM " T_CHECKPOINT " c WHERE c.id " AMONG("?1")) \
    X(NS_SCOPE, SCOPE_OF TARGET_THREAD " AND n.ns = ?3") \
    X(NS_SCOPES, SCOPE_OF TARGET_THREAD " AND EXISTS (SELECT 1 FROM " T_CHECKPOINT " c " \
                 "WHERE c.namespace = n.id AND c.created_us > ?3)") \
    X(CHECKPOINT_READ, "SELECT checkpoint_id, stamp, form, created_us, parent_id, head, refs, "    \
                       "metadata, run_id FROM " T_CHECKPOINT " WHERE id = ?1")                           \
    X(CHECKPOINT_METADATA, "SELECT id, metadata FROM " T_CHECKPOINT " WHERE id " AMONG("?1"))            \
    X(CHECKPOINT_HEADS, "SELECT id, head, refs FROM " T_CHECKPOINT " WHERE id " AMONG("?1"))             \
    X(CHECKPOINT_INSERT, "INSERT INTO " T_CHECKPOINT " (stamp, form, created_us, parent_id, run_id, "    \
                         "head, refs, metadata, namespace, checkpoint_id) "                        \
                         "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)")                       \
    X(CHECKPOINT_UPDATE,                                                                           \
      "UPDATE " T_CHECKPOINT " SET stamp = ?1, form = ?2, created_us = ?3, "                             \
      "parent_id = ?4, run_id = ?5, head = ?6, refs = ?7, metadata = ?8 WHERE id = ?9")            \
    X(CHECKPOINT_AGE, "UPDATE " T_CHECKPOINT " SET created_us = ?3 WHERE namespace = ?1 "                \
                      "AND checkpoint_id = ?2 AND stamp = 0 AND created_us < ?3")                  \
    X(CHECKPOINT_ORPHAN, "UPDATE " T_CHECKPOINT " SET parent_id = NULL WHERE id = ?1") \
    X(CHECKPOINT_UNDO, "UPDATE " T_CHECKPOINT " SET stamp = 0, created_us = ?2, parent_id = NULL, "      \
                       "run_id = NULL, head = 0, refs = NULL, metadata = NULL WHERE id = ?1")      \
    X(CHECKPOINT_DROP, "DELETE FROM " T_CHECKPOINT " WHERE id = ?1")                                     \
    X(CHECKPOINT_RUN,                                                                              \
      "SELECT c.id, c.namespace, c.stamp FROM " T_CHECKPOINT " c "                                                \
      NESTED_JOIN " " T_NAMESPACE " n ON n.id = c.namespace " NESTED_JOIN " " T_THREAD " t ON t.id = n.thread "       \
      "WHERE c.run_id = ?1 AND t.tenant = ?2 AND c.created_us > ?3")                               \
    X(CHECKPOINT_EXPIRED, "SELECT id, namespace, CASE WHEN stamp > 0 THEN stamp ELSE created_us END FROM " T_CHECKPOINT " WHERE created_us <= ?1 "           \
                          "ORDER BY created_us LIMIT ?2")                                          \
    X(CHECKPOINT_ANCHORS, "SELECT id, namespace, created_us FROM " T_CHECKPOINT " "                                  \
                          "WHERE namespace = ?1 AND stamp = 0")                                    \
    X(CHECKPOINT_DEAD, "SELECT c.id, c.namespace FROM " T_NAMESPACE " n " NESTED_JOIN " " T_CHECKPOINT " c "        \
                       "ON c.namespace = n.id WHERE n.thread = ?1 AND c.stamp <= ?2")              \
    X(CHECKPOINT_REFS, "SELECT head, refs FROM " T_CHECKPOINT " WHERE namespace = ?1 AND stamp > 0")     \
    X(CHECKPOINT_ALL,                                                                              \
      "SELECT id, checkpoint_id, stamp, created_us, parent_id, metadata, run_id, "                 \
      "head, refs FROM " T_CHECKPOINT " WHERE namespace = ?1 ORDER BY checkpoint_id DESC")               \
    X(LIST_NAMESPACE_CHANNEL, LIST_NAMESPACE("2", LIST_CHANNEL_ROWS, "c.checkpoint_id DESC") LIST_CHANNEL_ORDER) \
    X(LIST_NAMESPACE_DOCUMENT, LIST_NAMESPACE("1", LIST_DOCUMENT_ROWS, "c.stamp DESC") LIST_DOCUMENT_ORDER) \
    X(LIST_THREAD_CHANNEL, LIST_NAMESPACES_CHANNEL LIST_THREAD LIST_CHANNEL_ORDER)                 \
    X(LIST_THREAD_DOCUMENT, LIST_NAMESPACES_DOCUMENT LIST_THREAD LIST_DOCUMENT_ORDER)              \
    X(LIST_TENANT_CHANNEL, LIST_NAMESPACES_CHANNEL LIST_TENANT LIST_CHANNEL_ORDER)                 \
    X(LIST_TENANT_DOCUMENT, LIST_NAMESPACES_DOCUMENT LIST_TENANT LIST_DOCUMENT_ORDER)              \
    X(VALUE_INSERT,                                                                                \
      "INSERT INTO " T_VALUE " (id, namespace, key, base, encoding, hash, channel, version, "            \
      "type, bytes) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)")                             \
    X(VALUE_KNOWN, "SELECT namespace FROM " T_VALUE " WHERE id = ?1")                                    \
    X(VALUE_RECLAIM, "DELETE FROM " T_VALUE " WHERE id = ?1 " \
                     "AND EXISTS (SELECT 1 FROM " T_NAMESPACE " WHERE id = ?2 AND thread < 0)") \
    X(VALUE_ABOVE, "SELECT EXISTS (SELECT 1 FROM " T_VALUE " WHERE namespace = ?1 AND id > ?2)")         \
    X(VALUE_READ, "SELECT " VALUE_COLUMNS " FROM " T_VALUE " v WHERE v.id = ?1")                         \
    X(VALUE_CHAINS, "WITH RECURSIVE chain(id) AS (" EACH_NUMBER("?1") " UNION SELECT b.base FROM chain c " \
                    NESTED_JOIN " " T_VALUE " b ON b.id = c.id WHERE b.base > 0) SELECT " VALUE_COLUMNS \
                    " FROM chain c " NESTED_JOIN " " T_VALUE " v ON v.id = c.id")                        \
    X(VALUE_CHANNELS, "SELECT id, channel FROM " T_VALUE " WHERE id " AMONG("?1"))                       \
    X(VALUE_ALL, "SELECT id, base FROM " T_VALUE " WHERE namespace = ?1 ORDER BY id")                    \
    X(HEAD_FREE, "SELECT EXISTS (SELECT 1 FROM " T_VALUE " WHERE id = ?1 AND namespace = ?2 "      \
                 "AND channel IS NULL AND NOT EXISTS (SELECT 1 FROM " T_VALUE " v "                \
                 "WHERE v.namespace = ?2 AND v.key = ?1))")                                        \
    X(TASK_INSERT, "INSERT INTO " T_TASK " (task_path, seq, stamp, body, checkpoint, task_id) "          \
                   "VALUES (?1, ?2, ?3, ?4, coalesce(nullif(?5, 0), (SELECT id FROM " T_CHECKPOINT " " \
                   "WHERE namespace = ?7 AND checkpoint_id = ?8)), ?6)")                           \
    X(CHECKPOINT_NEXT, PUT_NEXT_CHECKPOINT)                                                              \
    X(TASK_NEXT, PUT_NEXT_TASK)                                                                          \
    X(TASK_UPDATE, "UPDATE " T_TASK " SET task_path = ?1, seq = ?2, stamp = ?3, body = ?4 "              \
                   "WHERE checkpoint = ?5 AND task_id = ?6")                                       \
    X(TASK_CHANNEL, "SELECT task_id, task_path, stamp, seq, body, checkpoint FROM " T_TASK " "           \
                    "WHERE checkpoint " AMONG("?1") " ORDER BY checkpoint, task_path, task_id")    \
    X(TASK_DOCUMENT, "SELECT task_id, task_path, stamp, seq, body, checkpoint FROM " T_TASK " "          \
                     "WHERE checkpoint " AMONG("?1") " ORDER BY checkpoint, seq, task_id")         \
    X(TASK_DEAD, "DELETE FROM " T_TASK " WHERE checkpoint IN (SELECT c.id FROM " T_NAMESPACE " n "             \
                 "JOIN " T_CHECKPOINT " c ON c.namespace = n.id WHERE n.thread = ?1) AND stamp <= ?2")   \
    X(TASK_RESEQ, "UPDATE " T_TASK " SET seq = stamp WHERE checkpoint IN (SELECT c.id FROM " T_NAMESPACE " n " \
                  "JOIN " T_CHECKPOINT " c ON c.namespace = n.id WHERE n.thread = ?1) AND seq <= ?2")     \
    X(TASK_GONE, "DELETE FROM " T_TASK " WHERE checkpoint = ?1 AND task_id = ?3 AND stamp <= ?2 "          \
                 "RETURNING " OCTETS "(body)")                                                         \
    X(TASK_RENEW, "UPDATE " T_TASK " SET seq = stamp WHERE checkpoint = ?1 AND task_id = ?3 AND seq <= ?2") \
    X(TASK_EXPIRED, "DELETE FROM " T_TASK " WHERE checkpoint = ?1 AND stamp >> 10 <= ?2 "                \
                    "RETURNING " OCTETS "(body)")                                                      \
    X(TASK_SEQ, "UPDATE " T_TASK " SET seq = ?2 WHERE checkpoint = ?1 AND seq > ?2 AND task_id = ?3")    \
    X(TASK_NEWEST, "SELECT max(stamp) FROM " T_TASK " WHERE checkpoint = ?1")                            \
    X(RECORDS_THREAD,                                                                              \
      "SELECT t.thread_id, t.tomb, t.updated_us FROM " T_THREAD " t "                                    \
      "WHERE t.tenant = ?1 AND t.thread_id > ?2 AND (t.tomb > 0 OR EXISTS (SELECT 1 "              \
      "FROM " T_NAMESPACE " n " NESTED_JOIN " " T_CHECKPOINT " c ON c.namespace = n.id "                            \
      "WHERE n.thread = t.id AND c.created_us > ?3)) ORDER BY t.thread_id")                        \
    X(RECORDS_VALUE, "SELECT t.thread_id, n.ns, v.id, n.id, t.tomb " RECORDS_FROM                  \
                     NESTED_JOIN " " T_VALUE " v ON v.namespace = n.id "                                   \
                     "AND v.id > CASE WHEN t.thread_id = ?2 AND n.ns = ?3 THEN ?4 ELSE 0 END "                      \
                     "WHERE t.tenant = ?1 AND t.thread_id >= ?2 ORDER BY t.thread_id, n.ns, v.id") \
    X(RECORDS_CHECKPOINT,                                                                          \
      "SELECT t.thread_id, n.ns, c.id " RECORDS_FROM                                               \
      NESTED_JOIN " " T_CHECKPOINT " c ON c.namespace = n.id "                                             \
      "AND c.checkpoint_id > CASE WHEN t.thread_id = ?2 AND n.ns = ?3 THEN ?4 ELSE " NO_BYTES " END "                        \
      "WHERE t.tenant = ?1 AND t.thread_id >= ?2 AND c.stamp > 0 AND c.created_us > ?5 "           \
      "ORDER BY t.thread_id, n.ns, c.checkpoint_id")                                               \
    X(RECORDS_TASK,                                                                                \
      "SELECT t.thread_id, n.ns, c.checkpoint_id, k.task_id, k.task_path, k.stamp, "               \
      "k.seq, c.form, k.body " RECORDS_FROM NESTED_JOIN " " T_CHECKPOINT " c ON c.namespace = n.id "       \
      "AND c.checkpoint_id >= CASE WHEN t.thread_id = ?2 AND n.ns = ?3 THEN ?4 ELSE " NO_BYTES " END "                       \
      NESTED_JOIN " " T_TASK " k ON k.checkpoint = c.id AND k.task_id > "                                  \
      "CASE WHEN t.thread_id = ?2 AND n.ns = ?3 AND c.checkpoint_id = ?4 THEN ?5 ELSE " NO_BYTES " END "                     \
      "WHERE t.tenant = ?1 AND t.thread_id >= ?2 AND c.created_us > ?6 "                           \
      "AND (c.stamp > 0 OR k.stamp >> 10 > ?6) "                                                   \
      "ORDER BY t.thread_id, n.ns, c.checkpoint_id, k.task_id")

#endif

/*
 * sqlite.h - the parts of the sqlite driver, for each other.
 *
 *     sqlite.c (open, batch, transaction) -> sqlite_<subject>.c (one function per op) -> sqlite_query.c
 *
 * One connection per backend. The batch is one transaction; each op function runs inside it.
 *
 * Threads    the lane's.
 * Ownership  rows are copied into the op's arena before the statement moves on.
 * Units      *_us wall microseconds.
 * Errors     An op function returns true and fills `out`, or false and fills err:
 *            a kind of the domain (NO_SESSION, NOT_FOUND, FORM, ...): nothing was changed, the op
 *            fails alone; any other kind: the transaction is lost.
 */
#ifndef SQLITE_H
#define SQLITE_H

#include <sqlite3.h>
#include <sys/types.h>

#include "backend.h"
#include "sqlite_sql.h"

enum sqlite_sql {
#define X(name, text) SQL_##name,
    SQLITE_SQL(X)
#undef X
        SQL_COUNT
};

struct sqlite {
    struct backend base;
    sqlite3 *db;
    sqlite3_stmt *statements[SQL_COUNT]; /* prepared at first use */
    int lock_fd;                         /* of a writer or sole connection on a file, else -1 */
    struct carrier *carrier;             /* the same, else NULL */
    ino_t wal;                           /* the file that was opened; 0 if it is in memory */
    enum backend_role role;
    int64_t session_ttl_us, checkpoint_ttl_us, context_versions;
    int64_t stamp_high;   /* as in the table clock */
    int64_t part_end_ns;  /* when the parts in this transaction end */
    size_t part_steps;    /* tests: how many steps a part has; 0 = as time allows */
    int64_t strays;       /* changes, ever, whose stamps need not be above those that are stored */
    int64_t tenant;       /* of the last tenant asked for; 0 = none */
    char tenant_name[64]; /* longer names are looked up each time */
    size_t tenant_len;
};

/*
 * One use of a prepared statement. Parameters are bound in order, columns read by index.
 *
 *     struct query q;
 *     if (!query_begin(d, SQL_SESSION_FIND, &q, err)) return false;
 *     query_int(&q, tenant); query_blob(&q, id);
 *     if (!query_step(&q, &row, err)) return false;      (ends the query on failure)
 *     ... query_col_*(&q, 0) ...
 *     query_end(&q);
 */
struct query {
    struct sqlite *d;
    sqlite3_stmt *st; /* NULL when ended */
    int bound;
    int failed; /* of a bind, told by the next step */
};

/* Readies the statement. */
bool query_begin(struct sqlite *d, enum sqlite_sql which, struct query *q,
                 struct err *err) MUST_USE;

/* Bind the next parameter. The bytes must live until query_end(). An absent slice is NULL. */
void query_int(struct query *q, int64_t n);
void query_double(struct query *q, double n);
void query_blob(struct query *q, struct slice s);
void query_null(struct query *q);

/* Moves to the next row; *row is false when there is none. Failure ends the query. */
bool query_step(struct query *q, bool *row, struct err *err) MUST_USE;

/* Runs a statement that gives no rows, and ends the query. */
bool query_run(struct query *q, struct err *err) MUST_USE;

/* Columns of the row. query_col is valid until the next step; query_copy lives in the arena and is
 * absent for NULL; it fails with ERR_NO_MEMORY. */
int64_t query_col_int(struct query *q, int column);
double query_col_double(struct query *q, int column);
struct slice query_col(struct query *q, int column);
bool query_copy(struct query *q, int column, struct arena *arena, struct slice *out,
                struct err *err) MUST_USE;

/* Ends the use; allowed twice. Also by AUTO(query_end). */
void query_end(struct query *q);

/* The functions of this backend: sqlite.c. */
extern const struct backend_ops sqlite_backend_ops;

/* Opens cfg->url, sqlite: or memory:. NULL: ERR_CONFIG, ERR_STORAGE, ERR_UNAVAILABLE, ERR_NO_MEMORY
 * with the path in its text. */
struct backend *sqlite_open(const struct backend_config *cfg, struct err *err) MUST_USE;

/* Runs a statement without results that takes up to two numbers. */
bool query_do(struct sqlite *d, enum sqlite_sql which, int64_t a, int64_t b,
              struct err *err) MUST_USE;

/* Reads the number in the first row; *n stays when there is no row. Same parameters. */
bool query_number(struct sqlite *d, enum sqlite_sql which, const int64_t in[2], int64_t *n,
                  struct err *err) MUST_USE;

/* Turns the last error of the connection into a kind and a text ("sqlite: the disk is full"). */
bool sqlite_fail(struct sqlite *d, struct err *err);

/* Number of a tenant; 0 when unknown and not to be made. */
bool sqlite_tenant(struct sqlite *d, struct slice name, bool make, int64_t *tenant,
                   struct err *err) MUST_USE;

/*
 * The stamp of a change to what holds the stamp `stored`: raised above it, or ERR_FENCED and
 * op->newest when the op says so. What is raised is observed.
 */
bool sqlite_stamp(struct op *op, int64_t stored, int64_t *stamp, struct err *err) MUST_USE;

/* Whether an op that has done so many steps in this transaction leaves the rest to its next part. */
bool sqlite_part_full(const struct sqlite *d, size_t steps) MUST_USE;

/* Moves the last activity of the session of this id to now_us if it lives; no error if not. */
bool sqlite_session_touch(struct sqlite *d, int64_t tenant, struct slice id, int64_t now_us,
                          struct err *err) MUST_USE;

/* Makes a thread garbage (sqlite_garbage.h), and leaves a tombstone with this stamp. */
bool sqlite_thread_remove(struct sqlite *d, int64_t tenant, struct slice id, int64_t stamp,
                          struct err *err) MUST_USE;

/* Last of OP_CLEANUP: removes checkpoints and writes that have expired, and garbage, in parts. */
bool sqlite_checkpoints_expire(struct sqlite *d, struct op *op, struct err *err) MUST_USE;

/* OP_READ_RANGE for the kinds THREAD, VALUE, CHECKPOINT and TASK. */
bool sqlite_thread_records_read(struct sqlite *d, int64_t tenant, struct op *op,
                                struct err *err) MUST_USE;

/* OP_MERGE of one record of those kinds; *applied if it changed something. */
bool sqlite_thread_record_merge(struct sqlite *d, int64_t tenant, const struct record *record,
                                bool *applied, struct err *err) MUST_USE;

/* The op functions: sqlite_session_put(), ... one per op type but PROBE. */
#define X(type, member, flags) \
    bool sqlite_##member(struct sqlite *d, struct op *op, struct err *err) MUST_USE;
OP_TYPES(X)
#undef X

#endif

/* sqlite_query.c - prepared statements, and the errors of sqlite; see sqlite_driver.h. */
#include <assert.h>

#include "sqlite_driver.h"
#include "sqlite_dialect_sql.h"

static const char *const texts[SQLITE_COUNT] = {
#define X(name, text) [SQL_##name] = text,
    PAIR_SQL(X) PARTS_SQL(X) SESSIONS_SQL(X) THREADS_SQL(X) SQLITE_SQL(X)
#undef X
};

static bool prepare(struct query *q, int which, struct err *err)
{
    struct sqlite *d = (struct sqlite *)q->d;
    sqlite3_stmt **st = &d->statements[which];

    if (!*st && sqlite3_prepare_v3(d->db, texts[which], -1, SQLITE_PREPARE_PERSISTENT, st, NULL) !=
                    SQLITE_OK)
        return sqlite_fail(d, err);
    assert(!sqlite3_stmt_busy(*st));
    q->st = *st;
    return true;
}

static void bound(struct query *q, int rc)
{
    if (rc != SQLITE_OK && q->failed == SQLITE_OK)
        q->failed = rc;
}

static void bind_int(struct query *q, int64_t n)
{
    bound(q, sqlite3_bind_int64(q->st, ++q->bound, n));
}

static void bind_double(struct query *q, double n)
{
    bound(q, sqlite3_bind_double(q->st, ++q->bound, n));
}

static void bind_blob(struct query *q, struct slice s)
{
    bound(q, sqlite3_bind_blob64(q->st, ++q->bound, s.at, s.len, SQLITE_STATIC));
}

static void bind_null(struct query *q)
{
    bound(q, sqlite3_bind_null(q->st, ++q->bound));
}

static void end(struct query *q)
{
    sqlite3_reset(q->st); /* repeats the error of a failed step, which is known already */
    sqlite3_clear_bindings(q->st);
    q->st = NULL;
}

static bool step(struct query *q, bool *row, struct err *err)
{
    int rc = q->failed;

    if (rc == SQLITE_OK) {
        rc = sqlite3_step(q->st);
        if (rc == SQLITE_ROW || rc == SQLITE_DONE) {
            *row = rc == SQLITE_ROW;
            return true;
        }
        sqlite_fail((struct sqlite *)q->d, err);
    } else if (rc == SQLITE_NOMEM) {
        (void)err_no_memory(err);
    } else {
        err_fill(err, ERR_STORAGE, "sqlite: %s", sqlite3_errstr(rc));
    }
    end(q);
    return false;
}

static bool run(struct query *q, struct err *err)
{
    bool row;

    if (!step(q, &row, err))
        return false;
    end(q);
    return true;
}

static int64_t col_int(const struct query *q, int column)
{
    return sqlite3_column_int64(q->st, column);
}

static double col_double(const struct query *q, int column)
{
    return sqlite3_column_double(q->st, column);
}

static struct slice col(const struct query *q, int column)
{
    const char *at;

    if (sqlite3_column_type(q->st, column) == SQLITE_NULL)
        return (struct slice){NULL, 0};
    at = sqlite3_column_blob(q->st, column); /* NULL for an empty blob */
    return at ? (struct slice){at, (size_t)sqlite3_column_bytes(q->st, column)} : SLICE("");
}

bool sqlite_fail(struct sqlite *d, struct err *err)
{
    int code = sqlite3_extended_errcode(d->db);

    if (code == SQLITE_IOERR_NOMEM)
        code = SQLITE_NOMEM;
    if (code == SQLITE_IOERR_DATA)
        return err_set(err, ERR_DAMAGED,
                       "sqlite: the database file is damaged: a page does not match its checksum "
                       "(if another program wrote to it: stateward seal)");
    switch (code & 0xff) {
    case SQLITE_FULL:
        return err_set(err, ERR_UNAVAILABLE, "sqlite: the disk is full");
    case SQLITE_IOERR:
        return err_set(err, ERR_UNAVAILABLE, "sqlite: input or output failed (%s)",
                       sqlite3_errmsg(d->db));
    case SQLITE_READONLY:
        return err_set(err, ERR_UNAVAILABLE, "sqlite: the database is read-only");
    case SQLITE_CANTOPEN:
        return err_set(err, ERR_UNAVAILABLE, "sqlite: a file cannot be opened");
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
        return err_set(err, ERR_UNAVAILABLE, "sqlite: the database is locked");
    case SQLITE_NOMEM:
        return err_no_memory(err);
    case SQLITE_CORRUPT:
        return err_set(err, ERR_DAMAGED, "sqlite: the database file is damaged");
    case SQLITE_NOTADB:
        return err_set(err, ERR_STORAGE, "sqlite: the file is not a database");
    default:
        return err_set(err, ERR_STORAGE, "sqlite: %s", sqlite3_errmsg(d->db));
    }
}

static int64_t total_changes(struct sql *d)
{
    return sqlite3_total_changes64(((struct sqlite *)d)->db);
}

static int64_t changes(const struct query *q)
{
    return sqlite3_changes64(((struct sqlite *)q->d)->db);
}

static int64_t made_id(const struct query *q)
{
    return sqlite3_last_insert_rowid(((struct sqlite *)q->d)->db);
}

static int parameters(const struct query *q)
{
    return sqlite3_bind_parameter_count(q->st);
}

static int columns(const struct query *q)
{
    return sqlite3_column_count(q->st);
}

const struct sql_driver sqlite_driver = {
    .begin = sqlite_begin,
    .commit = sqlite_commit,
    .roll_back = sqlite_roll_back,
    .total_changes = total_changes,
    .prepare = prepare,
    .step = step,
    .run = run,
    .end = end,
    .parameters = parameters,
    .columns = columns,
    .changes = changes,
    .made_id = made_id,
    .bind_int = bind_int,
    .bind_double = bind_double,
    .bind_blob = bind_blob,
    .bind_null = bind_null,
    .col_int = col_int,
    .col_double = col_double,
    .col = col,
};

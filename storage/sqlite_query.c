/* sqlite_query.c - prepared statements, and the errors of sqlite; see sqlite.h. */
#include <assert.h>

#include "sqlite.h"

static const char *const texts[SQL_COUNT] = {
#define X(name, text) [SQL_##name] = text,
    SQLITE_SQL(X)
#undef X
};

bool query_begin(struct sqlite *d, enum sqlite_sql which, struct query *q, struct err *err)
{
    sqlite3_stmt **st = &d->statements[which];

    *q = (struct query){.d = d};
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

void query_int(struct query *q, int64_t n)
{
    bound(q, sqlite3_bind_int64(q->st, ++q->bound, n));
}

void query_double(struct query *q, double n)
{
    bound(q, sqlite3_bind_double(q->st, ++q->bound, n));
}

void query_blob(struct query *q, struct slice s)
{
    bound(q, sqlite3_bind_blob64(q->st, ++q->bound, s.at, s.len, SQLITE_STATIC));
}

void query_null(struct query *q)
{
    bound(q, sqlite3_bind_null(q->st, ++q->bound));
}

bool query_step(struct query *q, bool *row, struct err *err)
{
    int rc = q->failed;

    if (rc == SQLITE_OK) {
        rc = sqlite3_step(q->st);
        if (rc == SQLITE_ROW || rc == SQLITE_DONE) {
            *row = rc == SQLITE_ROW;
            return true;
        }
        sqlite_fail(q->d, err);
    } else {
        err_fill(err, rc == SQLITE_NOMEM ? ERR_NO_MEMORY : ERR_STORAGE, "sqlite: %s",
                 sqlite3_errstr(rc));
    }
    query_end(q);
    return false;
}

bool query_run(struct query *q, struct err *err)
{
    bool row;

    if (!query_step(q, &row, err))
        return false;
    query_end(q);
    return true;
}

int64_t query_col_int(struct query *q, int column)
{
    return sqlite3_column_int64(q->st, column);
}

double query_col_double(struct query *q, int column)
{
    return sqlite3_column_double(q->st, column);
}

struct slice query_col(struct query *q, int column)
{
    const char *at;

    if (sqlite3_column_type(q->st, column) == SQLITE_NULL)
        return (struct slice){NULL, 0};
    at = sqlite3_column_blob(q->st, column); /* NULL for an empty one */
    return at ? (struct slice){at, (size_t)sqlite3_column_bytes(q->st, column)} : SLICE("");
}

bool query_copy(struct query *q, int column, struct arena *arena, struct slice *out,
                struct err *err)
{
    struct slice s = query_col(q, column);

    if (s.at) {
        s = arena_copy(arena, s);
        if (!s.at)
            return err_set(err, ERR_NO_MEMORY, "Out of memory while reading from the store.");
    }
    *out = s;
    return true;
}

void query_end(struct query *q)
{
    if (!q->st)
        return;
    sqlite3_reset(q->st); /* repeats the error of a failed step, which is known already */
    sqlite3_clear_bindings(q->st);
    q->st = NULL;
}

static void bind_numbers(struct query *q, const int64_t in[2])
{
    for (int i = 0; i < sqlite3_bind_parameter_count(q->st); i++)
        query_int(q, in[i]);
}

bool query_do(struct sqlite *d, enum sqlite_sql which, int64_t a, int64_t b, struct err *err)
{
    struct query q;

    if (!query_begin(d, which, &q, err))
        return false;
    bind_numbers(&q, (int64_t[]){a, b});
    return query_run(&q, err);
}

bool query_number(struct sqlite *d, enum sqlite_sql which, const int64_t in[2], int64_t *n,
                  struct err *err)
{
    AUTO(query_end) struct query q = {0};
    bool found;

    if (!query_begin(d, which, &q, err))
        return false;
    bind_numbers(&q, in);
    if (!query_step(&q, &found, err))
        return false;
    if (found)
        *n = query_col_int(&q, 0);
    return true;
}

bool sqlite_fail(struct sqlite *d, struct err *err)
{
    int code = sqlite3_extended_errcode(d->db);

    if (code == SQLITE_IOERR_NOMEM)
        code = SQLITE_NOMEM;
    if (code == SQLITE_IOERR_DATA)
        return err_set(err, ERR_STORAGE,
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
        return err_set(err, ERR_NO_MEMORY, "sqlite: out of memory");
    case SQLITE_CORRUPT:
        return err_set(err, ERR_STORAGE, "sqlite: the database file is damaged");
    case SQLITE_NOTADB:
        return err_set(err, ERR_STORAGE, "sqlite: the file is not a database");
    default:
        return err_set(err, ERR_STORAGE, "sqlite: %s", sqlite3_errmsg(d->db));
    }
}

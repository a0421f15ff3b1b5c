/* postgres_query.c - statements of the PostgreSQL driver; see postgres_driver.h. */
#include <assert.h>
#include <endian.h>
#include <stdlib.h>

#include "postgres_gather.h"
#include "postgres_pipe.h"
#include "postgres_rounds.h"
#include "postgres_statement.h"
#include "postgres_transaction.h"

static struct postgres *driver_of(const struct query *q)
{
    return (struct postgres *)q->d;
}

/* After a COMMIT that was sent early there is no transaction: refuses the statement. */
static bool prepare(struct query *q, int which, struct err *err)
{
    struct postgres *d = driver_of(q);

    if (d->early && !d->failed) {
        *rounds_refused(d) = true;
        return err_set(err, ERR_INTERNAL, "a statement behind COMMIT");
    }
    q->st = pipe_use(d, USE_QUERY, which, err);
    return q->st != NULL;
}

static struct use *next_value(struct query *q, Oid type, const char *at, size_t len)
{
    struct use *use = q->st;

    assert(use->n < POSTGRES_PARAMETERS);
    use->types[use->n] = type;
    use->values[use->n] = at;
    use->lengths[use->n] = (int)len;
    use->n++;
    return use;
}

static void bind_int(struct query *q, int64_t n)
{
    struct use *use = next_value(q, TYPE_INT8, NULL, sizeof(n));

    use->numbers[use->n - 1] = (int64_t)htobe64((uint64_t)n);
    use->values[use->n - 1] = (const char *)&use->numbers[use->n - 1];
}

static void bind_double(struct query *q, double n)
{
    struct use *use;
    int64_t bits;

    memcpy(&bits, &n, sizeof(bits));
    bind_int(q, bits);
    use = q->st;
    use->types[use->n - 1] = TYPE_FLOAT8;
}

/* Bytes or text, without a type: the server knows which. */
static void bind_blob(struct query *q, struct slice s)
{
    next_value(q, 0, s.at, s.len);
}

static void bind_null(struct query *q)
{
    next_value(q, 0, NULL, 0);
}

/* First sends what this op has gathered. */
static void keep_order(struct postgres *d)
{
    if (d->held)
        gather_send(d);
}

/* On failure the use may be gone; q->st tells. */
static bool send_now(struct query *q, struct use *lock, struct err *err)
{
    struct postgres *d = driver_of(q);
    struct use *use = q->st;

    keep_order(d);
    if (lock) {
        lock->detached = true;
        if (!statement_send(d, lock, err))
            return false;
    }
    q->st = NULL;
    if (!statement_send(d, use, err))
        return false;
    q->st = use;
    return true;
}

static bool send_query(struct query *q, struct err *err)
{
    struct postgres *d = driver_of(q);
    struct use *lock;

    return statement_lock(d, q->st, &lock, err) &&
           (gather_ask(d, q->st, lock) || send_now(q, lock, err));
}

/* Requests the next rows of a cursor, which replace the current ones. */
static bool fetch(struct query *q, unsigned cursor, struct err *err)
{
    struct postgres *d = driver_of(q);
    struct use *last = q->st, *use = pipe_use(d, USE_QUERY, last->which, err);

    if (!use)
        return false;
    use->cursor = cursor;
    last->cursor = 0;
    pipe_free(d, last);
    q->st = NULL;
    if (!statement_fetch(d, use, err))
        return false;
    q->st = use;
    return true;
}

static bool open_cursor(struct query *q, struct err *err)
{
    struct postgres *d = driver_of(q);
    unsigned cursor = ++d->cursors;

    keep_order(d);
    if (!d->conn)
        *err = d->failure;
    return d->conn && statement_open(d, q->st, cursor, err) && fetch(q, cursor, err);
}

static void end(struct query *q)
{
    struct postgres *d = driver_of(q);
    struct use *use = q->st;
    struct err ignored;

    if (use->sent && !use->done)
        keep_order(d); /* the bytes bound to it may go now */
    q->st = NULL;
    if (use->cursor && d->ready && !d->failed)
        (void)!statement_close(d, use->cursor, &ignored); /* else the end of the transaction does */
    pipe_free(d, use);
}

static bool fail_step(struct query *q, const struct err *why, struct err *err)
{
    *err = *why;
    if (q->st)
        end(q);
    return false;
}

static bool send_first(struct query *q, struct err *err)
{
    bool sent = statement_is_long(((struct use *)q->st)->which) ? open_cursor(q, err)
                                                                : send_query(q, err);

    q->d->asked += sent;
    return sent;
}

static int64_t changes(const struct query *q)
{
    const struct use *use = q->st;

    return use->borrowed ? use->rows : strtoll(PQcmdTuples(use->result), NULL, 10);
}

static bool ask(struct query *q, struct err *err)
{
    return send_first(q, err) || fail_step(q, err, err);
}

/* Waits for rows that were requested. */
static bool await(struct query *q, bool sent, struct err *err)
{
    struct postgres *d = driver_of(q);
    struct err why;

    if (!sent)
        return fail_step(q, err, err);
    if (!rounds_wait(d, q->st, &why))
        return fail_step(q, &why, err);
    if (d->failed)
        return fail_step(q, &d->failure, err);
    if (statement_writes(((struct use *)q->st)->which))
        *rounds_changes(d) += changes(q);
    return true;
}

static bool step(struct query *q, bool *row, struct err *err)
{
    struct use *use = q->st;

    if (use->row < 0 && !await(q, use->sent || send_first(q, err), err))
        return false;
    use = q->st;
    use->row++;
    if (use->cursor && use->row == STATEMENT_FETCHED) {
        if (!await(q, fetch(q, use->cursor, err), err))
            return false;
        use = q->st;
        use->row = 0;
    }
    *row = use->row < use->rows;
    return true;
}

static bool run(struct query *q, struct err *err)
{
    struct postgres *d = driver_of(q);
    int which = ((struct use *)q->st)->which;

    if (gather_run(d, q->st)) {
        q->st = NULL;
    } else {
        bool sent = send_now(q, NULL, err);

        if (q->st)
            end(q); /* it goes on by itself */
        if (!sent)
            return false;
    }
    q->d->asked++;
    *rounds_changes(d) += statement_writes(which); /* an estimate: they may be none or many */
    return !d->failed || fail_step(q, &d->failure, err);
}

static int parameters(const struct query *q)
{
    return statement_parameters(((struct use *)q->st)->which);
}

static int columns(const struct query *q)
{
    return PQnfields(((struct use *)q->st)->result);
}

static int64_t total_changes(struct sql *d)
{
    return *rounds_changes((struct postgres *)d);
}

/*
 * Reads a column. If the first one is an array of numbers it stands for as many columns: dimensions, has NULLs,
 * type, length, first index; then each number with its length. False: it is not in
 * there, and *column becomes the index of a real column.
 */
static bool unpack(const struct use *use, int *column, struct slice *number)
{
    enum { HEAD = 5 * 4, LENGTH_AT = 3 * 4, EACH = 4 + 8 };
    const char *packed = PQgetvalue(use->result, use->first + use->row, 0);
    uint32_t n;

    memcpy(&n, packed + LENGTH_AT, sizeof(n));
    n = be32toh(n);
    if (*column < (int)n) {
        *number = (struct slice){packed + HEAD + *column * EACH + 4, 8};
        return true;
    }
    *column -= (int)n - 1;
    return false;
}

static struct slice col(const struct query *q, int column)
{
    const struct use *use = q->st;
    int row = use->first + use->row;
    struct slice number;

    if (use->row >= use->rows)
        return (struct slice){NULL, 0};
    if (PQftype(use->result, 0) == TYPE_NUMBERS && unpack(use, &column, &number))
        return number;
    if (PQgetisnull(use->result, row, column))
        return (struct slice){NULL, 0};
    return (struct slice){PQgetvalue(use->result, row, column),
                          (size_t)PQgetlength(use->result, row, column)};
}

/* Numbers have 1, 2, 4 or 8 bytes; NULL is 0. */
static int64_t col_int(const struct query *q, int column)
{
    struct slice s = col(q, column);
    int64_t n = s.len ? (signed char)s.at[0] : 0;

    for (size_t i = 1; i < s.len; i++)
        n = (int64_t)((uint64_t)n << 8 | (unsigned char)s.at[i]);
    return n;
}

static double col_double(const struct query *q, int column)
{
    int64_t bits = col_int(q, column);
    double n;

    memcpy(&n, &bits, sizeof(n));
    return n;
}

static int64_t made_id(const struct query *q)
{
    return col_int(q, 0);
}

const struct sql_driver postgres_driver = {
    .distant = true,
    .begin = postgres_begin,
    .commit = postgres_commit,
    .roll_back = postgres_roll_back,
    .again = postgres_again,
    .cut_off = rounds_cut_off,
    .run_ops = postgres_run_ops,
    .total_changes = total_changes,
    .prepare = prepare,
    .ask = ask,
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

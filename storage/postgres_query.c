/* postgres_query.c - statements of the PostgreSQL driver; see postgres.h. */
#include <assert.h>
#include <endian.h>
#include <stdio.h>
#include <stdlib.h>

#include "postgres_dialect_sql.h"
#include "postgres_pipe.h"
#include "postgres_rounds.h"

enum {
    TYPE_BYTES = 17,
    TYPE_INT8 = 20,
    TYPE_FLOAT8 = 701,
    TYPE_NUMBERS = 1016,
    TEXT_MAX = 4096,
    BINARY = 1
};

static const char *const texts[POSTGRES_COUNT] = {
#define X(name, text) [SQL_##name] = text,
    PARTS_SQL(X) SESSIONS_SQL(X) THREADS_SQL(X)
#undef X
#define X(name, text) [POSTGRES_##name] = text,
        POSTGRES_SQL(X)
#undef X
};

/* What a statement becomes, or is preceded by, in a transaction that writes. */
static const struct {
    int which, lock;
    int before; /* how many of its parameters the statement before it takes; 0 = it is replaced */
} locks[] = {
    {SQL_SESSION_FIND, POSTGRES_SESSION_FIND_LOCK, 0},
    {SQL_SESSION_READ, POSTGRES_SESSION_READ_LOCK, 0},
    {SQL_THREAD_FIND, POSTGRES_THREAD_FIND_LOCK, 0},
    {SQL_NS_FIND, POSTGRES_NS_FIND_LOCK, 2},
    {SQL_NS_NEWEST, POSTGRES_NS_NEWEST_LOCK, 1},
};

static struct postgres *driver_of(const struct query *q)
{
    return (struct postgres *)q->d;
}

/* The highest number of a parameter, and which are there. */
static int parameters_of(const char *text, uint32_t *there)
{
    int most = 0;

    *there = 0;
    for (const char *at = strchr(text, '?'); at; at = strchr(at + 1, '?')) {
        int n = (int)strtol(at + 1, NULL, 10);

        assert(n >= 1 && n <= POSTGRES_PARAMETERS);
        *there |= UINT32_C(1) << n;
        most = n > most ? n : most;
    }
    return most;
}

static bool prepare(struct query *q, int which, struct err *err)
{
    q->st = pipe_use(driver_of(q), USE_QUERY, which, err);
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

/* Bytes or text: the server knows which. */
static void bind_blob(struct query *q, struct slice s)
{
    next_value(q, 0, s.at, s.len);
}

static void bind_null(struct query *q)
{
    next_value(q, 0, NULL, 0);
}

static void name_of(int which, char name[16])
{
    snprintf(name, 16, "s%d", which);
}

/* Has the server parse a statement at its first use; what is bound tells the types. */
static bool send_prepare(struct postgres *d, const struct use *of, struct err *err)
{
    struct use *use = pipe_use(d, USE_PREPARE, of->which, err);
    Oid types[POSTGRES_PARAMETERS];
    char text[TEXT_MAX], name[16];
    uint32_t there;
    int n = parameters_of(texts[of->which], &there);

    if (!use)
        return false;
    assert(strlen(texts[of->which]) < sizeof(text));
    strcpy(text, texts[of->which]);
    for (char *at = strchr(text, '?'); at; at = strchr(at, '?'))
        *at = '$';
    for (int i = 0; i < of->n; i++) /* what is not used has no type by itself */
        types[i] = i >= n || there >> (i + 1) & 1 ? of->types[i] : TYPE_BYTES;
    name_of(of->which, name);
    use->detached = true;
    d->prepared[of->which] = true;
    if (pipe_sent(d, use, PQsendPrepare(d->conn, name, text, of->n, types), err))
        return true;
    d->prepared[of->which] = false;
    return false;
}

static bool is_write(const char *text)
{
    return strncmp(text, "INSERT", 6) == 0 || strncmp(text, "UPDATE", 6) == 0 ||
           strncmp(text, "DELETE", 6) == 0;
}

/* Puts a use into the pipeline; when that fails the use is gone. */
static bool send_use(struct postgres *d, struct use *use, struct err *err)
{
    static const int formats[POSTGRES_PARAMETERS] = {
        BINARY, BINARY, BINARY, BINARY, BINARY, BINARY, BINARY, BINARY,
        BINARY, BINARY, BINARY, BINARY, BINARY, BINARY, BINARY, BINARY,
        BINARY, BINARY, BINARY, BINARY, BINARY, BINARY, BINARY, BINARY,
    };
    char name[16];

    if (!d->conn)
        *err = d->failure;
    if (!d->conn || (!d->prepared[use->which] && !send_prepare(d, use, err))) {
        pipe_free(d, use);
        return false;
    }
    name_of(use->which, name);
    *rounds_changes(d) += is_write(texts[use->which]);
    return pipe_sent(
        d, use,
        PQsendQueryPrepared(d->conn, name, use->n, use->values, use->lengths, formats, BINARY),
        err);
}

/* What is bound, for a statement that runs before. */
static bool send_before(struct postgres *d, const struct use *of, int which, int n, struct err *err)
{
    struct use *use = pipe_use(d, USE_QUERY, which, err);

    if (!use)
        return false;
    use->detached = true;
    use->n = n;
    memcpy(use->types, of->types, (size_t)n * sizeof(*use->types));
    memcpy(use->values, of->values, (size_t)n * sizeof(*use->values));
    memcpy(use->lengths, of->lengths, (size_t)n * sizeof(*use->lengths));
    return send_use(d, use, err);
}

/* The use is its query's still, or gone: q->st says. */
static bool send_query(struct query *q, struct err *err)
{
    struct postgres *d = driver_of(q);
    struct use *use = q->st;

    for (size_t i = 0; d->writes && i < COUNT_OF(locks); i++) {
        if (locks[i].which != use->which)
            continue;
        if (locks[i].before == 0)
            use->which = locks[i].lock;
        else if (!send_before(d, use, locks[i].lock, locks[i].before, err))
            return false;
        break;
    }
    q->st = NULL;
    if (!send_use(d, use, err))
        return false;
    q->st = use;
    return true;
}

static void end(struct query *q)
{
    struct use *use = q->st;

    q->st = NULL;
    pipe_free(driver_of(q), use);
}

static bool fail_step(struct query *q, const struct err *why, struct err *err)
{
    *err = *why;
    if (q->st)
        end(q);
    return false;
}

/* The first step: asks, and waits. */
static bool ask(struct query *q, struct err *err)
{
    struct postgres *d = driver_of(q);
    struct err why;

    if (!send_query(q, &why))
        return fail_step(q, &why, err);
    if (!rounds_wait(d, q->st, &why))
        return fail_step(q, &why, err);
    return !d->failed || fail_step(q, &d->failure, err);
}

static bool step(struct query *q, bool *row, struct err *err)
{
    struct use *use = q->st;

    if (!use->sent && !ask(q, err))
        return false;
    use = q->st;
    use->row++;
    *row = use->row < PQntuples(use->result);
    return true;
}

static bool run(struct query *q, struct err *err)
{
    struct postgres *d = driver_of(q);

    if (!send_query(q, err)) {
        if (q->st)
            end(q);
        return false;
    }
    end(q); /* it goes on by itself */
    return !d->failed || fail_step(q, &d->failure, err);
}

static int parameters(const struct query *q)
{
    const struct use *use = q->st;
    uint32_t there;

    return parameters_of(texts[use->which], &there);
}

static int columns(const struct query *q)
{
    return PQnfields(((struct use *)q->st)->result);
}

static int64_t changes(const struct query *q)
{
    return strtoll(PQcmdTuples(((struct use *)q->st)->result), NULL, 10);
}

static int64_t total_changes(struct sql *d)
{
    return *rounds_changes((struct postgres *)d);
}

/*
 * A first column that is an array of numbers stands for as many columns: its dimensions, kind, type,
 * length and first index, then for each number its length and itself. *column: in what is left.
 */
static bool unpack(const struct use *use, int *column, struct slice *number)
{
    enum { HEAD = 5 * 4, LENGTH_AT = 3 * 4, EACH = 4 + 8 };
    const char *packed = PQgetvalue(use->result, use->row, 0);
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
    struct slice number;

    if (use->row >= PQntuples(use->result))
        return (struct slice){NULL, 0};
    if (PQftype(use->result, 0) == TYPE_NUMBERS && unpack(use, &column, &number))
        return number;
    if (PQgetisnull(use->result, use->row, column))
        return (struct slice){NULL, 0};
    return (struct slice){PQgetvalue(use->result, use->row, column),
                          (size_t)PQgetlength(use->result, use->row, column)};
}

/* Numbers have one, two, four or eight bytes; NULL is 0. */
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

bool postgres_queue(struct postgres *d, int which, const int64_t in[], size_t n, struct err *err)
{
    struct query q;

    if (!query_begin(&d->sql, which, &q, err))
        return false;
    for (size_t i = 0; i < n; i++)
        query_int(&q, in[i]);
    return query_run(&q, err);
}

const struct sql_driver postgres_driver = {
    .begin = postgres_begin,
    .commit = postgres_commit,
    .roll_back = postgres_roll_back,
    .again = postgres_again,
    .run_ops = postgres_run_ops,
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

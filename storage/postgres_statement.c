/* postgres_statement.c - see postgres_statement.h. */
#include "postgres_statement.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "postgres_dialect_sql.h"
#include "postgres_pipe.h"

enum { TEXT_MAX = 4096, BINARY = 1 };

static const int formats[POSTGRES_PARAMETERS] = {
    BINARY, BINARY, BINARY, BINARY, BINARY, BINARY, BINARY, BINARY, BINARY, BINARY, BINARY, BINARY,
    BINARY, BINARY, BINARY, BINARY, BINARY, BINARY, BINARY, BINARY, BINARY, BINARY, BINARY, BINARY,
};

static const char *const texts[POSTGRES_COUNT] = {
#define X(name, text) [SQL_##name] = text,
    PAIR_SQL(X) PARTS_SQL(X) SESSIONS_SQL(X) THREADS_SQL(X)
#undef X
#define X(name, text) [POSTGRES_##name] = text,
        POSTGRES_SQL(X)
#undef X
};

/* What replaces a statement, or is sent before it, in a transaction that writes. */
static const struct {
    int which, lock;
    int before; /* how many of its parameters the lock takes; 0 = the lock replaces it */
} locks[] = {
    {SQL_SESSION_FIND, POSTGRES_SESSION_FIND_LOCK, 0},
    {SQL_SESSION_READ, POSTGRES_SESSION_READ_LOCK, 0},
    {SQL_THREAD_FIND, POSTGRES_THREAD_FIND_LOCK, 0},
    {SQL_NS_FIND, POSTGRES_NS_FIND_LOCK, 2},
    {SQL_TARGET_CHECKPOINT, POSTGRES_NS_FIND_LOCK, 2},
    {SQL_TARGET_TASK, POSTGRES_NS_FIND_LOCK, 2},
    {SQL_CHECKPOINT_ASKED, POSTGRES_NS_FIND_LOCK, 2},
    {SQL_CHECKPOINT_LATEST, POSTGRES_NS_FIND_LOCK, 2},
    {SQL_NS_SCOPE, POSTGRES_NS_FIND_LOCK, 2},
    {SQL_NS_SCOPES, POSTGRES_NS_FIND_LOCK, 2},
    {SQL_NS_NEWEST, POSTGRES_NS_NEWEST_LOCK, 1},
    {SQL_NS_STATE, POSTGRES_NS_NEWEST_LOCK, 1},
};

/* The highest parameter number, and the set of those that occur. */
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

int statement_parameters(int which)
{
    uint32_t there;

    return parameters_of(texts[which], &there);
}

static void name_of(int which, char name[16])
{
    snprintf(name, 16, "s%d", which);
}

/* The server names parameters $1, $2, ...; one that does not occur needs a type anyway. */
static void translate(const struct use *use, char text[TEXT_MAX], Oid types[])
{
    uint32_t there;
    int n = parameters_of(texts[use->which], &there);

    assert(strlen(texts[use->which]) < TEXT_MAX);
    strcpy(text, texts[use->which]);
    for (char *at = strchr(text, '?'); at; at = strchr(at, '?'))
        *at = '$';
    for (int i = 0; i < use->n; i++)
        types[i] = i >= n || there >> (i + 1) & 1 ? use->types[i] : TYPE_BYTES;
}

/* Prepares a statement at its first use; types are taken from what is bound. */
static bool send_prepare(struct postgres *d, const struct use *of, struct err *err)
{
    struct use *use = pipe_use(d, USE_PREPARE, of->which, err);
    Oid types[POSTGRES_PARAMETERS];
    char text[TEXT_MAX], name[16];

    if (!use)
        return false;
    translate(of, text, types);
    name_of(of->which, name);
    use->detached = true;
    d->prepared[of->which] = true;
    if (pipe_sent(d, use, PQsendPrepare(d->conn, name, text, of->n, types), err))
        return true;
    d->prepared[of->which] = false;
    return false;
}

bool statement_writes(int which)
{
    const char *text = texts[which];

    return strncmp(text, "INSERT", 6) == 0 || strncmp(text, "UPDATE", 6) == 0 ||
           strncmp(text, "DELETE", 6) == 0 || strncmp(text, "WITH", 4) == 0;
}

/* Puts a use into the pipeline; on failure the use is freed. */
bool statement_send(struct postgres *d, struct use *use, struct err *err)
{
    char name[16];

    if (!d->conn)
        *err = d->failure;
    if (!d->conn || (!d->prepared[use->which] && !send_prepare(d, use, err))) {
        pipe_free(d, use);
        return false;
    }
    name_of(use->which, name);
    return pipe_sent(
        d, use,
        PQsendQueryPrepared(d->conn, name, use->n, use->values, use->lengths, formats, BINARY),
        err);
}

bool statement_lock(struct postgres *d, struct use *use, struct use **lock, struct err *err)
{
    *lock = NULL;
    for (size_t i = 0; d->writes && i < COUNT_OF(locks); i++) {
        if (locks[i].which != use->which)
            continue;
        if (locks[i].before == 0) {
            use->which = locks[i].lock;
            break;
        }
        *lock = pipe_use(d, USE_QUERY, locks[i].lock, err);
        if (!*lock)
            return false;
        use_bind_as(*lock, use, locks[i].before);
        break;
    }
    return true;
}

bool statement_is_long(int which)
{
    switch (which) {
    case SQL_RECORDS_THREAD:
    case SQL_RECORDS_VALUE:
    case SQL_RECORDS_CHECKPOINT:
    case SQL_RECORDS_TASK:
    case SQL_CHECKPOINT_SCAN:
        return true;
    default:
        return false;
    }
}

bool statement_open(struct postgres *d, const struct use *of, unsigned cursor, struct err *err)
{
    struct use *use = pipe_use(d, USE_QUERY, of->which, err);
    char text[TEXT_MAX], whole[TEXT_MAX + 64];
    Oid types[POSTGRES_PARAMETERS];

    if (!use)
        return false;
    translate(of, text, types);
    snprintf(whole, sizeof(whole), POSTGRES_OPEN, cursor, text);
    use->detached = true;
    return pipe_sent(
        d, use,
        PQsendQueryParams(d->conn, whole, of->n, types, of->values, of->lengths, formats, BINARY),
        err);
}

bool statement_fetch(struct postgres *d, struct use *use, struct err *err)
{
    char text[64];

    snprintf(text, sizeof(text), POSTGRES_FETCH, STATEMENT_FETCHED, use->cursor);
    return pipe_sent(d, use, PQsendQueryParams(d->conn, text, 0, NULL, NULL, NULL, NULL, BINARY),
                     err);
}

bool statement_close(struct postgres *d, unsigned cursor, struct err *err)
{
    struct use *use = pipe_use(d, USE_QUERY, 0, err);
    char text[64];

    if (!use)
        return false;
    snprintf(text, sizeof(text), POSTGRES_CLOSE, cursor);
    use->detached = true;
    return pipe_sent(d, use, PQsendQueryParams(d->conn, text, 0, NULL, NULL, NULL, NULL, BINARY),
                     err);
}

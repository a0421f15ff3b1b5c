/* postgres_gather.c - see postgres_gather.h. */
#include "postgres_gather.h"

#include <endian.h>
#include <stdlib.h>

#include "postgres_pipe.h"
#include "postgres_statement.h"

enum { BYTES_MAX = 1 << 20, HEAD = 5 * 4, LENGTH = 4 };

/* Statements, and those that take arrays in place of their parameters. */
static const struct gathered {
    int one, many;
    int n; /* parameters */
    Oid types[POSTGRES_PARAMETERS];
} known[] = {
    {SQL_MESSAGE_NEXT,
     POSTGRES_MESSAGES_NEXT,
     12,
     {TYPE_INT8, TYPE_BYTES, TYPE_INT8, TYPE_INT8, TYPE_INT8, TYPE_INT8, TYPE_INT8, TYPE_BYTES,
      TYPE_BYTES, TYPE_TEXT, TYPE_TEXT, TYPE_INT8}},
};

static const struct gathered *find(int which)
{
    for (size_t i = 0; i < COUNT_OF(known); i++)
        if (known[i].one == which)
            return &known[i];
    return NULL;
}

bool gather_add(struct postgres *d, struct use *use)
{
    if (!d->track || !d->conn || !find(use->which))
        return false;
    use->sent = true; /* as good as */
    use->trip = d->trips;
    use_append(&d->gathered, &d->last_gathered, use);
    return true;
}

static size_t bytes_of(const struct use *use)
{
    size_t bytes = 0;

    for (int i = 0; i < use->n; i++)
        bytes += LENGTH + (use->values[i] ? (size_t)use->lengths[i] : 0);
    return bytes;
}

/* Takes members off what was gathered: as many as go well into one message. */
static struct use *take_some(struct postgres *d, int *n, size_t *bytes)
{
    struct use *first = d->gathered, *last = NULL;

    *n = 0;
    *bytes = 0;
    for (struct use *next = first; next; next = last->next) {
        size_t more = bytes_of(next);

        if (last && (*bytes + more > BYTES_MAX || next->which != first->which))
            break;
        *bytes += more;
        *n += 1;
        last = next;
    }
    d->gathered = last->next;
    last->next = NULL;
    return first;
}

static char *put_int(char *at, uint32_t n)
{
    n = htobe32(n);
    memcpy(at, &n, sizeof(n));
    return at + sizeof(n);
}

/* An array in binary form: dimensions, whether there are NULLs, type, length, first index; elements. */
static char *put_array(char *at, const struct use *members, int n, int parameter, Oid type)
{
    bool nulls = false;

    for (const struct use *m = members; m; m = m->next)
        nulls |= !m->values[parameter];
    at = put_int(put_int(put_int(at, 1), nulls), type);
    at = put_int(put_int(at, (uint32_t)n), 1);
    for (const struct use *m = members; m; m = m->next) {
        const char *value = m->values[parameter];
        size_t len = value ? (size_t)m->lengths[parameter] : 0;

        at = put_int(at, value ? (uint32_t)len : UINT32_MAX);
        if (len)
            memcpy(at, value, len);
        at += len;
    }
    return at;
}

/* False: out of memory. */
static bool bind_arrays(struct use *all, const struct gathered *as, int n, size_t bytes,
                        char **made)
{
    char *at = malloc(bytes + (size_t)as->n * HEAD);

    *made = at;
    if (!at)
        return false;
    for (int i = 0; i < as->n; i++) {
        all->types[i] = 0; /* the text tells */
        all->values[i] = at;
        at = put_array(at, all->members, n, i, as->types[i]);
        all->lengths[i] = (int)(at - all->values[i]);
    }
    all->n = as->n;
    return true;
}

static void bind_same(struct use *all)
{
    const struct use *m = all->members;

    all->n = m->n;
    memcpy(all->types, m->types, sizeof(m->types));
    memcpy(all->values, m->values, sizeof(m->values));
    memcpy(all->lengths, m->lengths, sizeof(m->lengths));
}

/* Members are on their own again; one that nobody waits for goes. */
static void release(struct postgres *d, struct use *members)
{
    for (struct use *next, *m = members; m; m = next) {
        next = m->next;
        m->next = NULL;
        m->done = true;
        if (m->detached)
            pipe_free(d, m);
    }
}

/* The last column of a statement that takes arrays: of which element a row is. */
static int element_of(const struct use *all, int row)
{
    int64_t n;

    memcpy(&n, PQgetvalue(all->result, row, PQnfields(all->result) - 1), sizeof(n));
    return (int)be64toh((uint64_t)n);
}

static struct use *member(const struct use *all, int number)
{
    struct use *m = all->members;

    while (--number > 0)
        m = m->next;
    return m;
}

/* Gives members the rows of an answer. */
static void share(struct postgres *d, struct use *all)
{
    bool alone = !all->members->next;

    for (struct use *m = all->members; m; m = m->next) {
        m->borrowed = true;
        m->result = all->result;
    }
    for (int row = 0; row < all->rows; row++) {
        struct use *m = alone ? all->members : member(all, element_of(all, row));

        m->first = row;
        m->rows = 1;
    }
    release(d, all->members);
    all->members = NULL;
    all->next = d->shared;
    d->shared = all;
}

static bool send(struct postgres *d, struct use *members, int n, size_t bytes, struct err *err)
{
    const struct gathered *as = find(members->which);
    struct use *all = pipe_use(d, USE_QUERY, n > 1 ? as->many : as->one, err);
    char *made = NULL;
    bool ok;

    if (!all)
        return false;
    all->members = members;
    all->answered = share;
    if (n == 1)
        bind_same(all);
    else if (!bind_arrays(all, as, n, bytes, &made)) {
        pipe_free(d, all);
        return err_no_memory(err);
    }
    ok = statement_send(d, all, err);
    free(made);
    return ok;
}

/* They learn of it by d->failed. */
static void fail(struct postgres *d, struct use *members, const struct err *why)
{
    if (!d->failed)
        d->failure = *why;
    d->failed = true;
    release(d, members);
}

void gather_send(struct postgres *d)
{
    struct err err;
    size_t bytes;
    int n;

    while (d->gathered) {
        struct use *members = take_some(d, &n, &bytes);

        if (!send(d, members, n, bytes, &err))
            fail(d, members, &err);
    }
}

void gather_done(struct postgres *d)
{
    while (d->shared) {
        struct use *all = d->shared;

        d->shared = all->next;
        pipe_free(d, all);
    }
}

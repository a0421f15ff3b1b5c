/* sql_query.c - prepared statements, for any store; see sql_query.h. */
#include "sql_query.h"

bool query_begin(struct sql *d, int which, struct query *q, struct err *err)
{
    *q = (struct query){.d = d};
    return d->driver->prepare(q, which, err);
}

void query_int(struct query *q, int64_t n)
{
    q->d->driver->bind_int(q, n);
}

void query_double(struct query *q, double n)
{
    q->d->driver->bind_double(q, n);
}

void query_blob(struct query *q, struct slice s)
{
    q->d->driver->bind_blob(q, s);
}

void query_null(struct query *q)
{
    q->d->driver->bind_null(q);
}

int query_parameters(const struct query *q)
{
    return q->d->driver->parameters(q);
}

int query_columns(const struct query *q)
{
    return q->d->driver->columns(q);
}

bool query_ask(struct query *q, struct err *err)
{
    return !q->d->driver->ask || q->d->driver->ask(q, err);
}

bool query_step(struct query *q, bool *row, struct err *err)
{
    return q->d->driver->step(q, row, err);
}

bool query_run(struct query *q, struct err *err)
{
    return q->d->driver->run(q, err);
}

bool query_change(struct query *q, int64_t *changes, struct err *err)
{
    bool row;

    if (!query_step(q, &row, err))
        return false;
    *changes = q->d->driver->changes(q);
    query_end(q);
    return true;
}

bool query_make(struct query *q, int64_t *id, struct err *err)
{
    bool row;

    if (!query_step(q, &row, err))
        return false;
    *id = q->d->driver->made_id(q);
    query_end(q);
    return true;
}

int64_t query_col_int(struct query *q, int column)
{
    return q->d->driver->col_int(q, column);
}

double query_col_double(struct query *q, int column)
{
    return q->d->driver->col_double(q, column);
}

struct slice query_col(struct query *q, int column)
{
    return q->d->driver->col(q, column);
}

bool query_copy(struct query *q, int column, struct arena *arena, struct slice *out,
                struct err *err)
{
    struct slice s = query_col(q, column);

    if (!arena_keep(arena, &s))
        return err_no_memory(err);
    *out = s;
    return true;
}

void query_end(struct query *q)
{
    if (q->st)
        q->d->driver->end(q);
}

static bool begin_numbers(struct sql *d, int which, const int64_t in[2], struct query *q,
                          struct err *err)
{
    if (!query_begin(d, which, q, err))
        return false;
    for (int i = 0; i < query_parameters(q); i++)
        query_int(q, in[i]);
    return true;
}

bool query_do(struct sql *d, int which, int64_t a, int64_t b, struct err *err)
{
    struct query q;

    return begin_numbers(d, which, (int64_t[]){a, b}, &q, err) && query_run(&q, err);
}

bool query_do_change(struct sql *d, int which, const int64_t in[2], int64_t *changes,
                     struct err *err)
{
    struct query q;

    return begin_numbers(d, which, in, &q, err) && query_change(&q, changes, err);
}

bool query_number(struct sql *d, int which, const int64_t in[2], int64_t *n, struct err *err)
{
    AUTO(query_end) struct query q = {0};
    bool found;

    if (!begin_numbers(d, which, in, &q, err) || !query_step(&q, &found, err))
        return false;
    if (found)
        *n = query_col_int(&q, 0);
    return true;
}

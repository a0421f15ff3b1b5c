/* sql_scope.c - see sql_scope.h. */
#include "sql_scope.h"

#include "sql_load.h"

static struct slice highest(void)
{
    return SLICE("\xFF");
}

struct scope scope_of(enum sql_statement channel, int64_t id, int64_t expired_us)
{
    return (struct scope){
        .channel = channel,
        .document = channel + 1,
        .id = id,
        .expired_us = expired_us,
        .lowest = SLICE(""),
        .below = highest(),
        .below_stamp = INT64_MAX,
    };
}

_Static_assert(SQL_LIST_NAMESPACE_DOCUMENT == SQL_LIST_NAMESPACE_CHANNEL + 1 &&
                   SQL_LIST_THREAD_DOCUMENT == SQL_LIST_THREAD_CHANNEL + 1 &&
                   SQL_LIST_TENANT_DOCUMENT == SQL_LIST_TENANT_CHANNEL + 1,
               "pairs in this order");

bool scope_begin(struct sql *d, const struct scope *s, enum form form,
                 const struct checkpoint_pos *after, int64_t limit, struct query *q,
                 struct err *err)
{
    static const struct checkpoint_pos start = {.stamp = INT64_MAX};
    bool channel = form == FORM_CHANNEL, first;

    after = after ? after : &start;
    first = !slice_present(after->checkpoint_id);
    if (!query_begin(d, channel ? s->channel : s->document, q, err))
        return false;
    query_int(q, s->id);
    query_blob(q, s->ns);
    query_int(q, s->expired_us);
    query_blob(q, s->lowest);
    query_blob(q, s->below);
    query_int(q, s->below_stamp);
    if (channel)
        query_blob(q, first ? highest() : after->checkpoint_id);
    else
        query_int(q, after->stamp);
    query_blob(q, load_text(after->thread));
    query_blob(q, load_text(after->ns));
    query_blob(q, load_text(after->checkpoint_id));
    query_int(q, limit);
    return true;
}

bool scope_newest(struct sql *d, const struct scope *s, enum form form, int64_t *row,
                  int64_t *stamp, struct err *err)
{
    AUTO(query_end) struct query q = {0};
    bool found;

    if (!scope_begin(d, s, form, NULL, 1, &q, err) || !query_step(&q, &found, err))
        return false;
    *row = found ? query_col_int(&q, 0) : 0;
    *stamp = found ? query_col_int(&q, 4) : 0;
    return true;
}

/* sql_ns.c - see sql_ns.h. */
#include "sql_ns.h"

bool ns_begin(struct sql *d, const struct ns_key *key, struct query *q, struct err *err)
{
    if (!query_begin(d, SQL_NS_FIND, q, err))
        return false;
    query_int(q, key->tenant);
    query_blob(q, key->thread);
    query_blob(q, key->ns);
    return true;
}

bool ns_take(struct query *q, struct ns_row *row, struct err *err)
{
    bool found;

    if (!query_step(q, &found, err))
        return false;
    *row = (struct ns_row){0};
    if (found) {
        row->thread = query_col_int(q, 0);
        row->tomb = query_col_int(q, 1);
        row->id = query_col_int(q, 2);
        row->form = (enum form)query_col_int(q, 3);
        row->last_stamp = query_col_int(q, 4);
    }
    return true;
}

bool ns_find(struct sql *d, const struct ns_key *key, struct ns_row *row, struct err *err)
{
    AUTO(query_end) struct query q = {0};

    return ns_begin(d, key, &q, err) && ns_take(&q, row, err);
}

bool ns_make(struct sql *d, const struct ns_key *key, enum form form, struct ns_row *row,
             struct err *err)
{
    struct thread_row thread = {0};
    struct query q;

    if (row->thread == 0) {
        if (!thread_make(d, key->tenant, key->thread, &thread, err))
            return false;
        row->thread = thread.id;
    }
    if (row->id == 0) {
        if (!query_begin(d, SQL_NS_MAKE, &q, err))
            return false;
        query_int(&q, row->thread);
        query_blob(&q, key->ns);
        query_int(&q, form);
        if (!query_make(&q, &row->id, err))
            return false;
        row->form = form;
    }
    if (row->form == FORM_NONE && form != FORM_NONE) {
        if (!query_do(d, SQL_NS_FORM, row->id, form, err))
            return false;
        row->form = form;
    }
    return true;
}

bool ns_grow(struct sql *d, int64_t id, const struct ns_change *change, struct err *err)
{
    struct query q;

    if (!query_begin(d, SQL_NS_GROW, &q, err))
        return false;
    query_int(&q, id);
    query_int(&q, change->stamp);
    query_int(&q, change->checkpoints);
    query_int(&q, change->bytes);
    return query_run(&q, err);
}

bool thread_begin(struct sql *d, int64_t tenant, struct slice id, struct query *q, struct err *err)
{
    if (!query_begin(d, SQL_THREAD_FIND, q, err))
        return false;
    query_int(q, tenant);
    query_blob(q, id);
    return true;
}

bool thread_take(struct query *q, struct thread_row *row, struct err *err)
{
    bool found;

    if (!query_step(q, &found, err))
        return false;
    *row = (struct thread_row){0};
    if (found) {
        row->id = query_col_int(q, 0);
        row->tomb = query_col_int(q, 1);
        row->updated_us = query_col_int(q, 2);
    }
    return true;
}

bool thread_find(struct sql *d, int64_t tenant, struct slice id, struct thread_row *row,
                 struct err *err)
{
    AUTO(query_end) struct query q = {0};

    return thread_begin(d, tenant, id, &q, err) && thread_take(&q, row, err);
}

bool thread_make(struct sql *d, int64_t tenant, struct slice id, struct thread_row *row,
                 struct err *err)
{
    struct query q;

    if (!query_begin(d, SQL_THREAD_MAKE, &q, err))
        return false;
    query_int(&q, tenant);
    query_blob(&q, id);
    query_int(&q, row->tomb);
    query_int(&q, row->updated_us);
    return query_make(&q, &row->id, err);
}

bool thread_holds(struct sql *d, int64_t thread, int64_t expired_us, bool *holds, struct err *err)
{
    int64_t n = 0;

    if (!query_number(d, SQL_THREAD_HOLDS, (int64_t[]){thread, expired_us}, &n, err))
        return false;
    *holds = n != 0;
    return true;
}

bool thread_touch(struct sql *d, int64_t thread, int64_t now_us, struct err *err)
{
    return query_do(d, SQL_THREAD_TOUCH, thread, now_us, err);
}

/* sql_pending.c - additions to counters that the primary has yet to count; see sql_pending.h. */
#include "sql_pending.h"

#include "clock.h"
#include "copies.h"

static bool sum(struct sql *d, const struct op *op, struct slice id, int64_t tomb,
                struct record_pending *out, struct err *err)
{
    AUTO(query_end) struct query q = {0};
    bool found;

    if (!query_begin(d, SQL_PENDING_SUM, &q, err))
        return false;
    query_blob(&q, op->tenant);
    query_blob(&q, id);
    query_int(&q, tomb);
    if (!query_step(&q, &found, err))
        return false;
    out->requests = query_col_int(&q, 0);
    out->errors = query_col_int(&q, 1);
    out->processing_time = query_col_double(&q, 2);
    return true;
}

bool pending_answer(struct sql *d, const struct op *op, const struct session_state *s,
                    struct session *out, struct err *err)
{
    struct session_state counted = *s;
    struct record_pending more;

    if (op->alone && !sum(d, op, s->session_id, s->tomb, &more, err))
        return false;
    if (op->alone)
        session_state_count(&counted, &more);
    *out = session_state_answer(&counted);
    return true;
}

bool pending_any(struct sql *d, bool *any, struct err *err)
{
    AUTO(query_end) struct query q = {0};
    bool found;

    if (!query_begin(d, SQL_PENDING_ANY, &q, err) || !query_step(&q, &found, err))
        return false;
    *any = query_col_int(&q, 0) != 0;
    return true;
}

bool pending_add(struct sql *d, const struct op *op, struct record *sessions, size_t n,
                 struct err *err)
{
    bool any;

    if (!pending_any(d, &any, err))
        return false;
    for (size_t i = 0; any && i < n; i++) {
        struct record_session *s = &sessions[i].session;
        struct record_pending more;

        if (!sum(d, op, sessions[i].key.id, s->tomb, &more, err))
            return false;
        s->request_count += more.requests;
        s->error_count += more.errors;
        s->total_processing_time += more.processing_time;
    }
    return true;
}

bool pending_put(struct sql *d, struct op *op, struct err *err)
{
    const struct op_session_patch *patch = &op->session_patch;
    struct query q;

    if (!query_begin(d, SQL_PENDING_PUT, &q, err))
        return false;
    query_blob(&q, (struct slice){(const char *)op->repeat.op_id, BLOB_HASH_LEN});
    query_blob(&q, op->tenant);
    query_blob(&q, op->id);
    query_int(&q, op->stamp);
    query_int(&q, patch->increment_requests);
    query_int(&q, patch->mark_error);
    query_double(&q, patch->add_processing_time);
    query_int(&q, op->now_us);
    query_blob(&q, (struct slice){(const char *)op->repeat.body_hash, BLOB_HASH_LEN});
    return query_run(&q, err) && copies_pending(op, err);
}

bool pending_kill(struct sql *d, const struct pair_id *of, int64_t tomb, int64_t *left,
                  struct err *err)
{
    AUTO(query_end) struct query newest = {0};
    struct query q;
    bool found;

    if (!query_begin(d, SQL_PENDING_KILL, &q, err))
        return false;
    query_blob(&q, of->tenant);
    query_blob(&q, of->id);
    query_int(&q, tomb);
    if (!query_run(&q, err) || !query_begin(d, SQL_PENDING_NEWEST, &newest, err))
        return false;
    query_blob(&newest, of->tenant);
    query_blob(&newest, of->id);
    if (!query_step(&newest, &found, err))
        return false;
    *left = query_col_int(&newest, 0);
    return true;
}

bool pending_delete(struct sql *d, struct op *op, struct slice id, int64_t tomb, struct err *err)
{
    int64_t left = 0;

    return !op->alone || (pending_kill(d, &(struct pair_id){op->tenant, id}, tomb, &left, err) &&
                          (left == 0 || op_fence_allows(op, left, err)));
}

static bool keep_request(struct sql *d, struct slice op_id, const struct record_repeat *repeat,
                         struct err *err)
{
    struct query q;

    if (!query_begin(d, SQL_REPEAT_KEEP, &q, err))
        return false;
    query_blob(&q, op_id);
    query_blob(&q, (struct slice){(const char *)repeat->body_hash, BLOB_HASH_LEN});
    query_int(&q, repeat->at_us);
    return query_run(&q, err);
}

static bool drop(struct sql *d, struct slice op_id, struct err *err)
{
    struct query q;

    if (!query_begin(d, SQL_PENDING_DROP, &q, err))
        return false;
    query_blob(&q, op_id);
    return query_run(&q, err);
}

bool pending_count(struct look *l, size_t i, struct session_row *row, bool *applied,
                   struct err *err)
{
    const struct record *record = &l->op->merge.items[i];
    const struct record_pending *pending = &record->pending;
    struct sql *d = l->d;
    struct op *op = l->op;
    bool counted;

    stamp_observe(pending->stamp);
    *applied = false;
    if (pending->stamp <= row->s.tomb)
        return true;
    if (!look_pending(l, i, &counted, err))
        return false;
    if (counted)
        return true;
    if (row->id && !row_complete(d, op->arena, row, err))
        return false;
    session_state_count(&row->s, pending);
    *applied = true;
    return row_store(d, row, err) && keep_request(d, record->key.sub, &pending->repeat, err) &&
           (!op->merge.own || drop(d, record->key.sub, err));
}

bool pending_repeat(struct look *l, size_t i, bool *applied, struct err *err)
{
    const struct record *record = &l->op->merge.items[i];
    bool known, pending;

    if (!look_repeat(l, i, &known, &pending, err))
        return false;
    *applied = !known || pending;
    return (known || keep_request(l->d, record->key.sub, &record->repeat, err)) &&
           (!pending || drop(l->d, record->key.sub, err));
}

static void take_hash(struct query *q, int column, struct record_repeat *out)
{
    struct slice hash = query_col(q, column);

    if (hash.len == BLOB_HASH_LEN)
        memcpy(out->body_hash, hash.at, BLOB_HASH_LEN);
}

bool pending_take(struct query *q, struct record *out, bool *found, struct err *err)
{
    struct record_pending *pending = &out->pending;

    if (!query_step(q, found, err))
        return false;
    if (!*found)
        return true;
    pending->stamp = query_col_int(q, 0);
    pending->requests = query_col_int(q, 1);
    pending->errors = query_col_int(q, 2);
    pending->processing_time = query_col_double(q, 3);
    pending->repeat.at_us = query_col_int(q, 4);
    take_hash(q, 5, &pending->repeat);
    return true;
}

bool pending_take_repeat(struct query *q, struct record *out, bool *found, struct err *err)
{
    if (!query_step(q, found, err))
        return false;
    if (!*found)
        return true;
    take_hash(q, 0, &out->repeat);
    out->repeat.at_us = query_col_int(q, 1);
    return true;
}

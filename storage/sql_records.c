/* sql_records.c - OP_READ_RANGE of sessions, messages and contexts; see record.h. */
#include "clock.h"
#include "record_fields.h"
#include "sql_ops.h"
#include "sql_pending.h"

static bool read_session(struct query *q, struct arena *arena, struct record *r, struct err *err)
{
    struct session_row row = {0};

    row_numbers(q, &row);
    if (!row_texts(q, arena, &row, err))
        return false;
    r->key.id = row.s.session_id;
    r->session = session_state_record(&row.s);
    return true;
}

static bool read_message(struct query *q, struct arena *arena, struct record *r, struct err *err)
{
    struct record_message *m = &r->message;

    m->stamp = query_col_int(q, 2);
    m->seq = query_col_int(q, 3);
    if (!query_copy(q, 0, arena, &r->key.id, err) || !query_copy(q, 1, arena, &r->key.sub, err) ||
        !query_copy(q, 4, arena, &m->role, err) || !query_copy(q, 5, arena, &m->content, err) ||
        !query_copy(q, 6, arena, &m->metadata, err))
        return false;
    if (!m->metadata.at)
        m->metadata = SLICE("{}");
    return true;
}

static bool read_context(struct query *q, struct arena *arena, struct record *r, struct err *err)
{
    r->key.number = query_col_int(q, 1);
    r->key.stamp = query_col_int(q, 2);
    r->context.updated_us = query_col_int(q, 3);
    return query_copy(q, 0, arena, &r->key.id, err) &&
           query_copy(q, 4, arena, &r->context.body, err);
}

/* Binds the key after which to read; the limit comes last in each statement. */
static void bind_place(struct query *q, const struct op_read_range *range, int64_t expired)
{
    struct slice id = range->after.id, sub = range->after.sub;

    query_blob(q, id.at ? id : SLICE(""));
    query_int(q, expired);
    if (range->kind == RECORD_MESSAGE)
        query_blob(q, sub.at ? sub : SLICE(""));
    if (range->kind == RECORD_CONTEXT) {
        query_int(q, range->after.number);
        query_int(q, range->after.stamp);
    }
}

static bool read_records(struct sql *d, int64_t tenant, struct op *op, struct err *err)
{
    static const struct {
        enum sql_statement sql;
        bool (*read)(struct query *q, struct arena *arena, struct record *r, struct err *err);
    } kinds[] = {
        [RECORD_SESSION] = {SQL_RECORDS_SESSION, read_session},
        [RECORD_MESSAGE] = {SQL_RECORDS_MESSAGE, read_message},
        [RECORD_CONTEXT] = {SQL_RECORDS_CONTEXT, read_context},
    };
    struct op_read_range *range = &op->read_range;
    AUTO(query_end) struct query q = {0};
    struct record *items = arena_zalloc(op->arena, (size_t)range->limit, sizeof(*items));
    size_t n = 0, bytes = 0;
    bool found;

    if (!items)
        return err_no_memory(err);
    if (!query_begin(d, kinds[range->kind].sql, &q, err))
        return false;
    query_int(&q, tenant);
    bind_place(&q, range, clock_expired_us(d->session_ttl_us, op->now_us));
    query_int(&q, range->limit + 1);
    for (;; n++) {
        if (!query_step(&q, &found, err))
            return false;
        if (!found || n == (size_t)range->limit || bytes >= PAGE_BYTES_MAX)
            break;
        items[n].kind = range->kind;
        if (!kinds[range->kind].read(&q, op->arena, &items[n], err))
            return false;
        bytes += record_bytes(&items[n]);
    }
    range->out.items = items;
    range->out.n = n;
    range->out.more = found;
    return !range->pending || range->kind != RECORD_SESSION || pending_add(d, op, items, n, err);
}

bool sql_read_range(struct sql *d, struct op *op, struct err *err)
{
    int64_t tenant;

    if (!sql_tenant(d, op->tenant, false, &tenant, err))
        return false;
    if (op->read_range.kind <= RECORD_CONTEXT)
        return read_records(d, tenant, op, err);
    return sql_thread_records_read(d, tenant, op, err);
}

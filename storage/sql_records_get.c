/* sql_records_get.c - OP_RECORDS_GET: records by their names; see op_pair.h. */
#include "sql_pair.h"

/* The records that were found. */
struct found {
    struct op *op;
    struct record *items;
    size_t n, cap;
};

static bool add(struct found *f, const struct record *record, struct err *err)
{
    struct record *grown = arena_grow(f->op->arena, f->items, f->n, sizeof(*grown), &f->cap);

    if (!grown)
        return err_set(err, ERR_NO_MEMORY, "out of memory");
    f->items = grown;
    grown[f->n++] = *record;
    return true;
}

static bool get_session(struct sql *d, struct found *f, struct session_row *row, struct err *err)
{
    struct record record = {.kind = RECORD_SESSION, .key = {.id = f->op->id}};

    if (row->id == 0)
        return true;
    if (!row_complete(d, f->op->arena, row, err))
        return false;
    record.session = session_state_record(&row->s);
    return add(f, &record, err);
}

static bool get_message(struct sql *d, struct found *f, const struct session_row *row,
                        const struct record_key *key, struct err *err)
{
    struct record record = {.kind = RECORD_MESSAGE, .key = *key};
    struct record_message *m = &record.message;
    AUTO(query_end) struct query q = {0};
    bool found;

    if (!query_begin(d, SQL_MESSAGE_READ, &q, err))
        return false;
    query_int(&q, row->id);
    query_blob(&q, key->sub);
    if (!query_step(&q, &found, err))
        return false;
    if (!found)
        return true;
    m->stamp = query_col_int(&q, 0);
    m->seq = query_col_int(&q, 1);
    if (!query_copy(&q, 2, f->op->arena, &m->role, err) ||
        !query_copy(&q, 3, f->op->arena, &m->content, err) ||
        !query_copy(&q, 4, f->op->arena, &m->metadata, err))
        return false;
    if (!m->metadata.at)
        m->metadata = SLICE("{}");
    return add(f, &record, err);
}

static bool get_context(struct sql *d, struct found *f, const struct session_row *row,
                        const struct record_key *key, struct err *err)
{
    struct record record = {.kind = RECORD_CONTEXT, .key = *key};
    AUTO(query_end) struct query q = {0};
    bool found;

    if (!query_begin(d, SQL_CONTEXT_READ, &q, err))
        return false;
    query_int(&q, row->id);
    query_int(&q, key->number);
    query_int(&q, key->stamp);
    if (!query_step(&q, &found, err))
        return false;
    if (!found)
        return true;
    record.context.updated_us = query_col_int(&q, 0);
    return query_copy(&q, 1, f->op->arena, &record.context.body, err) && add(f, &record, err);
}

/* All that are kept. */
static bool get_contexts(struct sql *d, struct found *f, const struct session_row *row,
                         struct err *err)
{
    AUTO(query_end) struct query q = {0};
    struct record_key *keys = NULL;
    size_t n = 0, cap = 0;
    bool found;

    if (!query_begin(d, SQL_CONTEXT_ALL, &q, err))
        return false;
    query_int(&q, row->id);
    for (;; n++) {
        struct record_key *grown;

        if (!query_step(&q, &found, err))
            return false;
        if (!found)
            break;
        grown = arena_grow(f->op->arena, keys, n, sizeof(*keys), &cap);
        if (!grown)
            return err_set(err, ERR_NO_MEMORY, "out of memory");
        keys = grown;
        keys[n] = (struct record_key){
            .id = f->op->id, .number = query_col_int(&q, 0), .stamp = query_col_int(&q, 1)};
    }
    query_end(&q);
    for (size_t i = 0; i < n; i++)
        if (!get_context(d, f, row, &keys[i], err))
            return false;
    return true;
}

/* Those that belong to a session. Requests are read before it: it has counted them. */
static bool get_of_session(struct sql *d, struct found *f, const struct record_name *name,
                           struct session_row *row, struct err *err)
{
    if (name->kind == RECORD_SESSION)
        return get_session(d, f, row, err);
    if (row->id == 0)
        return true;
    if (name->kind == RECORD_MESSAGE)
        return get_message(d, f, row, &name->key, err);
    return name->key.number == 0 ? get_contexts(d, f, row, err)
                                 : get_context(d, f, row, &name->key, err);
}

static bool get_other(struct sql *d, struct found *f, const struct record_name *name,
                      int64_t tenant, struct err *err)
{
    struct record record = {.kind = name->kind, .key = name->key};
    bool found = false, ok;

    if (name->kind == RECORD_PENDING)
        ok = pending_read(d, &record, &found, err);
    else if (name->kind == RECORD_REPEAT)
        ok = pending_read_repeat(d, &record, &found, err);
    else
        ok = sql_thread_record_get(d, f->op, tenant, &record, &found, err);
    return ok && (!found || add(f, &record, err));
}

/* In PostgreSQL the locked row of the session keeps all of it as it is until the end. */
bool sql_records_get(struct sql *d, struct op *op, struct err *err)
{
    struct op_records_get *get = &op->records_get;
    struct found f = {.op = op};
    struct session_row row;
    int64_t tenant;

    get->out.items = NULL;
    get->out.n = 0;
    if (!sql_tenant(d, op->tenant, false, &tenant, err))
        return false;
    if (tenant == 0)
        return true;
    if (!row_find(d, tenant, op->id, &row, err))
        return false;
    for (size_t i = 0; i < get->n; i++) {
        const struct record_name *name = &get->names[i];

        if (!(name->kind <= RECORD_CONTEXT ? get_of_session(d, &f, name, &row, err)
                                           : get_other(d, &f, name, tenant, err)))
            return false;
    }
    get->out.items = f.items;
    get->out.n = f.n;
    return true;
}

/* sql_records_get.c - OP_RECORDS_GET: records by their names; see op_pair.h. */
#include "sql_ops.h"
#include "sql_pending.h"

/* How many names are asked about before the first answer is waited for, on a distant store. */
enum { ASK_MAX = 128 };

struct getter {
    struct sql *d;
    struct op *op;
    int64_t tenant;
    struct session_row row;
    struct query session;
    struct query asked[ASK_MAX];
    size_t n, cap; /* records that were found */
};

static void getter_end(struct getter *g)
{
    query_end(&g->session);
    for (size_t i = 0; i < ASK_MAX; i++)
        query_end(&g->asked[i]);
}

static bool add(struct getter *g, const struct record *record, struct err *err)
{
    struct op_records_get *get = &g->op->records_get;
    struct record *grown = arena_grow(g->op->arena, get->out.items, g->n, sizeof(*grown), &g->cap);

    if (!grown)
        return err_no_memory(err);
    get->out.items = grown;
    grown[g->n++] = *record;
    return true;
}

/* Asks for messages or contexts, which are found by the id of their session. */
static bool ask_content(struct getter *g, const struct record_name *name, struct query *q,
                        struct err *err)
{
    bool message = name->kind == RECORD_MESSAGE;

    if (!query_begin(g->d, message ? SQL_GET_MESSAGE : SQL_GET_CONTEXTS, q, err))
        return false;
    query_int(q, g->tenant);
    query_blob(q, g->op->id);
    if (message)
        query_blob(q, name->key.sub);
    else
        query_int(q, name->key.stamp);
    return query_ask(q, err);
}

static bool ask_request(struct getter *g, const struct record_name *name, struct query *q,
                        struct err *err)
{
    bool pending = name->kind == RECORD_PENDING;

    if (!query_begin(g->d, pending ? SQL_PENDING_READ : SQL_REPEAT_READ, q, err))
        return false;
    query_blob(q, name->key.sub);
    return query_ask(q, err);
}

static bool ask(struct getter *g, const struct record_name *name, struct query *q, struct err *err)
{
    switch (name->kind) {
    case RECORD_MESSAGE:
    case RECORD_CONTEXT:
        return ask_content(g, name, q, err);
    case RECORD_THREAD:
    case RECORD_VALUE:
    case RECORD_CHECKPOINT:
    case RECORD_TASK:
        return sql_thread_record_ask(g->d, g->tenant, name, q, err);
    case RECORD_REPEAT:
    case RECORD_PENDING:
        return ask_request(g, name, q, err);
    case RECORD_SESSION: /* its row is asked for first */
    case RECORD_MESSAGES:
    case RECORD_CHECKPOINTS:
    case RECORD_CONTENTS:
        break;
    }
    return true;
}

/* Takes the session's row; only names that want it wait for it. */
static bool take_session(struct getter *g, const struct record_name *name, struct err *err)
{
    struct record record = {.kind = RECORD_SESSION, .key = name->key};

    if (g->session.st && !row_take(&g->session, g->op->arena, &g->row, err))
        return false;
    query_end(&g->session);
    if (g->row.id == 0)
        return true;
    record.session = session_state_record(&g->row.s);
    return add(g, &record, err);
}

static bool take_message(struct getter *g, const struct record_name *name, struct query *q,
                         struct err *err)
{
    struct record record = {.kind = RECORD_MESSAGE, .key = name->key};
    struct record_message *m = &record.message;
    bool found;

    if (!query_step(q, &found, err))
        return false;
    if (!found)
        return true;
    m->stamp = query_col_int(q, 0);
    m->seq = query_col_int(q, 1);
    if (!query_copy(q, 2, g->op->arena, &m->role, err) ||
        !query_copy(q, 3, g->op->arena, &m->content, err) ||
        !query_copy(q, 4, g->op->arena, &m->metadata, err))
        return false;
    if (!m->metadata.at)
        m->metadata = SLICE("{}");
    return add(g, &record, err);
}

/* Takes one version, or all that are kept. */
static bool take_contexts(struct getter *g, const struct record_name *name, struct query *q,
                          struct err *err)
{
    struct record record = {.kind = RECORD_CONTEXT, .key = {.id = name->key.id}};
    bool found;

    for (;;) {
        if (!query_step(q, &found, err))
            return false;
        if (!found)
            return true;
        record.key.number = query_col_int(q, 0);
        record.key.stamp = query_col_int(q, 1);
        record.context.updated_us = query_col_int(q, 2);
        if (!query_copy(q, 3, g->op->arena, &record.context.body, err) || !add(g, &record, err))
            return false;
    }
}

static bool take_other(struct getter *g, const struct record_name *name, struct query *q,
                       struct err *err)
{
    struct record record = {.kind = name->kind, .key = name->key};
    bool found, ok;

    if (name->kind == RECORD_PENDING)
        ok = pending_take(q, &record, &found, err);
    else if (name->kind == RECORD_REPEAT)
        ok = pending_take_repeat(q, &record, &found, err);
    else
        ok = sql_thread_record_take(g->op, q, &record, &found, err);
    return ok && (!found || add(g, &record, err));
}

static bool take(struct getter *g, const struct record_name *name, struct query *q, struct err *err)
{
    if (name->kind == RECORD_SESSION)
        return take_session(g, name, err);
    if (!q->st)
        return true;
    if (name->kind == RECORD_MESSAGE)
        return take_message(g, name, q, err);
    return name->kind == RECORD_CONTEXT ? take_contexts(g, name, q, err)
                                        : take_other(g, name, q, err);
}

/* In a transaction that writes this locks the row, so nothing in the session changes meanwhile. */
static bool ask_session(struct getter *g, struct err *err)
{
    const struct op_records_get *get = &g->op->records_get;
    bool any = false;

    for (size_t i = 0; i < get->n; i++)
        any |= get->names[i].kind <= RECORD_CONTEXT || get->names[i].kind >= RECORD_REPEAT;
    if (!any)
        return true;
    g->row = (struct session_row){.tenant = g->tenant, .s.session_id = g->op->id};
    return row_ask(g->d, &g->row, true, &g->session, err) &&
           (g->session.st || row_read(g->d, g->op, g->tenant, &g->row, err));
}

static bool get_all(struct getter *g, struct err *err)
{
    const struct op_records_get *get = &g->op->records_get;
    size_t most = g->d->driver->distant ? ASK_MAX : 1, n;

    if (!ask_session(g, err))
        return false;
    for (size_t at = 0; at < get->n; at += n) {
        for (n = 0; n < most && at + n < get->n; n++)
            if (!ask(g, &get->names[at + n], &g->asked[n], err))
                return false;
        for (size_t i = 0; i < n; i++) {
            if (!take(g, &get->names[at + i], &g->asked[i], err))
                return false;
            query_end(&g->asked[i]);
        }
    }
    return true;
}

bool sql_records_get(struct sql *d, struct op *op, struct err *err)
{
    AUTO(getter_end) struct getter g = {.d = d, .op = op};

    op->records_get.out.items = NULL;
    op->records_get.out.n = 0;
    if (!sql_tenant(d, op->tenant, false, &g.tenant, err) || (g.tenant != 0 && !get_all(&g, err)))
        return false;
    op->records_get.out.n = g.n;
    return true;
}

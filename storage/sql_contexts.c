/* sql_contexts.c - the operations on contexts; see op_sessions.h. */
#include "sql_ops.h"
#include "sql_rows.h"

/* What is known of a stored context. */
struct version {
    int64_t stored; /* its number in the row */
    int64_t number; /* its number in answers */
    int64_t stamp, updated_us;
    size_t body_len;
};

struct versions {
    struct version *items; /* oldest first */
    size_t n;
};

/*
 * Reads the versions of a session in the order of their stamps. Two stores may have given the same number:
 * a later one is then numbered above those before it.
 */
static bool read_versions(struct sql *d, const struct session_row *row, struct arena *arena,
                          struct versions *out, struct err *err)
{
    AUTO(query_end) struct query q = {0};
    struct versions v = {0};
    size_t room = 0;
    bool found;

    if (!query_begin(d, SQL_CONTEXT_ALL, &q, err))
        return false;
    query_int(&q, row->id);
    for (;;) {
        int64_t number;

        if (!query_step(&q, &found, err))
            return false;
        if (!found)
            break;
        if (v.n == room) {
            size_t more = room ? room * 2 : 16;

            v.items = arena_resize(arena, v.items, room * sizeof(*v.items),
                                   more * sizeof(*v.items));
            if (!v.items)
                return err_no_memory(err);
            room = more;
        }
        number = query_col_int(&q, 0);
        v.items[v.n] = (struct version){
            .stored = number,
            .number = v.n && number <= v.items[v.n - 1].number ? v.items[v.n - 1].number + 1
                                                               : number,
            .stamp = query_col_int(&q, 1),
            .updated_us = query_col_int(&q, 2),
            .body_len = (size_t)query_col_int(&q, 3),
        };
        v.n++;
    }
    *out = v;
    return true;
}

static bool check_version(const struct versions *v, int64_t if_version, struct err *err)
{
    if (if_version == IF_NONE ||
        (v->n && (if_version == IF_EXISTS || if_version == v->items[v->n - 1].number)))
        return true;
    return err_set(err, ERR_PRECONDITION,
                   v->n ? "The context has another version." : "The session has no context.");
}

/* Gives the context the next number, and a stamp above all that is stored of the session. */
static bool next_version(struct sql *d, struct op *op, struct session_row *row,
                         const struct versions *v, struct row_context *context, struct err *err)
{
    int64_t stored = row->s.tomb;

    if (v->n && v->items[v->n - 1].stamp > stored)
        stored = v->items[v->n - 1].stamp;
    if (!row_begin(d, op, stored, row, &context->stamp, err))
        return false;
    if (v->n && v->items[v->n - 1].number > row->s.last_context)
        row->s.last_context = v->items[v->n - 1].number;
    context->number = ++row->s.last_context;
    if (row->s.active_us < op->now_us)
        row->s.active_us = op->now_us;
    row->s.hollow = false;
    return true;
}

/* The context that an earlier try of this op has stored, unanswered; NULL: there is none. */
static const struct version *find_repeat(const struct versions *v, const struct op *op)
{
    for (size_t i = 0; op->stamp && i < v->n; i++)
        if (v->items[i].stamp == op->stamp)
            return &v->items[i];
    return NULL;
}

static bool answer_repeat(struct op *op, const struct version *v, struct err *err)
{
    struct op_context_put *put = &op->context_put;
    struct row_context context = {v->stored, v->stamp, v->updated_us, put->context};

    put->out.version = v->number;
    put->out.updated_us = v->updated_us;
    return row_copy_context(op, &context, err);
}

bool sql_context_put(struct sql *d, struct op *op, struct err *err)
{
    struct op_context_put *put = &op->context_put;
    struct session_row row;
    struct versions v = {0};
    struct row_context context = {.updated_us = op->now_us, .body = put->context};
    const struct version *repeat;
    int64_t tenant, tomb;

    if (!sql_tenant(d, op->tenant, false, &tenant, err) || !row_find(d, tenant, op->id, &row, err))
        return false;
    tomb = row.s.tomb;
    if (put->require_session && !session_state_live(&row.s, d->session_ttl_us, op->now_us))
        return session_state_missing(err);
    if (session_state_known(&row.s, d->session_ttl_us, op->now_us) &&
        !read_versions(d, &row, op->arena, &v, err))
        return false;
    repeat = find_repeat(&v, op);
    if (repeat)
        return answer_repeat(op, repeat, err);
    if (!check_version(&v, put->if_version, err) || !next_version(d, op, &row, &v, &context, err) ||
        !sql_tenant(d, op->tenant, true, &row.tenant, err) || !row_advance(d, &row, err) ||
        !row_put_context(d, &row, &context, err) || !row_copy_context(op, &context, err) ||
        (row.s.tomb != tomb && !row_copy(d, op, &row, err)))
        return false;
    if (v.n >= (size_t)d->context_versions && !row_trim_contexts(d, &row, err))
        return false;
    put->out.version = row.s.last_context;
    put->out.updated_us = op->now_us;
    return true;
}

static bool read_body(struct sql *d, const struct session_row *row, const struct version *v,
                      struct op *op, struct err *err)
{
    AUTO(query_end) struct query q = {0};
    struct slice body;
    bool found;

    if (!query_begin(d, SQL_CONTEXT_BODY, &q, err))
        return false;
    query_int(&q, row->id);
    query_int(&q, v->stored);
    query_int(&q, v->stamp);
    if (!query_step(&q, &found, err) || !query_copy(&q, 0, op->arena, &body, err))
        return false;
    op->context_get.out.context = (struct context){
        .version = v->number, .updated_us = v->updated_us, .body = body, .body_len = body.len};
    return true;
}

bool sql_context_get(struct sql *d, struct op *op, struct err *err)
{
    int64_t wanted = op->context_get.version, tenant;
    struct session_row row;
    struct versions v;

    if (!sql_tenant(d, op->tenant, false, &tenant, err) || !row_find(d, tenant, op->id, &row, err))
        return false;
    if (!session_state_known(&row.s, d->session_ttl_us, op->now_us))
        return session_state_missing(err);
    if (!read_versions(d, &row, op->arena, &v, err))
        return false;
    for (size_t i = v.n; i-- > 0;)
        if (wanted == 0 || v.items[i].number == wanted)
            return read_body(d, &row, &v.items[i], op, err);
    return err_set(err, ERR_NOT_FOUND,
                   v.n ? "The session has no context of this version."
                       : "The session has no context.");
}

bool sql_context_list(struct sql *d, struct op *op, struct err *err)
{
    struct op_context_list *list = &op->context_list;
    struct versions v = {0};
    struct session_row row;
    struct context *items;
    int64_t tenant;
    size_t n;

    if (!sql_tenant(d, op->tenant, false, &tenant, err) || !row_find(d, tenant, op->id, &row, err))
        return false;
    if (session_state_known(&row.s, d->session_ttl_us, op->now_us) &&
        !read_versions(d, &row, op->arena, &v, err))
        return false;
    n = v.n < (size_t)list->limit ? v.n : (size_t)list->limit;
    items = arena_zalloc(op->arena, n, sizeof(*items));
    if (!items)
        return err_no_memory(err);
    for (size_t i = 0; i < n; i++) {
        const struct version *from = &v.items[v.n - 1 - i];

        items[i] = (struct context){
            .version = from->number, .updated_us = from->updated_us, .body_len = from->body_len};
    }
    list->out.items = items;
    list->out.n = n;
    return true;
}

/*
 * sql_session_list.c - OP_SESSION_LIST: first the ids of a page, then their rows, some at a time.
 *
 * Sorting whole rows would gather their long columns too, and one row may be as large as a request body.
 */
#include "clock.h"
#include "sql_load.h"
#include "sql_ops.h"
#include "sql_pending.h"
#include "sql_rows.h"

/* Rows are read 4 at a time at first, then 4 times as many while they do not exceed ROWS_BYTES. */
enum { ROWS_FIRST = 4, ROWS_GROWTH = 4, ROWS_MAX = 64, ROWS_BYTES = 1024 * 1024 };

struct lister {
    struct sql *d;
    struct op *op;
    int64_t *ids; /* of the page, and of the row after it */
    struct session_pos *places;
    size_t n;
    struct session_row rows[ROWS_MAX];
    size_t bytes; /* of the items so far */
    bool waits;   /* there are pending additions, which count */
};

static bool ask_ids(struct lister *l, int64_t tenant, struct query *q, struct err *err)
{
    const struct op_session_list *list = &l->op->session_list;
    bool by_user = slice_present(list->user_id), first = !slice_present(list->after.id);
    int64_t expired = clock_expired_us(l->d->session_ttl_us, l->op->now_us);
    int64_t upper = first ? INT64_MAX : list->after.last_activity_us;

    if (!query_begin(l->d, by_user ? SQL_SESSION_LIST_USER : SQL_SESSION_LIST, q, err))
        return false;
    query_int(q, tenant);
    query_int(q, expired < 0 ? 0 : row_minute(expired));
    query_int(q, row_minute(upper));
    query_int(q, expired);
    query_int(q, upper);
    query_blob(q, first ? SLICE("") : list->after.id);
    query_blob(q, list->status);
    query_int(q, list->limit + 1);
    if (by_user)
        query_blob(q, list->user_id);
    return true;
}

static bool read_ids(struct lister *l, int64_t tenant, struct err *err)
{
    size_t most = (size_t)l->op->session_list.limit + 1;
    AUTO(query_end) struct query q = {0};
    bool found;

    l->ids = arena_alloc(l->op->arena, most * sizeof(*l->ids));
    l->places = arena_alloc(l->op->arena, most * sizeof(*l->places));
    if (!l->ids || !l->places)
        return err_no_memory(err);
    if (!ask_ids(l, tenant, &q, err))
        return false;
    for (; l->n < most; l->n++) {
        if (!query_step(&q, &found, err))
            return false;
        if (!found)
            return true;
        l->ids[l->n] = query_col_int(&q, 0);
        l->places[l->n].last_activity_us = query_col_int(&q, 1);
        if (!query_copy(&q, 2, l->op->arena, &l->places[l->n].id, err))
            return false;
    }
    return true;
}

/* Reads the rows of some ids, in that order; id 0: the row no longer exists. */
static bool read_rows(struct lister *l, const int64_t *ids, size_t n, struct err *err)
{
    AUTO(query_end) struct query q = {0};
    struct session_row row;
    bool found;

    memset(l->rows, 0, n * sizeof(*l->rows));
    if (!load_begin_among(l->d, SQL_SESSION_ROWS, ids, n, l->op->arena, &q, err))
        return false;
    for (;;) {
        if (!query_step(&q, &found, err))
            return false;
        if (!found)
            return true;
        row = (struct session_row){0};
        row_numbers(&q, &row);
        if (!row_texts(&q, l->op->arena, &row, err))
            return false;
        for (size_t i = 0; i < n; i++)
            if (ids[i] == row.id)
                l->rows[i] = row;
    }
}

static bool add_row(struct lister *l, const struct session_row *row, struct err *err)
{
    struct op_session_list *list = &l->op->session_list;
    struct session *item = &list->out.items[list->out.n];

    if (!l->waits)
        *item = session_state_answer(&row->s);
    else if (!pending_answer(l->d, l->op, &row->s, item, err))
        return false;
    l->bytes += session_state_bytes(item);
    list->out.n++;
    return true;
}

/* Lists rows until the page is full; *at counts the ids that were used. */
static bool list_rows(struct lister *l, size_t limit, size_t *at, struct err *err)
{
    size_t n = l->n < limit ? l->n : limit, some = ROWS_FIRST;

    while (*at < n && l->bytes < PAGE_BYTES_MAX) {
        size_t count = n - *at < some ? n - *at : some, before = l->bytes;

        if (!read_rows(l, l->ids + *at, count, err))
            return false;
        for (size_t i = 0; i < count && l->bytes < PAGE_BYTES_MAX; i++, ++*at)
            if (l->rows[i].id && !add_row(l, &l->rows[i], err))
                return false;
        if (l->bytes - before <= ROWS_BYTES)
            some = some * ROWS_GROWTH < ROWS_MAX ? some * ROWS_GROWTH : ROWS_MAX;
    }
    return true;
}

bool sql_session_list(struct sql *d, struct op *op, struct err *err)
{
    struct op_session_list *list = &op->session_list;
    struct lister *l = arena_zalloc(op->arena, 1, sizeof(*l));
    int64_t tenant;
    size_t at = 0;

    memset(&list->out, 0, sizeof(list->out));
    list->out.items = arena_zalloc(op->arena, (size_t)list->limit, sizeof(*list->out.items));
    if (!l || !list->out.items)
        return err_no_memory(err);
    l->d = d;
    l->op = op;
    if (!sql_tenant(d, op->tenant, false, &tenant, err) || !read_ids(l, tenant, err) ||
        (op->alone && !pending_any(d, &l->waits, err)) ||
        !list_rows(l, (size_t)list->limit, &at, err))
        return false;
    list->out.more = at < l->n;
    if (list->out.more)
        list->out.next = l->places[at - 1];
    return true;
}

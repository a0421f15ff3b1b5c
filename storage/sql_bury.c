/* sql_bury.c - see sql_bury.h. */
#include "sql_bury.h"

#include <stdlib.h>

#include "clock.h"
#include "sql_garbage.h"
#include "sql_load.h"

/* The id of a row, and the stamp that its change gets. */
struct stamped {
    int64_t id, stamp;
};

struct work {
    struct sql *d;
    struct op *op;
    struct burial **all; /* ordered by row id */
    size_t n;
    int64_t *ids;         /* room for n */
    struct stamped *list; /* room for n */
    bool threads;         /* some threads go with their sessions */
};

static int by_id(const void *a, const void *b)
{
    int64_t x = (*(struct burial *const *)a)->row_id, y = (*(struct burial *const *)b)->row_id;

    return (x > y) - (x < y);
}

static int by_stamp(const void *a, const void *b)
{
    const struct stamped *x = a, *y = b;

    return x->stamp != y->stamp ? (x->stamp > y->stamp) - (x->stamp < y->stamp)
                                : (x->id > y->id) - (x->id < y->id);
}

static struct burial *find(const struct work *w, int64_t row_id)
{
    struct burial key = {.row_id = row_id}, *at = &key, **found;

    found = bsearch(&at, w->all, w->n, sizeof(struct burial *), by_id);
    return found ? *found : NULL;
}

static bool start(struct work *w, struct burial *all, size_t n, struct err *err)
{
    w->all = arena_alloc(w->op->arena, n * sizeof(struct burial *));
    w->ids = arena_alloc(w->op->arena, n * sizeof(*w->ids));
    w->list = arena_alloc(w->op->arena, n * sizeof(*w->list));
    if (!w->all || !w->ids || !w->list)
        return err_no_memory(err);
    for (size_t i = 0; i < n; i++) {
        all[i].row_id = all[i].row.id;
        w->all[i] = &all[i];
        w->threads |= all[i].with_thread;
    }
    w->n = n;
    qsort(w->all, n, sizeof(struct burial *), by_id);
    return true;
}

/* Begins a statement on the first n of w->ids. */
static bool begin(struct work *w, enum sql_statement which, size_t n, struct query *q,
                  struct err *err)
{
    return load_begin_among(w->d, which, w->ids, n, w->op->arena, q, err);
}

/* Lists the rows of all sessions. */
static size_t list_all(struct work *w)
{
    for (size_t i = 0; i < w->n; i++)
        w->ids[i] = w->all[i]->row_id;
    return w->n;
}

/* Lists those that go with their threads; `found`: only where such a thread exists. */
static size_t list_with_threads(struct work *w, bool found)
{
    size_t n = 0;

    for (size_t i = 0; i < w->n; i++)
        if (w->all[i]->with_thread && (w->all[i]->thread.id || !found))
            w->ids[n++] = w->all[i]->row_id;
    return n;
}

static bool ask_content(struct work *w, struct query *q, struct err *err)
{
    if (!begin(w, SQL_CONTENT_STAMPS, list_all(w), q, err))
        return false;
    query_int(q, GARBAGE_ROWS);
    return query_ask(q, err);
}

static bool ask_pending(struct work *w, struct query *q, struct err *err)
{
    if (!begin(w, SQL_PENDING_STAMPS, list_all(w), q, err))
        return false;
    query_blob(q, w->op->tenant);
    return query_ask(q, err);
}

static bool ask_threads(struct work *w, struct query *q, struct err *err)
{
    return begin(w, SQL_THREADS_OF, list_with_threads(w, false), q, err) && query_ask(q, err);
}

static void take_content(struct burial *b, struct query *q)
{
    b->content = query_col_int(q, 1);
    b->much = query_col_int(q, 2) != 0;
}

static void take_pending(struct burial *b, struct query *q)
{
    b->pending = query_col_int(q, 1);
}

static void take_thread(struct burial *b, struct query *q)
{
    b->thread.id = query_col_int(q, 1);
    b->thread.tomb = query_col_int(q, 2);
    b->thread.updated_us = query_col_int(q, 3);
}

static void take_newest(struct burial *b, struct query *q)
{
    b->thread.newest = query_col_int(q, 1);
}

/* Takes all rows of a query; column 0 of each is the row id of a session. */
static bool take_all(struct work *w, struct query *q, void (*take)(struct burial *, struct query *),
                     struct err *err)
{
    struct burial *b;
    bool found;

    for (;;) {
        if (!query_step(q, &found, err))
            return false;
        if (!found)
            break;
        b = find(w, query_col_int(q, 0));
        if (b)
            take(b, q);
    }
    query_end(q);
    return true;
}

/* Reads what threads hold once they are locked: until then others may have added something. */
static bool look_into_threads(struct work *w, struct err *err)
{
    AUTO(query_end) struct query q = {0};
    size_t n = list_with_threads(w, true);

    return n == 0 ||
           (begin(w, SQL_THREADS_NEWEST, n, &q, err) && take_all(w, &q, take_newest, err));
}

static bool look(struct work *w, struct err *err)
{
    AUTO(query_end) struct query content = {0}, pending = {0}, threads = {0};

    return ask_content(w, &content, err) && (!w->op->alone || ask_pending(w, &pending, err)) &&
           (!w->threads || ask_threads(w, &threads, err)) &&
           take_all(w, &content, take_content, err) &&
           (!w->op->alone || take_all(w, &pending, take_pending, err)) &&
           (!w->threads || take_all(w, &threads, take_thread, err)) && look_into_threads(w, err);
}

/* Chooses the stamps, above all that is stored. Pending additions above that belong to a later life. */
static bool stamp_one(struct op *op, struct burial *b, struct err *err)
{
    int64_t stored = clock_later(session_state_stamp(&b->row.s), b->content);

    if (!op_stamp_above(op, stored, &b->stamp, err) ||
        (b->pending > b->stamp && !op_fence_allows(op, b->pending, err)))
        return false;
    if (!b->with_thread)
        return true;
    stored = clock_later(b->thread.newest, b->thread.tomb);
    b->thread.tomb = clock_later(b->stamp, stored);
    return op_fence_allows(op, stored, err); /* the other store would keep it */
}

/* Runs a statement on n of w->ids and the stamp that they share; `more` binds further parameters. */
static bool run(struct work *w, enum sql_statement which, size_t n, int64_t stamp,
                void (*more)(const struct work *w, struct query *q, int64_t stamp), struct err *err)
{
    struct query q;

    if (!begin(w, which, n, &q, err))
        return false;
    query_int(&q, stamp);
    if (more)
        more(w, &q, stamp);
    return query_run(&q, err);
}

/* Runs it on the first n of w->list, once for each stamp in there. */
static bool run_all(struct work *w, enum sql_statement which, size_t n,
                    void (*more)(const struct work *w, struct query *q, int64_t stamp),
                    struct err *err)
{
    size_t end;

    qsort(w->list, n, sizeof(*w->list), by_stamp);
    for (size_t i = 0; i < n; i = end) {
        for (end = i; end < n && w->list[end].stamp == w->list[i].stamp; end++)
            w->ids[end - i] = w->list[end].id;
        if (!run(w, which, end - i, w->list[i].stamp, more, err))
            return false;
    }
    return true;
}

static void bind_minute(const struct work *w, struct query *q, int64_t stamp)
{
    (void)w;
    query_int(q, row_tomb_minute(stamp));
}

static void bind_tenant(const struct work *w, struct query *q, int64_t stamp)
{
    (void)stamp;
    query_int(q, w->all[0]->row.tenant);
}

static void bind_tenant_name(const struct work *w, struct query *q, int64_t stamp)
{
    (void)stamp;
    query_blob(q, w->op->tenant);
}

/* Runs a statement on the sessions that have content, but not too much. */
static bool empty(struct work *w, enum sql_statement which, struct err *err)
{
    struct query q;
    size_t n = 0;

    for (size_t i = 0; i < w->n; i++)
        if (w->all[i]->content && !w->all[i]->much)
            w->ids[n++] = w->all[i]->row_id;
    return n == 0 || (begin(w, which, n, &q, err) && query_run(&q, err));
}

/* Leaves much content to clean-up together with its row, and makes a new row for the tombstone. */
static bool discard(struct sql *d, const struct burial *b, struct err *err)
{
    struct query q;

    if (!garbage_session(d, b->row_id, err) || !query_begin(d, SQL_SESSION_LEAVE, &q, err))
        return false;
    query_int(&q, b->row_id);
    query_int(&q, b->stamp);
    query_int(&q, row_tomb_minute(b->stamp));
    query_int(&q, b->row.tenant);
    return query_run(&q, err);
}

static bool bury_rows(struct work *w, struct err *err)
{
    size_t n = 0;

    for (size_t i = 0; i < w->n; i++) {
        struct burial *b = w->all[i];

        if (!b->much)
            w->list[n++] = (struct stamped){b->row_id, b->stamp};
        else if (!discard(w->d, b, err))
            return false;
    }
    return empty(w, SQL_MESSAGES_BURY, err) && empty(w, SQL_CONTEXTS_BURY, err) &&
           run_all(w, SQL_SESSIONS_BURY, n, bind_minute, err);
}

static bool bury_pending(struct work *w, struct err *err)
{
    size_t n = 0;

    for (size_t i = 0; i < w->n; i++)
        if (w->all[i]->pending)
            w->list[n++] = (struct stamped){w->all[i]->row_id, w->all[i]->stamp};
    return run_all(w, SQL_PENDING_BURY, n, bind_tenant_name, err);
}

/* The contents of the threads become garbage. */
static bool bury_threads(struct work *w, struct err *err)
{
    struct query q;
    size_t n = 0;

    for (size_t i = 0; i < w->n; i++)
        if (w->all[i]->thread.id) {
            w->ids[n] = w->all[i]->thread.id;
            w->list[n++] = (struct stamped){w->all[i]->thread.id, w->all[i]->thread.tomb};
        }
    return n == 0 || (begin(w, SQL_THREADS_DISCARD, n, &q, err) && query_run(&q, err) &&
                      run_all(w, SQL_THREADS_TOMB, n, NULL, err));
}

/* Only sessions of the op's own tenant are removed with their threads, so its number fits all. */
static bool make_threads(struct work *w, struct err *err)
{
    size_t n = 0;

    for (size_t i = 0; i < w->n; i++)
        if (w->all[i]->with_thread && !w->all[i]->thread.id)
            w->list[n++] = (struct stamped){w->all[i]->row_id, w->all[i]->thread.tomb};
    return run_all(w, SQL_THREADS_MAKE, n, bind_tenant, err);
}

bool bury_sessions(struct sql *d, struct op *op, struct burial *all, size_t n, struct err *err)
{
    struct work w = {.d = d, .op = op};

    if (n == 0)
        return true;
    if (!start(&w, all, n, err) || !look(&w, err))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!stamp_one(op, &all[i], err))
            return false;
    rows_forget(d->rows);
    if (!bury_rows(&w, err) || !bury_pending(&w, err) || !bury_threads(&w, err) ||
        !make_threads(&w, err))
        return false;
    for (size_t i = 0; i < n; i++)
        all[i].row.s = session_state_tombstone(&all[i].row.s, all[i].stamp);
    return true;
}

/*
 * sql_thread_list.c - OP_THREAD_GET and _LIST; see op_threads.h.
 *
 *     ids -> their namespaces -> what has not expired in each -> the latest checkpoint of each thread
 *
 * On a distant store, what is asked about several threads goes together.
 */
#include "sql_load.h"
#include "sql_ns.h"
#include "sql_ops.h"
#include "sql_scope.h"

enum { TOGETHER = 32 };

struct part {
    int64_t id;
    struct slice ns;
    enum form form;
    int64_t checkpoints, bytes;
    struct query q;
};

/* A thread to describe. */
struct sight {
    int64_t row;
    struct thread *thread; /* id and updated_us are set */
    struct part *parts;    /* its namespaces in order, "" first */
    size_t n, cap;
    struct query q;
};

/* Adds a namespace; a list that grows moves. */
static bool add_part(struct loader *l, struct sight *s, struct err *err)
{
    struct part *grown = arena_grow(l->arena, s->parts, s->n, sizeof(*grown), &s->cap);

    if (!grown)
        return err_no_memory(err);
    s->parts = grown;
    grown[s->n] = (struct part){.id = query_col_int(&s->q, 0),
                                .form = (enum form)query_col_int(&s->q, 2),
                                .checkpoints = query_col_int(&s->q, 3),
                                .bytes = query_col_int(&s->q, 4)};
    return query_copy(&s->q, 1, l->arena, &grown[s->n++].ns, err);
}

static bool ask_parts(struct loader *l, struct sight *s, struct err *err)
{
    if (!query_begin(l->d, SQL_NS_LIST, &s->q, err))
        return false;
    query_int(&s->q, s->row);
    query_int(&s->q, l->expired_us);
    return query_ask(&s->q, err);
}

static bool take_parts(struct loader *l, struct sight *s, struct err *err)
{
    bool found;

    for (;;) {
        if (!query_step(&s->q, &found, err))
            return false;
        if (!found)
            break;
        if (!add_part(l, s, err))
            return false;
    }
    query_end(&s->q);
    return true;
}

/* Where checkpoints expire, those that have not are counted by a query. */
static bool ask_count(struct loader *l, struct part *part, struct err *err)
{
    if (!query_begin(l->d, SQL_NS_COUNT, &part->q, err))
        return false;
    query_int(&part->q, part->id);
    query_int(&part->q, l->expired_us);
    return query_ask(&part->q, err);
}

static bool take_count(struct part *part, struct err *err)
{
    bool found;

    if (!query_step(&part->q, &found, err))
        return false;
    part->checkpoints = query_col_int(&part->q, 0);
    query_end(&part->q);
    return true;
}

static bool count_all(struct loader *l, struct sight *s, size_t n, struct err *err)
{
    bool together = l->d->driver->distant;

    if (l->expired_us == INT64_MIN)
        return true;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < s[i].n; k++)
            if (!ask_count(l, &s[i].parts[k], err) ||
                (!together && !take_count(&s[i].parts[k], err)))
                return false;
    for (size_t i = 0; together && i < n; i++)
        for (size_t k = 0; k < s[i].n; k++)
            if (!take_count(&s[i].parts[k], err))
                return false;
    return true;
}

/* Adds up what its namespaces hold. */
static bool add_up(struct loader *l, const struct sight *s, struct err *err)
{
    struct thread *thread = s->thread;

    thread->namespaces = arena_alloc(l->arena, (s->n + 1) * sizeof(*thread->namespaces));
    if (!thread->namespaces)
        return err_no_memory(err);
    for (size_t i = 0; i < s->n; i++) {
        thread->namespaces[thread->n_namespaces++] = s->parts[i].ns;
        thread->checkpoints += s->parts[i].checkpoints;
        thread->bytes += s->parts[i].bytes;
    }
    return true;
}

/* Asks for the latest checkpoint of the first namespace that has one. */
static bool ask_latest(struct loader *l, struct sight *s, struct err *err)
{
    for (size_t i = 0; i < s->n; i++) {
        const struct part *part = &s->parts[i];
        struct scope scope = scope_of(SQL_LIST_NAMESPACE_CHANNEL, part->id, l->expired_us);

        if (part->checkpoints > 0)
            return scope_begin(l->d, &scope, part->form, NULL, 1, &s->q, err) &&
                   query_ask(&s->q, err);
    }
    return true;
}

static bool take_latest(struct loader *l, struct sight *s, struct err *err)
{
    bool found;

    if (!s->q.st)
        return true;
    if (!query_step(&s->q, &found, err) ||
        (found && !query_copy(&s->q, SCOPE_CHECKPOINT_ID, l->arena, &s->thread->latest, err)))
        return false;
    query_end(&s->q);
    return true;
}

static bool look(struct loader *l, struct sight *s, size_t n, struct err *err)
{
    for (size_t i = 0; i < n; i++)
        if (!ask_parts(l, &s[i], err))
            return false;
    for (size_t i = 0; i < n; i++)
        if (!take_parts(l, &s[i], err))
            return false;
    if (!count_all(l, s, n, err))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!add_up(l, &s[i], err) || !ask_latest(l, &s[i], err))
            return false;
    for (size_t i = 0; i < n; i++)
        if (!take_latest(l, &s[i], err))
            return false;
    return true;
}

/* Fills in the contents of some threads. */
static bool describe(struct loader *l, struct sight *s, size_t n, struct err *err)
{
    bool ok = look(l, s, n, err);

    for (size_t i = 0; i < n; i++) {
        query_end(&s[i].q);
        for (size_t k = 0; k < s[i].n; k++)
            query_end(&s[i].parts[k].q);
    }
    return ok;
}

bool sql_thread_get(struct sql *d, struct op *op, struct err *err)
{
    struct loader l = load_start(d, op);
    struct thread thread = {.id = op->id};
    struct sight sight = {.thread = &thread};
    struct thread_row row;
    int64_t tenant;
    bool holds;

    if (!sql_tenant(d, op->tenant, false, &tenant, err) ||
        !thread_find(d, tenant, op->id, &row, err) ||
        !thread_holds(d, row.id, l.expired_us, &holds, err))
        return false;
    if (!holds)
        return err_set(err, ERR_NOT_FOUND, "There is no such thread.");
    thread.updated_us = row.updated_us;
    sight.row = row.id;
    if (!describe(&l, &sight, 1, err))
        return false;
    op->thread_get.out.thread = thread;
    return true;
}

/* The range of ids: from `lowest` on, below `below`. */
static bool list_bounds(struct op *op, struct slice *lowest, struct slice *below, struct err *err)
{
    const struct op_thread_list *list = &op->thread_list;

    *lowest = load_text(list->prefix);
    *below = SLICE("\xFF");
    if (lowest->len > 0) {
        char *end = arena_alloc(op->arena, lowest->len + 1);

        if (!end)
            return err_no_memory(err);
        memcpy(end, lowest->at, lowest->len);
        end[lowest->len] = '\xFF';
        *below = (struct slice){end, lowest->len + 1};
    }
    if (slice_present(list->after) && slice_compare(list->after, *lowest) >= 0) {
        *lowest = arena_copy(op->arena, list->after);
        if (!lowest->at)
            return err_no_memory(err);
        lowest->len++; /* including the NUL: the lowest text above the id */
    }
    return true;
}

/* Lists the threads of a page; `more` tells whether others follow. */
static bool read_ids(struct loader *l, struct op *op, int64_t tenant, struct sight *sights,
                     struct err *err)
{
    struct op_thread_list *list = &op->thread_list;
    AUTO(query_end) struct query q = {0};
    struct slice lowest, below;

    if (!list_bounds(op, &lowest, &below, err) || !query_begin(l->d, SQL_THREAD_LIST, &q, err))
        return false;
    query_int(&q, tenant);
    query_blob(&q, lowest);
    query_blob(&q, below);
    query_int(&q, list->updated_after_us > 0 ? list->updated_after_us : INT64_MIN);
    query_int(&q, l->expired_us);
    query_int(&q, list->limit + 1);
    for (;;) {
        struct thread *thread;

        if (!query_step(&q, &list->out.more, err))
            return false;
        if (!list->out.more || list->out.n == (size_t)list->limit)
            return true;
        thread = &list->out.items[list->out.n];
        *thread = (struct thread){.updated_us = query_col_int(&q, 2)};
        sights[list->out.n++] = (struct sight){.row = query_col_int(&q, 0), .thread = thread};
        if (!query_copy(&q, 1, l->arena, &thread->id, err))
            return false;
    }
}

bool sql_thread_list(struct sql *d, struct op *op, struct err *err)
{
    struct op_thread_list *list = &op->thread_list;
    size_t limit = (size_t)list->limit, some = d->driver->distant ? TOGETHER : 1;
    struct sight *sights = arena_alloc(op->arena, limit * sizeof(*sights));
    struct loader l = load_start(d, op);
    int64_t tenant;

    memset(&list->out, 0, sizeof(list->out));
    list->out.items = arena_alloc(op->arena, limit * sizeof(*list->out.items));
    if (!sights || !list->out.items)
        return err_no_memory(err);
    if (!sql_tenant(d, op->tenant, false, &tenant, err) || !read_ids(&l, op, tenant, sights, err))
        return false;
    for (size_t i = 0; i < list->out.n; i += some)
        if (!describe(&l, sights + i, list->out.n - i < some ? list->out.n - i : some, err))
            return false;
    if (list->out.more)
        list->out.next = list->out.items[list->out.n - 1].id;
    return true;
}

/* sqlite_thread_copy.c - OP_THREAD_COPY; see op_checkpoints.h. */
#include <stdlib.h>

#include "clock.h"
#include "pack.h"
#include "sqlite_doomed.h"
#include "sqlite_target.h"

enum { CAP_FIRST = 64 };

/* Numbers of the source, and new stamps in their place: their order stays. */
struct renumber {
    struct arena *arena;
    int64_t *old; /* ascending, distinct */
    size_t n, cap;
    int64_t first; /* the new ones are consecutive */
};

struct copy {
    struct sqlite *d;
    struct op *op;
    struct ns_key to;
    int64_t from_thread, to_thread;
    struct renumber stamps; /* of the whole thread */
    struct renumber values; /* of the namespace at hand */
};

static bool renumber_add(struct renumber *r, int64_t number, struct err *err)
{
    if (r->n == r->cap) {
        size_t more = r->cap ? r->cap * 2 : CAP_FIRST;
        void *grown = arena_resize(r->arena, r->old, r->cap * sizeof(*r->old),
                                   more * sizeof(*r->old));

        if (!grown)
            return err_set(err, ERR_NO_MEMORY, "out of memory");
        r->old = grown;
        r->cap = more;
    }
    r->old[r->n++] = number;
    return true;
}

/* Takes the numbers in the first column of a query that gives them in order. */
static bool renumber_all(struct copy *c, enum sqlite_sql which, int64_t id, struct renumber *r,
                         struct err *err)
{
    AUTO(query_end) struct query q = {0};
    bool found;

    *r = (struct renumber){.arena = c->op->arena};
    if (!query_begin(c->d, which, &q, err))
        return false;
    query_int(&q, id);
    for (;;) {
        if (!query_step(&q, &found, err))
            return false;
        if (!found)
            break;
        if (!renumber_add(r, query_col_int(&q, 0), err))
            return false;
    }
    if (r->n > 0)
        r->first = stamp_take((int64_t)r->n);
    return true;
}

static int order_numbers(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

/* 0, which is none, for what is not known. */
static int64_t renumber_of(const struct renumber *r, int64_t number)
{
    const int64_t *found = r->n ? bsearch(&number, r->old, r->n, sizeof(number), order_numbers)
                                : NULL;

    return found ? r->first + ((int64_t)(found - r->old) << STAMP_NODE_BITS) : 0;
}

static bool copy_values(struct copy *c, int64_t from, int64_t to, struct err *err)
{
    AUTO(query_end) struct query q = {0};
    struct query put;
    bool found;

    if (!renumber_all(c, SQL_VALUE_ALL, from, &c->values, err) ||
        !query_begin(c->d, SQL_VALUE_ALL, &q, err))
        return false;
    query_int(&q, from);
    for (;;) {
        if (!query_step(&q, &found, err))
            return false;
        if (!found)
            return true;
        if (!query_begin(c->d, SQL_VALUE_COPY, &put, err))
            return false;
        query_int(&put, query_col_int(&q, 0));
        query_int(&put, renumber_of(&c->values, query_col_int(&q, 0)));
        query_int(&put, to);
        query_int(&put, renumber_of(&c->values, query_col_int(&q, 1)));
        if (!query_run(&put, err))
            return false;
    }
}

static bool copy_tasks(struct copy *c, int64_t from, struct target *to, struct err *err)
{
    AUTO(query_end) struct query q = {0};
    size_t n;
    bool found;

    if (!query_begin(c->d, SQL_TASK_CHANNEL, &q, err))
        return false;
    query_int(&q, from);
    for (;;) {
        if (!query_step(&q, &found, err))
            return false;
        if (!found)
            return true;
        struct task_row task = {
            .task_path = query_col(&q, 1),
            .stamp = renumber_of(&c->stamps, query_col_int(&q, 2)),
            .seq = renumber_of(&c->stamps, query_col_int(&q, 3)),
            .body = query_col(&q, 4),
        };

        if (!unpack_count(task.body, &n, err) ||
            !task_store(c->d, to, query_col(&q, 0), &task, err))
            return false;
        c->op->thread_copy.out.writes += (int64_t)n;
    }
}

static bool copy_refs(struct copy *c, struct slice packed, struct slice *out, struct err *err)
{
    int64_t *refs;
    size_t n;

    if (!unpack_refs(packed, c->op->arena, &refs, &n, err))
        return false;
    for (size_t i = 0; i < n; i++)
        refs[i] = renumber_of(&c->values, refs[i]);
    return pack_refs(refs, n, c->op->arena, out, err);
}

/* The row of CHECKPOINT_ALL that q stands on, without its writes. */
static bool copy_row(struct copy *c, struct query *q, struct target *to, struct err *err)
{
    struct checkpoint_cells cells = {
        .stamp = renumber_of(&c->stamps, query_col_int(q, 2)),
        .form = to->form,
        .created_us = query_col_int(q, 3),
        .parent_id = query_col(q, 4),
        .metadata = query_col(q, 5),
        .run_id = query_col(q, 6),
        .head = renumber_of(&c->values, query_col_int(q, 7)),
    };

    if (!copy_refs(c, query_col(q, 8), &cells.refs, err) ||
        !checkpoint_store(c->d, to, &cells, err))
        return false;
    to->row.stamp = cells.stamp;
    c->op->thread_copy.out.checkpoints++;
    return true;
}

static bool copy_checkpoints(struct copy *c, int64_t from, struct target *to, struct err *err)
{
    AUTO(query_end) struct query q = {0};
    bool found;

    if (!query_begin(c->d, SQL_CHECKPOINT_ALL, &q, err))
        return false;
    query_int(&q, from);
    for (;;) {
        if (!query_step(&q, &found, err))
            return false;
        if (!found)
            return true;
        to->row = (struct checkpoint_row){0};
        to->checkpoint_id = query_col(&q, 1);
        if ((query_col_int(&q, 2) > 0 && !copy_row(c, &q, to, err)) ||
            !copy_tasks(c, query_col_int(&q, 0), to, err))
            return false;
    }
}

static bool copy_namespace(struct copy *c, int64_t from, struct slice ns, enum form form,
                           struct err *err)
{
    struct target to = {.key = c->to, .form = form};
    struct ns_change change = {0};

    to.key.ns = ns;
    to.ns.thread = c->to_thread;
    if (c->stamps.n > 0)
        change.stamp = renumber_of(&c->stamps, c->stamps.old[c->stamps.n - 1]);
    return ns_make(c->d, &to.key, form, &to.ns, err) && copy_values(c, from, to.ns.id, err) &&
           copy_checkpoints(c, from, &to, err) && ns_grow(c->d, to.ns.id, &change, err) &&
           query_do(c->d, SQL_NS_RECOUNT, to.ns.id, 0, err);
}

static bool copy_all(struct copy *c, struct err *err)
{
    AUTO(query_end) struct query q = {0};
    bool found;

    if (!renumber_all(c, SQL_THREAD_STAMPS, c->from_thread, &c->stamps, err) ||
        !query_begin(c->d, SQL_NS_LIST, &q, err))
        return false;
    query_int(&q, c->from_thread);
    query_int(&q, INT64_MIN);
    for (;;) {
        if (!query_step(&q, &found, err))
            return false;
        if (!found)
            return true;
        if (!copy_namespace(c, query_col_int(&q, 0), query_col(&q, 1),
                            (enum form)query_col_int(&q, 2), err))
            return false;
    }
}

/* What is expired in either thread is nobody's any more: it goes first. */
static bool find_threads(struct copy *c, struct thread_row *from, struct thread_row *to,
                         struct err *err)
{
    int64_t expired_us = ns_expired_us(c->d, c->op->now_us);

    return thread_find(c->d, c->to.tenant, c->op->id, from, err) &&
           doomed_expire(c->d, from->id, expired_us, err) &&
           thread_find(c->d, c->to.tenant, c->to.thread, to, err) &&
           doomed_expire(c->d, to->id, expired_us, err) &&
           thread_find(c->d, c->to.tenant, c->to.thread, to, err);
}

bool sqlite_thread_copy(struct sqlite *d, struct op *op, struct err *err)
{
    struct copy c = {.d = d, .op = op, .to = {.thread = op->thread_copy.to}};
    struct thread_row from, to;
    bool holds, taken;

    memset(&op->thread_copy.out, 0, sizeof(op->thread_copy.out));
    if (!sqlite_tenant(d, op->tenant, false, &c.to.tenant, err) ||
        !find_threads(&c, &from, &to, err) || !thread_holds(d, from.id, INT64_MIN, &holds, err) ||
        !thread_holds(d, to.id, INT64_MIN, &taken, err))
        return false;
    if (taken)
        return err_set(err, ERR_THREAD, "The thread to copy to exists.");
    if (!holds)
        return true;
    stamp_observe(to.tomb);
    if (to.id == 0 && !thread_make(d, c.to.tenant, c.to.thread, &to, err))
        return false;
    c.from_thread = from.id;
    c.to_thread = to.id;
    return copy_all(&c, err) && thread_touch(d, to.id, op->now_us, err) &&
           sqlite_session_touch(d, c.to.tenant, c.to.thread, op->now_us, err);
}

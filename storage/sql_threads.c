/* sql_threads.c - OP_THREAD_GET, _LIST and _DELETE; see op_checkpoints.h. */
#include "copies.h"
#include "sql_garbage.h"
#include "sql_load.h"
#include "sql_ns.h"
#include "sql_ops.h"
#include "sql_scope.h"

struct part {
    int64_t id;
    enum form form;
    int64_t checkpoints;
};

static bool count_checkpoints(struct sql *d, int64_t expired_us, struct part *part, struct err *err)
{
    return expired_us == INT64_MIN ||
           query_number(d, SQL_NS_COUNT, (int64_t[]){part->id, expired_us}, &part->checkpoints,
                        err);
}

/* Names are copied in between, so the list moves when it grows: it doubles. */
static bool make_room(struct loader *l, struct thread *thread, size_t *cap, struct err *err)
{
    void *grown = arena_grow(l->arena, thread->namespaces, thread->n_namespaces,
                             sizeof(*thread->namespaces), cap);

    if (!grown)
        return err_no_memory(err);
    thread->namespaces = grown;
    return true;
}

static bool add_part(struct loader *l, struct query *q, struct thread *thread, struct part *part,
                     struct err *err)
{
    *part = (struct part){query_col_int(q, 0), (enum form)query_col_int(q, 2), query_col_int(q, 3)};
    thread->bytes += query_col_int(q, 4);
    return query_copy(q, 1, l->arena, &thread->namespaces[thread->n_namespaces++], err);
}

/* Namespaces come in order, "" first: the first that has a checkpoint tells the latest. */
static bool read_parts(struct loader *l, int64_t row, struct thread *thread, struct part *latest,
                       struct err *err)
{
    AUTO(query_end) struct query q = {0};
    struct part part;
    size_t cap = 0;
    bool found;

    if (!query_begin(l->d, SQL_NS_LIST, &q, err))
        return false;
    query_int(&q, row);
    query_int(&q, l->expired_us);
    for (;;) {
        if (!query_step(&q, &found, err))
            return false;
        if (!found)
            return true;
        if (!make_room(l, thread, &cap, err) || !add_part(l, &q, thread, &part, err) ||
            !count_checkpoints(l->d, l->expired_us, &part, err))
            return false;
        thread->checkpoints += part.checkpoints;
        if (latest->id == 0 && part.checkpoints > 0)
            *latest = part;
    }
}

static bool read_id(struct loader *l, int64_t row, struct slice *id, struct err *err)
{
    AUTO(query_end) struct query q = {0};
    bool found;

    if (!query_begin(l->d, SQL_CHECKPOINT_READ, &q, err))
        return false;
    query_int(&q, row);
    return query_step(&q, &found, err) && query_copy(&q, 0, l->arena, id, err);
}

/* Fills what is in a thread; its id and updated_us are set. */
static bool describe(struct loader *l, int64_t row, struct thread *thread, struct err *err)
{
    struct part latest = {0};
    int64_t checkpoint;

    if (!read_parts(l, row, thread, &latest, err))
        return false;
    if (latest.id == 0)
        return true;
    return scope_latest(l->d, latest.id, latest.form, l->expired_us, &checkpoint, err) &&
           read_id(l, checkpoint, &thread->latest, err);
}

bool sql_thread_get(struct sql *d, struct op *op, struct err *err)
{
    struct loader l = load_start(d, op);
    struct thread thread = {.id = op->id};
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
    if (!describe(&l, row.id, &thread, err))
        return false;
    op->thread_get.out.thread = thread;
    return true;
}

/* The bounds of the ids: from `lowest` on, below `below`. */
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
        lowest->len++; /* with the NUL behind it: the next id */
    }
    return true;
}

static bool add_thread(struct loader *l, struct query *q, struct thread *thread, struct err *err)
{
    *thread = (struct thread){.updated_us = query_col_int(q, 2)};
    return query_copy(q, 1, l->arena, &thread->id, err) &&
           describe(l, query_col_int(q, 0), thread, err);
}

bool sql_thread_list(struct sql *d, struct op *op, struct err *err)
{
    struct op_thread_list *list = &op->thread_list;
    struct loader l = load_start(d, op);
    AUTO(query_end) struct query q = {0};
    struct slice lowest, below;
    struct thread *items;
    int64_t tenant;
    bool found;
    size_t n;

    items = arena_alloc(op->arena, (size_t)list->limit * sizeof(*items));
    if (!items)
        return err_no_memory(err);
    if (!sql_tenant(d, op->tenant, false, &tenant, err) || !list_bounds(op, &lowest, &below, err) ||
        !query_begin(d, SQL_THREAD_LIST, &q, err))
        return false;
    query_int(&q, tenant);
    query_blob(&q, lowest);
    query_blob(&q, below);
    query_int(&q, list->updated_after_us > 0 ? list->updated_after_us : INT64_MIN);
    query_int(&q, l.expired_us);
    query_int(&q, list->limit + 1);
    for (n = 0;; n++) {
        if (!query_step(&q, &found, err))
            return false;
        if (!found || n == (size_t)list->limit)
            break;
        if (!add_thread(&l, &q, &items[n], err))
            return false;
    }
    list->out.items = items;
    list->out.n = n;
    list->out.more = found;
    list->out.next = found ? items[n - 1].id : SLICE("");
    return true;
}

/* The highest stamp of a thread and what is in it. */
static bool newest_stamp(struct sql *d, const struct thread_row *row, int64_t *stamp,
                         struct err *err)
{
    int64_t newest = 0;

    if (!query_number(d, SQL_THREAD_NEWEST, (int64_t[]){row->id, 0}, &newest, err))
        return false;
    *stamp = newest > row->tomb ? newest : row->tomb;
    return true;
}

bool sql_thread_delete(struct sql *d, struct op *op, struct err *err)
{
    struct thread_row row;
    int64_t tenant, newest, stamp;

    if (op->progress)
        return garbage_finish(d, op, err);
    return sql_tenant(d, op->tenant, true, &tenant, err) &&
           thread_find(d, tenant, op->id, &row, err) && newest_stamp(d, &row, &newest, err) &&
           op_stamp_above(op, newest, &stamp, err) &&
           sql_thread_remove(d, op, op->id, stamp, err) && garbage_finish(d, op, err);
}

bool sql_thread_remove(struct sql *d, struct op *op, struct slice id, int64_t stamp,
                       struct err *err)
{
    int64_t newest, tenant;
    struct thread_row row;

    if (!sql_tenant(d, op->tenant, true, &tenant, err) || !thread_find(d, tenant, id, &row, err) ||
        !newest_stamp(d, &row, &newest, err) ||
        !op_fence_allows(op, newest, err)) /* in the other store it would stay */
        return false;
    row.tomb = stamp < newest ? newest : stamp;
    if (row.id ? !garbage_thread(d, row.id, err) ||
                     !query_do(d, SQL_THREAD_TOMB, row.id, row.tomb, err)
               : !thread_make(d, tenant, id, &row, err))
        return false;
    return copies_thread(op, id, row.tomb, row.updated_us, err);
}

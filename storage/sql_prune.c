/* sql_prune.c - OP_THREAD_PRUNE and OP_RUNS_DELETE, and expiry; see op_threads.h, op_service.h. */
#include <stdlib.h>

#include "clock.h"
#include "copies.h"
#include "sql_doomed.h"
#include "sql_garbage.h"
#include "sql_keep.h"
#include "sql_ns.h"
#include "sql_ops.h"
#include "sql_part.h"
#include "sql_removal.h"

/* Expired checkpoints listed at a time. A namespace is searched again for each such list that it is in. */
enum { EXPIRED_MAX = 10000 };

enum { RUNS_AT_ONCE = 64 };

struct pruner {
    struct keeper keeper;
    struct keep keep;
    struct doomed doomed;
};

static bool add_item(struct loader *l, struct query *q, struct keep_ns *space, size_t *cap,
                     struct err *err)
{
    struct keep_item *items, *item;

    items = arena_grow(l->arena, space->items, space->n, sizeof(*items), cap);
    if (!items)
        return err_no_memory(err);
    space->items = items;
    item = &space->items[space->n++];
    *item = (struct keep_item){
        .row = query_col_int(q, 0),
        .stamp = query_col_int(q, 2),
        .created_us = query_col_int(q, 3),
    };
    return query_copy(q, 1, l->arena, &item->id, err) &&
           query_copy(q, 4, l->arena, &item->parent_id, err) &&
           query_copy(q, 5, l->arena, &item->metadata, err);
}

/* Loads the checkpoints of a namespace whose row and form are set, newest first. */
static bool load_space(struct loader *l, struct keep_ns *space, struct err *err)
{
    AUTO(query_end) struct query q = {0};
    size_t cap = 0;
    bool found;

    if (!query_begin(l->d, SQL_CHECKPOINT_ALL, &q, err))
        return false;
    query_int(&q, space->row);
    for (;;) {
        if (!query_step(&q, &found, err))
            return false;
        if (!found)
            break;
        if (query_col_int(&q, 2) > 0 && !add_item(l, &q, space, &cap, err))
            return false;
    }
    if (space->form == FORM_DOCUMENT) /* else their order is that of the query */
        keep_newest_first(space);
    return true;
}

static struct pruner pruner_new(struct sql *d, struct op *op)
{
    return (struct pruner){
        .keeper = {.load = load_start(d, op)},
        .keep = {.arena = op->arena, .load = keeper_load},
        .doomed = {.arena = op->arena},
    };
}

static bool doom_namespace(struct pruner *p, const struct keep_ns *space, int64_t *removed,
                           struct err *err)
{
    struct query q;
    int64_t note, names;

    for (size_t i = 0; i < space->n; i++) {
        struct doomed_item item = {space->row, space->items[i].row, space->items[i].stamp};

        if (space->items[i].kept)
            continue;
        if (!doomed_add(&p->doomed, &item, err))
            return false;
        ++*removed;
    }
    if (!unswept_find(p->keeper.load.d, space->row, &note, &names, err) ||
        (note &&
         !doomed_add(&p->doomed, &(struct doomed_item){.ns = space->row, .mark = names}, err)))
        return false;
    if (!space->dropped)
        return true;
    if (!query_begin(p->keeper.load.d, SQL_CHECKPOINT_ANCHORS, &q, err))
        return false;
    query_int(&q, space->row);
    return doomed_list(&p->doomed, &q, err);
}

/* Adds a namespace; a list that grows moves. */
static bool add_space(struct pruner *p, struct query *q, struct keep_ns **spaces, size_t n,
                      size_t *cap, struct err *err)
{
    void *grown = arena_grow(p->keeper.load.arena, *spaces, n, sizeof(**spaces), cap);
    struct keep_ns *space;

    if (!grown)
        return err_no_memory(err);
    *spaces = grown;
    space = &(*spaces)[n];
    *space = (struct keep_ns){.row = query_col_int(q, 0), .form = (enum form)query_col_int(q, 2)};
    return query_copy(q, 1, p->keeper.load.arena, &space->ns, err) &&
           load_space(&p->keeper.load, space, err);
}

static bool load_spaces(struct pruner *p, int64_t thread, struct keep_ns **spaces, size_t *n,
                        struct err *err)
{
    AUTO(query_end) struct query q = {0};
    size_t cap = 0;
    bool row;

    if (!query_begin(p->keeper.load.d, SQL_NS_LIST, &q, err))
        return false;
    query_int(&q, thread);
    query_int(&q, INT64_MIN);
    *spaces = NULL;
    for (*n = 0;; ++*n) {
        if (!query_step(&q, &row, err))
            return false;
        if (!row)
            return true;
        if (!add_space(p, &q, spaces, *n, &cap, err))
            return false;
    }
}

static bool name_thread(struct op *op, struct err *err)
{
    return op->thread_prune.out.removed == 0 || copies_name(op, RECORD_CHECKPOINTS, op->id, err);
}

static bool prune(struct pruner *p, struct op *op, int64_t thread, struct err *err)
{
    const struct op_thread_prune *prune = &op->thread_prune;
    struct keep_ns *spaces;
    struct removal removal;
    int64_t removed = 0;
    size_t n;

    p->keep.driver = &p->keeper;
    p->keep.keep_last = prune->keep_last;
    p->keep.older_than_us = prune->older_than_us;
    if (!removal_expire(p->keeper.load.d, thread, p->keeper.load.expired_us, err) ||
        !load_spaces(p, thread, &spaces, &n, err))
        return false;
    p->keeper.spaces = spaces;
    p->keeper.n_spaces = n;
    if (!keep_prune(&p->keep, spaces, n, err))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!doom_namespace(p, &spaces[i], &removed, err))
            return false;
    removal = removal_start(&p->doomed, op_removal_stamp(op));
    op->thread_prune.out.removed = removed;
    return removal_go_on(p->keeper.load.d, op, &removal, err) && name_thread(op, err);
}

static bool delete_all(struct sql *d, struct op *op, int64_t thread, struct err *err)
{
    int64_t removed = 0, expired_us = clock_expired_us(d->checkpoint_ttl_us, op->now_us);

    if (op->progress)
        return garbage_finish(d, op, err);
    if (!query_number(d, expired_us == INT64_MIN ? SQL_THREAD_TOTAL : SQL_THREAD_COUNT,
                      (int64_t[]){thread, expired_us}, &removed, err) ||
        !sql_thread_delete(d, op, err))
        return false;
    op->thread_prune.out.removed = removed;
    return true;
}

bool sql_thread_prune(struct sql *d, struct op *op, struct err *err)
{
    const struct op_thread_prune *asked = &op->thread_prune;
    struct pruner p = pruner_new(d, op);
    struct thread_row thread;
    int64_t tenant, newest = 0;

    if (op->progress && !asked->delete_all)
        return removal_go_on(d, op, op->progress, err) && name_thread(op, err);
    if (!sql_tenant(d, op->tenant, false, &tenant, err) ||
        !thread_find(d, tenant, op->id, &thread, err))
        return false;
    if (!op->progress)
        op->thread_prune.out.removed = 0;
    if (asked->delete_all)
        return delete_all(d, op, thread.id, err);
    if (thread.id == 0 || (asked->keep_last == 0 && asked->older_than_us == 0))
        return true;
    if (op->fence &&
        (!query_number(d, SQL_THREAD_NEWEST, (int64_t[]){thread.id, 0}, &newest, err) ||
         !op_fence_allows(op, newest, err))) /* the other store would keep it */
        return false;
    return prune(&p, op, thread.id, err);
}

static bool ask_run(struct pruner *p, struct slice run, int64_t tenant, struct query *q,
                    struct err *err)
{
    if (!query_begin(p->keeper.load.d, SQL_CHECKPOINT_RUN, q, err))
        return false;
    query_blob(q, run);
    query_int(q, tenant);
    query_int(q, p->keeper.load.expired_us);
    return query_ask(q, err);
}

/* Lists the checkpoints of at most RUNS_AT_ONCE runs, in one round trip. */
static bool list_some(struct pruner *p, const struct slice *runs, size_t n, int64_t tenant,
                      struct doomed *listed, struct err *err)
{
    struct query q[RUNS_AT_ONCE] = {0};
    bool ok = true;

    for (size_t i = 0; ok && i < n; i++)
        ok = ask_run(p, runs[i], tenant, &q[i], err);
    for (size_t i = 0; i < n; i++) {
        ok = ok && doomed_list(listed, &q[i], err);
        query_end(&q[i]);
    }
    return ok;
}

/* A local store allows only one use of a statement at a time. */
static bool list_runs(struct pruner *p, const struct op *op, int64_t tenant, struct doomed *listed,
                      struct err *err)
{
    const struct op_runs_delete *runs = &op->runs_delete;
    size_t most = p->keeper.load.d->driver->distant ? RUNS_AT_ONCE : 1;

    for (size_t i = 0, n; i < runs->n; i += n) {
        n = runs->n - i < most ? runs->n - i : most;
        if (!list_some(p, runs->run_ids + i, n, tenant, listed, err))
            return false;
    }
    doomed_sort(listed);
    return true;
}

/* Decides about the listed checkpoints of one namespace, which are sorted. */
static bool doom_runs(struct pruner *p, const struct doomed_item *items, size_t n, int64_t *removed,
                      struct err *err)
{
    struct keep_ns space = {.row = items[0].ns};
    int64_t form = 0;

    if (!query_number(p->keeper.load.d, SQL_NS_FORM_OF, (int64_t[]){space.row, 0}, &form, err))
        return false;
    space.form = (enum form)form;
    if (!load_space(&p->keeper.load, &space, err))
        return false;
    for (size_t i = 0; i < space.n; i++) {
        struct doomed_item key = {.ns = space.row, .id = space.items[i].row};

        space.items[i].holds = !bsearch(&key, items, n, sizeof(key), doomed_order);
    }
    p->keeper.spaces = &space;
    p->keeper.n_spaces = 1;
    return keep_needed(&p->keep, &space, err) && doom_namespace(p, &space, removed, err);
}

/* The progress of a deletion of runs: first decides, then removes. A copy of it continues from there. */
struct runs {
    struct doomed listed, doomed;
    size_t at; /* in `listed`; at its end the removal has begun */
    int64_t removed;
    struct removal *removal;
};

static bool name_thread_of(struct sql *d, struct op *op, int64_t ns, struct err *err)
{
    AUTO(query_end) struct query newest = {0}, name = {0};
    struct slice thread;
    bool found;

    if (!query_begin(d, SQL_NS_NEWEST, &newest, err))
        return false;
    query_int(&newest, ns);
    if (!query_ask(&newest, err) || !query_begin(d, SQL_NS_THREAD_ID, &name, err))
        return false;
    query_int(&name, ns);
    if (!query_ask(&name, err) || !query_step(&newest, &found, err) ||
        !op_fence_allows(op, found ? query_col_int(&newest, 0) : 0, err) ||
        !query_step(&name, &found, err))
        return false;
    return !found || (query_copy(&name, 0, op->arena, &thread, err) &&
                      copies_name(op, RECORD_CHECKPOINTS, thread, err));
}

/* Names the threads that lost checkpoints: the other store may need other checkpoints of a run. */
static bool name_threads(struct sql *d, struct op *op, const struct doomed *listed, struct err *err)
{
    for (size_t i = 0; op->replicate && i < listed->n; i++)
        if ((i == 0 || listed->items[i].ns != listed->items[i - 1].ns) &&
            !name_thread_of(d, op, listed->items[i].ns, err))
            return false;
    return true;
}

/* Decides about one namespace after the other, until the part is full: then `again` is set. */
static bool decide_runs(struct sql *d, struct op *op, struct runs *r, struct err *err)
{
    struct pruner p = pruner_new(d, op);
    const struct doomed_item *items = r->listed.items;
    size_t steps = 0;

    p.keep.driver = &p.keeper;
    p.doomed = r->doomed;
    for (size_t n; r->at < r->listed.n && !sql_part_full(d, steps); r->at += n, steps += n) {
        for (n = 1; r->at + n < r->listed.n && items[r->at + n].ns == items[r->at].ns; n++)
            ;
        if (!doom_runs(&p, &items[r->at], n, &r->removed, err))
            return false;
    }
    r->doomed = p.doomed;
    op->again = sql_part_full(d, steps);
    op->progress = r;
    return true;
}

static bool remove_runs(struct sql *d, struct op *op, struct runs *r, struct err *err)
{
    struct removal start;

    if (r->removal) {
        start = *r->removal;
    } else {
        start = removal_start(&r->doomed, op_removal_stamp(op));
        op->runs_delete.out.removed = r->removed;
    }
    if (!removal_go_on(d, op, &start, err))
        return false;
    r->removal = op->progress;
    op->progress = r;
    return true;
}

bool sql_runs_delete(struct sql *d, struct op *op, struct err *err)
{
    struct runs *r = arena_zalloc(op->arena, 1, sizeof(*r));
    struct pruner p = pruner_new(d, op);
    int64_t tenant;

    if (!r)
        return err_no_memory(err);
    if (op->progress) {
        *r = *(struct runs *)op->progress;
    } else {
        op->runs_delete.out.removed = 0;
        r->listed.arena = r->doomed.arena = op->arena;
        if (!sql_tenant(d, op->tenant, false, &tenant, err) ||
            !list_runs(&p, op, tenant, &r->listed, err))
            return false;
    }
    if (!name_threads(d, op, &r->listed, err) ||
        (r->at < r->listed.n && !decide_runs(d, op, r, err)))
        return false;
    if (op->again)
        return true;
    return remove_runs(d, op, r, err);
}

/* Lists the namespaces that a removal from before this time has left. */
static bool list_unswept(struct sql *d, int64_t before_us, struct doomed *list, struct err *err)
{
    AUTO(query_end) struct query q = {0};
    int64_t ns = 0, names = 0;
    bool found;

    if (!query_begin(d, SQL_UNSWEPT_LIST, &q, err))
        return false;
    query_int(&q, before_us);
    query_int(&q, EXPIRED_MAX);
    for (;;) {
        if (!unswept_next(&q, &ns, &names, &found, err))
            return false;
        if (!found)
            return true;
        if (!doomed_add(list, &(struct doomed_item){.ns = ns, .mark = names}, err))
            return false;
    }
}

bool sql_checkpoints_clean(struct sql *d, struct op *op, int64_t before_us, struct err *err)
{
    struct doomed list = {.arena = op->arena};
    struct removal removal;
    struct query q;

    if (d->checkpoint_ttl_us > 0) {
        if (!query_begin(d, SQL_CHECKPOINT_EXPIRED, &q, err))
            return false;
        query_int(&q, op->now_us - d->checkpoint_ttl_us);
        query_int(&q, EXPIRED_MAX);
        if (!doomed_list(&list, &q, err))
            return false;
        op->cleanup.out.more |= list.n == EXPIRED_MAX;
    }
    if (!list_unswept(d, before_us, &list, err))
        return false;
    removal = removal_start(&list, INT64_MAX);
    return removal_go_on(d, op, &removal, err);
}

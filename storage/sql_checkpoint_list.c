/* sql_checkpoint_list.c - OP_CHECKPOINT_LIST; see op_checkpoints.h. */
#include "sql_checkpoint_list.h"

#include "filter.h"
#include "sql_load.h"
#include "sql_ns.h"

/* Which checkpoints are looked at: the parameters of LIST_NAMESPACE_CHANNEL and its like. */
struct scope {
    enum sql_statement channel, document;
    int64_t id;      /* of the namespace, the thread or the tenant */
    struct slice ns; /* of a tenant; absent = all */
    int64_t expired_us;
    struct slice lowest, below; /* bounds of the id */
    int64_t below_stamp;        /* document form */
};

static const struct checkpoint_pos start = {.stamp = INT64_MAX};

struct lister {
    struct loader load;
    struct op *op;
    struct scope scope;
    bool has_channel, has_document; /* forms that are looked at */
    int64_t scanned;
    bool full;                  /* no more rows are wanted */
    struct checkpoint_pos last; /* of the last row that was dealt with; its texts are in place */
    struct arena place, scratch;
    char place_first[2048], scratch_first[4096];
};

static struct slice highest(void)
{
    return SLICE("\xFF");
}

static struct scope scope_of(enum sql_statement channel, int64_t id, int64_t expired_us)
{
    return (struct scope){
        .channel = channel,
        .document = channel + 1,
        .id = id,
        .expired_us = expired_us,
        .lowest = SLICE(""),
        .below = highest(),
        .below_stamp = INT64_MAX,
    };
}

_Static_assert(SQL_LIST_NAMESPACE_DOCUMENT == SQL_LIST_NAMESPACE_CHANNEL + 1 &&
                   SQL_LIST_THREAD_DOCUMENT == SQL_LIST_THREAD_CHANNEL + 1 &&
                   SQL_LIST_TENANT_DOCUMENT == SQL_LIST_TENANT_CHANNEL + 1,
               "pairs in this order");

static bool list_begin(struct sql *d, const struct scope *s, enum form form,
                       const struct checkpoint_pos *after, int64_t limit, struct query *q,
                       struct err *err)
{
    bool channel = form == FORM_CHANNEL, first = !slice_present(after->checkpoint_id);

    if (!query_begin(d, channel ? s->channel : s->document, q, err))
        return false;
    query_int(q, s->id);
    query_blob(q, s->ns);
    query_int(q, s->expired_us);
    query_blob(q, s->lowest);
    query_blob(q, s->below);
    query_int(q, s->below_stamp);
    if (channel)
        query_blob(q, first ? highest() : after->checkpoint_id);
    else
        query_int(q, after->stamp);
    query_blob(q, load_text(after->thread));
    query_blob(q, load_text(after->ns));
    query_blob(q, load_text(after->checkpoint_id));
    query_int(q, limit);
    return true;
}

/* Row id and write sequence of the newest checkpoint in a scope; 0 when there is none. */
static bool list_newest(struct sql *d, const struct scope *s, enum form form, int64_t *row,
                        int64_t *stamp, struct err *err)
{
    AUTO(query_end) struct query q = {0};
    bool found;

    if (!list_begin(d, s, form, &start, 1, &q, err) || !query_step(&q, &found, err))
        return false;
    *row = found ? query_col_int(&q, 0) : 0;
    *stamp = found ? query_col_int(&q, 4) : 0;
    return true;
}

bool list_latest(struct sql *d, int64_t ns, enum form form, int64_t expired_us, int64_t *row,
                 struct err *err)
{
    struct scope scope = scope_of(SQL_LIST_NAMESPACE_CHANNEL, ns, expired_us);
    int64_t stamp;

    return list_newest(d, &scope, form, row, &stamp, err);
}

static COLD bool no_memory(struct err *err)
{
    return err_set(err, ERR_NO_MEMORY, "out of memory");
}

/* The lowest text above id. */
static bool above(struct lister *l, struct slice id, struct slice *out, struct err *err)
{
    *out = arena_copy(l->op->arena, id);
    out->len++; /* the NUL behind it */
    return out->at || no_memory(err);
}

static struct slice lower(struct slice a, struct slice b)
{
    return slice_compare(a, b) < 0 ? a : b;
}

/* All namespaces of one thread: one is the usual case, and its index gives the order. */
static bool find_namespaces(struct lister *l, int64_t thread, struct err *err)
{
    AUTO(query_end) struct query q = {0};
    int64_t only = 0;
    bool found;
    int n;

    if (!query_begin(l->load.d, SQL_NS_LIST, &q, err))
        return false;
    query_int(&q, thread);
    query_int(&q, l->load.expired_us);
    for (n = 0;; n++) {
        if (!query_step(&q, &found, err))
            return false;
        if (!found)
            break;
        only = query_col_int(&q, 0);
        l->has_document |= query_col_int(&q, 2) == FORM_DOCUMENT;
        l->has_channel |= query_col_int(&q, 2) == FORM_CHANNEL;
    }
    l->scope = n == 1 ? scope_of(SQL_LIST_NAMESPACE_CHANNEL, only, l->load.expired_us)
                      : scope_of(SQL_LIST_THREAD_CHANNEL, thread, l->load.expired_us);
    return true;
}

static bool find_scope(struct lister *l, struct err *err)
{
    struct ns_key key = {.thread = l->op->id, .ns = l->op->checkpoint_list.ns};
    struct ns_row ns;

    if (!sql_tenant(l->load.d, l->op->tenant, false, &key.tenant, err))
        return false;
    if (!slice_present(key.thread)) {
        l->scope = scope_of(SQL_LIST_TENANT_CHANNEL, key.tenant, l->load.expired_us);
        l->scope.ns = key.ns;
        l->has_channel = l->has_document = key.tenant != 0;
        return true;
    }
    if (!ns_find(l->load.d, &key, &ns, err))
        return false;
    if (!slice_present(key.ns))
        return find_namespaces(l, ns.thread, err);
    l->scope = scope_of(SQL_LIST_NAMESPACE_CHANNEL, ns.id, l->load.expired_us);
    l->has_document = ns.form == FORM_DOCUMENT;
    l->has_channel = ns.form == FORM_CHANNEL;
    return true;
}

/* Only where all is of the document form must `before` be a checkpoint. */
static bool unknown_before(struct lister *l, struct err *err)
{
    AUTO(query_end) struct query q = {0};
    bool found;

    if (l->scope.channel == SQL_LIST_TENANT_CHANNEL) {
        if (!query_begin(l->load.d, SQL_NS_FORMS, &q, err))
            return false;
        query_int(&q, l->scope.id);
        query_blob(&q, l->scope.ns);
        if (!query_step(&q, &found, err))
            return false;
        l->has_document = query_col_int(&q, 0);
        l->has_channel = query_col_int(&q, 1);
    }
    if (l->has_document && !l->has_channel)
        return err_set(err, ERR_INVALID, "before: there is no such checkpoint");
    l->has_document = false;
    return true;
}

static bool bound_stamp(struct lister *l, struct slice before, struct err *err)
{
    struct scope named = l->scope;
    int64_t row, stamp;

    named.lowest = before;
    if (!above(l, before, &named.below, err) ||
        !list_newest(l->load.d, &named, FORM_DOCUMENT, &row, &stamp, err))
        return false;
    if (row == 0)
        return unknown_before(l, err);
    l->scope.below_stamp = stamp;
    return true;
}

static bool find_bounds(struct lister *l, struct err *err)
{
    const struct op_checkpoint_list *list = &l->op->checkpoint_list;

    if (!find_scope(l, err))
        return false;
    if (slice_present(list->before) && l->has_document && !bound_stamp(l, list->before, err))
        return false;
    if (!slice_present(list->checkpoint_id))
        return true;
    l->scope.lowest = list->checkpoint_id;
    return above(l, list->checkpoint_id, &l->scope.below, err);
}

static bool filters(const struct lister *l)
{
    const struct filter *filter = l->op->checkpoint_list.filter;

    return filter && filter->n > 0;
}

static bool filter_row(struct lister *l, int64_t row, bool *matches, struct err *err)
{
    const struct filter *filter = l->op->checkpoint_list.filter;
    AUTO(query_end) struct query q = {0};
    bool found;

    *matches = true;
    if (!filters(l))
        return true;
    if (!query_begin(l->load.d, SQL_CHECKPOINT_METADATA, &q, err))
        return false;
    query_int(&q, row);
    if (!query_step(&q, &found, err))
        return false;
    arena_reset(&l->scratch);
    return filter_matches(filter, query_col(&q, 0), &l->scratch, matches, err);
}

static bool add_item(struct lister *l, struct query *q, struct err *err)
{
    struct op_checkpoint_list *list = &l->op->checkpoint_list;
    struct checkpoint *item;

    if (!load_checkpoint(&l->load, query_col_int(q, 0), list->values, &item, err) ||
        !load_copy(&l->load, q, 1, &item->thread, err) ||
        !load_copy(&l->load, q, 2, &item->ns, err))
        return false;
    list->out.items[list->out.n++] = item;
    return true;
}

static bool keep_place(struct lister *l, struct query *q, enum form form, struct err *err)
{
    arena_reset(&l->place);
    l->last.form = form;
    l->last.stamp = query_col_int(q, 4);
    return query_copy(q, 1, &l->place, &l->last.thread, err) &&
           query_copy(q, 2, &l->place, &l->last.ns, err) &&
           query_copy(q, 3, &l->place, &l->last.checkpoint_id, err);
}

/* One row; it is left for the next call when no more are wanted. */
static bool look(struct lister *l, struct query *q, enum form form, struct err *err)
{
    struct op_checkpoint_list *list = &l->op->checkpoint_list;
    bool matches;

    if (l->scanned == CHECKPOINT_SCAN_MAX) {
        l->full = true;
        return true;
    }
    if (!filter_row(l, query_col_int(q, 0), &matches, err))
        return false;
    if (matches && (list->out.n == (size_t)list->limit || l->load.bytes >= PAGE_BYTES_MAX)) {
        l->full = true;
        return true;
    }
    l->scanned++;
    return (!matches || add_item(l, q, err)) && keep_place(l, q, form, err);
}

/* How many rows can be needed: one above the page says that there are more. */
static int64_t rows_wanted(const struct lister *l)
{
    const struct op_checkpoint_list *list = &l->op->checkpoint_list;

    return (filters(l) ? CHECKPOINT_SCAN_MAX - l->scanned : list->limit - (int64_t)list->out.n) + 1;
}

static bool scan(struct lister *l, const struct scope *scope, enum form form, struct err *err)
{
    const struct checkpoint_pos *after = &l->op->checkpoint_list.after;
    AUTO(query_end) struct query q = {0};
    bool found;

    if (!list_begin(l->load.d, scope, form, after->form == form ? after : &start, rows_wanted(l),
                    &q, err))
        return false;
    while (!l->full) {
        if (!query_step(&q, &found, err))
            return false;
        if (!found)
            return true;
        if (!look(l, &q, form, err))
            return false;
    }
    return true;
}

static bool scan_channel(struct lister *l, struct err *err)
{
    const struct op_checkpoint_list *list = &l->op->checkpoint_list;
    struct scope scope = l->scope;
    struct slice bound;

    if (slice_present(list->before))
        scope.below = lower(scope.below, list->before);
    if (list->after.form == FORM_CHANNEL) {
        if (!above(l, list->after.checkpoint_id, &bound, err))
            return false;
        scope.below = lower(scope.below, bound);
    }
    return scan(l, &scope, FORM_CHANNEL, err);
}

static bool scan_document(struct lister *l, struct err *err)
{
    const struct checkpoint_pos *after = &l->op->checkpoint_list.after;
    struct scope scope = l->scope;

    if (after->form == FORM_DOCUMENT && after->stamp < scope.below_stamp)
        scope.below_stamp = after->stamp + 1;
    return scan(l, &scope, FORM_DOCUMENT, err);
}

static bool finish(struct lister *l, struct err *err)
{
    struct op_checkpoint_list *list = &l->op->checkpoint_list;
    struct arena *arena = l->op->arena;

    if (!l->full)
        return true;
    list->out.more = true;
    list->out.next = l->last;
    list->out.next.thread = arena_copy(arena, l->last.thread);
    list->out.next.ns = arena_copy(arena, l->last.ns);
    list->out.next.checkpoint_id = arena_copy(arena, l->last.checkpoint_id);
    return (list->out.next.thread.at && list->out.next.ns.at && list->out.next.checkpoint_id.at) ||
           no_memory(err);
}

static bool run(struct lister *l, struct err *err)
{
    struct op_checkpoint_list *list = &l->op->checkpoint_list;

    memset(&list->out, 0, sizeof(list->out));
    list->out.items = arena_alloc(l->op->arena, (size_t)list->limit * sizeof(*list->out.items));
    if (!list->out.items)
        return no_memory(err);
    if (!find_bounds(l, err))
        return false;
    if (l->has_channel && list->after.form != FORM_DOCUMENT && !scan_channel(l, err))
        return false;
    if (l->has_document && !l->full && !scan_document(l, err))
        return false;
    return finish(l, err);
}

bool sql_checkpoint_list(struct sql *d, struct op *op, struct err *err)
{
    struct lister l = {.load = load_start(d, op), .op = op};
    bool ok;

    arena_init(&l.place, l.place_first, sizeof(l.place_first));
    arena_init(&l.scratch, l.scratch_first, sizeof(l.scratch_first));
    ok = run(&l, err);
    arena_done(&l.place);
    arena_done(&l.scratch);
    return ok;
}

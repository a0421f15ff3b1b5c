/* sql_checkpoint_list.c - OP_CHECKPOINT_LIST; see op_checkpoints.h. */
#include "damage.h"
#include "filter.h"
#include "sql_load.h"
#include "sql_ops.h"
#include "sql_scope.h"

/* Rows that are handled together; only of those that match more is read. */
enum { ROWS = 100 };

/* Of a whole tenant it is not known how large its checkpoints are; this is a guess per item. */
enum { EXPECTED = PAGE_BYTES_MAX / 8 };

struct row {
    int64_t id;
    struct checkpoint_pos at; /* texts are in `place` */
    bool matches;
};

struct lister {
    struct loader load;
    struct op *op;
    struct scope scope;
    bool has_channel, has_document; /* forms that are looked at */
    size_t expected;                /* bytes of an item, while there is none to judge by */
    int64_t scanned;
    bool full;                  /* no more rows are wanted */
    struct checkpoint_pos last; /* of the last row handled; its texts are in `place` */
    struct row rows[ROWS];
    size_t n_rows;
    struct arena place[2], scratch; /* place: texts of these rows, and of the rows before */
    unsigned turn;
    char place_first[2][2048], scratch_first[4096];
};

/* The lowest text above id: id and a NUL. */
static bool above(struct lister *l, struct slice id, struct slice *out, struct err *err)
{
    *out = arena_copy(l->op->arena, id);
    out->len++; /* the NUL that arena_copy() adds */
    return out->at || err_no_memory(err);
}

static struct slice lower(struct slice a, struct slice b)
{
    return slice_compare(a, b) < 0 ? a : b;
}

/*
 * Finds the namespace that is asked for, or all that hold something. Usually it is only one, whose index
 * gives the order. What they hold tells how many items to read at once.
 */
static bool find_namespaces(struct lister *l, int64_t tenant, struct err *err)
{
    struct slice ns = l->op->checkpoint_list.ns;
    int64_t only = 0, thread = 0, checkpoints = 0, bytes = 0;
    AUTO(query_end) struct query q = {0};
    bool found;
    int n;

    if (!query_begin(l->load.d, slice_present(ns) ? SQL_NS_SCOPE : SQL_NS_SCOPES, &q, err))
        return false;
    query_int(&q, tenant);
    query_blob(&q, l->op->id);
    if (slice_present(ns))
        query_blob(&q, ns);
    else
        query_int(&q, l->load.expired_us);
    for (n = 0;; n++) {
        if (!query_step(&q, &found, err))
            return false;
        if (!found)
            break;
        only = query_col_int(&q, 0);
        l->has_document |= query_col_int(&q, 1) == FORM_DOCUMENT;
        l->has_channel |= query_col_int(&q, 1) == FORM_CHANNEL;
        checkpoints += query_col_int(&q, 2);
        bytes += query_col_int(&q, 3);
        thread = query_col_int(&q, 4);
    }
    if (checkpoints > 0 && bytes > 0)
        l->expected = (size_t)(bytes / checkpoints) + 1;
    l->scope = n == 1 ? scope_of(SQL_LIST_NAMESPACE_CHANNEL, only, l->load.expired_us)
                      : scope_of(SQL_LIST_THREAD_CHANNEL, thread, l->load.expired_us);
    return true;
}

static bool find_scope(struct lister *l, struct err *err)
{
    int64_t tenant;

    if (!sql_tenant(l->load.d, l->op->tenant, false, &tenant, err))
        return false;
    if (slice_present(l->op->id))
        return find_namespaces(l, tenant, err);
    l->scope = scope_of(SQL_LIST_TENANT_CHANNEL, tenant, l->load.expired_us);
    l->scope.ns = l->op->checkpoint_list.ns;
    l->has_channel = l->has_document = tenant != 0;
    return true;
}

/* A `before` that does not exist is an error only if everything is in document form. */
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
        !scope_newest(l->load.d, &named, FORM_DOCUMENT, &row, &stamp, err))
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

/* Begins a statement on rows by their ids. */
static bool begin_rows(struct lister *l, int which, const int64_t *ids, size_t n, struct query *q,
                       struct err *err)
{
    return load_begin_among(l->load.d, which, ids, n, l->op->arena, q, err);
}

static bool filter_rows(struct lister *l, struct err *err)
{
    const struct filter *filter = l->op->checkpoint_list.filter;
    AUTO(query_end) struct query q = {0};
    int64_t ids[ROWS], id;
    bool found;

    for (size_t i = 0; i < l->n_rows; i++) {
        ids[i] = l->rows[i].id;
        l->rows[i].matches = !filters(l);
    }
    if (!filters(l))
        return true;
    if (!begin_rows(l, SQL_CHECKPOINT_METADATA, ids, l->n_rows, &q, err))
        return false;
    for (;;) {
        if (!query_step(&q, &found, err))
            return false;
        if (!found)
            return true;
        id = query_col_int(&q, 0);
        arena_reset(&l->scratch);
        for (size_t i = 0; i < l->n_rows; i++)
            if (ids[i] == id &&
                !filter_matches(filter, query_col(&q, 1), &l->scratch, &l->rows[i].matches, err))
                return false;
    }
}

/* Loads rows, which come in any order. */
static bool load_rows(struct lister *l, const int64_t *ids, size_t n, struct loaded *items,
                      struct err *err)
{
    AUTO(query_end) struct query q = {0};
    struct loaded item;
    size_t n_found = 0;
    bool found;

    if (!begin_rows(l, SQL_CHECKPOINT_SOME, ids, n, &q, err))
        return false;
    for (;; n_found++) {
        if (!query_step(&q, &found, err))
            return false;
        if (!found)
            break;
        if (!load_checkpoint(&l->load, &q, &item, err))
            return false;
        for (size_t i = 0; i < n; i++)
            if (ids[i] == item.row)
                items[i] = item;
    }
    return n_found == n ||
           err_set(err, ERR_DAMAGED, "store: a checkpoint that was found is not there");
}

static bool name_item(struct lister *l, const struct row *row, struct checkpoint *item,
                      struct err *err)
{
    item->thread = arena_copy(l->op->arena, row->at.thread);
    item->ns = arena_copy(l->op->arena, row->at.ns);
    l->load.bytes += item->thread.len + item->ns.len;
    return (item->thread.at && item->ns.at) || err_no_memory(err);
}

static bool load_items(struct lister *l, const struct row *const rows[], size_t n,
                       struct loaded *items, struct err *err)
{
    unsigned what = LOAD_WRITES | (l->op->checkpoint_list.values ? LOAD_VALUES : 0);
    int64_t ids[ROWS];

    for (size_t i = 0; i < n; i++)
        ids[i] = rows[i]->id;
    return load_rows(l, ids, n, items, err) && load_contents(&l->load, items, n, what, err);
}

/* Finds the damaged one by loading each alone, and names it. Returns false. */
static bool name_damaged(struct lister *l, const struct row *const rows[], size_t n,
                         struct err *err)
{
    struct err own = *err;
    struct loaded item;
    size_t i = 0;

    if (err->kind != ERR_DAMAGED)
        return false;
    while (n > 1 && i < n && load_items(l, &rows[i], 1, &item, &own))
        i++;
    if (i == n || own.kind != ERR_DAMAGED) /* it has gone, or the store can tell no more */
        return false;
    *err = own;
    return damage_at(&(struct damage_place){.thread = rows[i]->at.thread,
                                            .ns = rows[i]->at.ns,
                                            .checkpoint = rows[i]->at.checkpoint_id},
                     err);
}

static bool add_items(struct lister *l, const struct row *const rows[], size_t n, struct err *err)
{
    struct op_checkpoint_list *list = &l->op->checkpoint_list;
    struct loaded items[ROWS];

    if (n == 0)
        return true;
    if (!load_items(l, rows, n, items, err))
        return name_damaged(l, rows, n, err);
    for (size_t i = 0; i < n; i++) {
        if (!name_item(l, rows[i], items[i].checkpoint, err))
            return false;
        list->out.items[list->out.n++] = items[i].checkpoint;
    }
    return true;
}

/* How many items to read at once: as many as are likely to fit into the page. */
static size_t items_wanted(const struct lister *l)
{
    const struct op_checkpoint_list *list = &l->op->checkpoint_list;
    size_t n = list->out.n, each = n ? l->load.bytes / n + 1 : l->expected;
    size_t left = (size_t)list->limit - n, fit;

    if (l->load.bytes >= PAGE_BYTES_MAX)
        return 0;
    fit = (PAGE_BYTES_MAX - l->load.bytes) / each + 1;
    return fit < left ? fit : left;
}

/* Handles rows from *at on, and leaves some for the next call once no more are wanted. */
static bool look(struct lister *l, size_t *at, struct err *err)
{
    size_t first = *at, n = 0, most = items_wanted(l);
    const struct row *wanted[ROWS];

    for (; *at < l->n_rows; ++*at) {
        const struct row *row = &l->rows[*at];

        if (l->scanned == SCAN_MAX || (row->matches && n == most))
            break;
        if (row->matches)
            wanted[n++] = row;
        l->scanned++;
        l->last = row->at;
    }
    l->full = *at < l->n_rows && (*at == first || l->scanned == SCAN_MAX);
    return add_items(l, wanted, n, err);
}

/* Reads the next rows, with their texts. */
static bool take_rows(struct lister *l, struct query *q, enum form form, struct err *err)
{
    struct arena *place;
    bool found;

    l->turn += l->n_rows > 0; /* after an empty batch the other arena still holds the last row */
    place = &l->place[l->turn % COUNT_OF(l->place)];
    arena_reset(place);
    for (l->n_rows = 0; l->n_rows < ROWS; l->n_rows++) {
        struct row *row = &l->rows[l->n_rows];

        if (!query_step(q, &found, err))
            return false;
        if (!found)
            return true;
        *row = (struct row){.id = query_col_int(q, 0),
                            .at = {.form = form, .stamp = query_col_int(q, 4)}};
        if (!query_copy(q, 1, place, &row->at.thread, err) ||
            !query_copy(q, 2, place, &row->at.ns, err) ||
            !query_copy(q, 3, place, &row->at.checkpoint_id, err))
            return false;
    }
    return true;
}

/* How many rows can be needed: one beyond the page tells that there are more. */
static int64_t rows_wanted(const struct lister *l)
{
    const struct op_checkpoint_list *list = &l->op->checkpoint_list;

    return (filters(l) ? SCAN_MAX - l->scanned : list->limit - (int64_t)list->out.n) + 1;
}

static bool scan(struct lister *l, const struct scope *scope, enum form form, struct err *err)
{
    const struct checkpoint_pos *after = &l->op->checkpoint_list.after;
    AUTO(query_end) struct query q = {0};
    size_t at;

    if (!scope_begin(l->load.d, scope, form, after->form == form ? after : NULL, rows_wanted(l), &q,
                     err))
        return false;
    do {
        if (!take_rows(l, &q, form, err) || !filter_rows(l, err))
            return false;
        for (at = 0; at < l->n_rows && !l->full;)
            if (!look(l, &at, err))
                return false;
    } while (l->n_rows == ROWS && !l->full);
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
           err_no_memory(err);
}

static bool run(struct lister *l, struct err *err)
{
    struct op_checkpoint_list *list = &l->op->checkpoint_list;

    memset(&list->out, 0, sizeof(list->out));
    list->out.items = arena_alloc(l->op->arena, (size_t)list->limit * sizeof(*list->out.items));
    if (!list->out.items)
        return err_no_memory(err);
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
    struct lister l = {.load = load_start(d, op), .op = op, .expected = EXPECTED};
    bool ok;

    for (size_t i = 0; i < COUNT_OF(l.place); i++)
        arena_init(&l.place[i], l.place_first[i], sizeof(l.place_first[i]));
    arena_init(&l.scratch, l.scratch_first, sizeof(l.scratch_first));
    ok = run(&l, err);
    for (size_t i = 0; i < COUNT_OF(l.place); i++)
        arena_done(&l.place[i]);
    arena_done(&l.scratch);
    return ok;
}

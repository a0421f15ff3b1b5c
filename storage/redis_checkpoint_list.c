/* redis_checkpoint_list.c - OP_CHECKPOINT_LIST; see op_checkpoints.h. */
#include <stdlib.h>

#include "filter.h"
#include "redis_load.h"
#include "redis_ops.h"
#include "redis_threads.h"
#include "redis_walk.h"

enum { GROUP = 16, CHANNEL_CUT = 1, DOCUMENT_CUT = 21 };

/* A namespace that is looked at. */
struct scope {
    struct slice thread;
    struct space space;
};

/* A row that may be listed. */
struct candidate {
    struct slice thread, ns, id;
    int64_t stamp;
};

struct lister {
    struct call *c;
    struct loader load;
    struct scope *scopes;
    size_t n_scopes, cap;
    bool has_channel, has_document;
    int64_t below_stamp;
    int64_t scanned;
    bool full;                  /* no more rows are wanted */
    struct checkpoint_pos last; /* of the last row that was dealt with */
};

static bool filters(const struct lister *l)
{
    const struct filter *filter = l->c->op->checkpoint_list.filter;

    return filter && filter->n > 0;
}

static bool add_scopes(struct lister *l, struct slice thread, const struct thread_row *row,
                       struct err *err)
{
    struct slice ns = l->c->op->checkpoint_list.ns;

    for (size_t i = 0; i < row->n; i++) {
        const struct space *space = &row->spaces[i];
        void *grown;

        if (!space->stored || space->form == FORM_NONE ||
            (slice_present(ns) && !slice_equal(ns, space->ns)))
            continue;
        grown = arena_grow(l->c->arena, l->scopes, l->n_scopes, sizeof(*l->scopes), &l->cap);
        if (!grown)
            return err_no_memory(err);
        l->scopes = grown;
        l->scopes[l->n_scopes++] = (struct scope){thread, *space};
        l->has_channel |= space->form == FORM_CHANNEL;
        l->has_document |= space->form == FORM_DOCUMENT;
    }
    return true;
}

static bool add_threads(struct lister *l, const struct walk_item *ids, size_t n, struct err *err)
{
    struct slice all = {NULL, 0};
    struct thread_row row;
    struct reply **replies;

    for (size_t i = 0; i < n; i++) {
        call_at(l->c, l->c->op->tenant, ids[i].member);
        redis_thread_ask(l->c, all);
    }
    if (!call_answers(l->c, &replies, err))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!redis_thread_take(l->c, all, replies[i], &row, err) ||
            !add_scopes(l, ids[i].member, &row, err))
            return false;
    return true;
}

/* The namespaces of the thread, or of every thread. */
static bool find_scopes(struct lister *l, struct err *err)
{
    struct call *c = l->c;
    struct walk w = {.c = c, .kind = "threads", .tenant = c->op->tenant};
    struct walk_item ids[256];
    bool found = true;

    if (slice_present(c->op->id))
        return add_threads(l, &(struct walk_item){.member = c->op->id}, 1, err);
    if (!walk_begin(&w, COUNT_OF(ids), err))
        return false;
    while (found) {
        size_t n = 0;

        while (found && n < COUNT_OF(ids)) {
            if (!walk_next(&w, &ids[n], &found, err))
                return false;
            n += found;
        }
        if (n > 0 && !add_threads(l, ids, n, err))
            return false;
    }
    return true;
}

/* Document form: `before` is the newest checkpoint of that id. */
static bool bound_stamp(struct lister *l, struct err *err)
{
    struct slice before = l->c->op->checkpoint_list.before;
    struct reply **replies;
    struct cp_row row;
    int64_t newest = 0;

    for (size_t i = 0; i < l->n_scopes; i++) {
        call_at(l->c, l->c->op->tenant, l->scopes[i].thread);
        ASK(l->c, SLICE("HGET"), call_key_ns(l->c, "checkpoints", l->scopes[i].space.ns), before);
    }
    if (!call_answers(l->c, &replies, err))
        return false;
    for (size_t i = 0; i < l->n_scopes; i++) {
        if (l->scopes[i].space.form != FORM_DOCUMENT)
            continue;
        if (!redis_cp_take(before, replies[i], &row, err))
            return false;
        if (row.stamp > newest && row.created_us > redis_cp_expired_us(l->c->d, l->c->op->now_us))
            newest = row.stamp;
    }
    if (newest > 0) {
        l->below_stamp = newest;
        return true;
    }
    if (l->has_document && !l->has_channel)
        return err_set(err, ERR_INVALID, "before: there is no such checkpoint");
    l->has_document = false;
    return true;
}

/* How many rows of a namespace can be needed; what is hidden by age or filter counts too. */
static int64_t rows_wanted(const struct lister *l)
{
    bool deep = filters(l) || l->c->d->checkpoint_ttl_us > 0;

    return (deep ? SCAN_MAX : l->c->op->checkpoint_list.limit) + 2;
}

/* Asks for the order of one namespace: what can be on the page. */
static void ask_order(struct lister *l, const struct scope *s)
{
    const struct op_checkpoint_list *list = &l->c->op->checkpoint_list;
    struct call *c = l->c;
    struct slice high = SLICE("(d"), low = SLICE("[c");

    call_at(c, c->op->tenant, s->thread);
    if (s->space.form == FORM_CHANNEL) {
        if (list->after.form == FORM_CHANNEL)
            high = call_concat(c, SLICE("[c"), list->after.checkpoint_id);
        if (slice_present(list->before) &&
            (list->after.form != FORM_CHANNEL ||
             slice_compare(list->before, list->after.checkpoint_id) <= 0))
            high = call_concat(c, SLICE("(c"), list->before);
    } else {
        int64_t below = l->below_stamp;

        if (list->after.form == FORM_DOCUMENT && list->after.stamp < below)
            below = list->after.stamp + 1;
        high = below == INT64_MAX ? SLICE("(e")
                                  : call_concat(c, SLICE("(d"), redis_digits(below, c->arena));
        low = SLICE("[d");
    }
    if (slice_present(list->checkpoint_id))
        ASK(c, SLICE("HGET"), call_key_ns(c, "checkpoints", s->space.ns), list->checkpoint_id);
    else
        ASK(c, SLICE("ZREVRANGEBYLEX"), call_key_ns(c, "sequence", s->space.ns), high, low,
            SLICE("LIMIT"), SLICE("0"), call_number(c, rows_wanted(l)));
}

static int order_channel(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    int order = slice_compare(y->id, x->id);

    if (!order)
        order = slice_compare(y->thread, x->thread);
    return order ? order : slice_compare(y->ns, x->ns);
}

static int order_document(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    int order = (x->stamp < y->stamp) - (x->stamp > y->stamp);

    if (!order)
        order = slice_compare(y->thread, x->thread);
    if (!order)
        order = slice_compare(y->ns, x->ns);
    return order ? order : slice_compare(y->id, x->id);
}

/* Whether a row is behind the place where the page begins, and below `before`. */
static bool is_in_page(const struct lister *l, enum form form, const struct candidate *row)
{
    const struct op_checkpoint_list *list = &l->c->op->checkpoint_list;
    struct candidate after = {list->after.thread, list->after.ns, list->after.checkpoint_id,
                              list->after.stamp};

    if (form == FORM_CHANNEL && slice_present(list->before) &&
        slice_compare(row->id, list->before) >= 0)
        return false;
    if (form == FORM_DOCUMENT && row->stamp >= l->below_stamp)
        return false;
    if (list->after.form != form || !slice_present(list->after.checkpoint_id))
        return true;
    return form == FORM_CHANNEL ? order_channel(row, &after) > 0 : order_document(row, &after) > 0;
}

static bool take_order(struct lister *l, const struct scope *s, const struct reply *reply,
                       struct candidate *list, size_t *n, struct err *err)
{
    size_t cut = s->space.form == FORM_CHANNEL ? CHANNEL_CUT : DOCUMENT_CUT;
    struct candidate row = {s->thread, s->space.ns, l->c->op->checkpoint_list.checkpoint_id, 0};
    struct cp_row stored;

    if (reply->type != REPLY_LIST) {
        if (!redis_cp_take(row.id, reply, &stored, err))
            return false;
        row.stamp = stored.stamp;
        if (stored.stamp > 0 && stored.form == s->space.form && is_in_page(l, stored.form, &row))
            list[(*n)++] = row;
        return true;
    }
    for (size_t i = 0; i < reply->n; i++) {
        struct slice place = reply->items[i]->text;

        row.id = (struct slice){place.at + cut, place.len - cut};
        if (cut == DOCUMENT_CUT)
            row.stamp = redis_number((struct slice){place.at + 1, DOCUMENT_CUT - 1});
        if (is_in_page(l, s->space.form, &row))
            list[(*n)++] = row;
    }
    return true;
}

/* The candidates of one form, in order. */
static bool find_candidates(struct lister *l, enum form form, struct candidate **out, size_t *n,
                            struct err *err)
{
    struct reply **replies;
    size_t room = 1, at = 0;

    for (size_t i = 0; i < l->n_scopes; i++)
        if (l->scopes[i].space.form == form)
            ask_order(l, &l->scopes[i]);
    if (!call_answers(l->c, &replies, err))
        return false;
    for (size_t i = 0; i < l->n_scopes; i++)
        if (l->scopes[i].space.form == form)
            room += replies[at++]->n + 1;
    *out = arena_alloc(l->c->arena, room * sizeof(**out));
    if (!*out)
        return err_no_memory(err);
    *n = at = 0;
    for (size_t i = 0; i < l->n_scopes; i++)
        if (l->scopes[i].space.form == form &&
            !take_order(l, &l->scopes[i], replies[at++], *out, n, err))
            return false;
    if (*n > 1)
        qsort(*out, *n, sizeof(**out), form == FORM_CHANNEL ? order_channel : order_document);
    return true;
}

static bool matches(struct lister *l, const struct cp_row *row, bool *match, struct err *err)
{
    struct arena scratch = {0};
    bool ok;

    *match = true;
    if (!filters(l))
        return true;
    ok = filter_matches(l->c->op->checkpoint_list.filter, row->metadata, &scratch, match, err);
    arena_done(&scratch);
    return ok;
}

/* One row; it is left for the next call when no more are wanted. */
static bool look(struct lister *l, enum form form, struct load_item *item, struct err *err)
{
    struct op_checkpoint_list *list = &l->c->op->checkpoint_list;
    bool match;

    if (l->scanned == SCAN_MAX) {
        l->full = true;
        return true;
    }
    if (!matches(l, &item->row, &match, err))
        return false;
    if (match && (list->out.n == (size_t)list->limit || l->load.bytes >= PAGE_BYTES_MAX)) {
        l->full = true;
        return true;
    }
    l->scanned++;
    if (match) {
        if (!redis_load_items(&l->load, item, 1, list->values, err))
            return false;
        list->out.items[list->out.n++] = item->out;
    }
    l->last = (struct checkpoint_pos){form, item->row.id, item->thread, item->ns, item->row.stamp};
    return true;
}

/* A group of candidates: their rows, then those that are listed. */
static bool look_at(struct lister *l, enum form form, const struct candidate *list, size_t n,
                    struct err *err)
{
    struct reply **replies;

    for (size_t i = 0; i < n; i++) {
        call_at(l->c, l->c->op->tenant, list[i].thread);
        ASK(l->c, SLICE("HGET"), call_key_ns(l->c, "checkpoints", list[i].ns), list[i].id);
    }
    if (!call_answers(l->c, &replies, err))
        return false;
    for (size_t i = 0; i < n && !l->full; i++) {
        struct load_item item = {.thread = list[i].thread, .ns = list[i].ns};

        if (!redis_cp_take(list[i].id, replies[i], &item.row, err))
            return false;
        if (item.row.stamp == 0 ||
            item.row.created_us <= redis_cp_expired_us(l->c->d, l->c->op->now_us))
            continue;
        if (!look(l, form, &item, err))
            return false;
    }
    return true;
}

static bool scan(struct lister *l, enum form form, struct err *err)
{
    struct candidate *list;
    size_t n;

    if (!find_candidates(l, form, &list, &n, err))
        return false;
    for (size_t i = 0; i < n && !l->full; i += GROUP)
        if (!look_at(l, form, list + i, n - i < GROUP ? n - i : GROUP, err))
            return false;
    return true;
}

bool redis_checkpoint_list(struct call *c, struct op *op, struct err *err)
{
    struct op_checkpoint_list *list = &op->checkpoint_list;
    struct lister l = {.c = c, .load = redis_load_start(c), .below_stamp = INT64_MAX};

    memset(&list->out, 0, sizeof(list->out));
    list->out.items = arena_alloc(c->arena, ((size_t)list->limit + 1) * sizeof(*list->out.items));
    if (!list->out.items)
        return err_no_memory(err);
    if (!find_scopes(&l, err) ||
        (slice_present(list->before) && l.has_document && !bound_stamp(&l, err)))
        return false;
    if (l.has_channel && list->after.form != FORM_DOCUMENT && !scan(&l, FORM_CHANNEL, err))
        return false;
    if (l.has_document && !l.full && !scan(&l, FORM_DOCUMENT, err))
        return false;
    if (l.full) {
        list->out.more = true;
        list->out.next = l.last;
    }
    return true;
}

/* redis_checkpoint_list.c - OP_CHECKPOINT_LIST; see op_checkpoints.h. */
#include <stdlib.h>

#include "filter.h"
#include "redis_checkpoint_order.h"
#include "redis_load.h"
#include "redis_ops.h"

/* Rows that are looked at together: to be listed, or to be sifted. */
enum { GROUP = 16, GROUP_FILTERED = 64 };

struct lister {
    struct call *c;
    struct cp_order order;
    struct loader load;
    struct checkpoint_pos group[GROUP_FILTERED];
    bool listed[GROUP_FILTERED]; /* those that match */
    size_t n;
    int64_t looked;
    bool full; /* no more rows are wanted */
};

static bool filters(const struct lister *l)
{
    const struct filter *filter = l->c->op->checkpoint_list.filter;

    return filter && filter->n > 0;
}

/* The next rows; fewer when there are no more. */
static bool next_group(struct lister *l, struct err *err)
{
    size_t most = filters(l) ? GROUP_FILTERED : GROUP;
    bool found = true;

    for (l->n = 0; found && l->n < most; l->n += found) {
        if (!cp_order_next(&l->order, &l->group[l->n], &found, err))
            return false;
        l->listed[l->n] = found;
    }
    return true;
}

static void ask_rows(struct lister *l)
{
    for (size_t i = 0; i < l->n; i++) {
        if (!l->listed[i])
            continue;
        call_at(l->c, l->c->op->tenant, l->group[i].thread);
        ASK(l->c, SLICE("HGET"), call_key_ns(l->c, "checkpoints", l->group[i].ns),
            l->group[i].checkpoint_id);
    }
}

/* Takes out of the group what does not match. */
static bool sift(struct call *c, void *arg, struct err *err)
{
    struct lister *l = arg;
    struct reply **replies;
    struct cp_row row;

    ask_rows(l);
    if (!call_answers(c, &replies, err))
        return false;
    for (size_t i = 0; i < l->n; i++)
        if (!redis_cp_take(l->group[i].checkpoint_id, replies[i], &row, err) ||
            (row.stamp > 0 && !filter_matches(c->op->checkpoint_list.filter, row.metadata, c->arena,
                                              &l->listed[i], err)))
            return false;
    return true;
}

/* One row; it is left for the next call when no more are wanted. */
static bool look(struct lister *l, struct load_item *item, struct err *err)
{
    struct op_checkpoint_list *list = &l->c->op->checkpoint_list;

    if (item->row.stamp == 0 ||
        item->row.created_us <= redis_cp_expired_us(l->c->d, l->c->op->now_us))
        return true;
    if (list->out.n == (size_t)list->limit || l->load.bytes >= PAGE_BYTES_MAX) {
        l->full = true;
        return true;
    }
    if (!redis_load_items(&l->load, item, 1, list->values, err))
        return false;
    list->out.items[list->out.n++] = item->out;
    return true;
}

/* The group, row by row. */
static bool list_group(struct lister *l, struct err *err)
{
    struct op_checkpoint_list *list = &l->c->op->checkpoint_list;
    struct reply **replies;
    size_t at = 0;

    ask_rows(l);
    if (!call_answers(l->c, &replies, err))
        return false;
    for (size_t i = 0; i < l->n && !l->full; i++) {
        const struct checkpoint_pos *pos = &l->group[i];
        struct load_item item = {.thread = pos->thread, .ns = pos->ns};

        if (l->looked == SCAN_MAX) {
            l->full = true;
            return true;
        }
        if (l->listed[i] && (!redis_cp_take(pos->checkpoint_id, replies[at++], &item.row, err) ||
                             !look(l, &item, err)))
            return false;
        if (!l->full)
            list->out.next = *pos;
        l->looked++;
    }
    return true;
}

static bool scan(struct lister *l, enum form form, struct err *err)
{
    if (!cp_order_begin(&l->order, form, err))
        return false;
    do {
        if (!next_group(l, err) || (filters(l) && !call_apart(l->c, sift, l, err)) ||
            !list_group(l, err))
            return false;
    } while (l->n > 0 && !l->full);
    return true;
}

bool redis_checkpoint_list(struct call *c, struct op *op, struct err *err)
{
    struct op_checkpoint_list *list = &op->checkpoint_list;
    struct lister l = {.c = c, .load = redis_load_start(c)};

    memset(&list->out, 0, sizeof(list->out));
    list->out.items = arena_alloc(c->arena, ((size_t)list->limit + 1) * sizeof(*list->out.items));
    if (!list->out.items)
        return err_no_memory(err);
    l.order = (struct cp_order){.c = c,
                                .wanted = filters(&l) ? GROUP_FILTERED : (size_t)list->limit + 1};
    if (!cp_order_find(&l.order, err))
        return false;
    if (l.order.has[FORM_CHANNEL] && list->after.form != FORM_DOCUMENT &&
        !scan(&l, FORM_CHANNEL, err))
        return false;
    if (l.order.has[FORM_DOCUMENT] && !l.full && !scan(&l, FORM_DOCUMENT, err))
        return false;
    list->out.more = l.full;
    return true;
}

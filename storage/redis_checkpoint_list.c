/* redis_checkpoint_list.c - OP_CHECKPOINT_LIST; see op_checkpoints.h. */
#include <stdlib.h>

#include "clock.h"
#include "damage.h"
#include "filter.h"
#include "redis_checkpoint_order.h"
#include "redis_load.h"
#include "redis_ops.h"

/* How many rows are read together: of those that a page lists, of those that a filter sifts. */
enum { GROUP = 16, GROUP_FILTERED = 64 };

struct lister {
    struct call *c;
    struct cp_order order;
    struct loader load;
    struct load_item group[GROUP_FILTERED];
    struct checkpoint_pos places[GROUP_FILTERED]; /* of the rows of the group */
    bool listed[GROUP_FILTERED];                  /* whether each row is listed */
    size_t n;
    int64_t looked;
    bool full; /* the page has all that it may have */
};

static bool filters(const struct lister *l)
{
    const struct filter *filter = l->c->op->checkpoint_list.filter;

    return filter && filter->n > 0;
}

/* Takes the next places; fewer than a full group when there are no more. */
static bool next_group(struct lister *l, struct err *err)
{
    size_t most = filters(l) ? GROUP_FILTERED : GROUP;
    bool found = true;

    for (l->n = 0; found && l->n < most; l->n += found)
        if (!cp_order_next(&l->order, &l->places[l->n], &found, err))
            return false;
    return true;
}

static bool keep_row(struct arena *arena, struct cp_row *row)
{
    return arena_keep(arena, &row->parent_id) && arena_keep(arena, &row->run_id) &&
           arena_keep(arena, &row->refs) && arena_keep(arena, &row->metadata);
}

/* Whether the page lists a row: it exists, has not expired, and matches the filter. */
static bool sift(struct lister *l, const struct cp_row *row, bool *listed, struct err *err)
{
    struct call *c = l->c;

    *listed = row->stamp > 0 &&
              row->created_us > clock_expired_us(c->d->checkpoint_ttl_us, c->op->now_us);
    return !*listed || !filters(l) ||
           filter_matches(c->op->checkpoint_list.filter, row->metadata, c->arena, listed, err);
}

/* Takes a row. That of a whole tenant may have gone since its place was read. */
static bool take_row(struct lister *l, size_t i, const struct reply *reply, struct err *err)
{
    const struct checkpoint_pos *pos = &l->places[i];
    struct cp_row *row = &l->group[i].row;

    if (!redis_cp_take(pos->checkpoint_id, reply, row, err))
        return false;
    if (!row->stored && slice_present(l->c->op->id))
        return call_lost(l->c, "what the order lists", err);
    return sift(l, row, &l->listed[i], err);
}

/* Reads the rows of the group; only those that are listed outlive the call. */
static bool read_rows(struct call *c, void *arg, struct err *err)
{
    struct lister *l = arg;
    struct reply **replies;

    for (size_t i = 0; i < l->n; i++) {
        const struct checkpoint_pos *pos = &l->places[i];

        call_at(c, c->op->tenant, pos->thread);
        ASK(c, SLICE("HGET"), call_key_ns(c, "checkpoints", pos->ns), pos->checkpoint_id);
    }
    if (!call_answers(c, &replies, err))
        return false;
    for (size_t i = 0; i < l->n; i++) {
        const struct checkpoint_pos *pos = &l->places[i];
        struct load_item *item = &l->group[i];

        *item = (struct load_item){.thread = pos->thread, .ns = pos->ns};
        if (!take_row(l, i, replies[i], err))
            return cp_order_damage(pos, err);
        if (l->listed[i] && !keep_row(c->op->arena, &item->row))
            return err_no_memory(err);
    }
    return true;
}

/* Adds the group to the page, row by row. The row at which the page is full is left for the next page. */
static bool list_group(struct lister *l, struct err *err)
{
    struct op_checkpoint_list *list = &l->c->op->checkpoint_list;

    for (size_t i = 0; i < l->n; i++) {
        bool page_full = list->out.n == (size_t)list->limit || l->load.bytes >= PAGE_BYTES_MAX;

        if (l->looked == SCAN_MAX || (l->listed[i] && page_full)) {
            l->full = true;
            return true;
        }
        if (l->listed[i]) {
            if (!redis_load_item(&l->load, &l->group[i], list->values, err))
                return cp_order_damage(&l->places[i], err);
            list->out.items[list->out.n++] = l->group[i].out;
        }
        list->out.next = l->places[i];
        l->looked++;
    }
    return true;
}

static bool scan(struct lister *l, enum form form, struct err *err)
{
    if (!cp_order_begin(&l->order, form, err))
        return false;
    do {
        if (!next_group(l, err) || !call_apart(l->c, read_rows, l, err) || !list_group(l, err))
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

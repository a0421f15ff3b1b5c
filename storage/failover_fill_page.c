/*
 * failover_fill_page.c - copies a store into another one, page by page; see failover_fill.h.
 *
 *     fill_step() -> the next tenant, or a page of records -> page_merge() -> "filled"
 */
#include "failover_fill.h"

#include "failover_page.h"
#include "pair_notes.h"

enum { PAGE = 500 };

static struct op make_op(const struct fill *fill, enum op_type type, struct arena *arena)
{
    return pair_op(type, fill->place.in_tenant ? fill->place.tenant : SLICE("default"),
                   (struct slice){NULL, 0}, arena);
}

/* Turns to the next tenant; *more is false after the last one. */
static bool next_tenant(const struct fill *fill, struct backend *from, struct arena *arena,
                        struct fill_place *next, bool *more, struct err *err)
{
    struct op op = make_op(fill, OP_TENANT_LIST, arena);

    op.tenant_list.after = fill->place.tenant;
    op.tenant_list.limit = 1;
    if (!backend_run(from, &op, err))
        return false;
    *more = op.tenant_list.out.n > 0;
    if (!*more)
        return true;
    *next = (struct fill_place){.tenant = op.tenant_list.out.items[0], .in_tenant = true};
    return true;
}

/* Threads come twice: one that was emptied meanwhile is made anew by its writes, without its time. */
static const enum record_kind order[] = {RECORD_SESSION, RECORD_MESSAGE, RECORD_CONTEXT,
                                         RECORD_THREAD,  RECORD_VALUE,   RECORD_CHECKPOINT,
                                         RECORD_TASK,    RECORD_THREAD};

/* Copies one page of one kind into the store that is filled. */
static bool copy_page(struct failover *f, struct fill *fill, struct backend *const stores[2],
                      struct arena *arena, struct fill_place *next, struct err *err)
{
    struct op read = make_op(fill, OP_READ_RANGE, arena);
    struct op_read_range *range = &read.read_range;
    struct page page = {.from = stores[!fill->to],
                        .to = stores[fill->to],
                        .tenant = fill->place.tenant,
                        .left_out = &fill->left_out};

    range->kind = order[fill->place.stage];
    range->after = fill->place.after;
    range->limit = PAGE;
    if (!backend_run(stores[!fill->to], &read, err))
        return false;
    page.items = range->out.items;
    page.n = range->out.n;
    if (!page_merge(&page, err))
        return false;
    state_count(f, range->out.n);
    if (range->out.more) {
        next->after = range->out.items[range->out.n - 1].key;
        return true;
    }
    next->after = (struct record_key){.number = 0};
    next->stage++;
    next->in_tenant = next->stage < COUNT_OF(order);
    return true;
}

/* Moves a place into the arena of this turn, so that the arena of the turn before can be emptied. */
static bool keep_place(struct fill *fill, struct fill_place next, struct err *err)
{
    struct arena *arena = &fill->arenas[!fill->turn];

    if (!arena_keep(arena, &next.tenant) || !arena_keep(arena, &next.after.id) ||
        !arena_keep(arena, &next.after.ns) || !arena_keep(arena, &next.after.sub) ||
        !arena_keep(arena, &next.after.task))
        return err_no_memory(err);
    arena_reset(&fill->arenas[fill->turn]);
    fill->turn = !fill->turn;
    fill->place = next;
    return true;
}

bool fill_step(struct failover *f, struct fill *fill, struct backend *const stores[2], bool *more,
               struct err *err)
{
    struct pair_note filled = {.name = SLICE("filled"), .text = SLICE("1")};
    struct pair_note not_alone = {.name = SLICE("alone")};
    struct fill_place next = fill->place;
    struct arena page = {0};
    bool ok;

    *more = fill->active;
    if (!fill->active)
        return true;
    ok = fill->place.in_tenant ? copy_page(f, fill, stores, &page, &next, err)
                               : next_tenant(fill, stores[!fill->to], &page, &next, more, err);
    ok = ok && keep_place(fill, next, err);
    arena_done(&page);
    if (ok && !*more) {
        ok = pair_notes_run(stores[fill->to], &filled, 1, err) &&
             pair_notes_run(stores[!fill->to], &not_alone, 1, err);
        if (ok) {
            state_set_filled(f, fill->to, true);
            fill_done(fill);
        }
    }
    return ok;
}

/* check_stores.c - compares both stores; see check.h. */
#include "check.h"

#include <assert.h>
#include <stdlib.h>

#include "acts.h"
#include "ledger.h"
#include "record_fields.h"
#include "store.h"

enum { PAGE = 1000 };

static void ask(struct world *w, int side, struct op *op)
{
    struct stamp_clock clock = {0};

    op->arena = &w->arena;
    store_execute(w->stores[side], &op, 1, &clock);
    assert(op->status.kind != ERR_UNAVAILABLE || op->missing);
}

static void check_outbox(struct world *w, int side)
{
    struct op op = {.type = OP_PAIR_READ, .tenant = SLICE("default"), .pair_read = {.limit = PAGE}};
    const struct op_pair_read *read = &op.pair_read;

    ask(w, side, &op);
    for (size_t i = 0; i < read->out.n; i++)
        journal_find(w, OUTBOX_LEFT, -1, "%s: entry %lld of %.*s", store_name(w->stores[side]),
                     (long long)read->out.entries[i].number, SLICE_ARGS(read->out.entries[i].id));
    for (size_t i = 0; i < read->out.n_missing; i++)
        journal_find(w, OUTBOX_LEFT, -1, "%s is still missing %.*s", store_name(w->stores[side]),
                     SLICE_ARGS(read->out.missing[i].id));
}

static struct op_read_range read_kind(struct world *w, int side, struct slice tenant,
                                      enum record_kind kind)
{
    struct op op = {.type = OP_READ_RANGE, .tenant = tenant};

    op.read_range.kind = kind;
    op.read_range.limit = PAGE;
    ask(w, side, &op);
    assert(op.status.kind == ERR_OK && !op.read_range.out.more);
    return op.read_range;
}

static void tell(struct world *w, const struct record *r, const char *what)
{
    journal_find(w, STORES_DIFFER, -1, "%s %.*s/%.*s/%.*s/%.*s %lld: %s", record_kind_name(r->kind),
                 SLICE_ARGS(r->key.id), SLICE_ARGS(r->key.ns), SLICE_ARGS(r->key.sub),
                 SLICE_ARGS(r->key.task), (long long)r->key.number, what);
}

/* Whether a checkpoint of the store refers to this value. */
static bool is_needed(struct world *w, int side, struct slice tenant, const struct record *value)
{
    struct op_read_range all = read_kind(w, side, tenant, RECORD_CHECKPOINT);
    bool needed = false;

    for (size_t i = 0; i < all.out.n; i++) {
        const struct record *r = &all.out.items[i];

        if (!slice_equal(r->key.id, value->key.id) || !slice_equal(r->key.ns, value->key.ns))
            continue;
        needed |= r->checkpoint.head == value->key.number;
        for (size_t k = 0; k < r->checkpoint.n_refs; k++)
            needed |= r->checkpoint.refs[k] == value->key.number;
    }
    return needed;
}

/* Whether this is the id with that index. */
static bool is_at(struct slice id, int at)
{
    return slice_equal(id, slice_of(world_ids[at]));
}

/* Whether a store has got a copy late of what the other one has forgotten. */
static bool is_outlived(const struct world *w, struct slice id)
{
    bool late = false;

    for (int i = 0; i < IDS; i++)
        late |= w->journal->outlived[i] && is_at(id, i);
    return late;
}

/* Whether a late copy may have brought a record back: trimming and pruning leave no tombstones. */
static bool is_brought_back(const struct world *w, int side, const struct record *r)
{
    bool late = false;

    for (int i = ID_STAYS; i < IDS; i++)
        late |= w->journal->merged_late[i] && is_at(r->key.id, i);
    return late && side == 1 && r->kind != RECORD_SESSION;
}

static int64_t stamp_of(const struct record *r)
{
    return r->kind == RECORD_MESSAGE      ? r->message.stamp
           : r->kind == RECORD_CHECKPOINT ? r->checkpoint.stamp
           : r->kind == RECORD_TASK       ? r->task.stamp
           : r->kind == RECORD_VALUE      ? r->key.number
                                          : INT64_MAX;
}

/* Whether something was removed, which leaves no tombstone, and this store has forgotten that. The row of a thread goes
 * with the last of what it holds, and comes back with it. */
static bool is_back(const struct world *w, int side, const struct record *r)
{
    bool removed = false;

    for (const struct entry *e = w->journal->first; e; e = e->next) {
        bool at_id = is_at(r->key.id, e->id);

        if (e->told == TOLD_FAILED || !acts_removes(e->act))
            continue;
        removed |= r->kind == RECORD_MESSAGE
                       ? e->act == ACT_TRIM && at_id
                       : e->act == ACT_RUNS_DELETE || (e->act == ACT_PRUNE && at_id);
    }
    return removed && (r->kind == RECORD_THREAD ? ledger_forgot_since(w, side, 0)
                                                : ledger_returns(w, side, stamp_of(r)));
}

/* Reports a record that only one store has. A value that nothing refers to may stay in one store if a
 * late copy brought it. */
static void tell_of_one(struct world *w, int side, struct slice tenant, const struct record *r)
{
    if (r->kind == RECORD_VALUE && !is_needed(w, side, tenant, r))
        journal_find(w, VALUE_LEFT, -1, "%s: %.*s/%.*s %lld", store_name(w->stores[side]),
                     SLICE_ARGS(r->key.id), SLICE_ARGS(r->key.ns), (long long)r->key.number);
    else if (is_brought_back(w, side, r) || is_back(w, side, r) || is_outlived(w, r->key.id))
        journal_find(w, BROUGHT_BACK, -1, "%s %.*s/%.*s/%.*s", record_kind_name(r->kind),
                     SLICE_ARGS(r->key.id), SLICE_ARGS(r->key.ns), SLICE_ARGS(r->key.sub));
    else
        tell(w, r, side == 0 ? "is in P alone" : "is in F alone");
}

/* Whether a sweep was broken off between the stores, so that one of them has collected a tombstone, and the other one
 * has not before messages or contexts came. */
static bool is_left_over(const struct world *w, const struct record *a, const struct record *b)
{
    const struct record_session *x = &a->session, *y = &b->session;
    int64_t tomb = x->tomb > y->tomb ? x->tomb : y->tomb;

    return w->cfg->collects && a->kind == RECORD_SESSION && !x->gen && !y->gen &&
           (!x->tomb || !y->tomb) &&
           stamp_us(tomb) < world_wall_us(w, w->schedule.now_us) - COLLECT_AFTER_US;
}

/* Whether two records of a thread differ in the time alone, by no more than clocks do. */
static bool is_by_clock(const struct world *w, const struct record *a, const struct record *b)
{
    return a->kind == RECORD_THREAD && journal_has_skew(w) && a->thread.tomb == b->thread.tomb &&
           llabs(a->thread.updated_us - b->thread.updated_us) <= world_skew_us(w);
}

static void compare_kind(struct world *w, struct slice tenant, enum record_kind kind)
{
    struct op_read_range p = read_kind(w, 0, tenant, kind), f = read_kind(w, 1, tenant, kind);

    for (size_t i = 0, k = 0; i < p.out.n || k < f.out.n;) {
        const struct record *a = &p.out.items[i], *b = &f.out.items[k];
        int order = i == p.out.n ? 1 : k == f.out.n ? -1 : record_key_compare(&a->key, &b->key);

        if (order < 0)
            tell_of_one(w, 0, tenant, a);
        else if (order > 0)
            tell_of_one(w, 1, tenant, b);
        else if (record_difference(a, b) && is_outlived(w, a->key.id))
            journal_find(w, BROUGHT_BACK, -1, "another %s of %.*s", record_kind_name(kind),
                         SLICE_ARGS(a->key.id));
        else if (record_difference(a, b) && is_left_over(w, a, b))
            journal_find(w, TOMB_LEFT, -1, "%.*s", SLICE_ARGS(a->key.id));
        else if (record_difference(a, b) && is_by_clock(w, a, b))
            journal_find(w, TIME_APART, -1, "%.*s", SLICE_ARGS(a->key.id));
        else if (record_difference(a, b))
            tell(w, a, record_difference(a, b));
        i += order <= 0;
        k += order >= 0;
    }
}

/* A store that is alone counts what is pending in it when it is read. */
static void check_pending(struct world *w, int id)
{
    struct op p = {.type = OP_SESSION_GET, .tenant = world_tenant(id)}, f = p;
    const struct session *a = &p.session_get.out.session, *b = &f.session_get.out.session;

    p.id = f.id = slice_of(world_ids[id]);
    f.alone = true;
    ask(w, 0, &p);
    ask(w, 1, &f);
    if (p.status.kind == ERR_OK && f.status.kind == ERR_OK && a->request_count != b->request_count)
        journal_find(w, STORES_DIFFER, -1, "%s: %lld requests in P, %lld with what is pending in F",
                     world_ids[id], (long long)a->request_count, (long long)b->request_count);
}

static struct op get_checkpoint(struct world *w, int side, int id, int cell)
{
    struct cell_place place = acts_place(cell);
    struct op op = {.type = OP_CHECKPOINT_GET, .tenant = world_tenant(id)};

    op.id = slice_of(world_ids[id]);
    op.checkpoint_get.ns = place.ns;
    op.checkpoint_get.checkpoint_id = place.checkpoint_id;
    ask(w, side, &op);
    return op;
}

/* Each store can rebuild its values from what it holds, and both come out the same. */
static void check_values(struct world *w, int id, int cell)
{
    struct op p = get_checkpoint(w, 0, id, cell), f = get_checkpoint(w, 1, id, cell);
    const struct checkpoint *a, *b;
    bool same;

    if (p.status.kind == ERR_NOT_FOUND || f.status.kind == ERR_NOT_FOUND)
        return; /* compare_kind() has reported it */
    if (p.status.kind != ERR_OK || f.status.kind != ERR_OK) {
        journal_find(w, STORES_DIFFER, -1, "checkpoint %.*s of %s in P: %s; in F: %s",
                     SLICE_ARGS(p.checkpoint_get.checkpoint_id), world_ids[id],
                     p.status.kind == ERR_OK ? "is there" : p.status.text,
                     f.status.kind == ERR_OK ? "is there" : f.status.text);
        return;
    }
    a = p.checkpoint_get.out.checkpoint;
    b = f.checkpoint_get.out.checkpoint;
    same = slice_equal(a->head.bytes, b->head.bytes) && a->n_values == b->n_values;
    for (size_t i = 0; same && i < a->n_values; i++)
        same = slice_equal(a->values[i]->blob.bytes, b->values[i]->blob.bytes);
    if (!same)
        journal_find(w, STORES_DIFFER, -1, "values of checkpoint %.*s of %s", SLICE_ARGS(a->id),
                     world_ids[id]);
}

/* What a sweep has collected in one store only, the next one collects in the other, too. */
static void sweep(struct world *w, int side)
{
    struct op op = acts_op(w, OP_CLEANUP, 0);

    op.id = (struct slice){NULL, 0};
    op.cleanup = (struct op_cleanup){.expired = true, .limit = PAGE};
    ask(w, side, &op);
    assert(op.status.kind == ERR_OK && !op.cleanup.out.more && !op.again);
}

void check_stores(struct world *w)
{
    for (int side = 0; side < STORES && w->cfg->collects; side++)
        sweep(w, side);
    for (int side = 0; side < STORES; side++)
        check_outbox(w, side);
    for (int kind = 0; kind < RECORD_KIND_COUNT; kind++) {
        compare_kind(w, world_tenant(0), (enum record_kind)kind);
        compare_kind(w, world_tenant(ID_CLEANED), (enum record_kind)kind);
    }
    for (int id = 0; id < IDS; id++) {
        if (w->journal->outlived[id]) /* compare_kind() has reported what differs */
            continue;
        check_pending(w, id);
        for (int cell = 0; cell < CELLS; cell++)
            check_values(w, id, cell);
    }
}

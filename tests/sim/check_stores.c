/* check_stores.c - whether both stores hold the same; see check.h. */
#include "check.h"

#include <assert.h>

#include "acts.h"
#include "record_fields.h"
#include "store.h"

enum { PAGE = 1000 };

static void ask(struct world *w, int side, struct op *op)
{
    struct stamp_clock clock = {0};

    op->arena = &w->arena;
    store_execute(w->stores[side], &op, 1, &clock);
    assert(op->status.kind != ERR_UNAVAILABLE);
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

static struct op_read_range read_kind(struct world *w, int side, enum record_kind kind)
{
    struct op op = {.type = OP_READ_RANGE, .tenant = SLICE("default")};

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

static void compare_kind(struct world *w, enum record_kind kind)
{
    struct op_read_range p = read_kind(w, 0, kind), f = read_kind(w, 1, kind);

    for (size_t i = 0, k = 0; i < p.out.n || k < f.out.n;) {
        const struct record *a = &p.out.items[i], *b = &f.out.items[k];
        int order = i == p.out.n ? 1 : k == f.out.n ? -1 : record_key_compare(&a->key, &b->key);

        if (order < 0)
            tell(w, a, "is in P alone");
        else if (order > 0)
            tell(w, b, "is in F alone");
        else if (record_difference(a, b))
            tell(w, a, record_difference(a, b));
        i += order <= 0;
        k += order >= 0;
    }
}

/* A read of a store that is alone counts what is pending there. */
static void check_pending(struct world *w, int id)
{
    struct op p = {.type = OP_SESSION_GET, .tenant = SLICE("default")}, f = p;
    const struct session *a = &p.session_get.out.session, *b = &f.session_get.out.session;

    p.id = f.id = slice_of(world_ids[id]);
    f.alone = true;
    ask(w, 0, &p);
    ask(w, 1, &f);
    if (p.status.kind == ERR_OK && f.status.kind == ERR_OK && a->request_count != b->request_count)
        journal_find(w, STORES_DIFFER, -1, "%s: %lld requests in P, %lld with what is pending in F",
                     world_ids[id], (long long)a->request_count, (long long)b->request_count);
}

void check_stores(struct world *w)
{
    for (int side = 0; side < STORES; side++)
        check_outbox(w, side);
    for (int kind = 0; kind < RECORD_KIND_COUNT; kind++)
        compare_kind(w, (enum record_kind)kind);
    for (int id = 0; id < IDS; id++)
        check_pending(w, id);
}

/* failover_page.c - see failover_page.h. */
#include "failover_page.h"

#include <stdlib.h>

#include "closure.h"
#include "pair_notes.h"

enum { TOGETHER = 128 };

/* Ops that run side by side, with their arenas. */
struct together {
    struct op ops[TOGETHER];
    struct arena arenas[TOGETHER];
};

/* How many of the records, from the first on, have the same id. */
static size_t count_same_id(const struct record *records, size_t n)
{
    size_t same = 1;

    while (same < n && slice_equal(records[same].key.id, records->key.id))
        same++;
    return same;
}

/* Merges records from *at on, up to TOGETHER ids, and moves *at behind them. */
static bool merge_some(const struct page *p, struct together *t, size_t *at, struct err *err)
{
    struct closure c = closure_between(p->from, p->to, p->tenant);
    struct op *list[TOGETHER];
    size_t n = 0;

    for (; n < TOGETHER && *at < p->n; n++) {
        const struct record *records = &p->items[*at];
        struct op *op = list[n] = &t->ops[n];

        *op = pair_op(OP_MERGE, p->tenant, records->key.id, &t->arenas[n]);
        op->merge.items = records;
        op->merge.n = count_same_id(records, p->n - *at);
        *at += op->merge.n;
    }
    if (!backend_execute(p->to, list, n, err))
        return false;
    for (size_t i = 0; i < n; i++) {
        const struct op_merge *merged = &t->ops[i].merge;

        if (t->ops[i].status.kind != ERR_OK) {
            *err = t->ops[i].status;
            return false;
        }
        if (merged->out.broken > 0 && /* values that were left out come with the checkpoints that
                                         need them */
            !closure_bring_all(&c, merged->items, merged->n, p->left_out, err))
            return false;
    }
    return true;
}

bool page_merge(const struct page *page, struct err *err)
{
    struct together *t = calloc(1, sizeof(*t));
    bool ok = t || err_no_memory(err);

    for (size_t at = 0; ok && at < page->n;) {
        ok = merge_some(page, t, &at, err);
        for (int i = 0; i < TOGETHER; i++)
            arena_reset(&t->arenas[i]);
    }
    for (int i = 0; t && i < TOGETHER; i++)
        arena_done(&t->arenas[i]);
    free(t);
    return ok;
}

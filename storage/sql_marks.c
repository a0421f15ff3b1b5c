/* sql_marks.c - see sql_marks.h. */
#include "sql_marks.h"

#include <stdlib.h>

#include "pack.h"

static int order_values(const void *a, const void *b)
{
    const struct mark *x = a, *y = b;

    return (x->id > y->id) - (x->id < y->id);
}

bool marks_list(struct sql *d, int64_t ns, struct marks *values, struct err *err)
{
    AUTO(query_end) struct query q = {0};
    bool row;

    if (!query_begin(d, SQL_VALUE_ALL, &q, err))
        return false;
    query_int(&q, ns);
    for (;;) {
        void *grown;

        if (!query_step(&q, &row, err))
            return false;
        if (!row)
            break;
        grown = arena_grow(values->arena, values->items, values->n, sizeof(*values->items),
                           &values->cap);
        if (!grown)
            return err_no_memory(err);
        values->items = grown;
        values->items[values->n++] = (struct mark){.id = query_col_int(&q, 0),
                                                   .base = query_col_int(&q, 1)};
    }
    if (values->n > 1)
        qsort(values->items, values->n, sizeof(*values->items), order_values);
    return true;
}

static void need(struct marks *values, int64_t id)
{
    struct mark key = {.id = id}, *found;

    if (values->n == 0)
        return;
    found = bsearch(&key, values->items, values->n, sizeof(key), order_values);
    if (found)
        found->needed = true;
}

/* Marks those above `last`, and the bases of all marked ones. */
void marks_need_bases(struct marks *values, int64_t last)
{
    /* A base has a lower id, so it comes later in this loop. */
    for (size_t i = values->n; i-- > 0;) {
        values->items[i].needed |= values->items[i].id > last;
        if (values->items[i].needed && values->items[i].base)
            need(values, values->items[i].base);
    }
}

bool marks_need_refs(struct marks *values, int64_t head, struct slice packed, struct arena *scratch,
                     struct err *err)
{
    int64_t *refs;
    size_t n;

    need(values, head);
    arena_reset(scratch);
    if (!unpack_refs(packed, scratch, &refs, &n, err))
        return false;
    for (size_t i = 0; i < n; i++)
        need(values, refs[i]);
    return true;
}

/* Marks what the checkpoints of a namespace refer to. */
static bool need_referenced(struct sql *d, int64_t ns, struct marks *values, struct err *err)
{
    AUTO(query_end) struct query q = {0};
    struct arena scratch = {0};
    bool row, ok;

    if (!query_begin(d, SQL_CHECKPOINT_REFS, &q, err))
        return false;
    query_int(&q, ns);
    do
        ok = query_step(&q, &row, err) &&
             (!row ||
              marks_need_refs(values, query_col_int(&q, 0), query_col(&q, 1), &scratch, err));
    while (ok && row);
    arena_done(&scratch);
    return ok;
}

bool marks_orphans(struct sql *d, const struct marks_bound *of, struct arena *arena, int64_t **ids,
                   size_t *n, struct err *err)
{
    struct marks values = {.arena = arena};
    int64_t *found;
    size_t count = 0;

    if (!marks_list(d, of->ns, &values, err) || !need_referenced(d, of->ns, &values, err))
        return false;
    marks_need_bases(&values, of->last);
    found = arena_alloc(arena, values.n * sizeof(*found));
    if (!found)
        return err_no_memory(err);
    for (size_t i = 0; i < values.n; i++)
        if (!values.items[i].needed)
            found[count++] = values.items[i].id;
    *ids = found;
    *n = count;
    return true;
}

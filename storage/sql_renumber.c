/* sql_renumber.c - see sql_renumber.h. */
#include "sql_renumber.h"

#include "clock.h"
#include "sorted.h"

static bool renumber_add(const struct renumber_source *in, struct renumber *r, int64_t number,
                         struct err *err)
{
    void *grown = arena_grow(in->arena, r->old, r->n, sizeof(*r->old), &r->cap);

    if (!grown)
        return err_no_memory(err);
    r->old = grown;
    r->old[r->n++] = number;
    return true;
}

bool renumber_query(const struct renumber_source *in, int64_t id, struct renumber *r,
                    struct err *err)
{
    AUTO(query_end) struct query q = {0};
    bool found;

    if (!query_begin(in->d, in->which, &q, err))
        return false;
    query_int(&q, id);
    for (;;) {
        if (!query_step(&q, &found, err))
            return false;
        if (!found)
            return true;
        for (int i = 0; i < query_columns(&q); i++)
            if (!renumber_add(in, r, query_col_int(&q, i), err))
                return false;
    }
}

/* What was added stays as it is: another copy of r may go on with it. */
bool renumber_take(struct renumber *r, struct arena *arena, struct err *err)
{
    int64_t *old = arena_alloc(arena, r->n * sizeof(*old));

    if (!old)
        return err_no_memory(err);
    if (r->n > 0)
        memcpy(old, r->old, r->n * sizeof(*old));
    r->old = old;
    r->n = r->cap = sorted_numbers(old, r->n);
    if (r->n > 0)
        r->first = stamp_take((int64_t)r->n);
    return true;
}

int64_t renumber_of(const struct renumber *r, int64_t number)
{
    const int64_t *found = sorted_number(r->old, r->n, number);

    return found ? r->first + ((int64_t)(found - r->old) << STAMP_NODE_BITS) : 0;
}

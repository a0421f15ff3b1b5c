/* renumber.c - see renumber.h. */
#include "renumber.h"

#include "clock.h"
#include "sorted.h"

bool renumber_add(struct renumber *r, int64_t number, struct arena *arena, struct err *err)
{
    void *grown;

    if (number == 0)
        return true;
    grown = arena_grow(arena, r->old, r->n, sizeof(*r->old), &r->cap);
    if (!grown)
        return err_no_memory(err);
    r->old = grown;
    r->old[r->n++] = number;
    return true;
}

void renumber_sort(struct renumber *r)
{
    r->n = sorted_numbers(r->old, r->n);
}

/* Sorts a copy: another copy of *r may still add to the list. */
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

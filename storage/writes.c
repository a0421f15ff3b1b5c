/* writes.c - see writes.h. */
#include "writes.h"

#include <stdlib.h>

static int order_writes(const void *a, const void *b)
{
    const struct write *x = a, *y = b;

    return (x->idx > y->idx) - (x->idx < y->idx);
}

bool writes_combine(const struct op_writes_put *put, const struct writes *stored,
                    struct arena *arena, struct writes *out, struct err *err)
{
    size_t n_kept = put->mode == WRITES_REPLACE ? 0 : stored->n;
    struct write *items = arena_alloc(arena, (n_kept + put->n + 1) * sizeof(*items));
    struct writes all = {.items = items, .n = n_kept};

    if (!items)
        return err_no_memory(err);
    if (n_kept)
        memcpy(items, stored->items, n_kept * sizeof(*items));
    all.changed = put->n > 0 ? put->mode != WRITES_IGNORE : n_kept < stored->n;
    for (size_t i = 0; i < put->n; i++) {
        struct write *known = n_kept ? bsearch(&put->writes[i], items, n_kept, sizeof(*known),
                                               order_writes)
                                     : NULL;

        if (!known) {
            items[all.n++] = put->writes[i];
            all.changed = true;
        } else if (put->mode == WRITES_UPSERT) {
            *known = put->writes[i];
        }
    }
    if (all.n > 1)
        qsort(items, all.n, sizeof(*items), order_writes);
    *out = all;
    return true;
}

int64_t writes_seq(const struct record_task *from, int64_t tomb)
{
    return from->seq > tomb ? from->seq : from->stamp;
}

/* sql_doomed.c - see sql_doomed.h. */
#include "sql_doomed.h"

#include <stdlib.h>

#include "sql_marks.h"

int64_t doomed_mark(int64_t stamp, int64_t created_us)
{
    return stamp > 0 ? stamp : created_us;
}

bool doomed_add(struct doomed *list, const struct doomed_item *item, struct err *err)
{
    void *grown = arena_grow(list->arena, list->items, list->n, sizeof(*list->items), &list->cap);

    if (!grown)
        return err_no_memory(err);
    list->items = grown;
    list->items[list->n++] = *item;
    return true;
}

bool doomed_list(struct doomed *list, struct query *q, struct err *err)
{
    bool row;

    for (;;) {
        struct doomed_item item;

        if (!query_step(q, &row, err))
            return false;
        if (!row)
            break;
        item = (struct doomed_item){query_col_int(q, 1), query_col_int(q, 0), query_col_int(q, 2)};
        if (!doomed_add(list, &item, err)) {
            query_end(q);
            return false;
        }
    }
    query_end(q);
    return true;
}

/* Its size is asked for first: what a statement returns of a row that it removes is read as a whole. */
bool doomed_value(struct sql *d, int64_t id, int64_t *bytes, struct err *err)
{
    *bytes = 0;
    return query_number(d, SQL_VALUE_SIZE, (int64_t[]){id, 0}, bytes, err) &&
           query_do(d, SQL_VALUE_DROP, id, 0, err);
}

static bool drop_values(struct sql *d, int64_t ns, int64_t last, struct err *err)
{
    struct arena scratch = {0};
    int64_t *ids;
    bool ok;
    size_t n;

    ok = marks_orphans(d, &(struct marks_bound){ns, last}, &scratch, &ids, &n, err);
    for (size_t i = 0; ok && i < n; i++)
        ok = query_do(d, SQL_VALUE_DROP, ids[i], 0, err);
    arena_done(&scratch);
    return ok;
}

static bool drop_namespace(struct sql *d, int64_t ns, struct err *err)
{
    int64_t thread = 0;

    return query_do(d, SQL_NS_CLEAR_VALUES, ns, 0, err) &&
           query_number(d, SQL_NS_DROP, (int64_t[]){ns, 0}, &thread, err) &&
           query_do(d, SQL_THREAD_DROP, thread, 0, err);
}

static bool settle(struct sql *d, int64_t ns, int64_t last, struct err *err)
{
    return query_do(d, SQL_NS_UNPARENT, ns, 0, err) && drop_values(d, ns, last, err) &&
           query_do(d, SQL_NS_RECOUNT, ns, 0, err);
}

bool doomed_settle_below(struct sql *d, int64_t ns, int64_t tomb, struct err *err)
{
    int64_t holds = 0, waits = 0;

    if (!query_number(d, SQL_NS_HOLDS, (int64_t[]){ns, 0}, &holds, err) ||
        !query_number(d, SQL_VALUE_ABOVE, (int64_t[]){ns, tomb}, &waits, err))
        return false;
    if (!holds && !waits)
        return drop_namespace(d, ns, err);
    return (holds || query_do(d, SQL_NS_FORM, ns, FORM_NONE, err)) && settle(d, ns, tomb, err);
}

int doomed_order(const void *a, const void *b)
{
    const struct doomed_item *x = a, *y = b;
    int order = (x->ns > y->ns) - (x->ns < y->ns);

    return order ? order : (x->id > y->id) - (x->id < y->id);
}

void doomed_sort(struct doomed *list)
{
    if (list->n > 1)
        qsort(list->items, list->n, sizeof(*list->items), doomed_order);
}

bool doomed_head(struct sql *d, int64_t ns, int64_t head, int64_t *bytes, struct err *err)
{
    int64_t unused = 0;

    *bytes = 0;
    if (!query_number(d, SQL_HEAD_FREE, (int64_t[]){head, ns}, &unused, err))
        return false;
    return !unused || doomed_value(d, head, bytes, err);
}

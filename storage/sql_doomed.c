/* sql_doomed.c - see sql_doomed.h. */
#include "sql_doomed.h"

#include <stdlib.h>

#include "sql_load.h"
#include "sql_marks.h"
#include "sql_part.h"

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

/* Orders by namespace, row and mark. */
static int order_exactly(const void *a, const void *b)
{
    const struct doomed_item *x = a, *y = b;
    int order = doomed_order(a, b);

    return order ? order : (x->mark > y->mark) - (x->mark < y->mark);
}

/* Runs a statement on a list of ids; does not wait for it. */
static bool run_among(struct sql *d, enum sql_statement which, const int64_t *ids, size_t n,
                      struct arena *scratch, struct err *err)
{
    struct query q;

    return load_begin_among(d, which, ids, n, scratch, &q, err) && query_run(&q, err);
}

/* Takes those rows of CHECKPOINTS_DOOMED that are still as they were listed. */
static bool find_unchanged(struct query *q, const struct doomed_item *items, size_t n,
                           struct ns_change *change, int64_t *ids, size_t *n_ids, struct err *err)
{
    bool found;

    for (*n_ids = 0;;) {
        struct doomed_item row = {.ns = items[0].ns};

        if (!query_step(q, &found, err))
            return false;
        if (!found)
            return true;
        row.id = query_col_int(q, 0);
        row.mark = query_col_int(q, 1);
        if (!bsearch(&row, items, n, sizeof(row), order_exactly))
            continue;
        ids[(*n_ids)++] = row.id;
        change->checkpoints -= query_col_int(q, 2) > 0;
        change->bytes -= query_col_int(q, 3);
    }
}

static bool drop_rows(struct sql *d, const struct doomed_item *items, size_t n,
                      struct ns_change *change, struct arena *scratch, struct err *err)
{
    AUTO(query_end) struct query q = {0};
    int64_t ids[PART_AT_ONCE];
    size_t n_ids;

    for (size_t i = 0; i < n; i++)
        ids[i] = items[i].id;
    if (!load_begin_among(d, SQL_CHECKPOINTS_DOOMED, ids, n, scratch, &q, err))
        return false;
    query_int(&q, items[0].ns);
    if (!find_unchanged(&q, items, n, change, ids, &n_ids, err))
        return false;
    query_end(&q);
    return n_ids == 0 || (run_among(d, SQL_TASKS_DROP, ids, n_ids, scratch, err) &&
                          run_among(d, SQL_CHECKPOINTS_DROP, ids, n_ids, scratch, err));
}

bool doomed_rows(struct sql *d, const struct doomed_item *items, size_t n, struct ns_change *change,
                 struct err *err)
{
    struct arena scratch = {0};
    bool ok = drop_rows(d, items, n, change, &scratch, err);

    arena_done(&scratch);
    return ok;
}

/* The size is a separate question: a statement that returns it while removing reads whole rows. */
static bool drop_among(struct sql *d, const int64_t *ids, size_t n, int64_t *bytes,
                       struct arena *scratch, struct err *err)
{
    AUTO(query_end) struct query q = {0};
    bool found;

    if (bytes) {
        if (!load_begin_among(d, SQL_VALUES_SIZE, ids, n, scratch, &q, err) ||
            !query_step(&q, &found, err))
            return false;
        *bytes = query_col_int(&q, 0);
        query_end(&q);
    }
    return run_among(d, SQL_VALUES_DROP, ids, n, scratch, err);
}

bool doomed_values(struct sql *d, const int64_t *ids, size_t n, int64_t *bytes, struct err *err)
{
    struct arena scratch = {0};
    bool ok = drop_among(d, ids, n, bytes, &scratch, err);

    arena_done(&scratch);
    return ok;
}

static bool drop_values(struct sql *d, int64_t ns, int64_t last, struct err *err)
{
    struct arena scratch = {0};
    int64_t *ids;
    bool ok;
    size_t n;

    ok = marks_orphans(d, &(struct marks_bound){ns, last}, &scratch, &ids, &n, err);
    for (size_t i = 0; ok && i < n; i += PART_AT_ONCE)
        ok = doomed_values(d, ids + i, n - i < PART_AT_ONCE ? n - i : PART_AT_ONCE, NULL, err);
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
    return drop_values(d, ns, last, err) && query_do(d, SQL_NS_RECOUNT, ns, 0, err);
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
        qsort(list->items, list->n, sizeof(*list->items), order_exactly);
}

bool doomed_head(struct sql *d, int64_t ns, int64_t head, int64_t *bytes, struct err *err)
{
    int64_t unused = 0;

    *bytes = 0;
    if (!query_number(d, SQL_HEAD_FREE, (int64_t[]){head, ns}, &unused, err))
        return false;
    return !unused || doomed_values(d, &head, 1, bytes, err);
}

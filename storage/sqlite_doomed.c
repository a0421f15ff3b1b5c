/* sqlite_doomed.c - see sqlite_doomed.h. */
#include "sqlite_doomed.h"

#include <stdlib.h>

#include "pack.h"
#include "sqlite_ns.h"

enum { CAP_FIRST = 64 };

/* A value row while it is decided which ones stay. */
struct mark {
    int64_t id, base;
    bool needed;
};

struct marks {
    struct arena *arena;
    struct mark *items; /* by id, ascending */
    size_t n, cap;
};

/* Room for one more item in a list that starts empty. */
static void *grow(struct arena *arena, void *items, size_t size, size_t *cap, struct err *err)
{
    size_t more = *cap ? *cap * 2 : CAP_FIRST;
    void *grown = arena_resize(arena, items, *cap * size, more * size);

    if (grown)
        *cap = more;
    else
        err_fill(err, ERR_NO_MEMORY, "out of memory");
    return grown;
}

bool doomed_add(struct doomed *list, int64_t ns, int64_t id, struct err *err)
{
    if (list->n == list->cap) {
        void *grown = grow(list->arena, list->items, sizeof(*list->items), &list->cap, err);

        if (!grown)
            return false;
        list->items = grown;
    }
    list->items[list->n++] = (struct doomed_item){ns, id};
    return true;
}

bool doomed_list(struct doomed *list, struct query *q, struct err *err)
{
    bool row;

    for (;;) {
        if (!query_step(q, &row, err))
            return false;
        if (!row)
            break;
        if (!doomed_add(list, query_col_int(q, 1), query_col_int(q, 0), err)) {
            query_end(q);
            return false;
        }
    }
    query_end(q);
    return true;
}

static bool list_values(struct sqlite *d, int64_t ns, struct marks *marks, struct err *err)
{
    AUTO(query_end) struct query q = {0};
    bool row;

    if (!query_begin(d, SQL_VALUE_ALL, &q, err))
        return false;
    query_int(&q, ns);
    for (;;) {
        if (!query_step(&q, &row, err))
            return false;
        if (!row)
            return true;
        if (marks->n == marks->cap) {
            void *grown = grow(marks->arena, marks->items, sizeof(*marks->items), &marks->cap, err);

            if (!grown)
                return false;
            marks->items = grown;
        }
        marks->items[marks->n++] = (struct mark){.id = query_col_int(&q, 0),
                                                 .base = query_col_int(&q, 1)};
    }
}

static int order_marks(const void *a, const void *b)
{
    const struct mark *x = a, *y = b;

    return (x->id > y->id) - (x->id < y->id);
}

static void mark(struct marks *marks, int64_t id)
{
    struct mark key = {.id = id}, *found;

    if (marks->n == 0)
        return;
    found = bsearch(&key, marks->items, marks->n, sizeof(key), order_marks);
    if (found)
        found->needed = true;
}

static bool mark_referenced(struct sqlite *d, int64_t ns, struct marks *marks, struct err *err)
{
    AUTO(query_end) struct query q = {0};
    struct arena scratch = {0};
    int64_t *refs;
    bool row, ok;
    size_t n;

    if (!query_begin(d, SQL_CHECKPOINT_REFS, &q, err))
        return false;
    query_int(&q, ns);
    for (;;) {
        ok = query_step(&q, &row, err);
        if (!ok || !row)
            break;
        mark(marks, query_col_int(&q, 0));
        arena_reset(&scratch);
        ok = unpack_refs(query_col(&q, 1), &scratch, &refs, &n, err);
        if (!ok)
            break;
        for (size_t i = 0; i < n; i++)
            mark(marks, refs[i]);
    }
    arena_done(&scratch);
    return ok;
}

bool doomed_values(struct sqlite *d, const struct doomed_item *last, struct arena *arena,
                   int64_t **ids, size_t *n, struct err *err)
{
    struct marks marks = {.arena = arena};
    int64_t *found;
    size_t count = 0;

    if (!list_values(d, last->ns, &marks, err) || !mark_referenced(d, last->ns, &marks, err))
        return false;
    for (size_t i = marks.n; i-- > 0;) { /* a base has a lower id than what is based on it */
        marks.items[i].needed |= marks.items[i].id > last->id;
        if (marks.items[i].needed && marks.items[i].base)
            mark(&marks, marks.items[i].base);
    }
    found = arena_alloc(arena, marks.n * sizeof(*found));
    if (!found)
        return err_set(err, ERR_NO_MEMORY, "out of memory");
    for (size_t i = 0; i < marks.n; i++)
        if (!marks.items[i].needed)
            found[count++] = marks.items[i].id;
    *ids = found;
    *n = count;
    return true;
}

static bool drop_values(struct sqlite *d, int64_t ns, int64_t last, struct err *err)
{
    struct arena scratch = {0};
    int64_t *ids;
    bool ok;
    size_t n;

    ok = doomed_values(d, &(struct doomed_item){ns, last}, &scratch, &ids, &n, err);
    for (size_t i = 0; ok && i < n; i++)
        ok = query_do(d, SQL_VALUE_DROP, ids[i], 0, err);
    arena_done(&scratch);
    return ok;
}

static bool drop_namespace(struct sqlite *d, int64_t ns, struct err *err)
{
    int64_t thread = 0;

    return query_do(d, SQL_NS_CLEAR_VALUES, ns, 0, err) &&
           query_number(d, SQL_NS_DROP, (int64_t[]){ns, 0}, &thread, err) &&
           query_do(d, SQL_THREAD_DROP, thread, 0, err);
}

static bool settle(struct sqlite *d, int64_t ns, int64_t last, struct err *err)
{
    return query_do(d, SQL_NS_UNPARENT, ns, 0, err) && drop_values(d, ns, last, err) &&
           query_do(d, SQL_NS_RECOUNT, ns, 0, err);
}

/* After rows were removed from a namespace. */
static bool settle_all(struct sqlite *d, int64_t ns, struct err *err)
{
    int64_t holds = 0;

    if (!query_number(d, SQL_NS_HOLDS, (int64_t[]){ns, 0}, &holds, err))
        return false;
    return holds ? settle(d, ns, INT64_MAX, err) : drop_namespace(d, ns, err);
}

bool doomed_settle_below(struct sqlite *d, int64_t ns, int64_t tomb, struct err *err)
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

bool doomed_remove(struct sqlite *d, struct doomed *list, int64_t *removed, struct err *err)
{
    const struct doomed_item *item, *before = NULL;
    int64_t count = 0;

    doomed_sort(list);
    for (size_t i = 0; i < list->n; i++, before = item) {
        item = &list->items[i];
        if (before && doomed_order(item, before) == 0)
            continue;
        if (!query_do(d, SQL_TASK_CLEAR, item->id, 0, err) ||
            !query_do(d, SQL_CHECKPOINT_DROP, item->id, 0, err))
            return false;
        count++;
    }
    for (size_t i = 0; i < list->n; i++)
        if ((i + 1 == list->n || list->items[i + 1].ns != list->items[i].ns) &&
            !settle_all(d, list->items[i].ns, err))
            return false;
    *removed = count;
    return true;
}

bool doomed_expire(struct sqlite *d, int64_t thread, int64_t expired_us, struct err *err)
{
    struct arena scratch = {0};
    struct doomed list = {.arena = &scratch};
    int64_t removed;
    struct query q;
    bool ok;

    if (expired_us == INT64_MIN)
        return true;
    if (!query_begin(d, SQL_THREAD_EXPIRED, &q, err))
        return false;
    query_int(&q, thread);
    query_int(&q, expired_us);
    ok = doomed_list(&list, &q, err) && doomed_remove(d, &list, &removed, err);
    arena_done(&scratch);
    return ok;
}

bool doomed_head(struct sqlite *d, int64_t ns, int64_t head, int64_t *bytes, struct err *err)
{
    int64_t freed = 0;

    if (!query_number(d, SQL_HEAD_DROP, (int64_t[]){head, ns}, &freed, err))
        return false;
    *bytes = freed;
    return true;
}

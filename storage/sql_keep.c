/* sql_keep.c - see sql_keep.h. */
#include "sql_keep.h"

#include "chain.h"

enum { ITEMS_MAX = 128 };

/* Items for which a part is fetched together, and what their rows refer to. */
struct batch {
    struct loader *l;
    struct keep_item *items[ITEMS_MAX];
    int64_t heads[ITEMS_MAX];
    int64_t *refs[ITEMS_MAX];
    size_t n_refs[ITEMS_MAX];
    size_t n;
};

static bool begin_among(const struct batch *b, enum sql_statement which, struct query *q,
                        struct err *err)
{
    int64_t rows[ITEMS_MAX];

    for (size_t i = 0; i < b->n; i++)
        rows[i] = b->items[i]->row;
    return load_begin_among(b->l->d, which, rows, b->n, b->l->arena, q, err);
}

static size_t place_of(const struct batch *b, int64_t row)
{
    size_t i = 0;

    while (i + 1 < b->n && b->items[i]->row != row)
        i++;
    return i;
}

static bool read_refs(struct batch *b, struct err *err)
{
    AUTO(query_end) struct query q = {0};
    bool found;

    if (!begin_among(b, SQL_CHECKPOINT_HEADS, &q, err))
        return false;
    for (;;) {
        size_t i;

        if (!query_step(&q, &found, err))
            return false;
        if (!found)
            return true;
        i = place_of(b, query_col_int(&q, 0));
        b->heads[i] = query_col_int(&q, 1);
        if (!unpack_refs(query_col(&q, 2), b->l->arena, &b->refs[i], &b->n_refs[i], err))
            return false;
    }
}

/* Adds to the map each value that it lacks; *ids are these. */
static bool add_values(struct batch *b, int64_t **ids, size_t *n, struct err *err)
{
    size_t most = 1;

    for (size_t i = 0; i < b->n; i++)
        most += b->n_refs[i];
    *n = 0;
    *ids = arena_alloc(b->l->arena, most * sizeof(**ids));
    if (!*ids)
        return err_no_memory(err);
    for (size_t i = 0; i < b->n; i++) {
        for (size_t j = 0; j < b->n_refs[i]; j++) {
            struct value *value;

            if (value_map_find(&b->l->values, b->refs[i][j]))
                continue;
            value = arena_zalloc(b->l->arena, 1, sizeof(*value));
            if (!value)
                return err_no_memory(err);
            value->blob.id = (*ids)[(*n)++] = b->refs[i][j];
            if (!value_map_add(&b->l->values, value, err))
                return false;
        }
    }
    return true;
}

/* Reads only the channels of values, not their bytes. */
static bool read_channels(struct batch *b, struct err *err)
{
    AUTO(query_end) struct query q = {0};
    int64_t *ids;
    bool found;
    size_t n;

    if (!add_values(b, &ids, &n, err))
        return false;
    if (n == 0)
        return true;
    if (!load_begin_among(b->l->d, SQL_VALUE_CHANNELS, ids, n, b->l->arena, &q, err))
        return false;
    for (;;) {
        struct value *value;

        if (!query_step(&q, &found, err))
            return false;
        if (!found)
            return true;
        value = value_map_find(&b->l->values, query_col_int(&q, 0));
        if (value && !query_copy(&q, 1, b->l->arena, &value->of.channel, err))
            return false;
    }
}

static bool fetch_values(struct batch *b, struct err *err)
{
    if (!read_refs(b, err) || !read_channels(b, err))
        return false;
    for (size_t i = 0; i < b->n; i++) {
        struct keep_item *item = b->items[i];

        item->values = arena_alloc(b->l->arena, (b->n_refs[i] + 1) * sizeof(*item->values));
        if (!item->values)
            return err_no_memory(err);
        item->n_values = b->n_refs[i];
        for (size_t j = 0; j < b->n_refs[i]; j++)
            item->values[j] = value_map_find(&b->l->values, b->refs[i][j])->of.channel;
    }
    return true;
}

static bool fetch_heads(struct batch *b, struct err *err)
{
    struct value *values[ITEMS_MAX];

    if (!read_refs(b, err) || !load_values(b->l, b->heads, b->n, values, err))
        return false;
    for (size_t i = 0; i < b->n; i++) {
        struct blob whole;

        if (!values[i])
            continue;
        whole = values[i]->blob;
        if (chain_decode(NULL, &whole, NULL, b->l->arena, err))
            b->items[i]->head = whole.bytes;
        else if (err->kind != ERR_DAMAGED) /* a damaged head stays absent */
            return false;
    }
    return true;
}

static bool fetch_writes(struct batch *b, struct err *err)
{
    AUTO(query_end) struct query q = {0};
    struct checkpoint holders[ITEMS_MAX] = {0};
    struct loaded loaded[ITEMS_MAX] = {0};

    for (size_t i = 0; i < b->n; i++)
        loaded[i] = (struct loaded){.checkpoint = &holders[i], .row = b->items[i]->row};
    if (!begin_among(b, SQL_TASK_CHANNEL, &q, err) || !load_tasks(b->l, &q, loaded, b->n, err))
        return false;
    for (size_t i = 0; i < b->n; i++) {
        struct keep_item *item = b->items[i];

        item->n_writes = holders[i].n_writes;
        item->writes = arena_alloc(b->l->arena, (item->n_writes + 1) * sizeof(*item->writes));
        if (!item->writes)
            return err_no_memory(err);
        for (size_t j = 0; j < item->n_writes; j++)
            item->writes[j] = holders[i].writes[j].channel;
    }
    return true;
}

static bool fetch(struct batch *b, enum keep_part part, struct err *err)
{
    switch (part) {
    case KEEP_VALUES:
        return fetch_values(b, err);
    case KEEP_WRITES:
        return fetch_writes(b, err);
    case KEEP_HEAD:
        return fetch_heads(b, err);
    case KEEP_PARTS:
        break;
    }
    return err_set(err, ERR_INTERNAL, "no such part");
}

/* Adds the items that follow in the same namespace and hold, or do not hold, like this one. */
static void add_others(struct keeper *k, struct keep_item *item, enum keep_part part,
                       struct batch *b)
{
    for (size_t s = 0; s < k->n_spaces; s++) {
        struct keep_item *end = k->spaces[s].items + k->spaces[s].n;

        if (k->spaces[s].n == 0 || item < k->spaces[s].items || item >= end)
            continue;
        for (struct keep_item *at = item + 1; at < end && b->n <= k->others[part]; at++)
            if (at->holds == item->holds && !at->fetched[part])
                b->items[b->n++] = at;
    }
    k->others[part] = k->others[part] * 2 + 1;
    if (k->others[part] >= ITEMS_MAX)
        k->others[part] = ITEMS_MAX - 1;
}

bool keeper_load(void *driver, struct keep_item *item, enum keep_part part, struct err *err)
{
    struct keeper *k = driver;
    struct batch b = {.l = &k->load, .items = {item}, .n = 1};

    if (item->fetched[part])
        return true;
    if (k->load.d->driver->distant)
        add_others(k, item, part, &b);
    if (!fetch(&b, part, err)) {
        if (err->kind != ERR_DAMAGED || b.n == 1)
            return false;
        /* Another item may be the damaged one. */
        b = (struct batch){.l = &k->load, .items = {item}, .n = 1};
        if (!fetch(&b, part, err))
            return false;
    }
    for (size_t i = 0; i < b.n; i++)
        b.items[i]->fetched[part] = true;
    return true;
}

/* id_set.c - see id_set.h. */
#include "id_set.h"

#include <search.h>
#include <stdlib.h>

static int by_key(const void *left, const void *right)
{
    const struct id_entry *a = left, *b = right;
    int order = slice_compare(a->key.id, b->key.id);

    return order ? order : slice_compare(a->key.tenant, b->key.tenant);
}

void id_set_init(struct id_set *s, size_t max)
{
    *s = (struct id_set){.max = max};
}

void id_set_clear(struct id_set *s)
{
    tdestroy(s->root, free);
    *s = (struct id_set){.max = s->max};
}

/* Makes an entry and its texts in one allocation. */
static struct id_entry *make_entry(struct pair_id id)
{
    struct id_entry *e = malloc(sizeof(*e) + id.id.len + id.tenant.len + 1);
    char *at = (char *)(e + 1);

    if (!e)
        return NULL;
    memcpy(at, id.id.at, id.id.len);
    memcpy(at + id.id.len, id.tenant.at, id.tenant.len);
    *e = (struct id_entry){
        .key = {.tenant = {at + id.id.len, id.tenant.len}, .id = {at, id.id.len}},
        .added_ns = INT64_MIN};
    return e;
}

void id_set_add(struct id_set *s, struct pair_id id, int64_t now_ns)
{
    struct id_entry probe = {.key = id}, *e;
    void **node = tfind(&probe, &s->root, by_key);

    if (!node && !s->full) {
        e = s->n < s->max ? make_entry(id) : NULL;
        node = e ? tsearch(e, &s->root, by_key) : NULL;
        if (!node)
            free(e);
        else
            s->n++;
    }
    s->full |= !node;
    if (!node)
        return;
    e = *node;
    if (e->added_ns < now_ns)
        e->added_ns = now_ns;
    e->told = false;
}

bool id_set_flag(struct id_set *s, struct pair_id id)
{
    struct id_entry probe = {.key = id}, *e;
    void **node = tfind(&probe, &s->root, by_key);
    bool was;

    if (!node)
        return false;
    e = *node;
    was = e->flagged;
    e->flagged = true;
    return was;
}

bool id_set_has(const struct id_set *s, struct pair_id id)
{
    struct id_entry probe = {.key = id};

    if (s->full || !slice_present(id.id))
        return s->full || s->n > 0;
    return tfind(&probe, (void *const *)&s->root, by_key) != NULL;
}

struct filter {
    bool (*visit)(struct id_entry *e, void *ctx);
    void *ctx;
    struct id_entry **doomed;
    size_t n, cap;
};

static void look(const void *node, VISIT which, void *ctx)
{
    struct filter *f = ctx;
    struct id_entry *e = *(struct id_entry *const *)node;

    if ((which != postorder && which != leaf) || f->visit(e, f->ctx) || f->n == f->cap)
        return;
    f->doomed[f->n++] = e;
}

void id_set_filter(struct id_set *s, bool (*visit)(struct id_entry *e, void *ctx), void *ctx)
{
    struct filter f = {.visit = visit, .ctx = ctx, .cap = s->n};

    f.doomed = s->n ? malloc(s->n * sizeof(*f.doomed)) : NULL;
    if (!f.doomed)
        f.cap = 0; /* nothing is removed this time */
    twalk_r(s->root, look, &f);
    for (size_t i = 0; i < f.n; i++) {
        tdelete(f.doomed[i], &s->root, by_key);
        free(f.doomed[i]);
        s->n--;
    }
    free(f.doomed);
}

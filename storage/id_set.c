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

static void ring_init(struct id_link *head)
{
    head->before = head->after = head;
}

static void ring_take(struct id_link *link)
{
    link->before->after = link->after;
    link->after->before = link->before;
}

/* Puts what begins with `first` and ends with `last` at the end of a ring. */
static void ring_put(struct id_link *head, struct id_link *first, struct id_link *last)
{
    first->before = head->before;
    last->after = head;
    head->before->after = first;
    head->before = last;
}

void id_set_init(struct id_set *s, size_t max)
{
    *s = (struct id_set){.max = max, .flags = 1, .added_ns = INT64_MIN};
    ring_init(&s->told);
    ring_init(&s->untold);
}

void id_set_clear(struct id_set *s)
{
    tdestroy(s->root, free);
    id_set_init(s, s->max);
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
        else {
            s->n++;
            ring_init(&e->link);
        }
    }
    s->full |= !node;
    if (s->added_ns < now_ns)
        s->added_ns = now_ns;
    if (!node)
        return;
    e = *node;
    if (e->added_ns < now_ns)
        e->added_ns = now_ns;
    ring_take(&e->link);
    ring_put(&s->untold, &e->link, &e->link);
}

/* The entry of an id; NULL: the set does not hold it. */
static struct id_entry *find(const struct id_set *s, struct pair_id id)
{
    struct id_entry probe = {.key = id};
    void **node = tfind(&probe, (void *const *)&s->root, by_key);

    return node ? *node : NULL;
}

void id_set_flag(struct id_set *s, struct pair_id id, int64_t asked_ns)
{
    struct id_entry *e = find(s, id);

    if (e && s->unflagged_ns <= asked_ns)
        e->flags = s->flags;
}

bool id_set_flagged(const struct id_set *s, struct pair_id id)
{
    const struct id_entry *e = find(s, id);

    return e && e->flags == s->flags;
}

static void note_unflagged(struct id_set *s, int64_t at_ns)
{
    if (s->unflagged_ns < at_ns)
        s->unflagged_ns = at_ns;
}

void id_set_unflag(struct id_set *s, struct pair_id id, int64_t at_ns)
{
    struct id_entry *e = find(s, id);

    if (e)
        e->flags = s->flags - 1;
    note_unflagged(s, at_ns);
}

void id_set_unflag_all(struct id_set *s, int64_t at_ns)
{
    s->flags++;
    note_unflagged(s, at_ns);
}

size_t id_set_untold(const struct id_set *s, const struct id_entry **out, size_t max)
{
    size_t n = 0;

    for (const struct id_link *at = s->untold.after; at != &s->untold && n < max; at = at->after)
        out[n++] = (const struct id_entry *)at;
    return n;
}

void id_set_tell(struct id_set *s, struct pair_id id, int64_t asked_ns)
{
    struct id_entry *e = find(s, id);

    if (!e || e->added_ns > asked_ns)
        return;
    ring_take(&e->link);
    ring_put(&s->told, &e->link, &e->link);
}

void id_set_retell(struct id_set *s)
{
    if (s->told.after == &s->told)
        return;
    ring_put(&s->untold, s->told.after, s->told.before);
    ring_init(&s->told);
}

bool id_set_has(const struct id_set *s, struct pair_id id)
{
    if (s->full || !slice_present(id.id))
        return s->full || s->n > 0;
    return find(s, id) != NULL;
}

struct filter {
    bool (*visit)(const struct id_entry *e, void *ctx);
    void *ctx;
    struct id_entry **doomed;
    size_t n, cap;
};

static void look(const void *node, VISIT which, void *ctx)
{
    struct filter *f = ctx;
    struct id_entry *e = *(struct id_entry *const *)node;

    if ((which != postorder && which != leaf) || f->n == f->cap || f->visit(e, f->ctx))
        return;
    f->doomed[f->n++] = e;
}

size_t id_set_filter(struct id_set *s, size_t max,
                     bool (*visit)(const struct id_entry *e, void *ctx), void *ctx)
{
    struct filter f = {.visit = visit, .ctx = ctx, .cap = s->n < max ? s->n : max};

    f.doomed = f.cap ? malloc(f.cap * sizeof(*f.doomed)) : NULL;
    if (!f.doomed)
        f.cap = 0; /* nothing is removed this time */
    twalk_r(s->root, look, &f);
    for (size_t i = 0; i < f.n; i++) {
        ring_take(&f.doomed[i]->link);
        tdelete(f.doomed[i], &s->root, by_key);
        free(f.doomed[i]);
        s->n--;
    }
    free(f.doomed);
    return f.n;
}

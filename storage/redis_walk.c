/* redis_walk.c - see redis_walk.h. */
#include "redis_walk.h"
#include "redis_used.h"

#include <stdlib.h>

enum { CHUNK_MIN = 8, CHUNK_MAX = 10000 };

bool walk_begin(struct walk *w, size_t wanted, struct err *err)
{
    unsigned *buckets;

    if (!used_buckets(w->c, w->tenant, &buckets, &w->n, err))
        return false;
    w->parts = arena_zalloc(w->c->arena, w->n + 1, sizeof(*w->parts));
    if (!w->parts)
        return err_no_memory(err);
    for (size_t i = 0; i < w->n; i++)
        w->parts[i] = (struct walk_part){
            .bucket = buckets[i],
            .chunk = wanted * 2 / w->n + CHUNK_MIN,
            .more = true,
            .started = slice_present(w->after),
            .from = w->from,
            .last = {w->after, w->after_score},
        };
    return true;
}

static void ask(struct walk *w, struct walk_part *p)
{
    struct call *c = w->c;
    struct slice key;

    c->tenant = w->tenant;
    key = call_index_at(c, w->kind, p->bucket);
    if (!w->by_score)
        ASK(c, SLICE("ZRANGEBYLEX"), key,
            p->started ? call_concat(c, p->from ? SLICE("[") : SLICE("("), p->last.member)
                       : SLICE("-"),
            slice_present(w->below) ? call_concat(c, SLICE("("), w->below) : SLICE("+"),
            SLICE("LIMIT"), SLICE("0"), call_number(c, (int64_t)p->chunk));
    else
        ASK(c, SLICE("ZREVRANGEBYSCORE"), key,
            p->started ? call_number(c, p->last.score) : SLICE("+inf"),
            w->low_score == INT64_MIN ? SLICE("-inf")
                                      : call_concat(c, SLICE("("), call_number(c, w->low_score)),
            SLICE("WITHSCORES"), SLICE("LIMIT"), SLICE("0"), call_number(c, (int64_t)p->chunk));
}

/* Whether the item was handed out already: a page by score begins with the score where the last one
 * ended. */
static bool was_seen(const struct walk *w, const struct walk_part *p, const struct walk_item *item)
{
    return w->by_score && p->started && item->score == p->last.score &&
           slice_compare(item->member, p->last.member) >= 0;
}

static bool take(struct walk *w, struct walk_part *p, const struct reply *reply, struct err *err)
{
    size_t step = w->by_score ? 2 : 1, n = reply->n / step;

    p->items = arena_alloc(w->c->arena, (n + 1) * sizeof(*p->items));
    if (!p->items)
        return err_no_memory(err);
    p->n = p->at = 0;
    for (size_t i = 0; i < n; i++) {
        struct walk_item item = {reply->items[i * step]->text, 0};

        if (w->by_score)
            item.score = (int64_t)strtod(reply->items[i * step + 1]->text.at, NULL);
        if (!was_seen(w, p, &item))
            p->items[p->n++] = item;
    }
    p->more = n == p->chunk;
    if (p->n == 0 && p->chunk < CHUNK_MAX * CHUNK_MAX)
        p->chunk *= 2;
    return true;
}

static bool refill(struct walk *w, struct err *err)
{
    struct reply **replies;

    for (;;) {
        size_t asked = 0;

        for (size_t i = 0; i < w->n; i++)
            if (w->parts[i].at == w->parts[i].n && w->parts[i].more) {
                ask(w, &w->parts[i]);
                asked++;
            }
        if (asked == 0)
            return true;
        if (!call_answers(w->c, &replies, err))
            return false;
        for (size_t i = 0, at = 0; i < w->n; i++)
            if (w->parts[i].at == w->parts[i].n && w->parts[i].more &&
                !take(w, &w->parts[i], replies[at++], err))
                return false;
    }
}

static bool comes_first(const struct walk *w, const struct walk_item *a, const struct walk_item *b)
{
    int order = slice_compare(a->member, b->member);

    if (!w->by_score)
        return order < 0;
    return a->score != b->score ? a->score > b->score : order > 0;
}

bool walk_next(struct walk *w, struct walk_item *item, bool *found, struct err *err)
{
    struct walk_part *best = NULL;

    if (!refill(w, err))
        return false;
    for (size_t i = 0; i < w->n; i++) {
        struct walk_part *p = &w->parts[i];

        if (p->at < p->n && (!best || comes_first(w, &p->items[p->at], &best->items[best->at])))
            best = p;
    }
    *found = best != NULL;
    if (!best)
        return true;
    *item = best->last = best->items[best->at++];
    best->started = true;
    best->from = false;
    return true;
}

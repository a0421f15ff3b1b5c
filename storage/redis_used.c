/* redis_used.c - see redis_used.h. */
#include "redis_used.h"

#include <stdlib.h>

static bool is_set(const unsigned char *bits, unsigned bucket)
{
    return bits[bucket / 8] & 1u << bucket % 8;
}

static void set(unsigned char *bits, unsigned bucket)
{
    bits[bucket / 8] |= (unsigned char)(1u << bucket % 8);
}

static struct redis_used *used_find(struct redis *d, struct slice tenant)
{
    struct redis_used *u = d->used;

    while (u && !slice_equal(tenant, (struct slice){u->tenant, u->len}))
        u = u->next;
    return u;
}

static void ask_mark(struct call *c, unsigned bucket)
{
    struct slice none = {NULL, 0};

    ASK(c, SLICE("SADD"), call_single(c, "tenants", none), c->tenant);
    ASK(c, SLICE("SETBIT"), call_single(c, "buckets", c->tenant), call_number(c, bucket),
        SLICE("1"));
}

bool used_mark(struct call *c, struct err *err)
{
    struct redis_used *u = used_find(c->d, c->tenant);
    struct reply **replies;

    if (u && is_set(u->marked, c->bucket)) {
        set(u->lately, c->bucket);
        return true;
    }
    if (!u) {
        u = calloc(1, sizeof(*u) + c->tenant.len);
        if (!u)
            return err_no_memory(err);
        u->len = c->tenant.len;
        memcpy(u->tenant, c->tenant.at, u->len);
        u->next = c->d->used;
        c->d->used = u;
    }
    ask_mark(c, c->bucket);
    if (!call_answers(c, &replies, err))
        return false;
    u = used_find(c->d, c->tenant);
    if (u) {
        set(u->marked, c->bucket);
        set(u->lately, c->bucket);
    }
    return true;
}

bool used_buckets(struct call *c, struct slice tenant, unsigned **buckets, size_t *n,
                  struct err *err)
{
    unsigned *found = arena_alloc(c->arena, REDIS_BUCKETS * sizeof(*found));
    struct reply **replies;
    struct slice bits;

    if (!found)
        return err_no_memory(err);
    ASK(c, SLICE("GET"), call_single(c, "buckets", tenant));
    if (!call_answers(c, &replies, err))
        return false;
    bits = replies[0]->text;
    *n = 0;
    for (unsigned i = 0; i < REDIS_BUCKETS && i / 8 < bits.len; i++)
        if ((unsigned char)bits.at[i / 8] & 0x80u >> i % 8)
            found[(*n)++] = i;
    *buckets = found;
    return true;
}

bool used_tenants(struct call *c, struct slice **tenants, size_t *n, struct err *err)
{
    struct reply **replies;
    struct slice none = {NULL, 0}, *found;

    ASK(c, SLICE("SMEMBERS"), call_single(c, "tenants", none));
    if (!call_answers(c, &replies, err))
        return false;
    found = arena_alloc(c->arena, replies[0]->n * sizeof(*found));
    if (!found)
        return err_no_memory(err);
    for (size_t i = 0; i < replies[0]->n; i++)
        found[i] = replies[0]->items[i]->text;
    *tenants = found;
    *n = replies[0]->n;
    return true;
}

bool used_drop(struct call *c, struct err *err)
{
    struct redis_used *u = used_find(c->d, c->tenant);
    struct slice none = {NULL, 0};
    struct reply **replies;

    if (u) {
        memset(u->marked, 0, sizeof(u->marked));
        memset(u->lately, 0, sizeof(u->lately));
    }
    ASK(c, SLICE("DEL"), call_single(c, "buckets", c->tenant));
    ASK(c, SLICE("SREM"), call_single(c, "tenants", none), c->tenant);
    return call_answers(c, &replies, err);
}

/* Buckets of a tenant that were used lately, and are not marked. */
struct lacking {
    struct redis_used *of;
    unsigned buckets[REDIS_BUCKETS];
    size_t n;
};

static bool has_any(const unsigned char *bits)
{
    for (size_t i = 0; i < REDIS_BUCKETS / 8; i++)
        if (bits[i])
            return true;
    return false;
}

static void find_lacking(struct slice marks, struct lacking *l)
{
    l->n = 0;
    for (unsigned i = 0; i < REDIS_BUCKETS; i++)
        if (is_set(l->of->lately, i) &&
            !(i / 8 < marks.len && (unsigned char)marks.at[i / 8] & 0x80u >> i % 8))
            l->buckets[l->n++] = i;
}

/* Marks those that hold something: of a tenant that another instance has dropped nothing is left. */
static bool mark_again(struct call *c, const struct lacking *l, struct err *err)
{
    struct reply **replies;

    c->tenant = (struct slice){l->of->tenant, l->of->len};
    for (size_t i = 0; i < l->n; i++) {
        ASK(c, SLICE("ZCARD"), call_index_at(c, "sessions", l->buckets[i]));
        ASK(c, SLICE("ZCARD"), call_index_at(c, "threads", l->buckets[i]));
    }
    if (!call_answers(c, &replies, err))
        return false;
    for (size_t i = 0; i < l->n; i++) {
        unsigned bucket = l->buckets[i];

        if (replies[2 * i]->number + replies[2 * i + 1]->number > 0)
            ask_mark(c, bucket);
        else
            l->of->lately[bucket / 8] &= (unsigned char)~(1u << bucket % 8);
    }
    return call_answers(c, &replies, err);
}

/* One round trip, if every bucket is marked. */
static bool look(struct call *c, struct err *err)
{
    struct lacking l;
    struct reply **replies;
    size_t at = 0;

    for (struct redis_used *u = c->d->used; u; u = u->next)
        if (has_any(u->lately))
            ASK(c, SLICE("GET"), call_single(c, "buckets", (struct slice){u->tenant, u->len}));
    if (!call_answers(c, &replies, err))
        return false;
    for (l.of = c->d->used; l.of; l.of = l.of->next) {
        if (!has_any(l.of->lately))
            continue;
        find_lacking(replies[at++]->text, &l);
        if (l.n > 0 && !mark_again(c, &l, err))
            return false;
    }
    return true;
}

/* What was not used lately is marked at its next use. */
static void age(struct redis *d)
{
    struct redis_used **at = &d->used, *u;

    while ((u = *at)) {
        memcpy(u->marked, u->lately, sizeof(u->marked));
        memset(u->lately, 0, sizeof(u->lately));
        if (has_any(u->marked)) {
            at = &u->next;
        } else {
            *at = u->next;
            free(u);
        }
    }
}

void used_recheck(struct redis *d)
{
    struct arena arena = {0};
    struct call c = {.d = d, .arena = &arena};
    struct err ignored;

    if (look(&c, &ignored))
        age(d);
    else
        used_distrust(d);
    call_drain(&c);
    arena_done(&arena);
}

void used_distrust(struct redis *d)
{
    for (struct redis_used *u = d->used; u; u = u->next)
        memset(u->marked, 0, sizeof(u->marked));
}

void used_free(struct redis *d)
{
    while (d->used) {
        struct redis_used *next = d->used->next;

        free(d->used);
        d->used = next;
    }
}

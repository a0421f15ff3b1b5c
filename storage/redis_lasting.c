/* redis_lasting.c - see redis_lasting.h. */
#include "redis_lasting.h"

#include "clock.h"
#include "redis_used.h"

/* What an older version has written lasts for an hour at least. */
#define AGAIN_NS (30 * 60 * S_NS)

enum { BUCKETS_AT_ONCE = 64, SESSIONS_AT_ONCE = 1024 };

static const char *const kinds[] = {"session", "order", "messages", "contexts"};

struct part {
    unsigned bucket;
    struct slice last; /* the session before the next one; absent: none yet */
    bool more;
};

/* Sessions of a tenant in some buckets, page by page. */
struct pages {
    struct slice tenant;
    struct part parts[BUCKETS_AT_ONCE];
    size_t n;
    struct arena *arena; /* outlives a page */
    bool more, *found;   /* found: a key had an expiry */
};

static void ask_ids(struct call *c, const struct pages *p, int64_t share)
{
    c->tenant = p->tenant;
    for (size_t i = 0; i < p->n; i++)
        if (p->parts[i].more)
            ASK(c, SLICE("ZRANGEBYLEX"), call_index_at(c, "sessions", p->parts[i].bucket),
                slice_present(p->parts[i].last) ? call_concat(c, SLICE("("), p->parts[i].last)
                                                : SLICE("-"),
                SLICE("+"), SLICE("LIMIT"), SLICE("0"), call_number(c, share));
}

/* Takes the expiry off the sessions that one reply names; returns how many keys that are. */
static size_t ask_lasting(struct call *c, const struct pages *p, const struct reply *ids)
{
    for (size_t i = 0; i < ids->n; i++) {
        call_at(c, p->tenant, ids->items[i]->text);
        for (size_t k = 0; k < COUNT_OF(kinds); k++)
            ASK(c, SLICE("PERSIST"), call_key(c, kinds[k]));
    }
    return ids->n * COUNT_OF(kinds);
}

static bool do_page(struct call *c, void *arg, struct err *err)
{
    struct pages *p = arg;
    size_t share = SESSIONS_AT_ONCE / p->n, n = 0;
    struct reply **replies;

    ask_ids(c, p, (int64_t)share);
    if (!call_answers(c, &replies, err))
        return false;
    p->more = false;
    for (size_t i = 0, at = 0; i < p->n; i++) {
        struct part *part = &p->parts[i];
        const struct reply *ids;

        if (!part->more)
            continue;
        ids = replies[at++];
        n += ask_lasting(c, p, ids);
        part->more = ids->n == share;
        p->more |= part->more;
        if (part->more)
            part->last = arena_copy(p->arena, ids->items[ids->n - 1]->text);
        if (part->more && !slice_present(part->last))
            return err_no_memory(err);
    }
    if (!call_answers(c, &replies, err))
        return false;
    for (size_t i = 0; i < n; i++)
        *p->found |= replies[i]->number != 0;
    return true;
}

/* All sessions of a tenant, in an arena of its own. */
static bool do_tenant(struct call *c, void *arg, struct err *err)
{
    struct pages *p = arg;
    unsigned *buckets;
    size_t n;

    p->arena = c->arena;
    if (!used_buckets(c, p->tenant, &buckets, &n, err))
        return false;
    for (size_t from = 0; from < n; from += p->n) {
        p->n = n - from < BUCKETS_AT_ONCE ? n - from : BUCKETS_AT_ONCE;
        for (size_t i = 0; i < p->n; i++)
            p->parts[i] = (struct part){.bucket = buckets[from + i], .more = true};
        do {
            if (!call_apart(c, do_page, p, err))
                return false;
        } while (p->more);
    }
    return true;
}

bool redis_lasting(struct call *c, struct err *err)
{
    struct redis *d = c->d;
    int64_t now_ns = clock_now_ns();
    struct slice *tenants;
    bool found = false;
    size_t n;

    if (now_ns < d->lasting_ns)
        return true;
    if (!used_tenants(c, &tenants, &n, err))
        return false;
    for (size_t i = 0; i < n; i++) {
        struct pages p = {.tenant = tenants[i], .found = &found};

        if (!call_apart(c, do_tenant, &p, err))
            return false;
    }
    d->lasting_ns = found ? now_ns + AGAIN_NS : INT64_MAX;
    return true;
}

/* store.c - see store.h. */
#include "store.h"

#include <assert.h>

#include "drivers.h"

struct waiting {
    struct waiting *next;
    void (*fn)(void *arg);
    void *arg;
};

/* A change that waits in the outbox of a store. */
struct mark {
    struct mark *next;
    int64_t number;
    struct slice id;
    bool copied;       /* the other store has it as well */
    bool acknowledged; /* a client was told of it */
};

const char *store_name(const struct sim_store *s)
{
    return s->side == 0 ? "P" : "F";
}

struct sim_store *store_new(struct world *w, int side)
{
    struct backend_config cfg = {
        .url = "memory:", .role = BACKEND_ANY, .context_versions = 3, .inline_max = w->inline_max};
    struct sim_store *s = world_alloc(w, sizeof(*s));
    struct err err;

    *s = (struct sim_store){.world = w, .side = side, .up = true};
    s->backend = chain_open(&cfg, &err);
    assert(s->backend);
    return s;
}

void store_free(struct sim_store *s)
{
    backend_close(s->backend);
}

static struct mark *find_mark(const struct sim_store *s, int64_t number)
{
    struct mark *m = s->marks;

    while (m && m->number != number)
        m = m->next;
    return m;
}

/* The id that an op has changed; a clean-up says so by its copies alone. */
static struct slice changed_by(struct world *w, const struct op *op)
{
    struct slice id = op->copies[0].key.id;
    char *kept;

    if (slice_present(op->id))
        return op->id;
    kept = world_alloc(w, id.len + 1);
    memcpy(kept, id.at, id.len);
    return (struct slice){kept, id.len};
}

static void add_mark(struct sim_store *s, const struct op *op)
{
    struct mark *m;

    if (find_mark(s, op->stamp))
        return;
    m = world_alloc(s->world, sizeof(*m));
    *m = (struct mark){.next = s->marks, .number = op->stamp, .id = changed_by(s->world, op)};
    s->marks = m;
}

static void remove_mark(struct sim_store *s, int64_t number)
{
    struct mark **at = &s->marks;

    while (*at && (*at)->number != number)
        at = &(*at)->next;
    if (*at)
        *at = (*at)->next;
}

/* Follows what an op has done to the outboxes. */
static void follow(struct sim_store *s, const struct op *op)
{
    struct sim_store *other = s->world->stores[!s->side];
    struct mark *m;

    if (op->status.kind != ERR_OK)
        return;
    if (op->type == OP_PAIR_CHANGE)
        for (size_t i = 0; i < op->pair_change.n_clear; i++)
            remove_mark(s, op->pair_change.clear[i].number);
    else if (op->replicate && op->n_copies > 0)
        add_mark(s, op);
    else if (op_writes(op) && !op->replicate && (m = find_mark(other, op->stamp)))
        m->copied = true;
}

void store_execute(struct sim_store *s, struct op *const ops[], size_t n, struct stamp_clock *clock)
{
    struct stamp_clock kept = stamp_exchange(*clock);
    struct err err;
    bool ok;

    for (size_t i = 0; i < n; i++)
        ops[i]->deadline_ns = 0; /* it was in time when it was sent */
    ok = n == 0 || backend_execute(s->backend, ops, n, &err);
    assert(ok);
    for (size_t i = 0; i < n; i++)
        follow(s, ops[i]);
    *clock = stamp_exchange(kept);
}

void store_unheard(struct sim_store *s, const struct op *op)
{
    struct mark *m = find_mark(s->world->stores[!s->side], op->stamp);

    if (m && op->type == OP_MERGE && op->merge.out.newest > 0)
        m->copied = false;
}

void store_wait(struct sim_store *s, void (*fn)(void *arg), void *arg)
{
    struct waiting *w = world_alloc(s->world, sizeof(*w));

    *w = (struct waiting){.fn = fn, .arg = arg};
    if (s->first)
        s->last->next = w;
    else
        s->first = w;
    s->last = w;
}

void store_crash(void *arg)
{
    struct sim_store *s = arg;

    s->up = s->hung = false;
    s->first = NULL;
    world_say(s->world, "%s CRASHES", store_name(s));
}

void store_restart(void *arg)
{
    struct sim_store *s = arg;

    s->up = true;
    world_say(s->world, "%s is UP", store_name(s));
}

void store_hang(void *arg)
{
    struct sim_store *s = arg;

    s->hung = s->up;
    if (s->hung)
        world_say(s->world, "%s HANGS", store_name(s));
}

void store_resume(void *arg)
{
    struct sim_store *s = arg;
    struct waiting *w = s->first;

    if (!s->hung)
        return;
    world_say(s->world, "%s goes ON", store_name(s));
    s->hung = false;
    s->first = NULL;
    for (; w; w = w->next)
        w->fn(w->arg);
}

bool store_acknowledged(struct world *w, int64_t number)
{
    struct mark *p = find_mark(w->stores[0], number), *f = find_mark(w->stores[1], number);
    struct mark *m = p ? p : f;

    if (!m || (p && f) || m->copied)
        return false;
    m->acknowledged = true;
    return true;
}

/* Whether this store alone has a change: of this id unless it is absent; if `told`, one that a client was told
 * of. */
static bool has_alone(const struct sim_store *s, struct slice id, bool told)
{
    for (const struct mark *m = s->marks; m; m = m->next)
        if (!m->copied && (m->acknowledged || !told) &&
            (!slice_present(id) || slice_equal(m->id, id)))
            return true;
    return false;
}

bool store_alone(const struct sim_store *s, struct slice id)
{
    return has_alone(s, id, true);
}

bool store_has_alone(const struct sim_store *s, struct slice id)
{
    return has_alone(s, id, false);
}

bool store_is_ahead(const struct sim_store *s)
{
    return has_alone(s, (struct slice){NULL, 0}, false);
}

/* store.c - see store.h. */
#include "store.h"

#include <assert.h>

#include "ledger.h"

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

/* What a store was at some time. */
struct state {
    struct state *next;
    int64_t at_us, position;
    sqlite3 *holds;
    struct mark **marks;
    size_t n;
};

const char *store_name(const struct sim_store *s)
{
    return s->side == 0 ? "P" : "F";
}

static struct saved_store open_empty(const struct world *w)
{
    return saved_open(&(struct backend_config){
        .url = "memory:", .role = BACKEND_ANY, .context_versions = 3, .inline_max = w->inline_max});
}

struct sim_store *store_new(struct world *w, int side)
{
    struct sim_store *s = world_alloc(w, sizeof(*s));
    struct saved_store made = open_empty(w);

    *s = (struct sim_store){
        .world = w, .side = side, .up = true, .backend = made.backend, .driver = made.driver};
    return s;
}

void store_free(struct sim_store *s)
{
    for (struct state *state = s->states; state; state = state->next)
        sqlite3_close(state->holds);
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
    ledger_follow(s->world, s->side, op);
    if (op->type == OP_PAIR_CHANGE)
        for (size_t i = 0; i < op->pair_change.n_clear; i++)
            remove_mark(s, op->pair_change.clear[i].number);
    else if (op->replicate && op->n_copies > 0)
        add_mark(s, op);
    else if (op_writes(op) && !op->replicate && (m = find_mark(other, op->stamp)))
        m->copied = true;
}

/* As drivers do it: counts notes, and says what the store is. */
static void describe(struct sim_store *s, struct op *op)
{
    if (!s->world->ledger)
        return;
    s->position += op->type == OP_PAIR_CHANGE && op->pair_change.n_notes > 0;
    if (op->type != OP_PAIR_READ)
        return;
    op->pair_read.out.incarnation = arena_printf(&s->world->arena, "%lld",
                                                 (long long)s->incarnation);
    op->pair_read.out.position = s->tells == BY_BEAT ? 0 : s->position;
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
    for (size_t i = 0; i < n; i++) {
        follow(s, ops[i]);
        describe(s, ops[i]);
    }
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
    s->starts++;
    s->incarnation += s->tells == BY_INCARNATION;
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

struct state *store_save(struct sim_store *s)
{
    struct state *state = world_alloc(s->world, sizeof(*state));

    *state = (struct state){.next = s->states,
                            .at_us = s->world->schedule.now_us,
                            .position = s->position,
                            .holds = saved_take(s->driver)};
    for (struct mark *m = s->marks; m; m = m->next)
        state->n++;
    state->marks = world_alloc(s->world, (state->n + 1) * sizeof(*state->marks));
    state->n = 0;
    for (struct mark *m = s->marks; m; m = m->next)
        state->marks[state->n++] = m;
    s->states = state;
    return state;
}

/* The marks are again those of that time. What either store has lost it has not copied. */
static void return_marks(struct sim_store *s, const struct state *to)
{
    s->marks = NULL;
    for (size_t i = to ? to->n : 0; i-- > 0;) {
        to->marks[i]->next = s->marks;
        s->marks = to->marks[i];
    }
    for (int side = 0; side < STORES; side++)
        for (struct mark *m = s->world->stores[side]->marks; m; m = m->next)
            m->copied &= ledger_holds(s->world, !side, m->number);
}

static struct shown show(const struct sim_store *s)
{
    return (struct shown){s->backend, s->tells, s->position, s->incarnation, false};
}

void store_forget(struct sim_store *s, const struct state *to)
{
    struct saved_store made = open_empty(s->world);
    int64_t position = to ? to->position : 0;
    struct shown later, now, peer;

    if (to)
        saved_put(to->holds, made.driver);
    if (s->up)
        store_crash(s);
    now = show(s);
    later = (struct shown){made.backend, s->tells, position, s->incarnation, !to};
    peer = show(s->world->stores[!s->side]);
    if ((to && to->at_us < s->forgot_us) || !saved_may_return(&later, &now, &peer)) {
        backend_close(made.backend);
        store_restart(s);
        return;
    }
    backend_close(s->backend);
    s->backend = made.backend;
    s->driver = made.driver;
    s->position = position;
    s->forgot_us = s->world->schedule.now_us;
    ledger_forget(s->world, s->side, to ? to->at_us : -1);
    return_marks(s, to);
    world_say(s->world, "%s FORGETS all since %.3f", store_name(s),
              to ? (double)to->at_us / 1000 : 0.0);
    store_restart(s);
}

bool store_keeps_alone(const struct sim_store *s, int64_t number)
{
    const struct mark *m = find_mark(s, number);

    return m && !m->copied;
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

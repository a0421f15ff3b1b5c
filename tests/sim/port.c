/* port.c - see port.h. */
#include "port.h"

#include <assert.h>
#include <stdlib.h>

#include "journal.h"
#include "ledger.h"
#include "op_copy.h"
#include "pair_notes.h"
#include "store.h"

/* TIMEOUT_US: how long a caller waits for a reply. LATE_US: how long a lost request may still arrive.
 * LATE_COLLECTED_US: where tombstones are collected after a while, for then nothing that old arrives.
 * STAMPS: how many stamps a call may use up. */
enum { TIMEOUT_US = 300000, LATE_US = 8000000, LATE_COLLECTED_US = 2000000, STAMPS = 64 };

struct port {
    struct backend base;
    struct instance *instance;
    struct sim_store *store;
    bool connected;
    int64_t starts; /* of the store, when the connection was made */
    struct met met; /* what the connection leads to */
};

enum outcome { ANSWERED, NOTHING_DONE, LOST, LOST_MIDWAY };

struct request {
    struct world *world;
    struct instance *instance;
    struct sim_store *store;
    struct task *task; /* the task that waits */
    int64_t life;      /* of the instance, when the request was sent */
    struct op *ops, **list;
    size_t n, n_done;
    struct stamp_clock clock;
    int64_t skew_us, sent_us;
    bool given_up; /* nobody waits for the reply any more */
    bool has_fate; /* the outcome is decided */
    enum outcome outcome;
    bool greets;              /* it makes a connection, and asks what the store is */
    int64_t starts;           /* of the store, when the connection was made */
    struct op_pair_read says; /* what the store is */
};

static bool dice(const struct request *r, int64_t permille)
{
    return schedule_chance(&r->world->schedule, permille);
}

static void come_back(void *arg)
{
    struct request *r = arg;

    instance_wake(r->task, r->life);
}

/* Now and then a packet takes long and is overtaken. */
static int64_t latency(const struct request *r, int64_t low_us, int64_t high_us)
{
    return schedule_between(&r->world->schedule, low_us, dice(r, 30) ? 100 * MS : high_us);
}

/* Decides what the caller will learn, and wakes it after a delay. */
static void decide(struct request *r, int64_t delay_us, enum outcome outcome)
{
    assert(!r->has_fate);
    r->has_fate = true;
    r->outcome = outcome;
    schedule_after(&r->world->schedule, delay_us, come_back, r);
}

static bool only_reads(const struct request *r)
{
    for (size_t i = 0; i < r->n; i++)
        if (op_writes(&r->ops[i]))
            return false;
    return true;
}

/* The store says what it is, at the beginning of a connection. */
static void greet(struct request *r)
{
    struct op op = {.type = OP_PAIR_READ, .tenant = SLICE("default"), .pair_read = {.limit = 1}};
    struct op *ops[] = {&op};

    op.arena = &r->world->arena;
    store_execute(r->store, ops, 1, &r->clock);
    r->says = op.pair_read;
    r->starts = r->store->starts;
}

/* The store runs the first n of the ops, by the clock of the sender at the time of sending. */
static void execute(struct request *r, size_t n)
{
    struct world *w = r->world;

    world_set_clock(w, (r->sent_us - w->schedule.now_us) * w->wall_scale + r->skew_us);
    if (r->greets)
        greet(r);
    store_execute(r->store, r->list, n, &r->clock);
    r->n_done = n;
}

/* Whether the connection that brings the request has ended with the process that it led to. */
static bool is_reset(const struct request *r)
{
    return r->world->ledger && !r->greets && r->starts != r->store->starts;
}

static void late(struct request *r, const struct op *op)
{
    journal_late(r->world, op);
    ledger_late(r->world, r->store->side, op);
    if (op->type == OP_MERGE && ledger_forgot_since(r->world, !r->store->side, r->sent_us))
        journal_outlived(r->world, op);
}

/* The request has reached a store that does not hang. */
static void run(void *arg)
{
    struct request *r = arg;
    struct schedule *s = &r->world->schedule;
    bool lost = (r->instance->cuts[r->store->side] & CUT_REPLIES) ||
                (!r->world->quiet && dice(r, r->world->doubt_permille));
    bool killed = r->instance->life != r->life;
    size_t n = r->n;

    if (!r->store->up || ((r->given_up || killed) && (only_reads(r) || is_reset(r))))
        return;
    if (is_reset(r)) {
        decide(r, 0, LOST);
        return;
    }
    if ((lost || r->given_up) && n > 0 && dice(r, 500)) /* contact is lost in the middle */
        n = (size_t)schedule_between(s, 0, (int64_t)n + 1);
    execute(r, n);
    for (size_t i = 0; (lost || r->given_up || killed) && i < n; i++)
        store_unheard(r->store, &r->ops[i]);
    if (r->given_up || killed) {
        for (size_t i = 0; i < n; i++)
            late(r, &r->ops[i]);
        world_say(r->world, "    %s does %zu of %zu %s, given up by I%d", store_name(r->store), n,
                  r->n, r->n ? op_name(r->ops[0].type) : "", r->instance->number);
        return;
    }
    if (lost)
        decide(r, TIMEOUT_US, n < r->n && dice(r, 300) ? LOST_MIDWAY : LOST);
    else
        decide(r, latency(r, 200, 2 * MS), ANSWERED);
}

/* A request that was lost by a cut arrives after it: the sender's kernel has sent it again and again, and
 * nobody waits for it any more. */
static void arrive_late(void *arg)
{
    struct request *r = arg;

    if (r->store->hung)
        store_wait(r->store, run, r);
    else
        run(r);
}

static void give_up(void *arg)
{
    struct request *r = arg;

    if (r->has_fate)
        return;
    r->given_up = true;
    decide(r, 0, LOST);
}

static void arrive(void *arg)
{
    struct request *r = arg;

    if (!r->store->up) {
        decide(r, 0, LOST);
    } else if (r->store->hung) {
        store_wait(r->store, run, r);
        schedule_after(&r->world->schedule, TIMEOUT_US, give_up, r);
    } else if (!r->world->quiet && dice(r, r->world->doubt_permille)) {
        decide(r, TIMEOUT_US, LOST);
    } else {
        run(r);
    }
}

static void lose_request(struct request *r)
{
    struct schedule *s = &r->world->schedule;
    bool late = (r->instance->cuts[r->store->side] & CUT_REQUESTS) && dice(r, 200);

    r->given_up = true;
    decide(r, TIMEOUT_US, late || dice(r, 500) ? LOST : NOTHING_DONE);
    if (late)
        schedule_after(
            s,
            schedule_between(s, TIMEOUT_US, r->world->cfg->collects ? LATE_COLLECTED_US : LATE_US),
            arrive_late, r);
}

static void send(struct request *r)
{
    struct schedule *s = &r->world->schedule;
    int64_t latency_us = latency(r, 300, 3 * MS);

    if (!r->store->up && dice(r, 800))
        decide(r, latency_us, NOTHING_DONE); /* refused */
    else if ((r->instance->cuts[r->store->side] & CUT_REQUESTS) || !r->store->up)
        lose_request(r);
    else
        schedule_after(s, latency_us, arrive, r);
}

/* Takes stamps that the driver may need for the call; so no other call gets them. */
static struct stamp_clock reserve(struct instance *i)
{
    return (struct stamp_clock){.last = stamp_take(STAMPS), .node = i->number + 1};
}

static struct request *request_new(struct port *p, struct op *const ops[], size_t n)
{
    struct instance *i = p->instance;
    struct world *w = i->world;
    struct request *r = world_alloc(w, sizeof(*r));

    *r = (struct request){
        .world = w,
        .instance = i,
        .store = p->store,
        .task = i->running,
        .life = i->life,
        .ops = world_alloc(w, (n + 1) * sizeof(*r->ops)),
        .list = world_alloc(w, (n + 1) * sizeof(*r->list)),
        .n = n,
        .clock = reserve(i),
        .skew_us = i->skew_us,
        .sent_us = w->schedule.now_us,
    };
    for (size_t k = 0; k < n; k++) {
        r->ops[k] = op_copy(ops[k], &w->arena);
        r->list[k] = &r->ops[k];
    }
    return r;
}

/* Puts the op as the store left it in the place of the caller's. */
static void give_back(const struct op *done, struct op *op)
{
    struct arena *arena = op->arena;
    struct op *next = op->next;
    int64_t deadline_ns = op->deadline_ns;

    *op = *done;
    op->arena = arena;
    op->next = next;
    op->deadline_ns = deadline_ns;
}

/* Shows what a merge holds: a letter for each record, in the order of their kinds. */
static const char *contents(const struct op *op, char *text, size_t size)
{
    static const char letters[] =
        "SMCTVPWRA"; /* P: checkpoint, W: writes, R: request, A: addition */
    size_t n = 0;

    text[0] = '\0';
    if (op->type != OP_MERGE)
        return text;
    text[n++] = ' ';
    for (size_t i = 0; i < op->merge.n && n < size - 1; i++)
        text[n++] = op->merge.items[i].gone ? '-' : letters[op->merge.items[i].kind];
    text[n] = '\0';
    return text;
}

static void trace(const struct request *r)
{
    char text[64];

    static const char *const names[] = {"", " -> nothing done", " -> lost", " -> lost midway"};

    if (!r->world->cfg->trace)
        return;
    for (size_t i = 0; i < r->n; i++) {
        const struct op *op = &r->ops[i];

        if (op->type == OP_PAIR_READ && r->outcome == ANSWERED)
            continue;
        world_say(r->world, "    I%d %s: %s %.*s%s%s%s stamp %lld%s%s", r->instance->number,
                  store_name(r->store), op_name(op->type), SLICE_ARGS(op->id),
                  contents(op, text, sizeof(text)), op->replicate ? " +outbox" : "",
                  op->alone ? " alone" : "", (long long)op->stamp, names[r->outcome],
                  r->outcome == ANSWERED && op->status.kind != ERR_OK ? op->status.text : "");
    }
}

/* Sends a request, and waits for the outcome. */
static bool exchange(struct port *p, struct request *r, struct err *err)
{
    send(r);
    if (!instance_sleep(p->instance))
        return err_set(err, ERR_UNAVAILABLE, "the instance is being killed");
    trace(r);
    p->connected &= r->outcome == ANSWERED;
    if (r->outcome == NOTHING_DONE)
        return err_set(err, ERR_UNAVAILABLE, "the store refuses connections");
    return r->outcome != LOST || err_set(err, ERR_IN_DOUBT, "the store was lost while it worked");
}

/* Makes a connection, and learns what it leads to. */
static bool meet(struct port *p, struct err *err)
{
    struct request *r = request_new(p, NULL, 0);

    r->greets = true;
    if (!exchange(p, r, err)) {
        err->kind = ERR_UNAVAILABLE; /* nothing was asked yet */
        return false;
    }
    p->connected = true;
    p->starts = r->starts;
    p->met = acquaintance_meet(&p->instance->known[p->store->side], r->says.out.incarnation,
                               pair_note_text(&r->says, "pair"), r->says.out.position);
    world_say(r->world, "    I%d meets %s: %.*s at %lld%s", p->instance->number,
              store_name(p->store), SLICE_ARGS(r->says.out.incarnation),
              (long long)r->says.out.position, p->met.older ? ", older" : "");
    return true;
}

/* As drivers do it: connects, and lets no op through to a store that is not what it was. A connection that the other
 * side has closed is seen to be, unless contact is cut. */
static bool admit(struct port *p, struct op *const ops[], size_t *n, struct op **allowed,
                  struct err *err)
{
    struct acquaintance *known = &p->instance->known[p->store->side];
    struct err why;

    assert(*n <= BATCH_MAX);
    if (p->starts != p->store->starts && !p->instance->cuts[p->store->side])
        p->connected = false;
    if (!p->connected && !meet(p, err))
        return false;
    if (!acquaintance_admits(known, &p->met, &why) && !meet(p, err))
        return false;
    *n = acquaintance_sort(known, &p->met, ops, *n, allowed);
    for (size_t i = 0; i < *n; i++)
        if (known->known && (ledger_is_older(p->instance->world, p->store->side) ||
                             ledger_found_lately(p->instance->world)))
            journal_blind(p->instance->world, allowed[i]);
    return true;
}

static bool run_all(struct port *p, struct op *const ops[], size_t n, struct err *err)
{
    struct request *r = request_new(p, ops, n);

    r->starts = p->starts;
    if (!exchange(p, r, err))
        return false;
    stamp_observe(r->clock.last);
    for (size_t i = 0; i < n; i++) {
        if (i < r->n_done)
            give_back(&r->ops[i], ops[i]);
        else
            err_fill(&ops[i]->status, op_writes(ops[i]) ? ERR_IN_DOUBT : ERR_UNAVAILABLE,
                     "the store was lost while it worked");
    }
    return true;
}

static bool execute_port(struct backend *self, struct op *const ops[], size_t n, struct err *err)
{
    struct port *p = (struct port *)self;
    struct op *allowed[BATCH_MAX];
    size_t n_allowed = n;

    if (p->instance->dying)
        return err_set(err, ERR_UNAVAILABLE, "the instance is being killed");
    if (!p->instance->world->ledger)
        return run_all(p, ops, n, err);
    return admit(p, ops, &n_allowed, allowed, err) &&
           ((n > 0 && n_allowed == 0) || run_all(p, allowed, n_allowed, err));
}

static bool probe(struct backend *self, int64_t deadline_ns UNUSED, struct err *err)
{
    return execute_port(self, NULL, 0, err) ||
           err_set(err, ERR_UNAVAILABLE, "the store does not answer");
}

static void close_port(struct backend *self)
{
    free(self);
}

struct backend *port_new(struct instance *i, int side)
{
    static const struct backend_ops ops = {
        .name = "port", .execute = execute_port, .probe = probe, .close = close_port};
    struct port *p = malloc(sizeof(*p));

    assert(p);
    *p = (struct port){.base = {.ops = &ops, .caps = BACKEND_DURABLE | BACKEND_SHARED},
                       .instance = i,
                       .store = i->world->stores[side]};
    return &p->base;
}

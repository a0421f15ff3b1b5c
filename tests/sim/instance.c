/* instance.c - see instance.h. */
#include "instance.h"

#include <assert.h>

#include "failover_tend.h"
#include "port.h"

/* The settings of the program, scaled to a world that lasts half a minute. */
static struct failover_config config(struct instance *i)
{
    struct world *w = i->world;
    bool learns = w->ledger;

    return (struct failover_config){
        .breaker = {.failures = 5,
                    .window_ns = INT64_C(10) * 1000 * SEC,
                    .pause_min_ns = 100 * 1000 * MS,
                    .pause_max_ns = 2 * 1000 * SEC},
        .single_instance = w->n_instances == 1 && (w->single || schedule_chance(&w->schedule, 500)),
        .start_wait_ms = 1000000, /* endless: then nothing old is ever read */
        .poll_ms = 1000,
        .seed = (uint64_t)schedule_between(&w->schedule, 0, INT32_MAX),
        .without = w->cfg->without,
        .stores = {learns ? &i->known[0] : NULL, learns ? &i->known[1] : NULL},
    };
}

void instance_clock_on(struct instance *i)
{
    struct stamp_clock ignored = stamp_exchange(i->clock);

    (void)ignored;
    world_set_clock(i->world, i->skew_us);
}

void instance_clock_off(struct instance *i)
{
    i->clock = stamp_exchange((struct stamp_clock){0});
}

/* Runs a task until it sleeps or ends. `anew`: from its beginning. */
static void run(struct task *task, bool anew)
{
    struct instance *i = task->instance;

    instance_clock_on(i);
    i->running = task;
    if (anew)
        task->active = !fiber_start(task->fiber, task->fn, task->arg);
    else
        task->active = !fiber_resume(task->fiber);
    i->running = NULL;
    instance_clock_off(i);
}

static void revive_later(struct instance *i)
{
    struct world *w = i->world;

    schedule_after(&w->schedule, schedule_between(&w->schedule, 100 * MS, 2 * SEC), instance_revive,
                   i);
}

void instance_wake(struct task *task, int64_t life)
{
    struct instance *i = task->instance;
    struct world *w = i->world;

    if (i->life != life)
        return;
    assert(task->active);
    if (!w->quiet && schedule_chance(&w->schedule, w->crash_permille)) {
        instance_kill(i);
        revive_later(i);
        return;
    }
    run(task, false);
}

bool instance_sleep(struct instance *i)
{
    struct task *self = i->running;

    if (i->dying)
        return false;
    fiber_leave(self->fiber);
    return !i->dying;
}

static void start(struct task *task, struct instance *i, void (*fn)(void *arg), void *arg)
{
    task->instance = i;
    task->fn = fn;
    task->arg = arg;
    run(task, true);
}

static void enqueue(struct lane *l, struct call *call)
{
    call->next = NULL;
    if (l->first)
        l->last->next = call;
    else
        l->first = call;
    l->last = call;
}

static size_t take_batch(struct lane *l, struct op **ops)
{
    for (l->n = 0; l->first && l->n < COUNT_OF(l->batch); l->first = l->first->next) {
        ops[l->n] = &l->first->op;
        l->batch[l->n++] = l->first;
    }
    return l->n;
}

static void work(void *arg)
{
    struct lane *l = arg;
    struct instance *i = l->task.instance;
    struct op *ops[COUNT_OF(l->batch)];
    size_t n;

    while ((n = take_batch(l, ops)) > 0) {
        struct err err;
        bool ok = backend_execute(l->chain, ops, n, &err);

        if (i->dying)
            return;
        l->n = 0;
        for (size_t k = 0; k < n; k++) {
            if (!ok)
                ops[k]->status = err;
            if (ops[k]->again)
                enqueue(l, l->batch[k]);
            else
                l->batch[k]->done(l->batch[k], false);
        }
    }
}

struct kick {
    struct lane *lane;
    int64_t life;
};

static void wake_lane(void *arg)
{
    struct kick *kick = arg;
    struct lane *l = kick->lane;

    if (l->task.instance->life == kick->life && !l->task.active)
        start(&l->task, l->task.instance, work, l);
}

void instance_submit(struct instance *i, struct call *call)
{
    struct lane *l = &i->lanes[op_lane_hash(&call->op) % (uint64_t)i->n_lanes];
    struct kick *kick = world_alloc(i->world, sizeof(*kick));

    assert(i->up);
    call->life = i->life;
    enqueue(l, call);
    *kick = (struct kick){l, i->life};
    schedule_after(&i->world->schedule, 0, wake_lane, kick);
}

struct nap {
    struct task *task;
    int64_t life;
};

static void wake_from_nap(void *arg)
{
    struct nap *nap = arg;

    instance_wake(nap->task, nap->life);
}

static void tend(void *arg)
{
    struct instance *i = arg;
    struct schedule *s = &i->world->schedule;

    for (;;) {
        int64_t ms = failover_tend(i->failover, i->ports[0], i->ports[1]);
        struct nap *nap;

        if (i->dying)
            return;
        nap = world_alloc(i->world, sizeof(*nap));
        *nap = (struct nap){&i->tender, i->life};
        schedule_after(s, ms * MS + schedule_between(s, MS, 50 * MS), wake_from_nap, nap);
        if (!instance_sleep(i))
            return;
    }
}

static void begin(struct instance *i)
{
    struct world *w = i->world;
    struct failover_config cfg = config(i);
    struct err err;

    i->up = true;
    i->life++;
    i->failover = NULL;
    for (int side = 0; side < STORES; side++)
        acquaintance_init(&i->known[side]);
    instance_clock_on(i);
    i->failover = failover_new(&cfg, &err);
    assert(i->failover);
    i->n_lanes = (int)schedule_between(&w->schedule, 2, LANES + 1);
    for (int k = 0; k < i->n_lanes; k++) {
        struct lane *l = &i->lanes[k];

        l->first = NULL;
        l->n = 0;
        l->chain = failover_open(i->failover, port_new(i, 0), port_new(i, 1), &err);
        assert(l->chain);
    }
    for (int side = 0; side < STORES; side++)
        i->ports[side] = port_new(i, side);
    instance_clock_off(i);
    world_say(w, "I%d STARTS%s", i->number, cfg.single_instance ? ", the only one" : "");
    start(&i->tender, i, tend, i);
}

struct instance *instance_new(struct world *w, int number, int64_t skew_us)
{
    struct instance *i = world_alloc(w, sizeof(*i));
    struct fiber *const *fibers = w->cfg->fibers + number * (LANES + 1);

    *i = (struct instance){
        .world = w, .number = number, .skew_us = skew_us, .clock = {.node = number + 1}};
    for (int k = 0; k < LANES; k++)
        i->lanes[k].task = (struct task){.instance = i, .fiber = fibers[k]};
    i->tender = (struct task){.instance = i, .fiber = fibers[LANES]};
    begin(i);
    return i;
}

static void tell(struct lane *l)
{
    for (size_t k = 0; k < l->n; k++)
        l->batch[k]->done(l->batch[k], true);
    for (struct call *next, *c = l->first; c; c = next) {
        next = c->next;
        c->done(c, true);
    }
    l->first = NULL;
    l->n = 0;
}

void instance_kill(struct instance *i)
{
    if (!i->up)
        return;
    world_say(i->world, "I%d IS KILLED", i->number);
    i->up = false;
    i->life++;
    i->dying = true;
    for (int k = 0; k < i->n_lanes; k++)
        if (i->lanes[k].task.active)
            run(&i->lanes[k].task, false);
    if (i->tender.active)
        run(&i->tender, false);
    i->dying = false;
    for (int k = 0; k < i->n_lanes; k++) {
        assert(!i->lanes[k].task.active);
        tell(&i->lanes[k]);
        backend_close(i->lanes[k].chain);
    }
    assert(!i->tender.active);
    for (int side = 0; side < STORES; side++)
        backend_close(i->ports[side]);
    failover_free(i->failover);
}

void instance_revive(void *arg)
{
    struct instance *i = arg;

    if (!i->up)
        begin(i);
}

/* faults.c - see faults.h. */
#include "faults.h"

#include "instance.h"
#include "ledger.h"
#include "store.h"

enum fault { CRASH, HANG, CUT, KILL, FAULTS };

struct change {
    struct instance *instance;
    struct sim_store *store;
    enum cut cut;
};

static void apply_cut(void *arg)
{
    struct change *c = arg;

    c->instance->cuts[c->store->side] = c->cut;
    world_say(c->instance->world, "I%d %s %s%s%s", c->instance->number,
              c->cut ? "IS CUT from" : "REACHES", store_name(c->store),
              c->cut == CUT_REQUESTS ? " (requests)" : "",
              c->cut == CUT_REPLIES ? " (replies)" : "");
}

static void kill(void *arg)
{
    instance_kill(arg);
}

static void plan_cut(struct world *w, struct instance *i, struct sim_store *store, int64_t at_us,
                     int64_t until_us)
{
    static const enum cut cuts[] = {CUT_REQUESTS, CUT_REPLIES, CUT_REQUESTS | CUT_REPLIES,
                                    CUT_REQUESTS | CUT_REPLIES};
    struct change *on = world_alloc(w, sizeof(*on)), *off = world_alloc(w, sizeof(*off));

    *on = (struct change){i, store, cuts[schedule_between(&w->schedule, 0, COUNT_OF(cuts))]};
    *off = (struct change){.instance = i, .store = store};
    schedule_at(&w->schedule, at_us, apply_cut, on);
    schedule_at(&w->schedule, until_us, apply_cut, off);
}

/* Where tombstones are collected, a store may be away for longer than they are kept; but it has lost its connections
 * before it hangs so long. */
static int64_t longest_us(const struct world *w, enum fault fault)
{
    if (!w->cfg->collects)
        return 7 * SEC;
    return fault == HANG ? 3 * SEC : 20 * SEC;
}

/* A store is saved, and made to forget what came later. */
struct oblivion {
    struct sim_store *store;
    struct state *to;
    bool empty;
};

static void save(void *arg)
{
    struct oblivion *o = arg;

    o->to = store_save(o->store);
}

static void forget(void *arg)
{
    struct oblivion *o = arg;
    struct instance *i = o->store->world->instances[0];

    if (o->store->tells ==
        BY_BEAT) { /* its file is changed while the process that has it is down */
        instance_kill(i);
        schedule_after(&o->store->world->schedule, 100 * MS, instance_revive, i);
    }
    store_forget(o->store, o->empty ? NULL : o->to);
}

static void plan_oblivion(struct world *w, struct sim_store *store, int64_t at_us)
{
    struct schedule *s = &w->schedule;
    struct oblivion *o = world_alloc(w, sizeof(*o));

    *o = (struct oblivion){.store = store, .empty = schedule_chance(s, 200)};
    schedule_at(s, at_us - schedule_between(s, 0, 6 * SEC), save, o);
    schedule_at(s, at_us, store_crash, o->store);
    schedule_at(s, at_us + schedule_between(s, 0, 3 * SEC), forget, o);
}

/* A file belongs to one instance. */
void faults_choose_stores(struct world *w)
{
    for (int side = 0; side < STORES; side++)
        w->stores[side]->tells = (enum telling)schedule_between(&w->schedule, 0,
                                                                w->n_instances == 1 ? 3 : 2);
    w->single = w->stores[0]->tells == BY_BEAT || w->stores[1]->tells == BY_BEAT;
}

/* One of the stores forgets, one to three times. */
static void plan_oblivions(struct world *w, int64_t end_us)
{
    struct schedule *s = &w->schedule;
    struct sim_store *store = w->stores[schedule_between(s, 0, STORES)];
    int64_t n = schedule_between(s, 1, 4);

    while (n-- > 0)
        plan_oblivion(w, store, schedule_between(s, 6 * SEC, end_us - 4 * SEC));
}

static void plan_one(struct world *w, enum fault fault, int64_t at_us)
{
    struct schedule *s = &w->schedule;
    struct sim_store *store = w->stores[schedule_between(s, 0, STORES)];
    struct instance *i = w->instances[schedule_between(s, 0, w->n_instances)];
    int64_t lasts_us = schedule_between(s, 200 * MS, longest_us(w, fault));

    switch (fault) {
    case CRASH:
        schedule_at(s, at_us, store_crash, store);
        schedule_at(s, at_us + lasts_us, store_restart, store);
        break;
    case HANG:
        schedule_at(s, at_us, store_hang, store);
        schedule_at(s, at_us + lasts_us, store_resume, store);
        break;
    case CUT:
        plan_cut(w, i, store, at_us, at_us + lasts_us);
        break;
    case KILL:
        schedule_at(s, at_us, kill, i);
        schedule_at(s, at_us + lasts_us / 3, instance_revive, i);
        break;
    case FAULTS:
        break;
    }
}

static void calm(void *arg)
{
    struct world *w = arg;

    world_say(w, "FAULTS ARE OVER");
    w->quiet = true;
    for (int i = 0; i < STORES; i++) {
        w->stores[i]->up = true;
        store_resume(w->stores[i]);
    }
    for (int i = 0; i < w->n_instances; i++) {
        for (int side = 0; side < STORES; side++)
            w->instances[i]->cuts[side] = 0;
        instance_revive(w->instances[i]);
    }
}

void faults_plan(struct world *w, int64_t end_us)
{
    struct schedule *s = &w->schedule;
    enum fault kinds[FAULTS] = {CRASH};
    int64_t at_us = 2 * SEC, n = 0;

    for (int k = 0; k < FAULTS; k++)
        if (schedule_chance(s, 600))
            kinds[n++] = (enum fault)k;
    if (n == 0)
        n = 1;
    for (;;) {
        at_us += schedule_between(s, 300 * MS, 5 * SEC);
        if (at_us >= end_us)
            break;
        plan_one(w, kinds[schedule_between(s, 0, n)], at_us);
    }
    if (w->ledger)
        plan_oblivions(w, end_us);
    schedule_at(s, end_us, calm, w);
}

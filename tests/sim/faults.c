/* faults.c - see faults.h. */
#include "faults.h"

#include "instance.h"
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

static void plan_one(struct world *w, enum fault fault, int64_t at_us)
{
    struct schedule *s = &w->schedule;
    struct sim_store *store = w->stores[schedule_between(s, 0, STORES)];
    struct instance *i = w->instances[schedule_between(s, 0, w->n_instances)];
    int64_t lasts_us = schedule_between(s, 200 * MS, 7 * SEC);

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
    schedule_at(s, end_us, calm, w);
}

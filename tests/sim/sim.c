/* sim.c - see sim.h. */
#include "sim.h"

#include <assert.h>

#include "check.h"
#include "client.h"
#include "faults.h"
#include "instance.h"
#include "ledger.h"
#include "store.h"

#define FAULTS_END (18 * SEC)
#define WORLD_END (30 * SEC)

/* Where clean-ups collect: for how long tombstones are kept, and how much longer such worlds last. */
#define KEPT (14 * SEC)
#define LONGER (12 * SEC)

enum { INLINE_MAX = 1024 };

void sim_init(struct sim *s, const struct sim_config *cfg)
{
    struct err err;

    s->cfg = *cfg;
    for (int i = 0; i < TASKS; i++) {
        s->cfg.fibers[i] = fiber_new(&err);
        assert(s->cfg.fibers[i]);
    }
}

void sim_done(struct sim *s)
{
    for (int i = 0; i < TASKS; i++)
        fiber_free(s->cfg.fibers[i]);
    clock_fake(0, 0);
}

static void open_world(struct world *w, uint64_t seed)
{
    static const int64_t doubts[] = {0, 10, 50}, crashes[] = {0, 0, 2};
    struct schedule *s = &w->schedule;
    int64_t most;
    bool skewed;

    schedule_init(s, seed);
    w->wall_scale = w->cfg->collects ? COLLECT_AFTER_US / KEPT : 1;
    most = world_skew_us(w) / 2;
    world_set_clock(w, 0);
    w->n_instances = w->cfg->instances ? w->cfg->instances : (int)schedule_between(s, 1, 3);
    skewed = schedule_chance(s, 500);
    w->doubt_permille = doubts[schedule_between(s, 0, COUNT_OF(doubts))];
    w->crash_permille = crashes[schedule_between(s, 0, COUNT_OF(crashes))];
    w->inline_max = seed % 2 ? INLINE_MAX : 0;
    w->journal = journal_new(w);
    w->ledger = w->cfg->forgets ? ledger_new(w) : NULL;
    for (int i = 0; i < STORES; i++)
        w->stores[i] = store_new(w, i);
    if (w->ledger)
        faults_choose_stores(w);
    for (int i = 0; i < w->n_instances; i++)
        w->instances[i] = instance_new(w, i, skewed ? schedule_between(s, -most, most + 1) : 0);
    clients_start(w);
    faults_plan(w, FAULTS_END + (w->cfg->collects ? LONGER : 0));
}

static void close_world(struct world *w)
{
    for (int i = 0; i < w->n_instances; i++)
        instance_kill(w->instances[i]);
    for (int i = 0; i < STORES; i++)
        store_free(w->stores[i]);
    schedule_done(&w->schedule);
    arena_done(&w->arena);
}

void sim_run(struct sim *s, uint64_t seed, struct sim_result *out)
{
    struct world w = {.cfg = &s->cfg};
    const struct journal *j;

    open_world(&w, seed);
    schedule_run(&w.schedule, WORLD_END + (s->cfg.collects ? LONGER : 0));
    if (s->cfg.plant)
        s->cfg.plant(&w);
    check_world(&w);
    j = w.journal;
    *out = (struct sim_result){
        .instances = w.n_instances,
        .skew = journal_has_skew(&w),
        .n_findings = j->n_findings,
        .fingerprint = w.schedule.random ^ w.schedule.turns,
    };
    memcpy(out->findings, j->findings, sizeof(out->findings));
    memcpy(out->told, j->told, sizeof(out->told));
    for (int i = 0; i < IDS; i++)
        out->diverged |= j->diverged[i];
    close_world(&w);
}

bool sim_failed(const struct sim_result *r)
{
    for (size_t i = 0; i < r->n_findings; i++)
        if (!r->findings[i].allowed)
            return true;
    return false;
}

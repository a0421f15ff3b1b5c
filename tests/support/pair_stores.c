/* pair_stores.c - see pair_stores.h. */
#include "pair_stores.h"

#include <stdio.h>
#include <stdlib.h>

#include "clock.h"
#include "failover_tend.h"

enum { ROUNDS = 60 };

/* Passes everything on to a backend that it does not own: the lane and failover_tend() share one store. */
struct shared {
    struct backend base;
    struct backend *below;
};

static bool execute(struct backend *self, struct op *const ops[], size_t n, struct err *err)
{
    return backend_execute(((struct shared *)self)->below, ops, n, err);
}

static bool probe(struct backend *self, int64_t deadline_ns, struct err *err)
{
    return backend_probe(((struct shared *)self)->below, deadline_ns, err);
}

static void close_shared(struct backend *self)
{
    free(self);
}

static struct backend *share(struct backend *below)
{
    static const struct backend_ops ops = {
        .name = "shared", .execute = execute, .probe = probe, .close = close_shared};
    struct shared *s = malloc(sizeof(*s));

    if (s)
        *s = (struct shared){.base = {.ops = &ops, .caps = below->caps}, .below = below};
    return s ? &s->base : NULL;
}

static void pass_time(int64_t ms)
{
    clock_fake(clock_now_ns() + ms * 1000000, clock_now_us() + ms * 1000);
}

bool pair_stores_open(struct pair_stores *p, struct backend *primary, struct backend *fallback,
                      struct err *err)
{
    static const struct failover_config cfg = {
        .breaker = {.failures = 5,
                    .window_ns = INT64_C(10000000000),
                    .pause_min_ns = 100000000,
                    .pause_max_ns = INT64_C(2000000000)},
        .single_instance = true,
        .start_wait_ms = 15000,
        .poll_ms = 0,
        .seed = 7,
    };
    struct backend *shared[2];

    *p = (struct pair_stores){.stores = {primary, fallback}};
    pass_time(0);
    p->failover = failover_new(&cfg, err);
    for (int i = 0; p->failover && i < 2; i++) {
        p->faults[i] = fault_open(p->stores[i], &p->plans[i], err);
        shared[i] = p->faults[i] ? share(p->faults[i]) : NULL;
    }
    if (!p->faults[0] || !p->faults[1])
        return false;
    p->lane = failover_open(p->failover, shared[0], shared[1], err);
    return p->lane && pair_stores_settle(p);
}

bool pair_stores_settle(struct pair_stores *p)
{
    struct failover_report report;

    for (int i = 0; i < ROUNDS; i++) {
        if (i > 2) /* at first without letting time pass, so that nothing expires */
            pass_time(2000);
        (void)failover_tend(p->failover, p->faults[0], p->faults[1]);
        failover_report(p->failover, &report);
        if (i > 0 && report.state == FAILOVER_NORMAL && report.primary.outbox == 0 &&
            report.fallback.outbox == 0)
            return true;
    }
    snprintf(p->why, sizeof(p->why), "%s, outboxes %lld and %lld: %s; %s; %s",
             failover_state_name(report.state), (long long)report.primary.outbox,
             (long long)report.fallback.outbox, report.trouble, report.primary.problem,
             report.fallback.problem);
    return false;
}

void pair_stores_close(struct pair_stores *p)
{
    backend_close(p->lane);
    for (int i = 0; i < 2; i++)
        backend_close(p->faults[i] ? p->faults[i] : p->stores[i]);
    failover_free(p->failover);
    clock_fake(0, 0);
}

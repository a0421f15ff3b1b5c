/* pair.c - see pair.h. */
#include "pair.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "acquaintance.h"
#include "caller.h"
#include "clock.h"
#include "failover_tend.h"
#include "relay.h"

/* The two stores and the service share the cores, so few lanes should be busy at once. */
enum { PAIR_GATHER = 64 };

struct pair {
    struct failover *failover;
    struct acquaintance acquaintances[2];
    struct lanes *stores[2], *lanes;
    const char *types[2];
    struct backend *tended[2];
    pthread_t thread;
    bool running;
    pthread_mutex_t lock; /* guards `closing` */
    pthread_cond_t woken;
    bool closing;
};

static bool open_relays(struct lanes *const stores[2], struct backend *relays[2], struct err *err)
{
    for (int i = 0; i < 2; i++)
        relays[i] = relay_open(stores[i], err);
    if (relays[0] && relays[1])
        return true;
    backend_close(relays[0]);
    backend_close(relays[1]);
    relays[0] = relays[1] = NULL;
    return false;
}

static struct backend *open_lane(void *ctx, enum backend_role role, struct err *err)
{
    struct pair *p = ctx;
    struct backend *relays[2];

    (void)role;
    return open_relays(p->stores, relays, err)
               ? failover_open(p->failover, relays[0], relays[1], err)
               : NULL;
}

/* Waits until the time has passed or the pair closes. Returns whether it closes. */
static bool pause_for(struct pair *p, int64_t ms)
{
    struct timespec until = clock_in_ms(ms);
    bool closing;

    pthread_mutex_lock(&p->lock);
    while (!p->closing &&
           pthread_cond_clockwait(&p->woken, &p->lock, CLOCK_MONOTONIC, &until) != ETIMEDOUT)
        ;
    closing = p->closing;
    pthread_mutex_unlock(&p->lock);
    return closing;
}

static void *tend(void *arg)
{
    struct pair *p = arg;

    while (!pause_for(p, failover_tend(p->failover, p->tended[0], p->tended[1])))
        ;
    return NULL;
}

/* A batch of each lane above, and one of the thread. They must find room: what clients send is counted
 * above. */
static size_t room_for_batches(const struct lanes_config *above)
{
    return ((above->n_lanes ? above->n_lanes : 1) + 2) * (size_t)BATCH_MAX;
}

/* Opens the lanes of both stores, and those of the failover above them, which wait for the stores below. */
static bool open_lanes(struct pair *p, const struct pair_config *cfg, struct err *err)
{
    struct lanes_config lanes = cfg->lanes;

    lanes.gather = PAIR_GATHER;
    lanes.queue_max += room_for_batches(&cfg->lanes);
    for (int i = 0; i < 2; i++) {
        struct backend_config store = cfg->stores[i];

        store.fallback = i == 1;
        store.acquaintance = &p->acquaintances[i];
        p->stores[i] = caller_lanes(&store, lanes, &p->types[i], err);
        if (!p->stores[i])
            return false;
    }
    lanes.layout = LANES_BY_KEY;
    lanes.gather = 0; /* these only wait */
    lanes.n_lanes = cfg->lanes.n_lanes;
    lanes.queue_max = cfg->lanes.queue_max;
    lanes.above = true;
    lanes.open = open_lane;
    lanes.ctx = p;
    p->lanes = lanes_open(&lanes, err);
    return p->lanes != NULL;
}

static bool start(struct pair *p, struct err *err)
{
    int failed = pthread_create(&p->thread, NULL, tend, p);

    if (failed)
        return err_set(err, ERR_INTERNAL, "thread: %s", strerror(failed));
    p->running = true;
    return true;
}

struct pair *pair_open(const struct pair_config *cfg, struct err *err)
{
    struct pair *p = calloc(1, sizeof(*p));
    struct failover_config failover = cfg->failover;

    if (!p) {
        (void)err_no_memory(err);
        return NULL;
    }
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->woken, NULL);
    failover.holds = true;
    for (int i = 0; i < 2; i++) {
        acquaintance_init(&p->acquaintances[i]);
        failover.stores[i] = &p->acquaintances[i];
    }
    p->failover = failover_new(&failover, err);
    if (p->failover && open_lanes(p, cfg, err) && open_relays(p->stores, p->tended, err) &&
        start(p, err))
        return p;
    pair_close(p);
    return NULL;
}

struct lanes *pair_lanes(struct pair *p)
{
    return p->lanes;
}

const char *pair_type(const struct pair *p, bool fallback)
{
    return p->types[fallback];
}

void pair_report(void *pair, struct failover_report *out)
{
    failover_report(((struct pair *)pair)->failover, out);
}

/* Ends the thread. A last turn then clears the entries of what lanes have copied. */
static void stop(struct pair *p)
{
    pthread_mutex_lock(&p->lock);
    p->closing = true;
    pthread_cond_signal(&p->woken);
    pthread_mutex_unlock(&p->lock);
    pthread_join(p->thread, NULL);
    (void)failover_tend(p->failover, p->tended[0], p->tended[1]);
}

/* Closes the lanes of the failover. If these fail what has not begun, so does then what brings the stores into
 * step: it goes on at the next start. */
static void close_lanes(struct pair *p)
{
    bool expired = p->lanes && lanes_expired(p->lanes);

    lanes_close(p->lanes);
    for (int i = 0; expired && i < 2; i++)
        lanes_expire(p->stores[i]);
}

void pair_close(struct pair *p)
{
    if (!p)
        return;
    close_lanes(p);
    if (p->running)
        stop(p);
    for (int i = 0; i < 2; i++) {
        backend_close(p->tended[i]);
        lanes_close(p->stores[i]);
    }
    failover_free(p->failover);
    pthread_cond_destroy(&p->woken);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

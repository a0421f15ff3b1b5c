/*
 * instance.h - one process of the service in a world: lanes above a failover, and the task that tends it.
 *
 *     client -> instance_submit() -> lane (a fiber) -> failover -> port.c: leaves the fiber
 *                                                       -> call->done()
 *
 * When it is killed, its fibers run to their ends without reaching any store, so that nothing of it is
 * left. Clients that waited for an answer get none.
 *
 * Threads    one.
 * Ownership  calls are borrowed from the client until done().
 * Units      as in world.h.
 * Errors     none.
 */
#ifndef INSTANCE_H
#define INSTANCE_H

#include "acquaintance.h"
#include "clock.h"
#include "world.h"

/* Which packets to and from a store are lost. */
enum cut { CUT_REQUESTS = 1, CUT_REPLIES = 2 };

/* A fiber of an instance. */
struct task {
    struct instance *instance;
    struct fiber *fiber;
    bool active; /* it has begun and not ended */
    void (*fn)(void *arg);
    void *arg;
};

/* An op that a client has sent. */
struct call {
    struct call *next;
    struct op op;
    int64_t life; /* of the instance, when it was submitted */
    void *owner;
    /* Called in a fiber: it must not go on from there, but by the schedule. `killed`: there is no answer. */
    void (*done)(struct call *call, bool killed);
};

struct lane {
    struct task task;
    struct backend *chain;
    struct call *first, *last; /* calls that wait */
    struct call *batch[16];    /* calls that are being run */
    size_t n;
};

struct instance {
    struct world *world;
    int number;
    bool up, dying;
    int64_t life; /* rises with each start and each kill */
    enum cut cuts[STORES];
    int64_t skew_us;
    struct stamp_clock clock;
    struct failover *failover;
    struct acquaintance known[STORES]; /* what the stores are, as its lanes know */
    struct lane lanes[LANES];
    int n_lanes;
    struct task tender;
    struct backend *ports[STORES]; /* of the tender */
    struct task *running;
};

/* Makes an instance and starts it. */
struct instance *instance_new(struct world *w, int number, int64_t skew_us);

/* Queues a call. The instance must be up. */
void instance_submit(struct instance *i, struct call *call);

/* Kills the instance; does nothing if it is not up. */
void instance_kill(struct instance *i);

/* Starts the instance again, if it is not up. For schedule_at(): arg is the instance. */
void instance_revive(void *arg);

/* Called in a task: sleeps until instance_wake(). False: the instance has been killed. */
bool instance_sleep(struct instance *i);

/* Resumes a task, if the instance has lived on since `life`. */
void instance_wake(struct task *task, int64_t life);

/* Between these two calls, the clock of the process is that of the instance. */
void instance_clock_on(struct instance *i);
void instance_clock_off(struct instance *i);

#endif

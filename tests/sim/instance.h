/*
 * instance.h - one process of the service in a world: lanes over a failover, and who tends it.
 *
 *     client -> instance_submit() -> lane (a fiber) -> failover -> port.c: leaves the fiber
 *                                                       -> call->done()
 *
 * When it is killed, its fibers run on to their ends without reaching any store, so that nothing
 * of it is left; who waited for an answer gets none.
 *
 * Threads    one.
 * Ownership  calls are the client's, until done().
 * Units      as in world.h.
 * Errors     none.
 */
#ifndef INSTANCE_H
#define INSTANCE_H

#include "clock.h"
#include "world.h"

/* Which packets to and from a store are lost. */
enum cut { CUT_REQUESTS = 1, CUT_REPLIES = 2 };

/* A fiber of an instance. */
struct task {
    struct instance *instance;
    struct fiber *fiber;
    bool active; /* begun, and not ended */
    void (*fn)(void *arg);
    void *arg;
};

/* An op of a client, on its way. */
struct call {
    struct call *next;
    struct op op;
    int64_t life; /* of the instance */
    void *owner;
    /* In a fiber: do not go on from here, but by the schedule. `killed`: there is no answer. */
    void (*done)(struct call *call, bool killed);
};

struct lane {
    struct task task;
    struct backend *chain;
    struct call *first, *last; /* what waits */
    struct call *batch[16];    /* what is under way */
    size_t n;
};

struct instance {
    struct world *world;
    int number;
    bool up, dying;
    int64_t life; /* how often it was started and killed */
    enum cut cuts[STORES];
    int64_t skew_us;
    struct stamp_clock clock;
    struct failover *failover;
    struct lane lanes[LANES];
    int n_lanes;
    struct task tender;
    struct backend *ports[STORES]; /* the tender's */
    struct task *running;
};

/* One that is up. */
struct instance *instance_new(struct world *w, int number, int64_t skew_us);

/* Takes a call; the instance is up. */
void instance_submit(struct instance *i, struct call *call);

/* Kills it now. */
void instance_kill(struct instance *i);

/* Starts it again if it is not up. For schedule_at(): arg is the instance. */
void instance_revive(void *arg);

/* In a task: waits until instance_wake(). False: the instance was killed meanwhile. */
bool instance_sleep(struct instance *i);

/* Goes on with a task, if the instance is still that one. */
void instance_wake(struct task *task, int64_t life);

/* Between these two the clock of the process is that of the instance. */
void instance_clock_on(struct instance *i);
void instance_clock_off(struct instance *i);

#endif

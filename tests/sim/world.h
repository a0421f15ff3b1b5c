/*
 * world.h - what the parts of a simulated world share.
 *
 *     sim.c -> struct world: two stores, one or two instances, clients, faults, a journal
 *
 *     client -> instance: a lane -> failover.c -> port -> (a network with faults) -> store
 *
 * Threads    one.
 * Ownership  everything lives in the arena of the world until the world ends. It aborts when memory ends:
 *            this is for tests only.
 * Units      *_us microseconds since the start of the world, unless said to be wall time.
 * Errors     what goes wrong is a finding (journal.h).
 */
#ifndef WORLD_H
#define WORLD_H

#include "arena.h"
#include "failover.h"
#include "fiber.h"
#include "schedule.h"

struct world;
struct sim_store;
struct instance;
struct client;
struct journal;
struct ledger;

enum { STORES = 2, INSTANCES = 2, LANES = 3, CLIENTS = 4, IDS = 5 };
enum { TASKS = INSTANCES * (LANES + 1) };

/* The sessions and threads of the world: s* are never deleted, d* may be, e0 is cleaned up. */
extern const char *const world_ids[IDS];

enum { ID_STAYS = 2, ID_CLEANED = IDS - 1 }; /* numbers below ID_STAYS stay */

/* The tenant of an id. */
struct slice world_tenant(int id);

struct sim_config {
    unsigned without; /* bits of enum failover_rule: these rules are broken */
    int instances;    /* 1 or 2; 0: by the seed */
    int64_t skew_ms;  /* how far the clock of an instance may be from the right time */
    bool forgets;     /* stores come back as they were before, or empty */
    bool collects;    /* clean-ups collect tombstones and ids of requests: wall time runs fast */
    bool trace;
    void (*plant)(struct world *w); /* called before the check, to plant something; may be NULL */
    struct fiber *fibers[TASKS];    /* of struct sim, so that a world need not make its own */
};

struct world {
    const struct sim_config *cfg;
    struct schedule schedule;
    struct arena arena;
    bool quiet;             /* faults are over, and clients have ended */
    int64_t doubt_permille; /* share of calls whose reply is lost */
    int64_t crash_permille; /* share of steps of an instance after which it dies */
    size_t inline_max;      /* of both stores; 0: all values have rows */
    int64_t wall_scale;     /* so many seconds of wall time pass in one of the world */
    bool single;            /* an only instance always says that it is the only one */
    struct sim_store *stores[STORES];
    struct instance *instances[INSTANCES];
    int n_instances;
    struct client *clients;
    struct journal *journal;
    struct ledger *ledger; /* NULL: no store forgets */
};

/* Zeroed memory that lives as long as the world. */
void *world_alloc(struct world *w, size_t size);

/* Prints a line of the trace, if there is one. */
void world_say(const struct world *w, const char *fmt, ...) PRINTF(2, 3);

/* The wall time at this time of the world. */
int64_t world_wall_us(const struct world *w, int64_t at_us);

/* The most by which the clocks of two instances differ, in wall time. Where that runs fast it is less, for a request
 * is repeated in time by either clock. */
int64_t world_skew_us(const struct world *w);

/* Sets the clock of the process to now; its wall clock is off by skew_us. */
void world_set_clock(const struct world *w, int64_t skew_us);

#endif

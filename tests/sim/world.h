/*
 * world.h - what the parts of a simulated world share.
 *
 *     sim.c -> struct world: two stores, one or two instances, clients, faults, a journal
 *
 *     client -> instance: a lane -> failover.c -> port -> (a network with faults) -> store
 *
 * Threads    one.
 * Ownership  all of it lives in the arena of the world until the world ends; without memory it
 *            aborts: this is of tests alone.
 * Units      *_us microseconds since the start of the world, unless it is said to be wall time.
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

enum { STORES = 2, INSTANCES = 2, LANES = 3, CLIENTS = 4, IDS = 5 };
enum { TASKS = INSTANCES * (LANES + 1) };

/* The sessions and threads of the world. Those that begin with s are never deleted, the one that
 * begins with e is cleaned up. */
extern const char *const world_ids[IDS];

enum { ID_STAYS = 2, ID_CLEANED = IDS - 1 }; /* numbers below the first stay */

/* The tenant of one of them. */
struct slice world_tenant(int id);

struct sim_config {
    unsigned without; /* enum failover_rule: these are broken */
    int instances;    /* 1 or 2; 0 = by the seed */
    int64_t skew_ms;  /* the clocks of two instances are that far from the right time, at most */
    bool trace;
    void (*plant)(
        struct world *w);        /* called before the check, to see what it finds; NULL: nothing */
    struct fiber *fibers[TASKS]; /* the caller's, so that each world need not make its own */
};

struct world {
    const struct sim_config *cfg;
    struct schedule schedule;
    struct arena arena;
    bool quiet;             /* faults are over, clients have ended */
    int64_t doubt_permille; /* of calls whose reply is lost */
    int64_t crash_permille; /* of steps of an instance after which it is gone */
    size_t inline_max;      /* of both stores; 0 = all values have rows */
    struct sim_store *stores[STORES];
    struct instance *instances[INSTANCES];
    int n_instances;
    struct client *clients;
    struct journal *journal;
};

/* Zeroed memory that lives as long as the world. */
void *world_alloc(struct world *w, size_t size);

/* A line of the trace. */
void world_say(const struct world *w, const char *fmt, ...) PRINTF(2, 3);

/* Sets the clock of the process to now, its wall clock so much off. */
void world_set_clock(const struct world *w, int64_t skew_us);

#endif

/*
 * sim.h - runs a world from a seed: failover.c over two stores in virtual time, with faults, and what was
 * wrong with it in the end.
 *
 *     main_sim.c, test_sim.c -> sim_run() -> half a minute of a world, in some milliseconds
 *
 * Threads    one; the clock of the process is used.
 * Ownership  struct sim owns the fibers, which the worlds use one after the other.
 * Units      none.
 * Errors     it aborts when memory ends: this is for tests only.
 */
#ifndef SIM_H
#define SIM_H

#include "journal.h"

struct sim {
    struct sim_config cfg;
};

struct sim_result {
    int instances;
    bool skew, diverged;
    int64_t told[TOLD_UNKNOWN + 1];
    struct finding findings[FINDINGS_MAX];
    size_t n_findings;
    uint64_t fingerprint; /* of all random numbers: equal if two runs were */
};

/* Takes the settings and makes the fibers. sim_done() frees them. */
void sim_init(struct sim *s, const struct sim_config *cfg);

void sim_done(struct sim *s);

/* Runs the world of a seed. */
void sim_run(struct sim *s, uint64_t seed, struct sim_result *out);

/* Whether something was found that is not allowed. */
bool sim_failed(const struct sim_result *r) MUST_USE;

#endif

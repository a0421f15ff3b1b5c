/*
 * contract.h - what every backend must do, as one suite of tests.
 *
 *     main_<target>.c -> contract_run(target) -> contract_*_case()
 *
 * Each test opens stores of its own through the target, so a target is a driver or a whole chain.
 *
 * Threads    one; libcheck forks for each test.
 * Ownership  what open() gives is closed by the test.
 * Units      none.
 * Errors     none: a test fails.
 */
#ifndef CONTRACT_H
#define CONTRACT_H

#include <check.h>

#include "backend.h"

struct contract_target {
    const char *name;
    /* Opens store `number` of this process, empty at its first opening. cfg->url is not set. */
    struct backend *(*open)(struct backend_config cfg, int number, struct err *err);
    bool
        stamps_anew; /* it is above drivers: what they refuse as too old it repeats with a new stamp */
    bool cached;     /* its stores have a cache, unless a test says otherwise */
    bool lasting;    /* what was closed is there when its number is opened again */
    bool shared;     /* a number can be opened twice at a time */
};

/* The target of this program; set by contract_run(). */
extern const struct contract_target *contract_target;

/* Runs all cases on the target; the exit status of main. */
int contract_run(const struct contract_target *target);

/* Sessions and idempotency. */
TCase *contract_sessions_case(void);

/* Contexts and messages. */
TCase *contract_messages_case(void);

/* Clean-up, totals, records of sessions, messages and contexts. */
TCase *contract_records_case(void);

/* Sessions that expire. */
TCase *contract_expiry_case(void);

/* Random states, merged alike into the target and into a reference. */
TCase *contract_random_case(void);

/* Random batches, whose ops come to what they come to one by one. Not of a pair itself. */
TCase *contract_batches_case(void);

/* What stores keep for the other one of a pair. Not of a pair itself. */
TCase *contract_pair_case(void);

/* Checkpoints, writes, threads and their records. */
TCase *contract_threads_case(void);

/* Small values that stand in heads; the stores have caches of their own, or none. */
TCase *contract_inlined_case(void);
TCase *contract_inlined_cached_case(void);

#endif

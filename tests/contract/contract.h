/*
 * contract.h - one suite of tests for what every backend must do.
 *
 *     main_<target>.c -> contract_run(target) -> contract_*_case()
 *
 * Each test opens stores of its own through the target, which may be a driver or a whole chain.
 *
 * Threads    one; libcheck forks for each test.
 * Ownership  the test closes what open() has given it.
 * Units      none.
 * Errors     none: a test fails.
 */
#ifndef CONTRACT_H
#define CONTRACT_H

#include <check.h>

#include "backend.h"

struct contract_target {
    const char *name;
    /* Opens store `number` of this process, which is empty when opened first. cfg->url is not set. */
    struct backend *(*open)(struct backend_config cfg, int number, struct err *err);
    bool stamps_anew; /* above the drivers: an op refused as too old is repeated with a new stamp */
    bool cached;      /* its stores have a cache, unless a test says otherwise */
    bool lasting;     /* a store that was closed holds the same when its number is opened again */
    bool shared;      /* a number may be open twice at a time */
};

/* The target of this program; contract_run() sets it. */
extern const struct contract_target *contract_target;

/* Runs all cases on the target. Returns the exit status for main. */
int contract_run(const struct contract_target *target);

/* Sessions and idempotency. */
TCase *contract_sessions_case(void);

/* Contexts and messages. */
TCase *contract_messages_case(void);

/* Clean-up, totals, records of sessions, messages and contexts. */
TCase *contract_records_case(void);

/* Sessions that expire. */
TCase *contract_expiry_case(void);

/* Random states, merged in the same way into the target and into a reference. */
TCase *contract_random_case(void);

/* Random records of sessions, merged one by one. Not for a pair. */
TCase *contract_singles_case(void);

/* Random batches: the outcome of each op is what it is one by one. Not for a pair. */
TCase *contract_batches_case(void);

/* What a store keeps for the other one of a pair. Not for a pair itself. */
TCase *contract_pair_case(void);

/* Checkpoints, writes, threads and their records. */
TCase *contract_threads_case(void);

/* Small values, which heads hold; stores without caches, or with a cache each. */
TCase *contract_inlined_case(void);
TCase *contract_inlined_cached_case(void);

#endif

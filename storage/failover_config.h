/*
 * failover_config.h - settings of a failover, and which of its rules it keeps.
 *
 *     settings -> pair.c -> failover_new() -> struct failover (failover_state.h)
 *
 * Threads    constant once it is in struct failover.
 * Ownership  what it points to belongs to the caller, and outlives the failover.
 * Units      milliseconds as named.
 * Errors     none.
 */
#ifndef FAILOVER_CONFIG_H
#define FAILOVER_CONFIG_H

#include "breaker.h"

struct acquaintance;

/* The rules, one by one: a build with FAILOVER_RULES can break them, so that tests show what each is for. */
enum failover_rule {
    RULE_CLEAR = 1 << 0,    /* an entry leaves the outbox only when it was copied */
    RULE_OWN = 1 << 1,      /* an instance remembers what it wrote to one store only */
    RULE_FENCE = 1 << 2,    /* a store refuses an older stamp */
    RULE_CHECK = 1 << 3,    /* the fallback's answer to a copy names what it has that is newer */
    RULE_MISSING = 1 << 4,  /* the fallback is told what it is missing when it takes over */
    RULE_START = 1 << 5,    /* a new process serves only after a look at both stores */
    RULE_ORDER = 1 << 6,    /* a look older than the last own write does not end `behind` */
    RULE_PENDING = 1 << 7,  /* counters change in the primary only */
    RULE_FORGOT = 1 << 8,   /* a store that is not what its peer remembers is filled again */
    RULE_MEET = 1 << 9,     /* a connection to another store than the one looked at takes nothing */
    RULE_COLLECT = 1 << 10, /* a sweep needs both stores, and that nothing waits for long */
    RULE_RECALL = 1 << 11,  /* a filled primary learns which requests the fallback remembers */
};

struct failover_config {
    struct breaker_config breaker;
    bool single_instance;  /* no other process uses the pair: conditional ops work in every state */
    int64_t start_wait_ms; /* after that a new process serves from what it has seen */
    int64_t poll_ms;       /* between two looks at both stores */
    bool
        holds; /* lanes have threads of their own, and may be held for a moment (failover_hold.h) */
    struct acquaintance *stores[2]; /* learn what the stores are; an entry may be NULL */
    uint64_t seed;                  /* of jitter */
    unsigned without; /* bits of enum failover_rule that are broken; needs FAILOVER_RULES */
};

#endif

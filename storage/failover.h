/*
 * failover.h - a backend made of two: a primary store, and a fallback that takes over.
 *
 *     lane -> failover_open()'s backend -> primary -> copies -> fallback -> answer
 *     one thread of the process -> failover_tend(): looks at both, copies what only one of them has
 *
 * What is promised, and why it holds, is in docs/failover.md. Nothing above or below knows of it but
 * for the members `replicate` and `alone` of ops (op_pair.h).
 *
 * Threads    what lanes share is in struct failover, which locks itself and never while a store is
 *            called. failover_tend() is called by one thread at a time.
 * Ownership  a lane's backend owns its two. struct failover outlives all of them.
 * Units      milliseconds, microseconds, nanoseconds as named.
 * Errors     a store that fails is ERR_UNAVAILABLE or ERR_IN_DOUBT of an op; see op_pair.h too.
 */
#ifndef FAILOVER_H
#define FAILOVER_H

#include "backend.h"
#include "breaker.h"
#include "failover_report.h"

struct failover;

/* Tests break the protocol on purpose, where the build has FAILOVER_RULES: see docs/failover.md. */
enum failover_rule {
    RULE_CLEAR = 1 << 0,   /* an entry leaves the outbox only when it was copied */
    RULE_OWN = 1 << 1,     /* an instance remembers what it wrote to one store only */
    RULE_FENCE = 1 << 2,   /* a store refuses an older stamp */
    RULE_CHECK = 1 << 3,   /* the fallback's answer to a copy names what it has that is newer */
    RULE_MISSING = 1 << 4, /* the fallback is told what it is missing when it takes over */
    RULE_START = 1 << 5,   /* a new process serves only after a look at both stores */
    RULE_ORDER = 1 << 6,   /* a look older than the last own write does not end `behind` */
    RULE_PENDING = 1 << 7, /* counters change in the primary only */
};

struct failover_config {
    struct breaker_config breaker;
    bool single_instance;  /* no other process uses the pair: conditional ops work in every state */
    int64_t start_wait_ms; /* then a new process serves from what is there */
    int64_t poll_ms;       /* between two looks at the stores */
    struct acquaintance *stores[2]; /* told what the stores are; NULL: nobody is */
    uint64_t seed;                  /* of jitter */
    unsigned without; /* enum failover_rule; obeyed where the build has FAILOVER_RULES */
};

/* NULL: ERR_NO_MEMORY. */
struct failover *failover_new(const struct failover_config *cfg, struct err *err) MUST_USE;

/* NULL is allowed. */
void failover_free(struct failover *f);

/* The chain of one lane, above two others. They are closed with it, and if it fails. */
struct backend *failover_open(struct failover *f, struct backend *primary, struct backend *fallback,
                              struct err *err) MUST_USE;

/*
 * Does what is due: takes copied entries out of outboxes, looks at both stores, copies what waits. How
 * many milliseconds to wait until the next call; 0 when more is to be copied.
 */
int64_t failover_tend(struct failover *f, struct backend *primary, struct backend *fallback);

/* How it all is now. */
void failover_report(struct failover *f, struct failover_report *out);

#endif

/*
 * breaker.h - decides whether a store is worth asking.
 *
 *     failover: breaker_allows() -> call -> breaker_succeeded() | breaker_failed()
 *
 * While closed it lets every call through. It opens after cfg.failures within cfg.window_ns. After a pause
 * with jitter it lets one call through, the probe (half-open): success closes it, a failure doubles the
 * pause.
 *
 * Threads    none of its own: the caller locks.
 * Ownership  plain data, embedded in its owner; nothing to free.
 * Units      nanoseconds of one clock, passed in.
 * Errors     none.
 */
#ifndef BREAKER_H
#define BREAKER_H

#include <stdbool.h>
#include <stdint.h>

#include "compiler.h"

enum { BREAKER_FAILURES_MAX = 16 };

struct breaker_config {
    unsigned failures;                  /* 1..BREAKER_FAILURES_MAX */
    int64_t window_ns;                  /* within which that many failures open it */
    int64_t pause_min_ns, pause_max_ns; /* shortest and longest pause before a probe */
};

enum breaker_state { BREAKER_CLOSED, BREAKER_OPEN, BREAKER_HALF_OPEN };

struct breaker {
    struct breaker_config cfg;
    enum breaker_state state;
    int64_t failed_ns[BREAKER_FAILURES_MAX]; /* ring of the last cfg.failures failures */
    unsigned next;
    int64_t pause_ns, retry_ns; /* while open: the last pause, and when a probe may be made */
    uint64_t random;            /* state of the jitter, never 0 */
};

/* Starts closed. */
void breaker_init(struct breaker *b, const struct breaker_config *cfg, uint64_t seed);

/* Whether a call may be made now. If the breaker is not closed the call is the probe, whose outcome must
 * be reported. */
bool breaker_allows(struct breaker *b, int64_t now_ns) MUST_USE;

/* Whether the breaker is closed. Unlike breaker_allows() it begins no probe. */
bool breaker_closed(const struct breaker *b) MUST_USE;

/* Reports that a call succeeded. True if that closed the breaker. */
bool breaker_succeeded(struct breaker *b);

/* Reports that a call was lost or refused. True if that opened the breaker. */
bool breaker_failed(struct breaker *b, int64_t now_ns);

/* Reports that a look at the store failed: one is enough. True if that opened the breaker. */
bool breaker_tripped(struct breaker *b, int64_t now_ns);

#endif

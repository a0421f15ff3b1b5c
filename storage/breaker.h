/*
 * breaker.h - when a store is asked, and when it is left alone.
 *
 *     failover: breaker_allows() -> call -> breaker_succeeded() | breaker_failed()
 *
 * Closed, it lets all through. It opens after BREAKER_FAILURES within BREAKER_WINDOW_NS; then it lets
 * one call through after a pause with jitter, which doubles with each failure, and closes when such a
 * call succeeds.
 *
 * Threads    none of its own: the caller locks.
 * Ownership  plain data. It makes no call and reads no clock.
 * Units      nanoseconds, of any one clock.
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
    int64_t window_ns;                  /* within which they count */
    int64_t pause_min_ns, pause_max_ns; /* between probes */
};

enum breaker_state { BREAKER_CLOSED, BREAKER_OPEN, BREAKER_HALF_OPEN };

struct breaker {
    struct breaker_config cfg;
    enum breaker_state state;
    int64_t failed_ns[BREAKER_FAILURES_MAX]; /* the last failures, a ring */
    unsigned next;
    int64_t pause_ns, retry_ns; /* open: the last pause, and when a probe may go */
    uint64_t random;            /* state of the jitter */
};

/* Starts closed. */
void breaker_init(struct breaker *b, const struct breaker_config *cfg, uint64_t seed);

/* Whether a call may be made now. From an open one it is the probe, which has to be reported. */
bool breaker_allows(struct breaker *b, int64_t now_ns) MUST_USE;

/* Whether calls would go through now, without being one. */
bool breaker_closed(const struct breaker *b) MUST_USE;

/* A call has come back. True if that closed it. */
bool breaker_succeeded(struct breaker *b);

/* A call was lost, or refused. True if that opened it. */
bool breaker_failed(struct breaker *b, int64_t now_ns);

/* The same of a probe that was made to find out: one is enough. */
bool breaker_tripped(struct breaker *b, int64_t now_ns);

#endif

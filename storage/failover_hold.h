/*
 * failover_hold.h - lets lanes wait for a moment, so that the primary serves again (8).
 *
 *     failover_tend(): few entries are left in the fallback -> hold_begin(); none is left -> hold_end()
 *     lane: a batch -> hold_wait() -> the stores
 *
 * The primary serves again when a look finds nothing in the fallback's outbox. While clients write without a pause
 * there is always something. So when little is left, what lanes are about to run waits until that is copied. A
 * hold that does not help, as when another instance goes on writing, ends by itself, and the next one comes later.
 *
 * Threads    hold_wait(): any; the others: that of failover_tend().
 * Ownership  the caller keeps the struct.
 * Units      none.
 * Errors     none.
 */
#ifndef FAILOVER_HOLD_H
#define FAILOVER_HOLD_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

struct hold {
    pthread_mutex_t lock;
    pthread_cond_t ended;
    _Atomic int64_t until_ns; /* 0: there is none */
    int64_t next_ns;          /* no other begins before */
};

/* Without a hold at first. hold_done() releases what it has. */
void hold_init(struct hold *h);
void hold_done(struct hold *h);

/* Begins one, unless one has begun lately. */
void hold_begin(struct hold *h);

/* Ends it; there may be none. */
void hold_end(struct hold *h);

/* Waits until it ends, or has lasted for too long; returns at once if there is none. */
void hold_wait(struct hold *h);

#endif

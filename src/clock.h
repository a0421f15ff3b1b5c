/*
 * clock.h - time, and the stamps made of it.
 *
 * A stamp is a hybrid logical clock: wall microseconds << STAMP_NODE_BITS | number of the instance.
 * Each stamp that a process makes is higher than every stamp it made or observed before. Stamps
 * order writes, name value rows and are the write sequence of checkpoints.
 *
 * A store keeps a bound for each process, above the stamps that the process has stored there; it lies ahead of
 * them, so that it seldom moves. Who comes later starts above it: a process that died may have got that far.
 *
 *     stamp_bound() -> the store -> stamp_observe() of another process, but not of this one: stamp_is_own()
 *
 * The process itself has not got that far. If it took its own bounds for stamps, its clock would run ahead by as
 * much with each connection, for the next bound is made of it.
 *
 * Threads    any; the clock is one atomic word for the process, as is each bound.
 * Ownership  nothing.
 * Units      *_ns CLOCK_MONOTONIC nanoseconds, *_us wall microseconds since 1970.
 * Errors     none.
 */
#ifndef CLOCK_H
#define CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

enum {
    STAMP_NODE_BITS = 10,
    STAMP_OWN = 256 /* so many bounds are remembered */
};

/* Spans of time: so many nanoseconds, or microseconds. */
#define MS_NS INT64_C(1000000)
#define S_NS (1000 * MS_NS)
#define S_US INT64_C(1000000)
#define MINUTE_US (60 * S_US)
#define HOUR_US (60 * MINUTE_US)
#define DAY_US (24 * HOUR_US)

/* Monotonic nanoseconds. */
int64_t clock_now_ns(void);

/* Wall microseconds. */
int64_t clock_now_us(void);

/* The monotonic time in ms milliseconds, for pthread_cond_clockwait(). clock_fake() does not change it. */
struct timespec clock_in_ms(int64_t ms);

/* Tests: sets both clocks to fixed values; (0, 0) restores the real ones. */
void clock_fake(int64_t now_ns, int64_t now_us);

/* Sets the number of this instance, 0..1023, before the first stamp. */
void stamp_set_node(unsigned node);

/* The next stamp. */
int64_t stamp_next(void);

/* The first of n consecutive stamps, which are 1 << STAMP_NODE_BITS apart. */
int64_t stamp_take(int64_t n);

/* State of the clock that makes stamps. */
struct stamp_clock {
    int64_t last; /* the highest stamp made or observed */
    int64_t node;
};

/* Tests with several instances in one process: sets the clock of the process, and returns the old one. */
struct stamp_clock stamp_exchange(struct stamp_clock next);

/* Takes note of a stamp made elsewhere (a store, another instance, an earlier run): later ones are higher. */
void stamp_observe(int64_t stamp);

/* A bound to be stored before any stamp that is made within this time, with the number of this instance in it. */
int64_t stamp_bound(int64_t ahead_us);

/* Whether a stamp that is made within this time may be above the bound. */
bool stamp_may_pass(int64_t bound, int64_t within_us);

/* The bounds of this process that its stamps have not reached; how many. Such a bound is not to be observed. */
size_t stamp_own(int64_t bounds[STAMP_OWN]);
bool stamp_is_own(int64_t bound);

/* The number of the instance in a stamp. */
static inline int64_t stamp_node(int64_t stamp)
{
    return stamp & ((1 << STAMP_NODE_BITS) - 1);
}

/* The later of two stamps, or of two times. */
static inline int64_t clock_later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* What was made or last active at or before this time has expired; INT64_MIN: nothing expires. */
static inline int64_t clock_expired_us(int64_t ttl_us, int64_t now_us)
{
    return ttl_us > 0 ? now_us - ttl_us : INT64_MIN;
}

/* The wall time in a stamp, in microseconds. */
static inline int64_t stamp_us(int64_t stamp)
{
    return stamp >> STAMP_NODE_BITS;
}

#endif

/*
 * schedule.h - virtual time: runs events in order, and gives all random numbers from one seed.
 *
 *     schedule_at(), schedule_after() -> schedule_run() -> fn(arg), in the order of time
 *
 * Events that are due at the same time happen in the order in which they were added, so the world of a seed
 * can be repeated.
 *
 * Threads    one.
 * Ownership  it owns the events; what they point to belongs to the caller.
 * Units      microseconds since the start.
 * Errors     it aborts when memory ends: this is for tests only.
 */
#ifndef SCHEDULE_H
#define SCHEDULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "compiler.h"

#define MS INT64_C(1000)
#define SEC INT64_C(1000000)

struct event {
    int64_t at_us;
    uint64_t turn;
    void (*fn)(void *arg);
    void *arg;
};

struct schedule {
    int64_t now_us;
    uint64_t turns;       /* how many were added so far */
    struct event *events; /* a heap: events[0] is the next */
    size_t n, cap;
    uint64_t random;
};

/* Starts at 0 without events. */
void schedule_init(struct schedule *s, uint64_t seed);

/* Frees the events that are left, without running them. */
void schedule_done(struct schedule *s);

/* Calls fn(arg) at that time; if it is past, as the next of now. */
void schedule_at(struct schedule *s, int64_t at_us, void (*fn)(void *arg), void *arg);

/* Calls fn(arg) after a delay. */
void schedule_after(struct schedule *s, int64_t delay_us, void (*fn)(void *arg), void *arg);

/* Runs events until that time. */
void schedule_run(struct schedule *s, int64_t until_us);

/* A random number from low to high - 1. */
int64_t schedule_between(struct schedule *s, int64_t low, int64_t high);

/* True in `permille` of a thousand cases. */
bool schedule_chance(struct schedule *s, int64_t permille);

#endif

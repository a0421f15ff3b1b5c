/*
 * schedule.h - virtual time: what happens when, and all that is random, from one seed.
 *
 *     schedule_at(), schedule_after() -> schedule_run() -> fn(arg), in the order of time
 *
 * What is due at the same time happens in the order in which it was asked for, so a seed is a
 * trace that can be repeated.
 *
 * Threads    one.
 * Ownership  the events; what they point to is the caller's.
 * Units      microseconds since the start.
 * Errors     without memory it aborts: this is of tests alone.
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
    uint64_t turns;       /* events so far */
    struct event *events; /* a heap, the next one first */
    size_t n, cap;
    uint64_t random;
};

/* Starts at 0 without events. */
void schedule_init(struct schedule *s, uint64_t seed);

/* Frees the events that are left; they do not happen. */
void schedule_done(struct schedule *s);

/* Calls fn(arg) at that time, or at once if it is past. */
void schedule_at(struct schedule *s, int64_t at_us, void (*fn)(void *arg), void *arg);

/* Calls fn(arg) so much later. */
void schedule_after(struct schedule *s, int64_t delay_us, void (*fn)(void *arg), void *arg);

/* Lets time pass until then. */
void schedule_run(struct schedule *s, int64_t until_us);

/* A number from low to high - 1. */
int64_t schedule_between(struct schedule *s, int64_t low, int64_t high);

/* True so many times of a thousand. */
bool schedule_chance(struct schedule *s, int64_t permille);

#endif

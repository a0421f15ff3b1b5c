/*
 * relief.h - two threads for one task: when the one that has it is held up, the other takes it over.
 *
 *     the one that has the task: relief_leave() -> something that may take long -> relief_return()
 *     the other one: relief_wait(), and then it has the task
 *
 * Leaving and returning costs three atomic writes, and a wake-up after a pause. The other thread looks every few
 * milliseconds whether the same absence still lasts, and sleeps when there are none. So a task may call what is
 * nearly always quick.
 *
 * Threads    leave and return: the one that has the task. wait: the other one. end: any.
 * Ownership  the caller's; init before both threads start, done after both have ended.
 * Units      none.
 * Errors     none.
 */
#ifndef RELIEF_H
#define RELIEF_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "compiler.h"

struct relief {
    atomic_uint_least64_t absence; /* the number of the one under way; 0: there is none */
    atomic_uint_least64_t last;    /* the highest number so far */
    atomic_bool ready;             /* a thread waits */
    atomic_bool asleep;            /* and must be woken */
    pthread_mutex_t lock;          /* guards `ended` */
    pthread_cond_t woken;
    bool ended;
};

/* Makes a relief. */
void relief_init(struct relief *r);

/* Frees what it holds. */
void relief_done(struct relief *r);

/* The task may be taken over from now on. Returns the number of the absence; 0 when no other thread waits: then
 * the caller must not be held up. */
uint64_t relief_leave(struct relief *r) MUST_USE;

/* The absence is over. False: the other thread has the task now; the caller may wait for it in turn. */
bool relief_return(struct relief *r, uint64_t absence) MUST_USE;

/* Waits until the one that has the task is held up. True: the caller has it now. False: it has ended. */
bool relief_wait(struct relief *r) MUST_USE;

/* Ends all waits, now and later. */
void relief_end(struct relief *r);

#endif

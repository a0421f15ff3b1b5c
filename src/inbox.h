/*
 * inbox.h - the queue by which a lane returns finished ops to their loop.
 *
 *     lane -> inbox_post(list) -> eventfd -> loop -> inbox_take()
 *
 * inbox_post() writes the eventfd whenever it finds the inbox empty, after adding the ops; only
 * inbox_wait() reads it. An owner that watches the fd in an epoll uses EPOLLET and looks into the inbox
 * at each event; it may have taken the ops before their event arrives.
 *
 * Threads    post: any. take and fd: the owner.
 * Ownership  the list of ops passes from the lane to the taker.
 * Units      timeouts are milliseconds.
 * Errors     init: ERR_NO_MEMORY, or ERR_INTERNAL when no eventfd is available.
 */
#ifndef INBOX_H
#define INBOX_H

#include <pthread.h>
#include <stdatomic.h>

#include "op.h"

struct inbox {
    pthread_mutex_t lock; /* guards first and last */
    struct op *first, *last;
    atomic_uint posting; /* threads inside inbox_post() */
    int fd;
};

/* Makes an empty inbox with its own eventfd. Do not move it: a thread in inbox_post() may still use it. */
bool inbox_init(struct inbox *in, struct err *err) MUST_USE;

/* Waits until no thread is inside inbox_post(), then closes the eventfd. The inbox must be empty. */
void inbox_done(struct inbox *in);

/* Appends a list linked by op->next; writes the eventfd once, and only if the inbox was empty. */
void inbox_post(struct inbox *in, struct op *first, struct op *last);

/* Takes all ops, in order of posting; NULL when there are none. */
struct op *inbox_take(struct inbox *in);

/*
 * Waits until ops are there or timeout_ms has passed (-1 = for ever), then takes all. Also NULL after an
 * event whose ops were taken before, or that was written only to wake the owner.
 */
struct op *inbox_wait(struct inbox *in, int timeout_ms);

/* Waits until at least so many ops have come, and takes all that are there; returns how many. */
size_t inbox_wait_for(struct inbox *in, size_t least);

#endif

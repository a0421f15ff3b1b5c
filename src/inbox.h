/*
 * inbox.h - finished ops on their way home.
 *
 *     lane -> inbox_post(list) -> eventfd -> loop -> inbox_take()
 *
 * Threads    post: any. take and fd: the owner.
 * Ownership  the list of ops passes from the lane to the taker.
 * Units      timeouts are milliseconds.
 * Errors     init: ERR_NO_MEMORY or ERR_INTERNAL when no eventfd can be had.
 */
#ifndef INBOX_H
#define INBOX_H

#include <pthread.h>

#include "op.h"

struct inbox {
    pthread_mutex_t lock; /* guards first and last */
    struct op *first, *last;
    int fd;
};

/* An empty inbox with an eventfd of its own. */
bool inbox_init(struct inbox *in, struct err *err) MUST_USE;

/* Closes the eventfd. The inbox is empty by then. */
void inbox_done(struct inbox *in);

/* Appends a list linked by op->next; one eventfd write, and only when the inbox was empty. */
void inbox_post(struct inbox *in, struct op *first, struct op *last);

/* Takes all, in order of posting; NULL when empty. */
struct op *inbox_take(struct inbox *in);

/* Waits until something is there or timeout_ms has passed (-1 = for ever), then takes all. */
struct op *inbox_wait(struct inbox *in, int timeout_ms);

#endif

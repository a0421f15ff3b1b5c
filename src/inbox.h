/*
 * inbox.h - finished ops on their way home.
 *
 *     lane -> inbox_post(list) -> eventfd -> loop -> inbox_take()
 *
 * The eventfd is written each time when something comes into an empty inbox, after it is there; and read
 * by inbox_wait() alone. Who has it in an epoll uses EPOLLET, and looks into the inbox at each event: an
 * op may have been taken before its event comes.
 *
 * Threads    post: any. take and fd: the owner.
 * Ownership  the list of ops passes from the lane to the taker.
 * Units      timeouts are milliseconds.
 * Errors     init: ERR_NO_MEMORY or ERR_INTERNAL when no eventfd can be had.
 */
#ifndef INBOX_H
#define INBOX_H

#include <pthread.h>
#include <stdatomic.h>

#include "op.h"

struct inbox {
    pthread_mutex_t lock; /* guards first and last */
    struct op *first, *last;
    atomic_uint posting; /* that have not left inbox_post() */
    int fd;
};

/* An empty inbox with an eventfd of its own. It stays where it is: who has posted may still look at it. */
bool inbox_init(struct inbox *in, struct err *err) MUST_USE;

/* Closes the eventfd, once who has posted the last op is gone. The inbox is empty by then. */
void inbox_done(struct inbox *in);

/* Appends a list linked by op->next; one eventfd write, and only when the inbox was empty. */
void inbox_post(struct inbox *in, struct op *first, struct op *last);

/* Takes all, in order of posting; NULL when empty. */
struct op *inbox_take(struct inbox *in);

/*
 * Waits until something is there or timeout_ms has passed (-1 = for ever), then takes all. NULL also
 * after an event whose ops were taken before it came, or that was written to wake the owner.
 */
struct op *inbox_wait(struct inbox *in, int timeout_ms);

#endif

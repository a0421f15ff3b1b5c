/* inbox.c - see inbox.h. */
#include "inbox.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

bool inbox_init(struct inbox *in, struct err *err)
{
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

    if (fd < 0)
        return err_set(err, ERR_INTERNAL, "eventfd: %s", strerror(errno));
    *in = (struct inbox){.fd = fd};
    pthread_mutex_init(&in->lock, NULL);
    return true;
}

void inbox_done(struct inbox *in)
{
    while (atomic_load(&in->posting) > 0)
        sched_yield();
    close(in->fd);
    in->fd = -1;
    pthread_mutex_destroy(&in->lock);
}

/* The owner is woken after the lock is free; otherwise it would only wait again. */
void inbox_post(struct inbox *in, struct op *first, struct op *last)
{
    bool was_empty;

    last->next = NULL;
    atomic_fetch_add(&in->posting, 1);
    pthread_mutex_lock(&in->lock);
    was_empty = !in->first;
    if (was_empty)
        in->first = first;
    else
        in->last->next = first;
    in->last = last;
    pthread_mutex_unlock(&in->lock);
    if (was_empty)
        eventfd_write(in->fd, 1);
    atomic_fetch_sub(&in->posting, 1);
}

struct op *inbox_take(struct inbox *in)
{
    struct op *first;

    pthread_mutex_lock(&in->lock);
    first = in->first;
    in->first = in->last = NULL;
    pthread_mutex_unlock(&in->lock);
    return first;
}

struct op *inbox_wait(struct inbox *in, int timeout_ms)
{
    struct pollfd p = {.fd = in->fd, .events = POLLIN};
    eventfd_t count;

    if (poll(&p, 1, timeout_ms) > 0)
        eventfd_read(in->fd, &count);
    return inbox_take(in);
}

size_t inbox_wait_for(struct inbox *in, size_t least)
{
    size_t n = 0;

    while (n < least)
        n += op_count(inbox_wait(in, -1));
    return n;
}

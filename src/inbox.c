/* inbox.c - see inbox.h. */
#include "inbox.h"

#include <errno.h>
#include <poll.h>
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
    close(in->fd);
    in->fd = -1;
    pthread_mutex_destroy(&in->lock);
}

void inbox_post(struct inbox *in, struct op *first, struct op *last)
{
    bool was_empty;

    last->next = NULL;
    pthread_mutex_lock(&in->lock);
    was_empty = !in->first;
    if (was_empty)
        in->first = first;
    else
        in->last->next = first;
    in->last = last;
    if (was_empty) /* under the lock: the owner may end the inbox as soon as it has the last op */
        eventfd_write(in->fd, 1);
    pthread_mutex_unlock(&in->lock);
}

struct op *inbox_take(struct inbox *in)
{
    struct op *first;
    eventfd_t count;

    pthread_mutex_lock(&in->lock);
    first = in->first;
    if (first) /* or the event was not raised: most ticks find nothing */
        eventfd_read(in->fd, &count);
    in->first = in->last = NULL;
    pthread_mutex_unlock(&in->lock);
    return first;
}

struct op *inbox_wait(struct inbox *in, int timeout_ms)
{
    struct pollfd p = {.fd = in->fd, .events = POLLIN};

    poll(&p, 1, timeout_ms);
    return inbox_take(in);
}

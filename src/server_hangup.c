/*
 * server_hangup.c - notices clients that end their side of a connection.
 *
 * After a short read MHD expects no more and overlooks an end of stream that came with it: half a head would
 * stay until its timeout. So the ends of all connections are watched beside MHD.
 */
#include <sys/epoll.h>
#include <sys/socket.h>

#include "server_internal.h"

enum { HANGUPS = 64 };

/* One-shot, as our own shutdown() is an event, too. */
void server_hangup_watch(struct server *s, struct peer *p)
{
    struct epoll_event event = {.events = EPOLLRDHUP | EPOLLONESHOT, .data.ptr = p};

    /* If it fails, timeouts end the connection. */
    epoll_ctl(s->hangup_fd, EPOLL_CTL_ADD, p->fd, &event);
}

void server_hangup_forget(struct server *s, int fd)
{
    epoll_ctl(s->hangup_fd, EPOLL_CTL_DEL, fd, NULL);
}

void server_look_for_end(const struct peer *p)
{
    char byte;

    if (p->ended && recv(p->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0)
        shutdown(p->fd, SHUT_RD); /* an event that MHD sees */
}

void server_hangups(struct server *s)
{
    struct epoll_event events[HANGUPS];
    int n;

    do {
        n = epoll_wait(s->hangup_fd, events, HANGUPS, 0);
        for (int i = 0; i < n; i++) {
            struct peer *p = events[i].data.ptr;

            p->ended = true;
            server_look_for_end(p);
        }
    } while (n == HANGUPS);
}

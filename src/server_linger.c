/*
 * server_linger.c - connections that were answered before their body was read.
 *
 * Closing them at once would reset them, and a client that is still sending would lose the answer. So the
 * socket is kept open for a while and what arrives is discarded.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "server_internal.h"

enum {
    LINGER_MS = 5000,
    READS_PER_TICK = 16,
    READ_SIZE = 32 * 1024,
};

void server_linger(struct server *s, int fd)
{
    int kept;

    if (s->n_lingering == LINGER_MAX)
        return;
    kept = fcntl(fd, F_DUPFD_CLOEXEC, 0); /* MHD closes its own descriptor */
    if (kept < 0)
        return;
    server_hangup_forget(s, fd);
    /* MHD has sent everything: a client that waits for the end sees it now. */
    shutdown(kept, SHUT_WR);
    s->lingering[s->n_lingering].fd = kept;
    s->lingering[s->n_lingering].until_ns = s->now_ns + LINGER_MS * MS_NS;
    s->n_lingering++;
}

/* Discards what has arrived; false when the client has closed or the connection is broken. */
static bool read_away(struct server *s, int fd)
{
    char scratch[READ_SIZE];

    for (int i = 0; i < READS_PER_TICK; i++) {
        ssize_t n = recv(fd, scratch, sizeof(scratch), MSG_DONTWAIT);

        if (n <= 0)
            return n < 0 && (errno == EAGAIN || errno == EINTR);
        s->progress = true;
    }
    return true;
}

void server_linger_tick(struct server *s)
{
    for (size_t i = 0; i < s->n_lingering;) {
        struct lingering *l = &s->lingering[i];

        if (s->now_ns < l->until_ns && read_away(s, l->fd)) {
            i++;
            continue;
        }
        close(l->fd);
        *l = s->lingering[--s->n_lingering];
    }
}

void server_linger_stop(struct server *s)
{
    while (s->n_lingering > 0)
        close(s->lingering[--s->n_lingering].fd);
}

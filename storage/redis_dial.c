/* redis_dial.c - see redis_dial.h. */
#include "redis_dial.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "clock.h"
#include "lookup.h"

struct dial {
    const struct redis_url *url;
    struct lookup *host; /* NULL: the URL has an address or a path */
    int64_t host_end_ns;
    unsigned first;
    size_t tried; /* addresses */
    int fd;       /* is being connected; -1: none */
    int failed;   /* errno of the last address */
};

static int64_t left_ms(int64_t until_ns)
{
    int64_t left_ns = until_ns - clock_now_ns();

    return left_ns > 0 ? (left_ns + MS_NS - 1) / MS_NS : 0;
}

bool dial_wait(int fd, int events, int64_t until_ns)
{
    struct pollfd poll_fd = {.fd = fd, .events = (short)events};
    int ready;

    do
        ready = poll(&poll_fd, 1, (int)left_ms(until_ns));
    while (ready < 0 && errno == EINTR);
    return ready != 0;
}

struct dial *dial_begin(const struct redis_url *url, int64_t timeout_us, unsigned first,
                        struct err *err)
{
    struct dial *d = calloc(1, sizeof(*d));

    if (!d) {
        (void)err_no_memory(err);
        return NULL;
    }
    *d = (struct dial){.url = url, .first = first, .fd = -1};
    if (!url->port || lookup_is_address(url->host))
        return d;
    d->host_end_ns = clock_now_ns() + timeout_us * 1000 / 2;
    d->host = lookup_begin(url->host);
    if (d->host)
        return d;
    free(d);
    (void)err_no_memory(err);
    return NULL;
}

static bool find_host(struct dial *d, int64_t until_ns, bool *waits, struct err *err)
{
    int64_t end_ns = until_ns < d->host_end_ns ? until_ns : d->host_end_ns;

    if (!lookup_wait(d->host, left_ms(end_ns)) && end_ns < d->host_end_ns) {
        *waits = true;
        return err_set(err, ERR_UNAVAILABLE, "redis: the addresses of the host are looked up");
    }
    return (lookup_wait(d->host, 0) && lookup_address(d->host, 0)) ||
           err_set(err, ERR_UNAVAILABLE, "redis: %s", lookup_reason(d->host));
}

/* Starts to connect a socket; -1: errno says why not. */
static int connect_to(int family, const void *address, socklen_t len)
{
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1, why;

    if (fd < 0)
        return -1;
    if (family != AF_UNIX)
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (connect(fd, address, len) == 0 || errno == EINPROGRESS)
        return fd;
    why = errno;
    close(fd);
    errno = why;
    return -1;
}

static int connect_to_path(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    errno = ENAMETOOLONG;
    if (strlen(path) >= sizeof(address.sun_path))
        return -1;
    strcpy(address.sun_path, path);
    return connect_to(AF_UNIX, &address, sizeof(address));
}

static int connect_to_address(const char *host, int port)
{
    const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
                                   .ai_socktype = SOCK_STREAM};
    struct addrinfo *found;
    char service[16];
    int failed, fd, why;

    snprintf(service, sizeof(service), "%d", port);
    failed = getaddrinfo(host, service, &hints, &found);
    errno = failed == EAI_MEMORY ? ENOMEM : EINVAL;
    if (failed)
        return -1;
    fd = connect_to(found->ai_family, found->ai_addr, found->ai_addrlen);
    why = errno;
    freeaddrinfo(found);
    errno = why;
    return fd;
}

/* Starts to connect to the next address that lets itself be tried. */
static bool try_next(struct dial *d, struct err *err)
{
    size_t n = 1;

    while (d->host && lookup_address(d->host, n))
        n++;
    while (d->fd < 0 && d->tried < n) {
        size_t at = (d->first + d->tried++) % n;

        d->fd = !d->url->port
                    ? connect_to_path(d->url->host)
                    : connect_to_address(d->host ? lookup_address(d->host, at) : d->url->host,
                                         d->url->port);
        d->failed = errno;
    }
    return d->fd >= 0 ||
           err_set(err, ERR_UNAVAILABLE, "redis: cannot connect: %s", strerror(d->failed));
}

/* Whether the socket, which is writable, is connected. If not it is closed. */
static bool is_connected(struct dial *d)
{
    socklen_t len = sizeof(d->failed);

    if (getsockopt(d->fd, SOL_SOCKET, SO_ERROR, &d->failed, &len) != 0)
        d->failed = errno;
    if (d->failed == 0)
        return true;
    close(d->fd);
    d->fd = -1;
    return false;
}

bool dial_go_on(struct dial *d, int64_t until_ns, int *fd, bool *waits, struct err *err)
{
    if (d->fd < 0 && d->host && !find_host(d, until_ns, waits, err))
        return false;
    do {
        if (!try_next(d, err))
            return false;
        if (!dial_wait(d->fd, POLLOUT, until_ns)) {
            *waits = true;
            return err_set(err, ERR_UNAVAILABLE, "redis: cannot connect: no answer yet");
        }
    } while (!is_connected(d));
    *fd = d->fd;
    d->fd = -1;
    return true;
}

void dial_end(struct dial *d)
{
    if (!d)
        return;
    if (d->fd >= 0)
        close(d->fd);
    lookup_end(d->host);
    free(d);
}

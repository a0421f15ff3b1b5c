/* server_listen.c - listening sockets: server_listen() and its like of server.h. */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server.h"

enum { HOST_MAX = 256, BACKLOG = 1024 };

struct address {
    struct sockaddr_storage at;
    socklen_t len;
};

/* Splits "HOST:PORT" or "[::1]:PORT"; false if it is neither. */
static bool split_listen(const char *listen, char host[HOST_MAX], const char **port)
{
    const char *colon = strrchr(listen, ':');
    size_t len = colon ? (size_t)(colon - listen) : 0;

    if (!colon || len == 0 || len >= HOST_MAX || colon[1] == '\0')
        return false;
    if (listen[0] == '[') {
        if (len < 3 || listen[len - 1] != ']')
            return false;
        listen++;
        len -= 2;
    } else if (memchr(listen, ':', len)) {
        return false;
    }
    memcpy(host, listen, len);
    host[len] = '\0';
    *port = colon + 1;
    return true;
}

static bool resolve(const char *listen, struct address *out, struct err *err)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found;
    char host[HOST_MAX];
    const char *port;
    int failed;

    if (!split_listen(listen, host, &port))
        return err_set(err, ERR_CONFIG, "--listen: \"%.100s\" is not HOST:PORT or [IPV6]:PORT",
                       listen);
    failed = getaddrinfo(host, port, &hints, &found);
    if (failed)
        return err_set(err, ERR_CONFIG, "--listen: %.100s: %s", listen, gai_strerror(failed));
    memcpy(&out->at, found->ai_addr, found->ai_addrlen);
    out->len = found->ai_addrlen;
    freeaddrinfo(found);
    return true;
}

static bool is_loopback(const struct address *a)
{
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;

    if (a->at.ss_family == AF_INET) {
        memcpy(&v4, &a->at, sizeof(v4));
        return ntohl(v4.sin_addr.s_addr) >> 24 == 127;
    }
    memcpy(&v6, &a->at, sizeof(v6));
    return IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr);
}

static int port_of(const struct address *a)
{
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;

    if (a->at.ss_family == AF_INET) {
        memcpy(&v4, &a->at, sizeof(v4));
        return ntohs(v4.sin_port);
    }
    memcpy(&v6, &a->at, sizeof(v6));
    return ntohs(v6.sin6_port);
}

static bool bind_and_listen(const struct address *a, bool shared, int *out, struct err *err)
{
    int on = 1, fd = socket(a->at.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int share = shared;

    if (fd < 0)
        return err_set(err, ERR_INTERNAL, "socket: %s", strerror(errno));
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &share, sizeof(share));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)); /* accepted connections inherit it */
    if (bind(fd, (const struct sockaddr *)&a->at, a->len) != 0 || listen(fd, BACKLOG) != 0) {
        int failed = errno;

        close(fd);
        return err_set(err, ERR_UNAVAILABLE, "port %d: %s", port_of(a), strerror(failed));
    }
    *out = fd;
    return true;
}

/* SO_REUSEPORT would let a second service share the port unnoticed, so this checks first if it is free. */
static bool port_is_free(const struct address *a, struct err *err)
{
    int fd;

    if (!bind_and_listen(a, false, &fd, err))
        return false;
    close(fd);
    return true;
}

static bool name_of(int fd, struct address *out, struct err *err)
{
    out->len = sizeof(out->at);
    if (getsockname(fd, (struct sockaddr *)&out->at, &out->len) != 0)
        return err_set(err, ERR_INTERNAL, "getsockname: %s", strerror(errno));
    return true;
}

/* The address, if it may be served on. */
static bool choose(const char *listen, bool insecure, struct address *out, struct err *err)
{
    struct address address;

    if (!resolve(listen, &address, err))
        return false;
    if (!insecure && !is_loopback(&address))
        return err_set(err, ERR_CONFIG,
                       "--listen: %.100s is reachable from other machines and there are no tokens; "
                       "--insecure allows it",
                       listen);
    *out = address;
    return true;
}

bool server_may_listen(const char *listen, bool insecure, struct err *err)
{
    struct address address;

    return choose(listen, insecure, &address, err) &&
           (port_of(&address) == 0 || port_is_free(&address, err));
}

bool server_listen(const char *listen, bool insecure, int *fd, int *port, struct err *err)
{
    struct address address;
    int made;

    if (!choose(listen, insecure, &address, err) ||
        (port_of(&address) != 0 && !port_is_free(&address, err)) ||
        !bind_and_listen(&address, true, &made, err))
        return false;
    if (!name_of(made, &address, err)) {
        close(made);
        return false;
    }
    *fd = made;
    *port = port_of(&address);
    return true;
}

bool server_listen_beside(int fd, int *more, struct err *err)
{
    struct address address;

    return name_of(fd, &address, err) && bind_and_listen(&address, true, more, err);
}

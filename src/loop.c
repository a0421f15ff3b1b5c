/* loop.c - see loop.h. */
#include "loop.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "clock.h"
#include "server.h"

enum { EVENTS = 4, LOOPS_MAX = 256 };

struct loop {
    struct loops *all;
    struct server *server;
    int epoll_fd, wake_fd;
    pthread_t thread;
    bool running;
    bool quiesced;
    size_t cut_off; /* read after the thread has ended */
};

struct loops {
    struct loop *loops;
    size_t n;
    atomic_bool draining, stopping;
    _Atomic int64_t stop_at_ns; /* set before `stopping` */
};

/* Does what main has requested. False: the loop ends. */
static bool obey(struct loop *l, int *timeout_ms)
{
    int64_t left_ns;
    int wait_ms;

    if (atomic_load(&l->all->draining))
        server_drain(l->server);
    if (!atomic_load(&l->all->stopping))
        return true;
    if (!l->quiesced) { /* one more tick, for requests that have already arrived */
        l->quiesced = true;
        server_quiesce(l->server);
        *timeout_ms = 0;
        return true;
    }
    left_ns = atomic_load(&l->all->stop_at_ns) - clock_now_ns();
    wait_ms = server_last_call_ms(l->server);
    if (left_ns <= 0 || (server_active(l->server) == 0 && wait_ms == 0))
        return false;
    if (wait_ms == 0 || wait_ms > left_ns / 1000000 + 1)
        wait_ms = (int)(left_ns / 1000000 + 1);
    if (*timeout_ms < 0 || *timeout_ms > wait_ms)
        *timeout_ms = wait_ms;
    return true;
}

static void *run(void *arg)
{
    struct loop *l = arg;
    struct epoll_event events[EVENTS];
    int timeout_ms = 0;

    while (obey(l, &timeout_ms)) {
        int n = epoll_wait(l->epoll_fd, events, EVENTS, timeout_ms);
        bool hangups = false;

        for (int i = 0; i < n; i++) {
            eventfd_t count;

            if (events[i].data.fd == l->wake_fd)
                eventfd_read(l->wake_fd, &count);
            hangups = hangups || events[i].data.fd == server_hangup_fd(l->server);
        }
        timeout_ms = server_tick(l->server);
        if (hangups)
            server_hangups(l->server);
    }
    l->cut_off = server_active(l->server);
    server_stop(l->server);
    l->server = NULL;
    return NULL;
}

static bool watch(struct loop *l, int fd, uint32_t events, struct err *err)
{
    struct epoll_event event = {.events = events, .data.fd = fd};

    if (epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0)
        return err_set(err, ERR_INTERNAL, "epoll_ctl: %s", strerror(errno));
    return true;
}

/* Starts a loop; takes over listen_fd. */
static bool start_one(struct loop *l, struct service *service, int listen_fd, struct err *err)
{
    int failed;

    l->server = server_start(service, listen_fd, err);
    if (!l->server)
        return false;
    l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    l->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (l->epoll_fd < 0 || l->wake_fd < 0)
        return err_set(err, ERR_INTERNAL, "epoll: %s", strerror(errno));
    if (!watch(l, server_epoll_fd(l->server), EPOLLIN, err) ||
        !watch(l, server_inbox(l->server)->fd, EPOLLIN | EPOLLET, err) ||
        !watch(l, server_hangup_fd(l->server), EPOLLIN, err) || !watch(l, l->wake_fd, EPOLLIN, err))
        return false;
    failed = pthread_create(&l->thread, NULL, run, l);
    if (failed)
        return err_set(err, ERR_INTERNAL, "thread: %s", strerror(failed));
    l->running = true;
    return true;
}

size_t loops_cores(void)
{
    cpu_set_t set;
    int n = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;

    return n > 0 ? (size_t)n : 1;
}

static struct loops *make(size_t n)
{
    struct loops *ls = calloc(1, sizeof(*ls));

    if (!ls)
        return NULL;
    ls->loops = calloc(n, sizeof(*ls->loops));
    if (!ls->loops) {
        free(ls);
        return NULL;
    }
    ls->n = n;
    for (size_t i = 0; i < n; i++)
        ls->loops[i] = (struct loop){.all = ls, .epoll_fd = -1, .wake_fd = -1};
    return ls;
}

/* All sockets listen before the first loop takes one over. */
static bool listen_all(const struct config *cfg, size_t n, int *fds, int *port, struct err *err)
{
    if (!server_listen(cfg->listen, cfg->insecure, &fds[0], port, err))
        return false;
    for (size_t i = 1; i < n; i++) {
        if (server_listen_beside(fds[0], &fds[i], err))
            continue;
        while (i > 0)
            close(fds[--i]);
        return false;
    }
    return true;
}

struct loops *loops_start(struct service *service, int *port, struct err *err)
{
    size_t n = service->config->loops ? (size_t)service->config->loops : loops_cores();
    struct loops *ls;
    int fds[LOOPS_MAX], bound;
    size_t i = 0;

    if (n > LOOPS_MAX)
        n = LOOPS_MAX;
    ls = make(n);
    if (!ls) {
        err_fill(err, ERR_NO_MEMORY, "out of memory");
        return NULL;
    }
    if (listen_all(service->config, n, fds, &bound, err)) {
        while (i < n && start_one(&ls->loops[i], service, fds[i], err))
            i++;
        if (i == n) {
            *port = bound;
            return ls;
        }
        while (++i < n)
            close(fds[i]);
    }
    loops_stop(ls, 0);
    return NULL;
}

static void wake(struct loops *ls)
{
    for (size_t i = 0; i < ls->n; i++)
        if (ls->loops[i].wake_fd >= 0)
            eventfd_write(ls->loops[i].wake_fd, 1);
}

void loops_drain(struct loops *ls)
{
    atomic_store(&ls->draining, true);
    wake(ls);
}

size_t loops_stop(struct loops *ls, int64_t timeout_ms)
{
    size_t cut_off = 0;

    if (!ls)
        return 0;
    atomic_store(&ls->stop_at_ns, clock_now_ns() + timeout_ms * 1000000);
    atomic_store(&ls->stopping, true);
    wake(ls);
    for (size_t i = 0; i < ls->n; i++) {
        struct loop *l = &ls->loops[i];

        if (l->running)
            pthread_join(l->thread, NULL);
        server_stop(l->server); /* there is one if its thread never ran */
        if (l->epoll_fd >= 0)
            close(l->epoll_fd);
        if (l->wake_fd >= 0)
            close(l->wake_fd);
        cut_off += l->cut_off;
    }
    free(ls->loops);
    free(ls);
    return cut_off;
}

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
#include "relief.h"
#include "server.h"

enum {
    EVENTS = 4,
    LOOPS_MAX = 256,
    LOOP_THREADS = 2,
    CALM = 4, /* so many ops that come one by one are of one client */
};

struct loop {
    struct loops *all;
    struct server *server;
    int epoll_fd, wake_fd;
    struct relief relief; /* of the thread that runs the loop by the other one */
    pthread_t threads[LOOP_THREADS];
    size_t n_threads;
    bool back;      /* an op has run here since the tick: the next one must follow at once */
    uint64_t begun; /* how many requests had begun then */
    unsigned calm;  /* how many ops have come one by one */
    bool quiesced;
    size_t cut_off; /* read after the threads have ended */
};

struct loops {
    struct lanes *lanes;
    struct loop *loops;
    size_t n;
    atomic_bool draining, stopping;
    _Atomic int64_t stop_at_ns; /* set before `stopping` */
};

/* Whether requests are served, or ops of clients that are gone are out. */
static bool is_busy(const struct server *s)
{
    return server_active(s) > 0 || server_ops_out(s) > 0;
}

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
    if (left_ns <= 0 || (!is_busy(l->server) && wait_ms == 0))
        return false;
    if (wait_ms == 0 || wait_ms > left_ns / MS_NS + 1)
        wait_ms = (int)(left_ns / MS_NS + 1);
    if (*timeout_ms < 0 || *timeout_ms > wait_ms)
        *timeout_ms = wait_ms;
    return true;
}

/* Runs an op in this thread, if its lane is idle and quick. False: it took long, and the other thread runs the
 * loop now. */
static bool run_here(struct loop *l, struct op *op, uint64_t absence)
{
    op = lanes_run(l->all->lanes, op, false);
    if (!relief_return(&l->relief, absence)) {
        if (op)
            inbox_post(op->home, op, op);
        return false;
    }
    l->back = op != NULL;
    l->begun = server_begun(l->server);
    if (op)
        server_take(l->server, op);
    else
        l->calm = 0;
    return true;
}

/*
 * Hands the ops of the tick to the lanes. While they come one by one, this thread runs them itself: waking others
 * would take longer. A request that begins in the tick after such an op has waited for it, so they do not come
 * one by one. False: see run_here().
 */
static bool send_ops(struct loop *l)
{
    bool waited = l->back && server_begun(l->server) != l->begun;
    struct op *op = server_ops(l->server);
    uint64_t absence;
    bool alone;

    l->back = false;
    if (!op)
        return true;
    alone = !waited && server_ops_out(l->server) == 1 && lanes_depth(l->all->lanes) == 1;
    l->calm = alone ? l->calm + 1 : 0;
    absence = l->calm > CALM ? relief_leave(&l->relief) : 0;
    if (absence)
        return run_here(l, op, absence);
    lanes_submit(l->all->lanes, op);
    return true;
}

/* Returns whether clients have hung up. */
static bool wait_for_events(const struct loop *l, int timeout_ms)
{
    struct epoll_event events[EVENTS];
    int n = epoll_wait(l->epoll_fd, events, EVENTS, timeout_ms);
    bool hangups = false;

    for (int i = 0; i < n; i++) {
        eventfd_t count;

        if (events[i].data.fd == l->wake_fd)
            eventfd_read(l->wake_fd, &count);
        hangups = hangups || events[i].data.fd == server_hangup_fd(l->server);
    }
    return hangups;
}

/* Runs the loop until it ends, or until the other thread has it. */
static void lead(struct loop *l)
{
    int timeout_ms = 0;

    while (obey(l, &timeout_ms)) {
        bool hangups = !l->back && wait_for_events(l, timeout_ms);

        timeout_ms = server_tick(l->server);
        if (hangups)
            server_hangups(l->server);
        if (!send_ops(l))
            return;
    }
    l->cut_off = server_active(l->server);
    if (server_ops_out(l->server) > 0) /* the time is over */
        lanes_expire(l->all->lanes);
    server_stop(l->server);
    l->server = NULL;
    relief_end(&l->relief);
}

static void *relieve(void *arg)
{
    struct loop *l = arg;

    while (relief_wait(&l->relief))
        lead(l);
    return NULL;
}

static void *run(void *arg)
{
    lead(arg);
    return relieve(arg);
}

static bool watch(struct loop *l, int fd, uint32_t events, struct err *err)
{
    struct epoll_event event = {.events = events, .data.fd = fd};

    if (epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0)
        return err_set(err, ERR_INTERNAL, "epoll_ctl: %s", strerror(errno));
    return true;
}

static bool start_thread(struct loop *l, void *(*body)(void *), struct err *err)
{
    int failed = pthread_create(&l->threads[l->n_threads], NULL, body, l);

    if (failed)
        return err_set(err, ERR_INTERNAL, "thread: %s", strerror(failed));
    l->n_threads++;
    return true;
}

/* Starts a loop; takes over listen_fd. */
static bool start_one(struct loop *l, struct service *service, int listen_fd, struct err *err)
{
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
    return start_thread(l, run, err) && start_thread(l, relieve, err);
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
    for (size_t i = 0; i < n; i++) {
        ls->loops[i] = (struct loop){.all = ls, .epoll_fd = -1, .wake_fd = -1};
        relief_init(&ls->loops[i].relief);
    }
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
        (void)err_no_memory(err);
        return NULL;
    }
    ls->lanes = service->lanes;
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
    atomic_store(&ls->stop_at_ns, clock_now_ns() + timeout_ms * MS_NS);
    atomic_store(&ls->stopping, true);
    wake(ls);
    for (size_t i = 0; i < ls->n; i++) {
        struct loop *l = &ls->loops[i];

        for (size_t t = 0; t < l->n_threads; t++)
            pthread_join(l->threads[t], NULL);
        relief_done(&l->relief);
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

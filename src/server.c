/* server.c - see server.h. */
#include "server.h"

#include <assert.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"
#include "metrics.h"
#include "server_http.h"
#include "server_internal.h"

enum {
    ACCEPT_ROUNDS = 100,
    LAST_CALL_MS = 200,
};

/* MHD_OPTION_UNESCAPE_CALLBACK: decodes nothing; router and routes do. */
static size_t keep_escapes(void *cls, struct MHD_Connection *connection, char *text)
{
    (void)cls;
    (void)connection;
    return strlen(text);
}

static struct MHD_Daemon *start_daemon(struct server *s, int listen_fd)
{
    const struct config *cfg = s->service->config;
    unsigned idle_s = (unsigned)((cfg->idle_timeout_ms + 999) / 1000);

    /* At its own limit MHD does not refuse, but lets clients wait unseen: server_http_accept() is before it. */
    /* clang-format off */
    return MHD_start_daemon(
        MHD_USE_EPOLL | MHD_USE_TURBO | MHD_ALLOW_SUSPEND_RESUME,
        0, server_http_accept, s, server_http_handle, s,
        MHD_OPTION_LISTEN_SOCKET, listen_fd,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)cfg->max_connections + 1,
        MHD_OPTION_CONNECTION_TIMEOUT, idle_s,
        MHD_OPTION_URI_LOG_CALLBACK, server_http_begin, s,
        MHD_OPTION_NOTIFY_COMPLETED, server_http_end, s,
        MHD_OPTION_NOTIFY_CONNECTION, server_http_connection, s,
        MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, s,
        MHD_OPTION_END);
    /* clang-format on */
}

struct server *server_start(struct service *service, int listen_fd, struct err *err)
{
    struct server *s = calloc(1, sizeof(*s));

    if (!s) {
        close(listen_fd);
        (void)err_no_memory(err);
        return NULL;
    }
    s->service = service;
    metrics_gauge_set(GAUGE_CONNECTIONS_MAX, service->config->max_connections);
    s->now_ns = clock_now_ns();
    TAILQ_INIT(&s->idle);
    TAILQ_INIT(&s->reading);
    if (!inbox_init(&s->inbox, err)) {
        close(listen_fd);
        free(s);
        return NULL;
    }
    s->hangup_fd = epoll_create1(EPOLL_CLOEXEC);
    if (s->hangup_fd >= 0)
        s->daemon = start_daemon(s, listen_fd);
    if (!s->daemon) {
        err_fill(err, ERR_INTERNAL,
                 s->hangup_fd < 0 ? "epoll_create1: no descriptor can be had"
                                  : "libmicrohttpd does not start");
        close(listen_fd);
        inbox_done(&s->inbox);
        if (s->hangup_fd >= 0)
            close(s->hangup_fd);
        free(s);
        return NULL;
    }
    s->epoll_fd = MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
    return s;
}

int server_epoll_fd(const struct server *s)
{
    return s->epoll_fd;
}

int server_hangup_fd(const struct server *s)
{
    return s->hangup_fd;
}

struct inbox *server_inbox(struct server *s)
{
    return &s->inbox;
}

struct op *server_ops(struct server *s)
{
    struct op *first = s->out_first;

    s->out_first = s->out_last = NULL;
    return first;
}

size_t server_ops_out(const struct server *s)
{
    return s->ops_out;
}

/*
 * While an op is out, MHD wants to look at its connection again at once. If nothing has happened there is
 * nothing to see: a millisecond is soon enough, and an op that comes back ends the wait anyway.
 */
static int sleep_ms(const struct server *s, int64_t expires_ns)
{
    int64_t ms = expires_ns == INT64_MAX ? -1 : expires_ns / MS_NS + 1;
    unsigned long long mhd_ms;

    if (s->n_lingering > 0 && (ms < 0 || ms > LINGER_POLL_MS))
        ms = LINGER_POLL_MS;
    if (MHD_get_timeout(s->daemon, &mhd_ms) == MHD_YES) {
        if (mhd_ms == 0)
            return s->progress ? 0 : 1;
        if (ms < 0 || (int64_t)mhd_ms < ms)
            ms = (int64_t)mhd_ms;
    }
    return ms > INT32_MAX ? INT32_MAX : (int)ms;
}

int server_tick(struct server *s)
{
    int64_t expires_ns;
    int ms;

    s->now_ns = clock_now_ns();
    server_take(s, inbox_take(&s->inbox));
    MHD_run(s->daemon);
    server_linger_tick(s);
    expires_ns = server_http_expire(s);
    log_flush();
    if (s->progress)
        s->busy_ns = s->now_ns;
    ms = sleep_ms(s, expires_ns);
    s->progress = false;
    return ms;
}

void server_drain(struct server *s)
{
    s->draining = true;
}

/* Accepts clients that are already connected: closing the socket would reset them. */
static void accept_waiting(struct server *s)
{
    int fd = MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_LISTEN_FD)->listen_fd;
    struct pollfd waiting = {.fd = fd, .events = POLLIN};

    for (int i = 0; i < ACCEPT_ROUNDS && poll(&waiting, 1, 0) > 0; i++)
        MHD_run(s->daemon);
}

void server_quiesce(struct server *s)
{
    int fd;

    if (s->quiesced)
        return;
    s->quiesced = true;
    s->busy_ns = clock_now_ns();
    accept_waiting(s);
    fd = MHD_quiesce_daemon(s->daemon);
    if (fd >= 0)
        close(fd);
}

int server_last_call_ms(const struct server *s)
{
    int64_t left_ns = s->busy_ns + LAST_CALL_MS * MS_NS - clock_now_ns();

    if (TAILQ_EMPTY(&s->idle) || left_ns <= 0)
        return 0;
    return (int)(left_ns / MS_NS + 1);
}

uint64_t server_begun(const struct server *s)
{
    return s->begun;
}

size_t server_active(const struct server *s)
{
    return s->active;
}

void server_stop(struct server *s)
{
    if (!s)
        return;
    while (s->suspended)
        server_unpark(s->suspended);
    server_quiesce(s);
    MHD_stop_daemon(s->daemon);
    server_linger_stop(s);
    lanes_submit(s->service->lanes, server_ops(s));
    while (s->ops_out > 0) /* their requests have ended, but the ops still use the memory */
        server_take(s, inbox_wait(&s->inbox, -1));
    assert(s->active == 0);
    while (s->free_requests) {
        struct request *next = s->free_requests->next;

        free(s->free_requests);
        s->free_requests = next;
    }
    inbox_done(&s->inbox);
    close(s->hangup_fd);
    log_flush();
    free(s);
}

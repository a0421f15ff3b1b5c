/* server_http.c - the callbacks of libmicrohttpd: connections, requests, and their ends. */
#include "server_http.h"

#include <microhttpd.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>

#include "clock.h"
#include "log.h"
#include "metrics.h"
#include "server_internal.h"

enum { STATUS_TIMEOUT = 408, STATUS_CLIENT_GONE = 499 };

#define TOLD_AGAIN_NS (60 * S_NS)

/* Counts a connection for which there is no room. The log is told once a minute, by one of all servers. */
static void count_refused(const struct server *s)
{
    static _Atomic int64_t told_ns; /* 0 = never */
    int64_t told = atomic_load(&told_ns);

    metrics_refused();
    if ((told == 0 || s->now_ns - told >= TOLD_AGAIN_NS) &&
        atomic_compare_exchange_strong(&told_ns, &told, s->now_ns))
        log_message(LOG_WARNING, "connections_full",
                    "%lld connections are open, the limit of --max-connections: more are refused",
                    (long long)s->service->config->max_connections);
}

/* MHD_AcceptPolicyCallback: max_connections applies to all servers together. */
enum MHD_Result server_http_accept(void *cls, const struct sockaddr *addr, socklen_t len)
{
    const struct server *s = cls;

    (void)addr;
    (void)len;
    if (metrics_gauge_value(GAUGE_CONNECTIONS) < s->service->config->max_connections)
        return MHD_YES;
    count_refused(s);
    return MHD_NO;
}

static void set_state(struct server *s, struct peer *p, int state)
{
    if (!p)
        return;
    if (p->state == PEER_IDLE)
        TAILQ_REMOVE(&s->idle, p, link);
    else if (p->state == PEER_READING)
        TAILQ_REMOVE(&s->reading, p, link);
    p->state = state;
    p->since_ns = s->now_ns;
    if (state == PEER_IDLE)
        TAILQ_INSERT_TAIL(&s->idle, p, link);
    else if (state == PEER_READING)
        TAILQ_INSERT_TAIL(&s->reading, p, link);
}

/* MHD does not report the end of a request whose head has filled its memory: this does. */
static void end_left(struct server *s, const struct peer *p)
{
    void *req = p->req;

    server_http_end(s, NULL, &req, MHD_REQUEST_TERMINATED_WITH_ERROR);
}

/* MHD_NotifyConnectionCallback. A connection without a peer (no memory) has only MHD's own timeout. */
void server_http_connection(void *cls, struct MHD_Connection *connection, void **context,
                            enum MHD_ConnectionNotificationCode code)
{
    struct server *s = cls;
    struct peer *p = *context;

    s->progress = true;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        metrics_gauge_add(GAUGE_CONNECTIONS, 1);
        p = calloc(1, sizeof(*p));
        if (p) {
            p->fd = server_fd(connection);
            p->state = PEER_SERVED;
            set_state(s, p, PEER_IDLE);
            server_hangup_watch(s, p);
        }
        *context = p;
        return;
    }
    metrics_gauge_add(GAUGE_CONNECTIONS, -1);
    if (p) {
        end_left(s, p);
        server_hangup_forget(s, p->fd);
    }
    set_state(s, p, PEER_SERVED);
    free(p);
    *context = NULL;
}

/* The length of "http://host", which proxies put before the path; 0 if there is none. */
static size_t origin_len(struct slice uri)
{
    size_t scheme = 0;

    if (strncasecmp(uri.at, "http://", 7) == 0)
        scheme = 7;
    else if (strncasecmp(uri.at, "https://", 8) == 0)
        scheme = 8;
    return scheme ? scheme + strcspn(uri.at + scheme, "/?#") : 0;
}

/* Splits the target, which is NUL-terminated, into path and query. */
static void split_uri(struct request *req)
{
    struct slice uri = req->target;
    size_t origin = origin_len(uri);
    struct slice rest = {uri.at + origin, uri.len - origin};
    const char *mark = strchr(rest.at, '?');

    req->path = (struct slice){rest.at, mark ? (size_t)(mark - rest.at) : rest.len};
    req->query = SLICE("");
    if (mark)
        req->query = (struct slice){mark + 1, rest.len - req->path.len - 1};
    if (origin && *rest.at != '/')
        req->path = SLICE("/");
}

/* MHD would copy each argument into the memory of the connection; routes read req->query instead. MHD has
 * already found the '?', so ending the text after it suffices. */
static void hide_arguments(const char *uri)
{
    char *mark = strchr(uri, '?');

    if (mark && mark[1] != '\0')
        mark[1] = '\0';
}

/* MHD_OPTION_URI_LOG_CALLBACK: creates the request; the URI is still as it was sent. */
void *server_http_begin(void *cls, const char *uri, struct MHD_Connection *connection)
{
    struct server *s = cls;
    struct request *req = request_new(s);
    struct slice copy;

    s->progress = true;
    if (!req)
        return NULL;
    copy = arena_copy(&req->arena, slice_of(uri));
    if (!slice_present(copy)) {
        request_unref(req);
        return NULL;
    }
    hide_arguments(uri);
    req->target = copy;
    split_uri(req);
    req->connection = connection;
    req->peer = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)
                    ->socket_context;
    if (req->peer) {
        end_left(s, req->peer);
        req->peer->req = req;
    }
    set_state(s, req->peer, PEER_READING);
    s->active++;
    s->begun++;
    metrics_gauge_add(GAUGE_REQUESTS, 1);
    return req;
}

/* The end of stream may have arrived while MHD read the body: see server_hangup.c. */
static void look_for_end(const struct request *req)
{
    if (req->peer &&
        (req->chunked || req->body_len < req->body_most)) /* else it is complete, or discarded */
        server_look_for_end(req->peer);
}

/* MHD_AccessHandlerCallback: called with the head, then with each part of the body, then until the answer is
 * there. Answering in the first call closes the connection. */
enum MHD_Result server_http_handle(void *cls, struct MHD_Connection *connection, const char *url,
                                   const char *method, const char *version, const char *upload,
                                   size_t *upload_size, void **context)
{
    const struct lines_first first = {method, url, version};
    struct request *req = *context;

    (void)cls;
    (void)connection;
    if (!req)
        return MHD_NO;
    if (req->stage == REQUEST_HEAD) {
        if (server_head(req, &first))
            return MHD_YES;
        req->close = req->early = true;
        server_fail(req, &req->err);
    } else if (*upload_size > 0) {
        req->server->progress = true; /* more may have arrived than MHD's buffer holds */
        server_body_add(req, upload, *upload_size);
        look_for_end(req);
        *upload_size = 0;
        return MHD_YES;
    } else if (req->stage == REQUEST_BODY) {
        set_state(req->server, req->peer, PEER_SERVED);
        if (req->chunked &&
            !server_head_leaves_room(req, &req->err)) /* it has grown by its trailer */
            server_fail(req, &req->err);
        else
            server_run(req);
    }
    if (req->stage == REQUEST_WAITING) {
        server_park(req);
        return MHD_YES;
    }
    req->server->progress = true;
    if (req->failed == ERR_HEAD) {
        server_send_alone(req);
        return MHD_NO;
    }
    return server_send(req) ? MHD_YES : MHD_NO;
}

/* What MHD has answered by itself, if it has. */
static int status_of_mhd(const struct request *req)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(req->connection,
                                                                   MHD_CONNECTION_INFO_HTTP_STATUS);

    return info ? (int)info->http_status : STATUS_CLIENT_GONE;
}

/* The status to log. Who has no answer, or a part of one, gets a status of ours. */
static int status_of(struct request *req, enum MHD_RequestTerminationCode code)
{
    if (req->alone ||
        (code == MHD_REQUEST_TERMINATED_COMPLETED_OK && req->stage == REQUEST_SENDING))
        return req->res.status;
    if (req->peer && req->peer->expired)
        return STATUS_TIMEOUT;
    switch (code) {
    case MHD_REQUEST_TERMINATED_TIMEOUT_REACHED:
        return req->stage == REQUEST_SENDING ? STATUS_CLIENT_GONE : STATUS_TIMEOUT;
    case MHD_REQUEST_TERMINATED_COMPLETED_OK:
    case MHD_REQUEST_TERMINATED_WITH_ERROR:
        if (req->broken)
            return err_http_status(req->failed);
        return req->stage < REQUEST_WAITING ? status_of_mhd(req) : STATUS_CLIENT_GONE;
    case MHD_REQUEST_TERMINATED_DAEMON_SHUTDOWN:
    case MHD_REQUEST_TERMINATED_READ_ERROR:
    case MHD_REQUEST_TERMINATED_CLIENT_ABORT:
        break;
    }
    return STATUS_CLIENT_GONE;
}

/* MHD_RequestCompletedCallback: the connection drops its reference; ops of the request may still run. */
void server_http_end(void *cls, struct MHD_Connection *connection, void **context,
                     enum MHD_RequestTerminationCode code)
{
    struct server *s = cls;
    struct request *req = *context;

    if (!req)
        return;
    *context = NULL;
    if (req->alone || (req->early && code == MHD_REQUEST_TERMINATED_COMPLETED_OK))
        server_linger(s, server_fd(connection));
    s->progress = true;
    server_log(req, status_of(req, code));
    if (req->peer)
        req->peer->req = NULL;
    set_state(s, req->peer, PEER_IDLE);
    s->active--;
    metrics_gauge_add(GAUGE_REQUESTS, -1);
    req->connection = NULL;
    req->peer = NULL;
    request_unref(req);
}

static bool expire(struct peers *peers, int64_t before_ns)
{
    struct peer *p = TAILQ_FIRST(peers);

    if (!p || p->since_ns > before_ns)
        return false;
    /* MHD notices the end of the stream and closes at once; only if its memory is full it does not read, and
     * then its own timeout of a second ends the connection. */
    shutdown(p->fd, SHUT_RDWR);
    if (p->req)
        MHD_set_connection_option(p->req->connection, MHD_CONNECTION_OPTION_TIMEOUT, 1U);
    p->expired = true;
    TAILQ_REMOVE(peers, p, link);
    p->state = PEER_SERVED;
    return true;
}

static int64_t expires_in(const struct peers *peers, int64_t limit_ns, int64_t now_ns)
{
    const struct peer *p = TAILQ_FIRST(peers);

    return p ? p->since_ns + limit_ns - now_ns : INT64_MAX;
}

int64_t server_http_expire(struct server *s)
{
    int64_t reading = s->service->config->request_timeout_ms * MS_NS;
    int64_t idle = reading + s->service->config->idle_timeout_ms * MS_NS;
    int64_t a, b;

    while (expire(&s->reading, s->now_ns - reading) || expire(&s->idle, s->now_ns - idle))
        ;
    a = expires_in(&s->reading, reading, s->now_ns);
    b = expires_in(&s->idle, idle, s->now_ns);
    return a < b ? a : b;
}

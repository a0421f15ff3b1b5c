/* server_log.c - logs and counts each request. */
#include <arpa/inet.h>
#include <microhttpd.h>

#include "clock.h"
#include "id.h"
#include "log.h"
#include "metrics.h"
#include "server_internal.h"

/* Seconds with six decimals; much cheaper than json_double(). */
static void write_latency(struct text *line, int64_t ns)
{
    char digits[24], *p = digits + sizeof(digits);
    int64_t us = ns / 1000;

    for (int i = 0; i < 7 || us > 0; i++, us /= 10) {
        if (i == 6)
            *--p = '.';
        *--p = (char)('0' + us % 10);
    }
    json_key(line, "latency");
    json_raw(line, (struct slice){p, (size_t)(digits + sizeof(digits) - p)});
}

/* A client may send any bytes: if they are not UTF-8, those beyond ASCII are written as %XX. */
static void member_bytes(struct text *line, const char *key, struct slice bytes)
{
    struct text safe;

    if (id_is_utf8(bytes)) {
        json_member_string(line, key, bytes);
        return;
    }
    text_init(&safe, line->arena);
    for (size_t i = 0; i < bytes.len; i++) {
        if ((unsigned char)bytes.at[i] < 0x80)
            text_put(&safe, (struct slice){bytes.at + i, 1});
        else
            text_printf(&safe, "%%%02X", (unsigned)(unsigned char)bytes.at[i]);
    }
    json_member_string(line, key, text_slice(&safe));
    line->failed = line->failed || safe.failed;
}

/* The address of the peer; a socket in the file system has none. */
static void write_client(struct text *line, const struct request *req)
{
    const void *at = MHD_get_connection_info(req->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS)
                         ->client_addr;
    const struct sockaddr *any = at;
    const struct sockaddr_in *v4 = at;
    const struct sockaddr_in6 *v6 = at;
    char text[INET6_ADDRSTRLEN];

    if (any->sa_family == AF_INET)
        inet_ntop(AF_INET, &v4->sin_addr, text, sizeof(text));
    else if (any->sa_family == AF_INET6)
        inet_ntop(AF_INET6, &v6->sin6_addr, text, sizeof(text));
    else
        return;
    json_member_string(line, "client", slice_of(text));
}

static void write_line(struct text *line, const struct request *req, int status, int64_t ns)
{
    const struct route *route = req->match.route;

    json_member_string(line, "operation", slice_of(route ? route->name : NULL));
    member_bytes(line, "method", req->method);
    member_bytes(line, "path", req->path);
    json_member_int(line, "status", status);
    member_bytes(line, "session_id", req->subject);
    json_key(line, "success");
    json_bool(line, status < 400);
    write_latency(line, ns);
    write_client(line, req);
    json_member_string(line, "request_id", req->id);
    if (slice_present(req->traceparent))
        json_member_string(line, "traceparent", req->traceparent);
    if (status >= 400 && req->failed != ERR_OK)
        json_member_string(line, "error", slice_of(err_wire_name(req->failed)));
    if (slice_present(req->failure))
        json_member_string(line, "message", req->failure);
    json_member_int(line, "bytes_in", (int64_t)req->bytes_in);
    json_member_int(line, "bytes_out", (int64_t)req->bytes_out);
}

void server_log(const struct request *req, int status)
{
    const struct route *route = req->match.route;
    bool probe = route && (route->flags & ROUTE_PROBE);
    bool failed = status >= 500 && !(probe && status == 503);
    int64_t ns = clock_now_ns() - req->started_ns;
    struct text *line = log_line(failed ? LOG_ERROR : LOG_INFO, "request");

    if (!probe)
        metrics_request(status, ns);
    if (!line)
        return;
    write_line(line, req, status, ns);
    log_write(line);
}

/* server_send.c - sends the answer: at once, after a wait, or page by page. */
#include <microhttpd.h>
#include <sys/socket.h>

#include "server_internal.h"

enum { STREAM_BLOCK = 16 * 1024, STATUS_UNCHANGED = 304 };

int server_fd(struct MHD_Connection *connection)
{
    return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
}

/* MHD_ContentReaderCallback: the next bytes of a streamed answer. */
static ssize_t read_page(void *cls, uint64_t pos, char *buf, size_t max)
{
    struct request *req = cls;

    (void)pos;
    while (!req->broken && req->page_sent == req->res.body.len) {
        if (!req->res.streaming)
            return MHD_CONTENT_READER_END_OF_STREAM;
        if (req->pending) {
            server_park(req);
            return 0;
        }
        server_next_page(req);
    }
    if (req->broken) { /* a cut connection tells the client that the answer is incomplete */
        /* libmicrohttpd may close it only when something happens on it, which this is. */
        shutdown(server_fd(req->connection), SHUT_RDWR);
        return MHD_CONTENT_READER_END_WITH_ERROR;
    }
    req->server->progress = true;
    if (max > req->res.body.len - req->page_sent)
        max = req->res.body.len - req->page_sent;
    memcpy(buf, req->res.body.at + req->page_sent, max);
    req->page_sent += max;
    req->bytes_out += max;
    return (ssize_t)max;
}

static bool add(struct MHD_Response *r, const char *name, struct slice value)
{
    return MHD_add_response_header(r, name, value.at) == MHD_YES;
}

static bool add_headers(struct request *req, struct MHD_Response *r)
{
    struct response *res = &req->res;
    bool ok = add(r, "X-Request-Id", req->id);

    if (res->status != STATUS_UNCHANGED && (res->body.len > 0 || res->streaming))
        ok = ok && add(r, "Content-Type", slice_of(res->content_type));
    if (req->close || req->server->draining)
        ok = ok && add(r, "Connection", SLICE("close"));
    for (size_t i = 0; i < res->n_headers; i++) {
        /* For a terminating NUL. */
        struct slice value = arena_copy(&req->arena, res->headers[i].value);

        ok = ok && slice_present(value) && add(r, res->headers[i].name, value);
    }
    return ok;
}

/* In answer to HEAD, MHD would send the end of a chunked body that it does not send. Without chunks the length
 * is unknown, and the end of the connection ends the answer. */
static bool unchunk(struct MHD_Response *r)
{
    return MHD_set_response_options(r, MHD_RF_HTTP_1_0_COMPATIBLE_STRICT, MHD_RO_END) == MHD_YES;
}

bool server_send(struct request *req)
{
    bool is_head = slice_equal(req->method, SLICE("HEAD")), ok;
    struct response *res = &req->res;
    struct MHD_Response *r;

    if (res->streaming)
        r = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK, read_page, req, NULL);
    else
        r = MHD_create_response_from_buffer(res->body.len, res->body.at, MHD_RESPMEM_PERSISTENT);
    if (!r)
        return false;
    arena_insist(&req->arena);
    req->streamed = res->streaming;
    if (!req->streamed && !is_head && res->status != STATUS_UNCHANGED)
        req->bytes_out = res->body.len;
    req->stage = REQUEST_SENDING;
    ok = (!is_head || !req->streamed || unchunk(r)) && add_headers(req, r) &&
         MHD_queue_response(req->connection, (unsigned)res->status, r) == MHD_YES;
    MHD_destroy_response(r);
    return ok;
}

void server_send_alone(struct request *req)
{
    struct response *res = &req->res;
    bool is_head = slice_equal(req->method, SLICE("HEAD"));
    struct text all;
    ssize_t sent;

    text_init(&all, &req->arena);
    text_printf(&all,
                "HTTP/1.1 %d %s\r\nConnection: close\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
                "X-Request-Id: %.*s\r\n\r\n",
                res->status, response_title(res->status), res->content_type, res->body.len,
                SLICE_ARGS(req->id));
    if (!is_head)
        text_put(&all, text_slice(&res->body));
    req->stage = REQUEST_SENDING;
    req->alone = true;
    if (all.failed)
        return;
    sent = send(server_fd(req->connection), all.at, all.len, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent == (ssize_t)all.len && !is_head)
        req->bytes_out = res->body.len;
}

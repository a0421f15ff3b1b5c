/* server_body.c - gathers the body of a request, in memory that is counted. */
#include "metrics.h"
#include "server_internal.h"

enum { CHUNKED_FIRST = 4096, ANNOUNCED_FIRST = 1024 * 1024 };

/* Counts bytes against body_total, which all requests share. */
static bool count(struct request *req, size_t more, struct err *err)
{
    metrics_gauge_add(GAUGE_BODY_BYTES, (int64_t)more);
    if (metrics_gauge_value(GAUGE_BODY_BYTES) > req->service->config->body_total) {
        metrics_gauge_add(GAUGE_BODY_BYTES, -(int64_t)more);
        return err_set(err, ERR_OVERLOADED, "too many large bodies at once");
    }
    return true;
}

static bool reserve(struct request *req, size_t size, struct err *err)
{
    size_t more = size - req->body_cap;
    char *body;

    if (!count(req, more, err))
        return false;
    body = arena_resize(&req->arena, req->body, req->body_cap, size);
    if (!body) {
        metrics_gauge_add(GAUGE_BODY_BYTES, -(int64_t)more);
        return err_no_memory(err);
    }
    req->body = body;
    req->body_cap = size;
    return true;
}

bool request_hold(struct request *req, size_t bytes, struct err *err)
{
    if (!count(req, bytes, err))
        return false;
    req->held += bytes;
    return true;
}

bool server_body_too_large(const struct request *req, struct err *err)
{
    return err_set(err, ERR_TOO_LARGE, "the body may have at most %lld bytes",
                   (long long)req->service->config->max_body);
}

bool server_body_begin(struct request *req, uint64_t length, struct err *err)
{
    req->body_most = req->chunked ? (size_t)req->service->config->max_body : (size_t)length;
    return req->chunked || reserve(req, length < ANNOUNCED_FIRST ? length : ANNOUNCED_FIRST, err);
}

/* Makes more room: nothing is held for bytes that were announced and do not come. */
static bool grow(struct request *req, size_t need, struct err *err)
{
    size_t size = req->body_cap ? req->body_cap : CHUNKED_FIRST;

    if (need > req->body_most)
        return server_body_too_large(req, err);
    while (size < need)
        size *= 2;
    return reserve(req, size < req->body_most ? size : req->body_most, err);
}

void server_body_add(struct request *req, const char *part, size_t len)
{
    req->bytes_in += len;
    if (req->discard)
        return;
    if (len > req->body_cap - req->body_len && !grow(req, req->body_len + len, &req->err)) {
        /* It is too early for an answer: the rest of the body is read and discarded. */
        req->discard = true;
        return;
    }
    memcpy(req->body + req->body_len, part, len);
    req->body_len += len;
}

void server_body_release(struct request *req)
{
    if (req->body_cap + req->held)
        metrics_gauge_add(GAUGE_BODY_BYTES, -(int64_t)(req->body_cap + req->held));
    req->body_cap = req->held = 0;
}

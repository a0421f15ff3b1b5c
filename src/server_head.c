/* server_head.c - the head of a request: what is it, and may it have the body that it announces? */
#include <microhttpd.h>
#include <stdlib.h>
#include <strings.h>

#include "id.h"
#include "server_internal.h"

/* The headers that every request is asked for. */
struct head {
    struct slice length, encoding, type, request_id, traceparent;
    struct lines lines;
    bool twice; /* a header that frames the body stands twice */
};

static void note_once(struct slice *field, struct slice value, bool *twice)
{
    *twice = *twice || slice_present(*field);
    *field = value;
}

static enum MHD_Result note(void *cls, enum MHD_ValueKind kind, const char *name, size_t name_len,
                            const char *value, size_t value_len)
{
    struct slice v = {value ? value : "", value ? value_len : 0};
    struct head *h = cls;

    (void)kind;
    lines_header(&h->lines, (struct slice){name, name_len}, v);
    switch (name_len) { /* cheaper than comparing each with each */
    case 11:
        if (strcasecmp(name, "traceparent") == 0)
            h->traceparent = v;
        break;
    case 12:
        if (strcasecmp(name, "Content-Type") == 0)
            h->type = v;
        else if (strcasecmp(name, "X-Request-Id") == 0)
            h->request_id = v;
        break;
    case 14:
        if (strcasecmp(name, "Content-Length") == 0)
            note_once(&h->length, v, &h->twice);
        break;
    case 17:
        if (strcasecmp(name, "Transfer-Encoding") == 0)
            note_once(&h->encoding, v, &h->twice);
        break;
    default:
        break;
    }
    return MHD_YES;
}

struct slice server_header(const struct request *req, const char *name)
{
    const char *value = NULL;
    size_t len = 0;

    if (!req->connection || !MHD_lookup_connection_value_n(req->connection, MHD_HEADER_KIND, name,
                                                           strlen(name), &value, &len))
        return (struct slice){NULL, 0};
    return (struct slice){value ? value : "", value ? len : 0};
}

static bool all_hex(struct slice s, size_t from, size_t len)
{
    for (size_t i = from; i < from + len; i++)
        if (!((s.at[i] >= '0' && s.at[i] <= '9') || (s.at[i] >= 'a' && s.at[i] <= 'f')))
            return false;
    return true;
}

static bool all_zero(struct slice s, size_t from, size_t len)
{
    for (size_t i = from; i < from + len; i++)
        if (s.at[i] != '0')
            return false;
    return true;
}

/* W3C Trace Context: version-trace-parent-flags, as version 00 has it. */
static bool is_traceparent(struct slice s)
{
    return s.len == 55 && s.at[0] == '0' && s.at[1] == '0' && s.at[2] == '-' && s.at[35] == '-' &&
           s.at[52] == '-' && all_hex(s, 3, 32) && all_hex(s, 36, 16) && all_hex(s, 53, 2) &&
           !all_zero(s, 3, 32) && !all_zero(s, 36, 16);
}

static void name_request(struct request *req, const struct head *h)
{
    struct err ignored;

    if (h->request_id.len && id_check(h->request_id, &ignored))
        req->id = arena_copy(&req->arena, h->request_id);
    if (!slice_present(req->id)) {
        id_uuid7(req->own_id);
        req->id = (struct slice){req->own_id, ID_UUID_LEN};
    }
    if (is_traceparent(h->traceparent))
        req->traceparent = arena_copy(&req->arena, h->traceparent);
}

/* The media type without its parameters and the blanks around it. */
static struct slice bare_type(struct slice type)
{
    const char *end = type.len ? memchr(type.at, ';', type.len) : NULL;

    if (end)
        type.len = (size_t)(end - type.at);
    while (type.len && (type.at[type.len - 1] == ' ' || type.at[type.len - 1] == '\t'))
        type.len--;
    return type;
}

static bool type_is(struct slice type, struct slice name)
{
    return type.len == name.len && strncasecmp(type.at, name.at, name.len) == 0;
}

static bool is_json(struct slice type)
{
    return type.len == 0 || type_is(type, SLICE("application/json")) ||
           (type.len > 5 && strncasecmp(type.at + type.len - 5, "+json", 5) == 0);
}

static bool check_type(struct request *req, const struct head *h, struct err *err)
{
    struct slice type = bare_type(h->type);

    if (is_json(type))
        return true;
    if ((req->match.route->flags & ROUTE_FRAME) && type_is(type, SLICE(FRAME_TYPE))) {
        req->is_frame = true;
        return true;
    }
    return err_set(err, ERR_MEDIA_TYPE, "the body must be application/json%s",
                   req->match.route->flags & ROUTE_FRAME ? " or " FRAME_TYPE : "");
}

/* Where head and body end must be clear, or two servers may read two different requests. */
static bool check_framing(const struct head *h, const char *end, struct err *err)
{
    if (!lines_end(&h->lines, end, err))
        return false;
    if (h->twice)
        return err_set(err, ERR_INVALID, "Content-Length or Transfer-Encoding stands twice");
    if (!slice_present(h->encoding))
        return true;
    if (slice_present(h->length))
        return err_set(err, ERR_INVALID, "Content-Length and Transfer-Encoding exclude each other");
    if (!type_is(h->encoding, SLICE("chunked")))
        return err_set(err, ERR_INVALID, "the only Transfer-Encoding known is chunked");
    return true;
}

static void note_subject(struct request *req)
{
    for (size_t i = 0; i < req->match.n; i++)
        if (slice_equal(req->match.names[i], SLICE("id")) ||
            slice_equal(req->match.names[i], SLICE("t")))
            req->subject = req->match.values[i];
}

static bool check_body(struct request *req, const struct head *h, uint64_t length, struct err *err)
{
    if (length == 0 && !req->chunked)
        return true;
    if (length > (uint64_t)req->service->config->max_body)
        return err_set(err, ERR_TOO_LARGE, "a body may have %lld bytes",
                       (long long)req->service->config->max_body);
    if (req->match.route->flags & ROUTE_NO_BODY) {
        req->discard = true;
        return true;
    }
    return check_type(req, h, err) && (req->chunked || server_body_reserve(req, length, err));
}

/* Where the head ends, which begins with the method. */
static const char *head_end(const struct request *req, const char *method)
{
    return method +
           MHD_get_connection_info(req->connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE)
               ->header_size;
}

bool server_head(struct request *req, const struct lines_first *first)
{
    struct head h = {.lines = lines_begin(first, req->target)};
    uint64_t length;

    MHD_get_connection_values_n(req->connection, MHD_HEADER_KIND, note, &h);
    req->method = slice_of(first->method);
    req->stage = REQUEST_BODY;
    name_request(req, &h);
    if (!check_framing(&h, head_end(req, first->method), &req->err)) {
        req->close = true;
        return false;
    }
    req->chunked = slice_present(h.encoding);
    length = slice_present(h.length) ? strtoull(h.length.at, NULL, 10) : 0;
    if (router_match(&req->service->router, req->method, req->path, &req->arena, &req->match,
                     &req->err)) {
        note_subject(req);
        req->finish = req->match.route->finish;
        if (check_body(req, &h, length, &req->err))
            return true;
    }
    /* A short body is read and thrown away, so that the connection may go on. */
    req->discard = true;
    return length <= DISCARD_MAX && !req->chunked;
}

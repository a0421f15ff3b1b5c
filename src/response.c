/* response.c - see response.h. */
#include "response.h"

#include <assert.h>
#include <stdio.h>

#include "base64.h"
#include "json.h"
#include "request_internal.h"

void response_status(struct response *res, int status)
{
    res->status = status;
}

void response_header(struct response *res, const char *name, struct slice value)
{
    assert(res->n_headers < RESPONSE_HEADERS_MAX);
    res->headers[res->n_headers].name = name;
    res->headers[res->n_headers].value = value;
    res->n_headers++;
}

void response_etag(struct response *res, int64_t version)
{
    struct slice etag = arena_printf(res->body.arena, "\"%lld\"", (long long)version);

    if (slice_present(etag))
        response_header(res, "ETag", etag);
    else
        res->body.failed = true;
}

void response_frame(struct response *res)
{
    res->is_frame = true;
    res->frame = (struct frame_writer){.arena = res->body.arena};
}

void response_bytes(struct response *res, struct slice bytes)
{
    if (!res->is_frame) {
        json_key(&res->body, "base64");
        json_base64(&res->body, bytes);
        return;
    }
    json_member_int(&res->body, "len", (int64_t)bytes.len);
    frame_add(&res->frame, bytes);
}

void response_empty(struct response *res)
{
    res->status = 204;
    text_init(&res->body, res->body.arena);
    res->is_frame = false;
}

const char *response_title(int status)
{
    switch (status) {
    case 400:
        return "Bad Request";
    case 401:
        return "Unauthorized";
    case 403:
        return "Forbidden";
    case 404:
        return "Not Found";
    case 405:
        return "Method Not Allowed";
    case 409:
        return "Conflict";
    case 412:
        return "Precondition Failed";
    case 413:
        return "Content Too Large";
    case 415:
        return "Unsupported Media Type";
    case 422:
        return "Unprocessable Content";
    case 429:
        return "Too Many Requests";
    case 431:
        return "Request Header Fields Too Large";
    case 501:
        return "Not Implemented";
    case 503:
        return "Service Unavailable";
    case 504:
        return "Gateway Timeout";
    default:
        return "Internal Server Error";
    }
}

/* Where the pointer of "pointer: detail" ends: it names a part of the body, the query or the path, or a
 * header. NULL: the text has no pointer. */
static const char *pointer_end(const struct err *err)
{
    const char *text = err->text, *end = strstr(text, ": ");
    bool refused = err->kind == ERR_INVALID || err->kind == ERR_MEDIA_TYPE;

    if (end && strchr("/?{", *text))
        return end;
    return end && refused && strcspn(text, " ") > (size_t)(end - text) ? end : NULL;
}

static void write_pointer(struct text *t, const struct err *err)
{
    const char *text = err->text, *colon = pointer_end(err);

    if (!colon)
        return;
    json_key(t, "errors");
    json_open(t, '[');
    json_open(t, '{');
    json_member_string(t, "pointer", (struct slice){text, (size_t)(colon - text)});
    json_member_string(t, "detail", slice_of(colon + 2));
    json_close(t, '}');
    json_close(t, ']');
}

static void write_problem(struct text *t, int status, const struct err *err, struct slice id)
{
    json_open(t, '{');
    json_member_string(t, "type", SLICE("about:blank"));
    json_member_string(t, "title", slice_of(response_title(status)));
    json_member_int(t, "status", status);
    json_member_string(t, "detail", slice_of(err->text));
    json_member_string(t, "code", slice_of(err_wire_name(err->kind)));
    json_member_string(t, "request_id", id);
    write_pointer(t, err);
    json_close(t, '}');
}

void response_error(struct response *res, struct request *req, const struct err *err)
{
    struct arena *arena = res->body.arena;
    int status = err_http_status(err->kind);

    *res = (struct response){.status = status, .content_type = "application/problem+json"};
    text_init(&res->body, arena);
    write_problem(&res->body, status, err, req->id);
    if (status == 503)
        response_header(res, "Retry-After", SLICE("1"));
    if (status == 405)
        response_header(res, "Allow", slice_of(req->match.allow));
    request_note_failure(req, err);
}

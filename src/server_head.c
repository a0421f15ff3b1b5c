/* server_head.c - checks the head of a request: which route it is for, and whether its body is acceptable. */
#include <microhttpd.h>
#include <stdlib.h>
#include <strings.h>

#include "id.h"
#include "origin.h"
#include "server_internal.h"

/* Headers that are looked at in every request, as they were sent. */
struct head {
    struct origin from;
    struct slice length, encoding, type, request_id, traceparent;
    struct slice coding, if_match, if_none_match, key;
    struct lines lines;
    bool read;         /* a GET or HEAD: it changes nothing */
    const char *twice; /* name of a header that occurs twice but must not */
};

/* Where struct head keeps a header, and how often it may occur. */
struct known {
    struct slice name;
    size_t offset;
    enum { OFTEN, ONCE, ONCE_IN_CHANGES } times;
};

static const struct known known[] = {
    {{"Host", 4}, offsetof(struct head, from.host), ONCE},
    {{"Origin", 6}, offsetof(struct head, from.origin), ONCE},
    {{"If-Match", 8}, offsetof(struct head, if_match), ONCE},
    {{"traceparent", 11}, offsetof(struct head, traceparent), OFTEN},
    {{"Content-Type", 12}, offsetof(struct head, type), ONCE},
    {{"X-Request-Id", 12}, offsetof(struct head, request_id), OFTEN},
    {{"If-None-Match", 13}, offsetof(struct head, if_none_match), ONCE_IN_CHANGES},
    {{"Content-Length", 14}, offsetof(struct head, length), ONCE},
    {{"Sec-Fetch-Site", 14}, offsetof(struct head, from.site), ONCE},
    {{"Idempotency-Key", 15}, offsetof(struct head, key), ONCE},
    {{"Content-Encoding", 16}, offsetof(struct head, coding), ONCE},
    {{"Transfer-Encoding", 17}, offsetof(struct head, encoding), ONCE},
};

static bool same_name(struct slice a, struct slice b)
{
    return a.len == b.len && strncasecmp(a.at, b.at, a.len) == 0;
}

static void note_header(struct head *h, const struct known *k, struct slice value)
{
    struct slice *field = (struct slice *)((char *)h + k->offset);

    if (slice_present(*field) && (k->times == ONCE || (k->times == ONCE_IN_CHANGES && !h->read)))
        h->twice = k->name.at;
    *field = value;
}

static enum MHD_Result note(void *cls, enum MHD_ValueKind kind, const char *name, size_t name_len,
                            const char *value, size_t value_len)
{
    struct slice n = {name, name_len}, v = {value ? value : "", value ? value_len : 0};
    struct head *h = cls;

    (void)kind;
    lines_header(&h->lines, n, v);
    for (size_t i = 0; i < COUNT_OF(known); i++)
        if (same_name(n, known[i].name)) {
            note_header(h, &known[i], v);
            break;
        }
    return MHD_YES;
}

/* Blanks at the end are not part of a value. */
static struct slice trim(struct slice value)
{
    while (value.len && (value.at[value.len - 1] == ' ' || value.at[value.len - 1] == '\t'))
        value.len--;
    return value;
}

/* Converts a value of libmicrohttpd, which may be NULL if it is empty. */
static struct slice value_of(const char *at, size_t len)
{
    return at ? trim((struct slice){at, len}) : SLICE("");
}

struct slice server_header(const struct request *req, const char *name)
{
    const char *value = NULL;
    size_t len = 0;

    if (!req->connection || !MHD_lookup_connection_value_n(req->connection, MHD_HEADER_KIND, name,
                                                           strlen(name), &value, &len))
        return (struct slice){NULL, 0};
    return value_of(value, len);
}

/* The values of a header that may occur more than once. */
struct list {
    struct slice name, first;
    struct text joined; /* empty as long as there is only one */
};

static enum MHD_Result join(void *cls, enum MHD_ValueKind kind, const char *name, size_t name_len,
                            const char *value, size_t value_len)
{
    struct list *l = cls;

    (void)kind;
    if (!same_name((struct slice){name, name_len}, l->name))
        return MHD_YES;
    if (!slice_present(l->first)) {
        l->first = value_of(value, value_len);
        return MHD_YES;
    }
    if (l->joined.len == 0)
        text_put(&l->joined, l->first);
    text_puts(&l->joined, ", ");
    text_put(&l->joined, value_of(value, value_len));
    return MHD_YES;
}

struct slice server_list(struct request *req, const char *name)
{
    struct list l = {.name = slice_of(name)};

    text_init(&l.joined, &req->arena);
    if (req->connection)
        MHD_get_connection_values_n(req->connection, MHD_HEADER_KIND, join, &l);
    return l.joined.len && !l.joined.failed ? text_slice(&l.joined) : l.first;
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

/* W3C Trace Context: version-trace-parent-flags, in version 00. */
static bool is_traceparent(struct slice s)
{
    return s.len == 55 && s.at[0] == '0' && s.at[1] == '0' && s.at[2] == '-' && s.at[35] == '-' &&
           s.at[52] == '-' && all_hex(s, 3, 32) && all_hex(s, 36, 16) && all_hex(s, 53, 2) &&
           !all_zero(s, 3, 32) && !all_zero(s, 36, 16);
}

static void name_request(struct request *req, const struct head *h)
{
    struct slice id = trim(h->request_id), traceparent = trim(h->traceparent);
    struct err ignored;

    if (id.len && id_check(id, &ignored))
        req->id = arena_copy(&req->arena, id);
    if (!slice_present(req->id)) {
        id_uuid7(req->own_id);
        req->id = (struct slice){req->own_id, ID_UUID_LEN};
    }
    if (is_traceparent(traceparent))
        req->traceparent = arena_copy(&req->arena, traceparent);
}

/* The media type without parameters and surrounding blanks. */
static struct slice bare_type(struct slice type)
{
    const char *end = type.len ? memchr(type.at, ';', type.len) : NULL;

    if (end)
        type.len = (size_t)(end - type.at);
    return trim(type);
}

static bool is_json(struct slice type)
{
    return type.len == 0 || same_name(type, SLICE("application/json")) ||
           (type.len > 5 && strncasecmp(type.at + type.len - 5, "+json", 5) == 0);
}

static bool check_type(struct request *req, const struct head *h, struct err *err)
{
    struct slice type = bare_type(h->type), coding = trim(h->coding);

    if (coding.len && !same_name(coding, SLICE("identity")))
        return err_set(err, ERR_MEDIA_TYPE,
                       "Content-Encoding: must be left out: a body must not be compressed");
    if (is_json(type))
        return true;
    if ((req->match.route->flags & ROUTE_FRAME) && same_name(type, SLICE(FRAME_TYPE))) {
        req->is_frame = true;
        return true;
    }
    return err_set(err, ERR_MEDIA_TYPE, "the body must be application/json%s",
                   req->match.route->flags & ROUTE_FRAME ? " or " FRAME_TYPE : "");
}

/* Where head and body end must be unambiguous, or two servers may see two different requests. */
static bool check_framing(const struct head *h, bool is_1_0, const char *end, struct err *err)
{
    if (!lines_end(&h->lines, end, err))
        return false;
    if (h->twice)
        return err_set(err, ERR_INVALID, "%s: is given more than once", h->twice);
    if (!slice_present(h->from.host) && !is_1_0)
        return err_set(err, ERR_INVALID, "Host: is needed");
    if (!slice_present(h->encoding))
        return true;
    if (is_1_0)
        return err_set(err, ERR_INVALID, "Transfer-Encoding: must not be sent in HTTP/1.0");
    if (slice_present(h->length))
        return err_set(err, ERR_INVALID,
                       "Content-Length: must not be sent together with Transfer-Encoding");
    if (!same_name(h->encoding, SLICE("chunked")))
        return err_set(err, ERR_INVALID, "Transfer-Encoding: must be chunked");
    return true;
}

/* Refuses what a web page asks for behind its reader's back: see origin.h. */
static bool check_origin(const struct request *req, struct head *h, struct err *err)
{
    const struct config *cfg = req->service->config;

    h->from.host = trim(h->from.host);
    h->from.origin = trim(h->from.origin);
    h->from.site = trim(h->from.site);
    return (cfg->insecure || origin_host(&h->from, cfg->listen, err)) &&
           (h->read || origin_change(&h->from, err));
}

/* Refuses a condition or a key that the route would ignore, instead of making the change regardless. */
static bool check_conditions(const struct route *route, const struct head *h, struct err *err)
{
    if (route->scope != SCOPE_WRITE && route->scope != SCOPE_ADMIN)
        return true;
    if (slice_present(h->if_match) && !(route->flags & ROUTE_MATCH))
        return err_set(err, ERR_INVALID, "If-Match: this call does not support it; leave it out");
    if (slice_present(h->if_none_match) && !(route->flags & ROUTE_ABSENT))
        return err_set(err, ERR_INVALID,
                       "If-None-Match: this call does not support it; leave it out");
    if (slice_present(h->key) && (route->flags & ROUTE_NO_KEY))
        return err_set(
            err, ERR_INVALID,
            "Idempotency-Key: this call does not keep it; leave it out (a message may have "
            "an id, by which it is known when it comes again)");
    return true;
}

static void note_subject(struct request *req)
{
    for (size_t i = 0; i < req->match.n; i++)
        if (slice_equal(req->match.names[i], SLICE("id")) ||
            slice_equal(req->match.names[i], SLICE("t")))
            req->subject = req->match.values[i];
}

/* From here on what a reading request holds is counted. */
static void limit_answer(struct request *req)
{
    if (req->match.route->scope != SCOPE_READ)
        return;
    req->allowance.most = req->service->config->answer_total;
    arena_limit(&req->arena, &req->allowance);
    arena_limit(&req->page, &req->allowance);
}

static bool check_body(struct request *req, const struct head *h, uint64_t length, struct err *err)
{
    if (length == 0 && !req->chunked)
        return true;
    if (length > (uint64_t)req->service->config->max_body)
        return server_body_too_large(req, err);
    if (req->match.route->flags & ROUTE_NO_BODY) {
        req->discard = true;
        return true;
    }
    return check_type(req, h, err) && server_body_begin(req, length, err);
}

/*
 * The memory of a connection holds the head, a struct for each of its fields, a copy of the cookies, what
 * was read of later requests, and at last the head of the answer. If that does not fit in, MHD closes the
 * connection without an answer.
 */
enum {
    FIELD_SIZE = 64,                         /* MHD's struct for a field */
    READ_AHEAD = CONNECTION_MEMORY * 9 / 16, /* how much is read while nothing asks for more */
    READ_STEP = 128,                         /* then the buffer grows by this */
    ANSWER_HEAD = 2560,                      /* X-Request-Id and Location hold long ids */
    LINE_EXTRA = 4,                          /* ": " and CR LF */
};

/* What a head takes: its lines, trailers included; what is made of them. */
struct room {
    size_t lines, fields;
};

static enum MHD_Result add_field(void *cls, enum MHD_ValueKind kind, const char *name,
                                 size_t name_len, const char *value UNUSED, size_t value_len)
{
    struct room *r = cls;

    r->fields += FIELD_SIZE;
    if (kind == MHD_FOOTER_KIND)
        r->lines += name_len + value_len + LINE_EXTRA;
    else if (kind == MHD_HEADER_KIND && same_name((struct slice){name, name_len}, SLICE("Cookie")))
        r->fields += value_len;
    return MHD_YES;
}

bool server_head_leaves_room(const struct request *req, struct err *err)
{
    struct room r = {.lines = req->head_size + READ_STEP, .fields = FIELD_SIZE};

    MHD_get_connection_values_n(req->connection,
                                MHD_HEADER_KIND | MHD_COOKIE_KIND | MHD_FOOTER_KIND, add_field, &r);
    if (r.lines < READ_AHEAD)
        r.lines = READ_AHEAD;
    return r.lines + r.fields + ANSWER_HEAD <= CONNECTION_MEMORY ||
           err_set(err, ERR_HEAD, "the target and the headers are too large, or too many");
}

bool server_head(struct request *req, const struct lines_first *first)
{
    struct head h = {
        .lines = lines_begin(first, req->target),
        .read = strcmp(first->method, "GET") == 0 || strcmp(first->method, "HEAD") == 0,
    };
    uint64_t length;

    req->head_size = MHD_get_connection_info(req->connection,
                                             MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE)
                         ->header_size;
    MHD_get_connection_values_n(req->connection, MHD_HEADER_KIND, note, &h);
    req->method = slice_of(first->method);
    req->stage = REQUEST_BODY;
    name_request(req, &h);
    if (!server_head_leaves_room(req, &req->err))
        return false;
    if (!check_framing(&h, slice_equal(slice_of(first->version), SLICE("HTTP/1.0")),
                       first->method + req->head_size, &req->err)) {
        req->close = true;
        return false;
    }
    req->chunked = slice_present(h.encoding);
    length = slice_present(h.length) ? strtoull(h.length.at, NULL, 10) : 0;
    if (router_match(&req->service->router, req->method, req->path, &req->arena, &req->match,
                     &req->err)) {
        note_subject(req);
        limit_answer(req);
        req->finish = req->match.route->finish;
        if (check_origin(req, &h, &req->err) && check_conditions(req->match.route, &h, &req->err) &&
            check_body(req, &h, length, &req->err))
            return true;
    }
    /* A short body is read and discarded, so that the connection can be used again. */
    req->discard = true;
    return length <= DISCARD_MAX && !req->chunked;
}

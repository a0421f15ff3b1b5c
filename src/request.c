/* request.c - see request.h. */
#include "request.h"

#include <stdlib.h>

#include "accept.h"
#include "clock.h"
#include "id.h"
#include "server_internal.h"

static int64_t timeout_ns(const struct server *s)
{
    return s->service->config->request_timeout_ms * MS_NS;
}

struct request *request_new(struct server *s)
{
    struct request *req = s->free_requests;

    if (req) {
        s->free_requests = req->next;
        s->n_free--;
    } else {
        req = malloc(sizeof(*req));
        if (!req)
            return NULL;
    }
    memset(req, 0, offsetof(struct request, first));
    req->server = s;
    req->service = s->service;
    req->refs = 1;
    req->started_ns = clock_now_ns();
    req->deadline_ns = req->started_ns + timeout_ns(s);
    req->now_us = clock_now_us();
    arena_init(&req->arena, req->first, sizeof(req->first));
    req->res = (struct response){.status = 200, .content_type = "application/json"};
    text_init(&req->res.body, &req->arena);
    return req;
}

void request_note_failure(struct request *req, const struct err *err)
{
    req->failed = err->kind;
    if (err_http_status(err->kind) >= 500)
        req->failure = arena_copy(&req->arena, slice_of(err->text));
}

void request_free_boxes(struct op_box *box)
{
    while (box) {
        struct op_box *next = box->next;

        arena_done(&box->arena);
        free(box);
        box = next;
    }
}

void request_unref(struct request *req)
{
    struct server *s = req->server;

    if (--req->refs > 0)
        return;
    request_free_boxes(req->boxes);
    request_free_boxes(req->old_boxes);
    server_body_release(req);
    arena_done(&req->page);
    arena_reset(&req->arena);
    if (s->n_free == FREE_REQUESTS_MAX) {
        free(req);
        return;
    }
    req->next = s->free_requests;
    s->free_requests = req;
    s->n_free++;
}

struct slice request_param(const struct request *req, const char *name)
{
    for (size_t i = 0; i < req->match.n; i++)
        if (slice_equal(req->match.names[i], slice_of(name)))
            return req->match.values[i];
    return (struct slice){NULL, 0};
}

struct slice request_body(const struct request *req)
{
    if (req->is_frame)
        return req->frame.json;
    return (struct slice){req->body_len ? req->body : NULL, req->body_len};
}

struct frame_reader *request_frame(struct request *req)
{
    return req->is_frame ? &req->frame : NULL;
}

bool request_wants_frame(struct request *req)
{
    struct slice accept = server_list(req, "Accept");
    int frame = slice_present(accept) ? accept_quality(accept, SLICE(FRAME_TYPE), true) : 0;

    return frame > 0 && frame >= accept_quality(accept, SLICE("application/json"), false);
}

struct slice request_query(const struct request *req)
{
    return req->query;
}

struct slice request_header(const struct request *req, const char *name)
{
    return server_header(req, name);
}

struct arena *request_arena(struct request *req)
{
    return &req->arena;
}

struct service *request_service(const struct request *req)
{
    return req->service;
}

struct slice request_tenant(const struct request *req)
{
    (void)req; /* until there are tokens, all callers are one tenant */
    return SLICE("default");
}

int64_t request_now_us(const struct request *req)
{
    return req->now_us;
}

void request_subject(struct request *req, struct slice id)
{
    req->subject = id;
}

/*
 * The first op uses the request's arena, which nothing else touches until the op is back. Further ones may be
 * on other lanes at the same time, so each has its own.
 */
static struct op *make_op(struct request *req)
{
    struct op_box *box;
    struct op *op;

    if (!req->op_made) {
        op = arena_zalloc(&req->arena, 1, sizeof(*op));
        if (op)
            op->arena = &req->arena;
        req->op_made = op != NULL;
        return op;
    }
    box = malloc(sizeof(*box));
    if (!box)
        return NULL;
    box->op = (struct op){.arena = &box->arena};
    arena_init(&box->arena, box->first, sizeof(box->first));
    arena_limit(&box->arena, req->arena.allowance);
    box->next = req->boxes;
    req->boxes = box;
    return &box->op;
}

struct op *request_op(struct request *req, enum op_type type, struct slice id, struct err *err)
{
    struct op *op = make_op(req);

    if (!op) {
        (void)err_no_memory(err);
        return NULL;
    }
    op->type = type;
    op->tenant = request_tenant(req);
    op->id = id;
    op->now_us = req->now_us;
    op->deadline_ns = req->streamed ? clock_now_ns() + timeout_ns(req->server) : req->deadline_ns;
    op->home = &req->server->inbox;
    op->owner = req;
    if (op_writes(op))
        op->stamp = stamp_next();
    return op;
}

bool request_submit(struct request *req, struct op *op, struct err *err)
{
    if (req->n_fresh >= (size_t)req->service->config->queue_max)
        return err_set(err, ERR_TOO_LARGE, "a request may have at most %lld items (--queue-max)",
                       (long long)req->service->config->queue_max);
    op->next = op->sibling = NULL;
    if (req->fresh_first)
        req->fresh_last->next = req->fresh_last->sibling = op;
    else
        req->fresh_first = op;
    req->fresh_last = op;
    req->n_fresh++;
    return true;
}

void request_go_on(struct request *req)
{
    request_free_boxes(req->boxes);
    req->boxes = NULL;
    req->deadline_ns = clock_now_ns() + timeout_ns(req->server);
}

void request_then(struct request *req, route_finish_fn *finish)
{
    req->finish = finish;
}

void request_set_state(struct request *req, void *state)
{
    req->state = state;
}

void *request_state(const struct request *req)
{
    return req->state;
}

/* Reads "\"12\"" as 12; false for anything else, including numbers that cannot be a version. */
static bool quoted_version(struct slice tag, int64_t *version)
{
    int64_t n = 0;

    if (tag.len < 3 || tag.len > 20 || tag.at[0] != '"' || tag.at[tag.len - 1] != '"' ||
        tag.at[1] == '0')
        return false;
    for (size_t i = 1; i < tag.len - 1; i++) {
        if (tag.at[i] < '0' || tag.at[i] > '9')
            return false;
        n = n * 10 + (tag.at[i] - '0');
    }
    *version = n;
    return true;
}

bool request_if_match(const struct request *req, int64_t *version, struct err *err)
{
    struct slice tag = request_header(req, "If-Match");

    if (!slice_present(tag))
        *version = IF_NONE;
    else if (slice_equal(tag, SLICE("*")))
        *version = IF_EXISTS;
    else if (!quoted_version(tag, version))
        return err_set(err, ERR_INVALID, "If-Match: must be * or one version in quotes");
    return true;
}

bool request_if_absent(const struct request *req, bool *absent, struct err *err)
{
    struct slice tag = request_header(req, "If-None-Match");

    if (slice_present(tag) && !slice_equal(tag, SLICE("*")))
        return err_set(err, ERR_INVALID, "If-None-Match: must be * for a change");
    *absent = slice_present(tag);
    return true;
}

/* Takes the next tag of a list, without W/ and surrounding blanks; absent at the end. */
static struct slice next_tag(struct slice *rest)
{
    struct slice tag;
    const char *comma;

    while (rest->len && (*rest->at == ' ' || *rest->at == ',' || *rest->at == '\t')) {
        rest->at++;
        rest->len--;
    }
    if (rest->len == 0)
        return (struct slice){NULL, 0};
    comma = memchr(rest->at, ',', rest->len);
    tag = (struct slice){rest->at, comma ? (size_t)(comma - rest->at) : rest->len};
    *rest = (struct slice){rest->at + tag.len, rest->len - tag.len};
    while (tag.len && (tag.at[tag.len - 1] == ' ' || tag.at[tag.len - 1] == '\t'))
        tag.len--;
    if (slice_starts(tag, SLICE("W/")))
        tag = (struct slice){tag.at + 2, tag.len - 2};
    return tag;
}

bool request_not_modified(struct request *req, int64_t version)
{
    struct slice rest = server_list(req, "If-None-Match"), tag;
    int64_t named;

    while (slice_present(tag = next_tag(&rest)))
        if (slice_equal(tag, SLICE("*")) || (quoted_version(tag, &named) && named == version))
            return true;
    return false;
}

bool request_repeat(const struct request *req, struct slice session_id, struct op_repeat *out,
                    struct err *err)
{
    struct slice key = request_header(req, "Idempotency-Key");
    struct slice named[] = {request_tenant(req), session_id, key};
    struct slice body[] = {slice_of(req->match.route->name), request_body(req)};

    if (!slice_present(key)) {
        *out = (struct op_repeat){0};
        return true;
    }
    if (!id_check(key, err))
        return err_set(err, ERR_INVALID, "Idempotency-Key: %s", err->text);
    out->present = true;
    id_hash(named, COUNT_OF(named), out->op_id);
    id_hash(body, COUNT_OF(body), out->body_hash);
    return true;
}

/* server_run.c - takes a request through its route: start, ops, finish, perhaps several times. */
#include "clock.h"
#include "frame.h"
#include "lane.h"
#include "metrics.h"
#include "server_internal.h"

/* Drops ops that a half of a route submitted before it failed; the lanes never got them. */
static void forget_fresh(struct request *req)
{
    req->fresh_first = req->fresh_last = NULL;
    req->n_fresh = 0;
}

void server_fail(struct request *req, const struct err *err)
{
    struct err why = *err;

    forget_fresh(req);
    allowance_explain(req->arena.allowance, &why);
    arena_insist(&req->arena);
    if (req->streamed) { /* headers and a part of the answer are already sent */
        req->broken = true;
        request_note_failure(req, &why);
        return;
    }
    response_error(&req->res, req, &why);
    req->stage = REQUEST_READY;
}

/* Hands all ops of a half to the lanes, or none. */
static bool hand_over(struct request *req, struct err *err)
{
    struct server *s = req->server;
    int64_t now_ns = clock_now_ns();

    if (!lanes_admit(req->service->lanes, req->n_fresh, err))
        return false;
    for (struct op *op = req->fresh_first; op; op = op->next)
        op->started_ns = now_ns;
    if (s->out_first)
        s->out_last->next = req->fresh_first;
    else
        s->out_first = req->fresh_first;
    s->out_last = req->fresh_last;
    s->ops_out += req->n_fresh;
    req->round = req->fresh_first;
    req->pending = req->n_fresh;
    req->refs++;
    forget_fresh(req);
    return true;
}

static const struct op *first_failed(const struct op *op)
{
    while (op && op->status.kind == ERR_OK)
        op = op->sibling;
    return op;
}

/* Completes a frame, and checks that no text has failed for want of memory. */
static bool check_texts(struct request *req, struct err *err)
{
    struct response *res = &req->res;

    if (res->is_frame && !res->body.failed && !req->pending) {
        struct text whole;

        text_init(&whole, res->body.arena);
        frame_finish(&res->frame, text_slice(&res->body), &whole);
        res->body = whole;
        res->content_type = FRAME_TYPE;
    }
    return !res->body.failed || err_no_memory(err);
}

/* Runs finish() on the round that is back (NULL if there was none). */
static bool finish(struct request *req, struct err *err)
{
    struct op *round = req->round;
    const struct op *failed = req->match.route->flags & ROUTE_EACH_OP ? NULL : first_failed(round);

    req->round = NULL;
    if (failed) {
        *err = failed->status;
        return false;
    }
    return req->finish(req, round, &req->res, err) && (req->n_fresh == 0 || hand_over(req, err));
}

static void proceed(struct request *req)
{
    struct err err;

    if (!finish(req, &err)) {
        server_fail(req, &err);
        return;
    }
    if (req->pending && !req->res.streaming) {
        req->stage = REQUEST_WAITING;
        return;
    }
    req->res.streaming = req->pending > 0;
    req->stage = REQUEST_READY;
    if (!check_texts(req, &err))
        server_fail(req, &err);
}

static bool start(struct request *req, struct err *err)
{
    route_start_fn *start_fn;

    if (req->err.kind != ERR_OK) { /* there may be no route then */
        *err = req->err;
        return false;
    }
    if (req->is_frame && !frame_open((struct slice){req->body, req->body_len}, &req->frame, err))
        return false;
    start_fn = req->match.route->start;
    return (!start_fn || start_fn(req, err)) && (req->n_fresh == 0 || hand_over(req, err));
}

void server_run(struct request *req)
{
    struct err err;

    if (!start(req, &err))
        server_fail(req, &err);
    else if (req->pending)
        req->stage = REQUEST_WAITING;
    else
        proceed(req);
}

void server_next_page(struct request *req)
{
    struct op_box *done = req->boxes;
    bool comma = req->res.body.comma;
    struct err err;

    /* Ops to come may have inputs in the results of this round, but not of the one before. */
    request_free_boxes(req->old_boxes);
    req->old_boxes = done;
    req->boxes = NULL;
    arena_reset(&req->page);
    text_init(&req->res.body, &req->page);
    req->res.body.comma = comma;
    req->res.streaming = false;
    req->page_sent = 0;
    if (!finish(req, &err)) {
        server_fail(req, &err);
        return;
    }
    req->res.streaming = req->pending > 0;
    req->broken = req->res.body.failed;
}

/* All ops of a round are back. */
static void round_done(struct request *req)
{
    if (req->connection) {
        if (!req->streamed)
            proceed(req);
        if (req->streamed || req->stage == REQUEST_READY)
            server_unpark(req);
    }
    request_unref(req); /* the reference that the round held */
}

void server_take(struct server *s, struct op *op)
{
    int64_t now_ns = op ? clock_now_ns() : 0;

    while (op) {
        struct op *next = op->next;
        struct request *req = op->owner;

        metrics_op(op->type, err_http_status(op->status.kind) >= 500, now_ns - op->started_ns);
        monitor_note(s->service->monitor, op);
        s->ops_out--;
        if (--req->pending == 0)
            round_done(req);
        op = next;
    }
}

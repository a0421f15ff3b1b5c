/*
 * PUT /writes/{t}/{c}/{task}?ns= - store the writes of one task; the checkpoint may come later.
 *
 *   request   {"task_path": "", "mode": "upsert", "writes": [0..65536 of
 *                {"idx": 0, "channel": "messages", "type": "msgpack", "base64": "..."}]} or, in
 *             document form, {"writes": [{"channel": "messages", "value": any}]}
 *             A frame has `len` for `base64`, and the raw bytes behind the JSON.
 *             mode is upsert, ignore or replace; default upsert, in document form replace. An empty
 *             list that is no frame has the form of its thread.
 *   201, 200  {"checkpoint_id": "c1", "task_id": "task"}
 *   errors    invalid_request 400, form_mismatch 409
 *
 * GET /writes/{t}/{c}?ns= - the writes of all tasks.
 *
 *   200       {"thread_id", "ns", "checkpoint_id", "writes": [{"task_id", "task_path", "idx",
 *              "channel", "value" or "type" and "base64" or "len"}]}
 *             Accept: application/vnd.stateward.frame gives a frame.
 *   errors    invalid_request 400
 */
#include "checkpoint_json.h"
#include "input.h"
#include "json.h"
#include "parse.h"
#include "routes.h"
#include "values_in.h"

struct put {
    struct slice task_path, mode, writes;
};

static const struct member put_members[] = {
    MEMBER(struct put, task_path, MEMBER_STRING),
    MEMBER(struct put, mode, MEMBER_STRING),
    MEMBER(struct put, writes, MEMBER_ARRAY | MEMBER_REQUIRED),
    MEMBER_END,
};

static bool find_mode(struct slice name, enum form form, enum writes_mode *mode, struct err *err)
{
    if (!slice_present(name))
        *mode = form == FORM_DOCUMENT ? WRITES_REPLACE : WRITES_UPSERT;
    else if (slice_equal(name, SLICE("upsert")))
        *mode = WRITES_UPSERT;
    else if (slice_equal(name, SLICE("ignore")))
        *mode = WRITES_IGNORE;
    else if (slice_equal(name, SLICE("replace")))
        *mode = WRITES_REPLACE;
    else
        return err_set(err, ERR_INVALID, "/mode: must be upsert, ignore or replace");
    return true;
}

static bool parse(struct request *req, struct op_writes_put *put, struct err *err)
{
    struct values_in from = {request_frame(req), request_arena(req)};
    struct put in = {.task_path = SLICE("")};
    struct writes_in sent;

    if (!input_ns(req, &put->ns, err) || !parse_body(req, put_members, &in, err) ||
        !values_in_writes(&from, in.writes, &sent, err) ||
        !find_mode(in.mode, sent.form, &put->mode, err))
        return false;
    put->checkpoint_id = request_param(req, "c");
    put->task_id = request_param(req, "task");
    put->task_path = in.task_path;
    /* Tells finish() whether a mode was named. */
    request_set_state(req, slice_present(in.mode) ? put : NULL);
    put->form = sent.form;
    put->writes = sent.writes;
    put->n = sent.n;
    for (size_t i = 0; i < sent.n; i++) {
        sent.writes[i].task_id = put->task_id;
        sent.writes[i].task_path = put->task_path;
    }
    return true;
}

bool writes_put_start(struct request *req, struct err *err)
{
    struct op *op = request_op(req, OP_WRITES_PUT, request_param(req, "t"), err);

    return op && parse(req, &op->writes_put, err) && request_submit(req, op, err);
}

/* The empty list was taken for document form, but the thread is in channel form. */
static bool put_again(struct request *req, const struct op_writes_put *failed, struct err *err)
{
    struct op *op = request_op(req, OP_WRITES_PUT, request_param(req, "t"), err);

    if (!op)
        return false;
    op->writes_put = *failed;
    op->writes_put.form = FORM_CHANNEL;
    if (!request_state(req))
        op->writes_put.mode = WRITES_UPSERT;
    return request_submit(req, op, err);
}

bool writes_put_finish(struct request *req, struct op *op, struct response *res, struct err *err)
{
    const struct op_writes_put *put = &op->writes_put;
    struct text *t = &res->body;

    if (op->status.kind == ERR_FORM && put->n == 0 && put->form == FORM_DOCUMENT)
        return put_again(req, put, err);
    if (!routes_op_ok(op, err))
        return false;
    response_status(res, put->out.created ? 201 : 200);
    json_open(t, '{');
    json_member_string(t, "checkpoint_id", put->checkpoint_id);
    json_member_string(t, "task_id", put->task_id);
    json_close(t, '}');
    return true;
}

bool writes_get_start(struct request *req, struct err *err)
{
    struct op *op = request_op(req, OP_WRITES_GET, request_param(req, "t"), err);

    if (!op || !input_ns(req, &op->writes_get.ns, err))
        return false;
    op->writes_get.checkpoint_id = request_param(req, "c");
    return request_submit(req, op, err);
}

bool writes_get_finish(struct request *req, struct op *op, struct response *res, struct err *err)
{
    const struct op_writes_get *get = &op->writes_get;
    struct text *t = &res->body;

    (void)err;
    if (request_wants_frame(req))
        response_frame(res);
    json_open(t, '{');
    json_member_string(t, "thread_id", op->id);
    json_member_string(t, "ns", get->ns);
    json_member_string(t, "checkpoint_id", get->checkpoint_id);
    checkpoint_json_writes(res, get->out.items, get->out.n);
    json_close(t, '}');
    return true;
}

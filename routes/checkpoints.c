/*
 * PUT /checkpoints/{t}/{c}?ns= - store a checkpoint with its values.
 *
 *   request   document form: {"checkpoint_data": any, "metadata": {}, "parent_checkpoint_id": "c0"}
 *             channel form:  {"checkpoint": {...}, "metadata": {}, "parent_checkpoint_id": "c0",
 *                             "values": [{"channel": "messages", "version": 2, "type": "msgpack",
 *                                         "base64": "..."}], "removed": ["channel"]}
 *             A frame has `len` for `base64`, and the raw bytes behind the JSON; or `parts`, `base`
 *             and `hash`: a patch of an earlier version of the channel.
 *   201, 200  {"thread_id": "t", "ns": "", "checkpoint_id": "c1"}
 *   errors    invalid_request 400, form_mismatch 409, base_missing 409
 *
 * GET /checkpoints/{t}/{c}?ns=, GET /threads/{t}/latest?ns= - a checkpoint, its values and writes.
 *
 *   200       {"thread_id", "ns", "checkpoint_id", "parent_checkpoint_id", "checkpoint" or
 *              "checkpoint_data", "metadata", "created_at", "values" (channel form), "writes"}
 *             Accept: application/vnd.stateward.frame gives a frame.
 *   errors    invalid_request 400, not_found 404
 */
#include "channels.h"
#include "checkpoint_json.h"
#include "input.h"
#include "json.h"
#include "parse.h"
#include "patches.h"
#include "routes.h"
#include "values_in.h"

struct put {
    struct slice checkpoint_data, checkpoint, metadata, parent_checkpoint_id, values, removed;
};

static const struct member put_members[] = {
    MEMBER(struct put, checkpoint_data, MEMBER_ANY),
    MEMBER(struct put, checkpoint, MEMBER_OBJECT),
    MEMBER(struct put, metadata, MEMBER_OBJECT),
    MEMBER(struct put, parent_checkpoint_id, MEMBER_ID),
    MEMBER(struct put, values, MEMBER_ARRAY),
    MEMBER(struct put, removed, MEMBER_ARRAY),
    MEMBER_END,
};

/* Checks that all members belong to one form, and finds it. */
static bool find_form(const struct put *in, enum form *form, struct err *err)
{
    bool document = slice_present(in->checkpoint_data), channel = slice_present(in->checkpoint);

    if (document && channel)
        return err_set(err, ERR_INVALID,
                       "/checkpoint_data: must not be sent together with checkpoint");
    if (!document && !channel)
        return err_set(err, ERR_INVALID,
                       "/checkpoint: either checkpoint or checkpoint_data is needed");
    if (channel && !slice_present(in->values))
        return err_set(err, ERR_INVALID, "/values: is needed with checkpoint");
    if (document && slice_present(in->values))
        return err_set(err, ERR_INVALID, "/values: goes with checkpoint, not with checkpoint_data");
    if (document && slice_present(in->removed))
        return err_set(err, ERR_INVALID,
                       "/removed: goes with checkpoint, not with checkpoint_data");
    *form = document ? FORM_DOCUMENT : FORM_CHANNEL;
    return true;
}

/* Decodes metadata.run_id if it is a string; of several the last one counts, as in most parsers. */
static bool find_run_id(struct slice metadata, struct arena *arena, struct slice *run_id,
                        struct err *err)
{
    struct split_member *members;
    struct slice json = {NULL, 0};
    size_t n;

    if (!split_list(metadata, arena, &members, &n, err))
        return false;
    for (size_t i = 0; i < n; i++)
        if (split_name_is(members[i].name, "run_id"))
            json = members[i].value;
    if (slice_present(json) && *json.at == '"' && !json_decode_string(json, arena, run_id, err))
        /* A lone surrogate: kept in metadata, but no run is found by it. */
        return err->kind == ERR_INVALID;
    return true;
}

static bool parse(struct request *req, struct put *in, struct op_checkpoint_put *put,
                  struct err *err)
{
    struct values_in from = {request_frame(req), request_arena(req)};

    if (!input_ns(req, &put->ns, err) || !parse_body(req, put_members, in, err) ||
        !find_form(in, &put->form, err) ||
        !values_in_values(&from, in->values, &put->values, &put->n_values, err))
        return false;
    put->checkpoint_id = request_param(req, "c");
    put->parent_id = in->parent_checkpoint_id;
    put->metadata = slice_present(in->metadata) ? in->metadata : SLICE("{}");
    put->head = (struct blob){
        .encoding = BLOB_WHOLE,
        .type = SLICE(""),
        .bytes = put->form == FORM_DOCUMENT ? in->checkpoint_data : in->checkpoint,
    };
    return find_run_id(put->metadata, request_arena(req), &put->run_id, err);
}

static bool submit_put(struct request *req, const struct op_checkpoint_put *put, struct err *err)
{
    struct op *op = request_op(req, OP_CHECKPOINT_PUT, request_param(req, "t"), err);

    if (!op)
        return false;
    op->checkpoint_put = *put;
    request_then(req, checkpoint_put_finish);
    return request_submit(req, op, err);
}

/* The bases of the patches have been read. */
static bool bases_finish(struct request *req, struct op *op, struct response *res UNUSED,
                         struct err *err)
{
    struct op_checkpoint_put *put = request_state(req);

    return patches_rebuild(req, &op->values_get, put, err) && submit_put(req, put, err);
}

bool checkpoint_put_start(struct request *req, struct err *err)
{
    struct op_checkpoint_put *put = arena_zalloc(request_arena(req), 1, sizeof(*put));
    struct put in = {0};
    struct op *bases;

    if (!put)
        return err_no_memory(err);
    if (!parse(req, &in, put, err))
        return false;
    if (put->form == FORM_CHANNEL && !channels_resolve(in.removed, request_arena(req), put, err))
        return false;
    if (!patches_op(req, put, &bases, err))
        return false;
    if (!bases)
        return submit_put(req, put, err);
    request_set_state(req, put);
    request_then(req, bases_finish);
    return request_submit(req, bases, err);
}

bool checkpoint_put_finish(struct request *req, struct op *op, struct response *res,
                           struct err *err)
{
    const struct op_checkpoint_put *put = &op->checkpoint_put;
    struct text *t = &res->body;

    (void)req;
    (void)err;
    response_status(res, put->out.created ? 201 : 200);
    json_open(t, '{');
    json_member_string(t, "thread_id", op->id);
    json_member_string(t, "ns", put->ns);
    json_member_string(t, "checkpoint_id", put->checkpoint_id);
    json_close(t, '}');
    return true;
}

/* Asks for one checkpoint; absent = the latest. */
static bool get(struct request *req, struct slice checkpoint_id, struct err *err)
{
    struct op *op = request_op(req, OP_CHECKPOINT_GET, request_param(req, "t"), err);

    if (!op || !input_ns(req, &op->checkpoint_get.ns, err))
        return false;
    op->checkpoint_get.checkpoint_id = checkpoint_id;
    return request_submit(req, op, err);
}

bool checkpoint_get_start(struct request *req, struct err *err)
{
    return get(req, request_param(req, "c"), err);
}

bool checkpoint_get_finish(struct request *req, struct op *op, struct response *res,
                           struct err *err)
{
    (void)err;
    if (request_wants_frame(req))
        response_frame(res);
    checkpoint_json_object(res, op->checkpoint_get.out.checkpoint);
    return true;
}

bool checkpoint_latest_start(struct request *req, struct err *err)
{
    return get(req, (struct slice){NULL, 0}, err);
}

bool checkpoint_latest_finish(struct request *req, struct op *op, struct response *res,
                              struct err *err)
{
    return checkpoint_get_finish(req, op, res, err);
}

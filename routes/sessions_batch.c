/*
 * Many sessions in one call. They travel as one op each: a batch is no transaction.
 */
#include "json.h"
#include "parse.h"
#include "response.h"
#include "routes.h"
#include "session_json.h"

/*
 * POST /batch/sessions/create - up to 1000 sessions, each as in PUT /sessions/{id}, in order.
 *
 *   request   {"sessions": [{"session_id": "s-1", "user_id": "u-1", "metadata": {}}]}
 *   200       {"results": [{"session": {...}, "created": true} or {"error": {"code", "detail"}}]}
 *   errors    invalid_request 400 (then none is created), too_large 413, overloaded 503
 */
struct item {
    struct slice session_id, user_id, metadata;
};

static const struct member item_members[] = {
    MEMBER(struct item, session_id, MEMBER_ID | MEMBER_REQUIRED),
    MEMBER(struct item, user_id, MEMBER_ID | MEMBER_REQUIRED),
    MEMBER(struct item, metadata, MEMBER_OBJECT),
    MEMBER_END,
};

struct create_body {
    struct slice sessions;
};

static const struct member create_members[] = {
    MEMBER(struct create_body, sessions, MEMBER_ARRAY | MEMBER_REQUIRED),
    MEMBER_END,
};

static bool submit_item(struct request *req, struct slice json, size_t i, struct err *err)
{
    struct item in = {.metadata = SLICE("{}")};
    char at[PARSE_POINTER_LEN];
    struct op *op;

    parse_pointer(at, "/sessions", i);
    if (!body_read_part(json, at, item_members, &in, request_arena(req), err))
        return false;
    op = request_op(req, OP_SESSION_PUT, in.session_id, err);
    if (!op)
        return false;
    op->session_put.user_id = in.user_id;
    op->session_put.metadata = in.metadata;
    return request_submit(req, op, err);
}

bool session_batch_create_start(struct request *req, struct err *err)
{
    struct create_body in = {0};
    struct parse_array array = {.at = "/sessions"};
    struct slice *items;
    size_t n;

    if (!parse_no_query(req, err) || !parse_body(req, create_members, &in, err))
        return false;
    array.json = in.sessions;
    if (!parse_elements(req, &array, &items, &n, err))
        return false;
    for (size_t i = 0; i < n; i++) {
        if (!submit_item(req, items[i], i, err))
            return false;
    }
    return true;
}

static void write_result(struct text *t, const struct op *op)
{
    json_open(t, '{');
    if (op->status.kind == ERR_OK) {
        json_key(t, "session");
        session_json(t, &op->session_put.out.session);
        json_key(t, "created");
        json_bool(t, op->session_put.out.created);
    } else {
        json_key(t, "error");
        json_open(t, '{');
        json_member_string(t, "code", slice_of(err_wire_name(op->status.kind)));
        json_member_string(t, "detail", slice_of(op->status.text));
        json_close(t, '}');
    }
    json_close(t, '}');
}

bool session_batch_create_finish(struct request *req UNUSED, struct op *op, struct response *res,
                                 struct err *err UNUSED)
{
    json_open(&res->body, '{');
    json_key(&res->body, "results");
    json_open(&res->body, '[');
    for (; op; op = op->sibling)
        write_result(&res->body, op);
    json_close(&res->body, ']');
    json_close(&res->body, '}');
    return true;
}

/*
 * POST /batch/sessions/get - up to 1000 sessions by id, in order.
 *
 *   request   {"session_ids": ["s-1", "s-2"]}
 *   200       {"sessions": [session or null]}
 *   errors    invalid_request 400, overloaded 503, storage_unavailable 503
 */
struct get_body {
    struct slice session_ids;
};

static const struct member get_members[] = {
    MEMBER(struct get_body, session_ids, MEMBER_ARRAY | MEMBER_REQUIRED),
    MEMBER_END,
};

bool session_batch_get_start(struct request *req, struct err *err)
{
    struct get_body in = {0};
    struct parse_array array = {.at = "/session_ids", .ids = true};
    struct slice *ids;
    size_t n;

    if (!parse_no_query(req, err) || !parse_body(req, get_members, &in, err))
        return false;
    array.json = in.session_ids;
    if (!parse_strings(req, &array, &ids, &n, err))
        return false;
    for (size_t i = 0; i < n; i++) {
        struct op *op = request_op(req, OP_SESSION_GET, ids[i], err);

        if (!op || !request_submit(req, op, err))
            return false;
    }
    return true;
}

bool session_batch_get_finish(struct request *req UNUSED, struct op *op, struct response *res,
                              struct err *err)
{
    json_open(&res->body, '{');
    json_key(&res->body, "sessions");
    json_open(&res->body, '[');
    for (; op; op = op->sibling) {
        if (op->status.kind == ERR_NO_SESSION)
            json_raw(&res->body, (struct slice){NULL, 0});
        else if (routes_op_ok(op, err))
            session_json(&res->body, &op->session_get.out.session);
        else
            return false;
    }
    json_close(&res->body, ']');
    json_close(&res->body, '}');
    return true;
}

/*
 * Task contexts: any JSON of a session, in versions that count from 1.
 */
#include "json.h"
#include "parse.h"
#include "response.h"
#include "routes.h"

/*
 * PUT /sessions/{id}/context?require_session=true - store the next version. Takes If-Match against
 * the newest one.
 *
 *   request   {"context": any JSON} or {"from": {"session_id": "s-2", "version": 3}}: the context of
 *             another session, its newest version unless one is named
 *   200       {"version": 4}, with ETag
 *   errors    session_not_found 404, not_found 404 (from has no such context),
 *             precondition_failed 412
 */
struct put_body {
    struct slice context, from;
};

static const struct member put_members[] = {
    MEMBER(struct put_body, context, MEMBER_ANY),
    MEMBER(struct put_body, from, MEMBER_OBJECT),
    MEMBER_END,
};

struct source {
    struct slice session_id;
    int64_t version;
};

static const struct member source_members[] = {
    MEMBER(struct source, session_id, MEMBER_ID | MEMBER_REQUIRED),
    MEMBER_RANGE(struct source, version, MEMBER_INT, 1, INT64_MAX),
    MEMBER_END,
};

struct put_query {
    bool require_session;
};

static const struct member put_query_members[] = {
    MEMBER(struct put_query, require_session, MEMBER_BOOL),
    MEMBER_END,
};

/* Kept while the context that `from` names is read. */
struct put {
    bool require_session;
    int64_t if_version;
};

static bool submit_put(struct request *req, struct slice context, struct err *err)
{
    const struct put *put = request_state(req);
    struct op *op = request_op(req, OP_CONTEXT_PUT, request_param(req, "id"), err);

    if (!op)
        return false;
    op->context_put = (struct op_context_put){
        .context = context,
        .require_session = put->require_session,
        .if_version = put->if_version,
    };
    request_then(req, context_put_finish);
    return request_submit(req, op, err);
}

static bool source_finish(struct request *req, struct op *op, struct response *res UNUSED,
                          struct err *err)
{
    if (op->status.kind == ERR_NO_SESSION)
        return err_set(err, ERR_NO_SESSION, "/from/session_id: %s", op->status.text);
    if (op->status.kind == ERR_NOT_FOUND)
        return err_set(err, ERR_NOT_FOUND, "/from: %s", op->status.text);
    if (!routes_op_ok(op, err))
        return false;
    return submit_put(req, op->context_get.out.context.body, err);
}

static bool submit_source(struct request *req, struct slice from, struct err *err)
{
    struct source in = {0};
    struct op *op;

    if (!body_read_part(from, "/from", source_members, &in, request_arena(req), err))
        return false;
    op = request_op(req, OP_CONTEXT_GET, in.session_id, err);
    if (!op)
        return false;
    op->context_get.version = in.version;
    request_then(req, source_finish);
    return request_submit(req, op, err);
}

bool context_put_start(struct request *req, struct err *err)
{
    struct put_body in = {0};
    struct put_query query = {.require_session = true};
    struct put *put = arena_alloc(request_arena(req), sizeof(*put));

    if (!put)
        return err_no_memory(err);
    if (!parse_query(req, put_query_members, &query, err) ||
        !parse_body(req, put_members, &in, err))
        return false;
    if (slice_present(in.context) == slice_present(in.from))
        return err_set(err, ERR_INVALID, "/context: exactly one of context and from is needed");
    put->require_session = query.require_session;
    if (!request_if_match(req, &put->if_version, err))
        return false;
    request_set_state(req, put);
    return slice_present(in.from) ? submit_source(req, in.from, err)
                                  : submit_put(req, in.context, err);
}

bool context_put_finish(struct request *req UNUSED, struct op *op, struct response *res,
                        struct err *err)
{
    int64_t version = op->context_put.out.version;

    if (!routes_op_ok(op, err))
        return false;
    response_etag(res, version);
    json_open(&res->body, '{');
    json_member_int(&res->body, "version", version);
    json_close(&res->body, '}');
    return true;
}

/*
 * GET /sessions/{id}/context?version= - a version, or the newest. Takes If-None-Match.
 *
 *   200, 304  {"session_id": "s-1", "version": 4, "context": ..., "updated_at": "...Z"}
 *   errors    session_not_found 404, not_found 404
 */
struct get_query {
    int64_t version;
};

static const struct member get_query_members[] = {
    MEMBER_RANGE(struct get_query, version, MEMBER_INT, 1, INT64_MAX),
    MEMBER_END,
};

bool context_get_start(struct request *req, struct err *err)
{
    struct get_query query = {0};
    struct op *op;

    if (!parse_query(req, get_query_members, &query, err))
        return false;
    op = request_op(req, OP_CONTEXT_GET, request_param(req, "id"), err);
    if (!op)
        return false;
    op->context_get.version = query.version;
    return request_submit(req, op, err);
}

bool context_get_finish(struct request *req, struct op *op, struct response *res,
                        struct err *err UNUSED)
{
    const struct context *context = &op->context_get.out.context;
    struct text *t = &res->body;

    response_etag(res, context->version);
    if (request_not_modified(req, context->version))
        response_status(res, 304);
    json_open(t, '{');
    json_member_string(t, "session_id", op->id);
    json_member_int(t, "version", context->version);
    json_member_raw(t, "context", context->body);
    json_member_time(t, "updated_at", context->updated_us);
    json_close(t, '}');
    return true;
}

/*
 * GET /sessions/{id}/context/versions?limit=50 - the versions that are kept, newest first.
 *
 *   200       {"items": [{"version": 4, "updated_at": "...Z", "bytes": 120}]}; none for an unknown
 *             session
 */
struct versions_query {
    int64_t limit;
};

static const struct member versions_query_members[] = {
    MEMBER_RANGE(struct versions_query, limit, MEMBER_INT, 1, 1000),
    MEMBER_END,
};

bool context_versions_start(struct request *req, struct err *err)
{
    struct versions_query query = {.limit = 50};
    struct op *op;

    if (!parse_query(req, versions_query_members, &query, err))
        return false;
    op = request_op(req, OP_CONTEXT_LIST, request_param(req, "id"), err);
    if (!op)
        return false;
    op->context_list.limit = query.limit;
    return request_submit(req, op, err);
}

bool context_versions_finish(struct request *req UNUSED, struct op *op, struct response *res,
                             struct err *err UNUSED)
{
    struct text *t = &res->body;

    json_open(t, '{');
    json_key(t, "items");
    json_open(t, '[');
    for (size_t i = 0; i < op->context_list.out.n; i++) {
        const struct context *context = &op->context_list.out.items[i];

        json_open(t, '{');
        json_member_int(t, "version", context->version);
        json_member_time(t, "updated_at", context->updated_us);
        json_member_int(t, "bytes", (int64_t)context->body_len);
        json_close(t, '}');
    }
    json_close(t, ']');
    json_close(t, '}');
    return true;
}

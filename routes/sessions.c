/*
 * Sessions: create, put, get, list, patch, end, delete. A session as it is answered:
 *
 *   {"session_id": "s-1", "user_id": "u-1", "created_at": "...Z", "updated_at": "...Z",
 *    "last_activity_at": "...Z", "status": "active", "metadata": {}, "metrics": {"request_count": 0,
 *    "total_processing_time": 0.0, "error_count": 0}, "version": 1}
 *
 * Besides the errors named at each route: invalid_request 400, too_large 413, overloaded 503,
 * storage_unavailable 503, outcome_unknown 504.
 */
#include "config.h"
#include "id.h"
#include "input.h"
#include "json.h"
#include "parse.h"
#include "place.h"
#include "response.h"
#include "routes.h"
#include "service.h"
#include "session_json.h"

enum { STATUS_MAX = 64 };

/* Members of POST /sessions and PUT /sessions/{id}; the latter has its id in the path. */
struct session_body {
    struct slice session_id, user_id, metadata;
};

static const struct member session_members[] = {
    MEMBER(struct session_body, session_id, MEMBER_ID),
    MEMBER(struct session_body, user_id, MEMBER_ID | MEMBER_REQUIRED),
    MEMBER(struct session_body, metadata, MEMBER_OBJECT),
    MEMBER_END,
};

static const struct member *const put_members = session_members + 1;

static bool answer_session(struct response *res, const struct session *session, bool replayed)
{
    response_etag(res, session->version);
    if (replayed)
        response_header(res, "Idempotency-Replayed", SLICE("true"));
    session_json(&res->body, session);
    return true;
}

/* Answers 201 with the location of the session. */
static bool answer_created(struct request *req, struct response *res, const struct session *session,
                           bool replayed, struct err *err)
{
    struct slice segment = id_to_segment(session->id, request_arena(req));
    struct slice location = {NULL, 0};

    if (slice_present(segment))
        location = arena_printf(request_arena(req), "/sessions/%.*s", SLICE_ARGS(segment));
    if (!slice_present(location))
        return err_no_memory(err);
    response_status(res, 201);
    response_header(res, "Location", location);
    return answer_session(res, session, replayed);
}

/*
 * POST /sessions - create a session. Takes Idempotency-Key.
 *
 *   request   {"session_id": "s-1", "user_id": "u-1", "metadata": {}}; session_id, metadata optional
 *   201       the session, with Location; Idempotency-Replayed: true when the key is known
 *   errors    session_exists 409, key_reused 422, session_not_found 404 (a repeat, and the session was
 *             deleted since)
 *
 * Without session_id, an Idempotency-Key determines the id, so that a repeat finds the session it made; without
 * a key the id is a UUIDv7.
 */
static bool choose_id(struct request *req, bool *from_key, struct slice *id, struct err *err)
{
    struct slice key = request_header(req, "Idempotency-Key");
    char *text = arena_alloc(request_arena(req), ID_UUID_LEN + 1);

    if (!text)
        return err_no_memory(err);
    *from_key = slice_present(key);
    if (*from_key)
        id_uuid8(request_tenant(req), key, text);
    else
        id_uuid7(text);
    *id = (struct slice){text, ID_UUID_LEN};
    return true;
}

/* The key is forgotten by now, but its session exists: a repeat is still answered 201. */
static bool create_again_finish(struct request *req, struct op *op, struct response *res,
                                struct err *err)
{
    return routes_op_ok(op, err) &&
           answer_created(req, res, &op->session_get.out.session, true, err);
}

/* Runs after op_session_put has ended in ERR_EXISTS although the id was made from the key. */
static bool read_again(struct request *req, struct slice id, struct err *err)
{
    struct op *op = request_op(req, OP_SESSION_GET, id, err);

    if (!op)
        return false;
    request_then(req, create_again_finish);
    return request_submit(req, op, err);
}

bool session_create_start(struct request *req, struct err *err)
{
    struct session_body in = {.metadata = SLICE("{}")};
    bool from_key = false, given;
    struct op *op;

    if (!parse_no_query(req, err) || !parse_body(req, session_members, &in, err))
        return false;
    given = slice_present(in.session_id);
    if (!given && !choose_id(req, &from_key, &in.session_id, err))
        return false;
    request_subject(req, in.session_id);
    op = request_op(req, OP_SESSION_PUT, in.session_id, err);
    if (!op || !request_repeat(req, in.session_id, &op->repeat, err))
        return false;
    op->session_put.user_id = in.user_id;
    op->session_put.metadata = in.metadata;
    op->session_put.create_only = given || from_key; /* a new UUIDv7 is unique */
    /* Tells finish() whether the id was made from the key. */
    request_set_state(req, from_key ? op : NULL);
    return request_submit(req, op, err);
}

bool session_create_finish(struct request *req, struct op *op, struct response *res,
                           struct err *err)
{
    bool from_key = request_state(req) != NULL;

    if (op->status.kind == ERR_EXISTS && from_key)
        return read_again(req, op->id, err);
    return routes_op_ok(op, err) && answer_created(req, res, &op->session_put.out.session,
                                                   op->session_put.out.replayed, err);
}

/*
 * PUT /sessions/{id}?with_context=false - create a session, or replace user_id and metadata of a
 * known one. Takes If-Match, and If-None-Match: * to create only. With with_context=true a session
 * without a context gets its metadata as one.
 *
 *   request   {"user_id": "u-1", "metadata": {}}; metadata optional
 *   201, 200  the session: 201 when it is new
 *   errors    precondition_failed 412
 */
struct put_query {
    bool with_context;
};

static const struct member put_query_members[] = {
    MEMBER(struct put_query, with_context, MEMBER_BOOL),
    MEMBER_END,
};

bool session_put_start(struct request *req, struct err *err)
{
    struct session_body in = {.metadata = SLICE("{}")};
    struct put_query query = {0};
    struct op *op;

    if (!parse_query(req, put_query_members, &query, err) ||
        !parse_body(req, put_members, &in, err))
        return false;
    op = request_op(req, OP_SESSION_PUT, request_param(req, "id"), err);
    if (!op || !request_if_match(req, &op->session_put.if_version, err) ||
        !request_if_absent(req, &op->session_put.create_only, err))
        return false;
    op->session_put.user_id = in.user_id;
    op->session_put.metadata = in.metadata;
    op->session_put.with_context = query.with_context;
    return request_submit(req, op, err);
}

bool session_put_finish(struct request *req UNUSED, struct op *op, struct response *res,
                        struct err *err)
{
    if (op->status.kind == ERR_EXISTS) /* only If-None-Match forbids it here */
        return err_set(err, ERR_PRECONDITION, "the session exists");
    if (!routes_op_ok(op, err))
        return false;
    response_status(res, op->session_put.out.created ? 201 : 200);
    return answer_session(res, &op->session_put.out.session, false);
}

/*
 * GET /sessions/{id} - one session. Takes If-None-Match.
 *
 *   200, 304  the session
 *   errors    session_not_found 404
 */
bool session_get_start(struct request *req, struct err *err)
{
    struct op *op;

    if (!parse_no_query(req, err))
        return false;
    op = request_op(req, OP_SESSION_GET, request_param(req, "id"), err);
    return op && request_submit(req, op, err);
}

bool session_get_finish(struct request *req, struct op *op, struct response *res,
                        struct err *err UNUSED)
{
    const struct session *session = &op->session_get.out.session;

    if (request_not_modified(req, session->version))
        response_status(res, 304);
    return answer_session(res, session, false);
}

/*
 * GET /sessions?user_id=&status=&limit=50&cursor= - sessions, latest activity first.
 *
 *   200       {"items": [session], "next_cursor": "..." or null}
 */
struct list_query {
    struct slice user_id, status, cursor;
    int64_t limit;
};

static const struct member list_query_members[] = {
    MEMBER(struct list_query, user_id, MEMBER_ID),
    MEMBER(struct list_query, status, MEMBER_STRING),
    MEMBER_RANGE(struct list_query, limit, MEMBER_INT, 1, 1000),
    MEMBER(struct list_query, cursor, MEMBER_STRING),
    MEMBER_END,
};

static struct place_list places_of(const struct op_session_list *list)
{
    return (struct place_list){.tag = 's', .of = {list->user_id, list->status}};
}

bool session_list_start(struct request *req, struct err *err)
{
    struct list_query query = {.limit = 50};
    struct place_list places;
    struct place after;
    struct op *op;

    if (!parse_query(req, list_query_members, &query, err))
        return false;
    if (slice_present(query.status) && (query.status.len < 1 || query.status.len > STATUS_MAX))
        return err_set(err, ERR_INVALID, "?status: must be 1 to %d bytes", STATUS_MAX);
    op = request_op(req, OP_SESSION_LIST, (struct slice){NULL, 0}, err);
    if (!op)
        return false;
    op->session_list = (struct op_session_list){
        .user_id = query.user_id,
        .status = query.status,
        .limit = query.limit,
    };
    places = places_of(&op->session_list);
    if (!place_read(req, &places, &(struct place_cursor){"cursor", query.cursor}, &after, err))
        return false;
    op->session_list.after = (struct session_pos){after.number, after.id};
    return request_submit(req, op, err);
}

bool session_list_finish(struct request *req UNUSED, struct op *op, struct response *res,
                         struct err *err UNUSED)
{
    const struct session *items = op->session_list.out.items;
    const struct session_pos *last = &op->session_list.out.next;
    struct place_list places = places_of(&op->session_list);
    size_t n = op->session_list.out.n;
    struct place next = {0};

    if (op->session_list.out.more)
        next = (struct place){last->last_activity_us, last->id};
    json_open(&res->body, '{');
    json_key(&res->body, "items");
    json_open(&res->body, '[');
    for (size_t i = 0; i < n; i++)
        session_json(&res->body, &items[i]);
    json_close(&res->body, ']');
    place_write(&res->body, "next_cursor", &places, &next);
    json_close(&res->body, '}');
    return true;
}

/*
 * PATCH /sessions/{id} - change a session in one atomic step. Takes If-Match and Idempotency-Key.
 *
 *   request   {"updates": {"user_id", "status", "metadata" or "metadata_merge"},
 *              "increment_requests": true, "add_processing_time": 0.5, "mark_error": false};
 *             all optional, {} renews last_activity_at
 *   200       the session after it; Idempotency-Replayed: true when the key is known
 *   errors    session_not_found 404, precondition_failed 412, key_reused 422, too_large 413 (also for
 *             what a merge would make)
 */
struct patch_body {
    struct slice updates;
    bool increment_requests, mark_error;
    double add_processing_time;
};

static const struct member patch_members[] = {
    MEMBER(struct patch_body, updates, MEMBER_OBJECT),
    MEMBER(struct patch_body, increment_requests, MEMBER_BOOL),
    MEMBER_RANGE(struct patch_body, add_processing_time, MEMBER_NUMBER, 0, INT64_MAX),
    MEMBER(struct patch_body, mark_error, MEMBER_BOOL),
    MEMBER_END,
};

struct updates {
    struct slice user_id, status, metadata, metadata_merge;
};

static const struct member updates_members[] = {
    MEMBER(struct updates, user_id, MEMBER_ID),
    MEMBER(struct updates, status, MEMBER_STRING),
    MEMBER(struct updates, metadata, MEMBER_OBJECT),
    MEMBER(struct updates, metadata_merge, MEMBER_OBJECT),
    MEMBER_END,
};

static bool read_updates(struct request *req, struct slice json, struct updates *out,
                         struct err *err)
{
    struct updates in = {0};

    if (slice_present(json) &&
        !body_read_part(json, "/updates", updates_members, &in, request_arena(req), err))
        return false;
    if (slice_present(in.status) && !input_length(in.status, STATUS_MAX, "/updates", "status", err))
        return false;
    if (slice_present(in.metadata) && slice_present(in.metadata_merge))
        return err_set(err, ERR_INVALID,
                       "/updates/metadata_merge: must not be sent together with metadata");
    *out = in;
    return true;
}

bool session_patch_start(struct request *req, struct err *err)
{
    struct slice id = request_param(req, "id");
    struct patch_body in = {0};
    struct updates updates;
    struct op *op;

    if (!parse_no_query(req, err) || !parse_body(req, patch_members, &in, err) ||
        !read_updates(req, in.updates, &updates, err))
        return false;
    op = request_op(req, OP_SESSION_PATCH, id, err);
    if (!op || !request_repeat(req, id, &op->repeat, err))
        return false;
    op->session_patch = (struct op_session_patch){
        .user_id = updates.user_id,
        .status = updates.status,
        .metadata = updates.metadata,
        .metadata_merge = updates.metadata_merge,
        .metadata_max = request_service(req)->config->max_body,
        .increment_requests = in.increment_requests,
        .mark_error = in.mark_error,
        .add_processing_time = in.add_processing_time,
    };
    return request_if_match(req, &op->session_patch.if_version, err) &&
           request_submit(req, op, err);
}

bool session_patch_finish(struct request *req UNUSED, struct op *op, struct response *res,
                          struct err *err)
{
    if (op->status.kind == ERR_TOO_LARGE)
        return err_set(err, ERR_TOO_LARGE, "/updates/metadata_merge: %s", op->status.text);
    if (!routes_op_ok(op, err))
        return false;
    return answer_session(res, &op->session_patch.out.session, op->session_patch.out.replayed);
}

/*
 * POST /sessions/{id}/end - set the status; the session stays readable. Takes If-Match.
 *
 *   request   none, or {"status": "completed"}
 *   200       the session after it
 *   errors    invalid_request 400 (also for an Idempotency-Key), session_not_found 404,
 *             precondition_failed 412
 */
struct end_body {
    struct slice status;
};

static const struct member end_members[] = {
    MEMBER(struct end_body, status, MEMBER_STRING),
    MEMBER_END,
};

bool session_end_start(struct request *req, struct err *err)
{
    struct end_body in = {.status = SLICE("completed")};
    struct op *op;

    if (!parse_no_query(req, err))
        return false;
    if (slice_present(request_body(req)) && !parse_body(req, end_members, &in, err))
        return false;
    if (!input_length(in.status, STATUS_MAX, "", "status", err))
        return false;
    op = request_op(req, OP_SESSION_PATCH, request_param(req, "id"), err);
    if (!op || !request_if_match(req, &op->session_patch.if_version, err))
        return false;
    op->session_patch.status = in.status;
    return request_submit(req, op, err);
}

bool session_end_finish(struct request *req UNUSED, struct op *op, struct response *res,
                        struct err *err UNUSED)
{
    return answer_session(res, &op->session_patch.out.session, false);
}

/*
 * DELETE /sessions/{id}?threads=false - remove a session with its messages and contexts, and with
 * threads=true the thread of that id. Takes If-Match.
 *
 *   204       also when there is no such session
 *   errors    precondition_failed 412
 */
struct delete_query {
    bool threads;
};

static const struct member delete_query_members[] = {
    MEMBER(struct delete_query, threads, MEMBER_BOOL),
    MEMBER_END,
};

bool session_delete_start(struct request *req, struct err *err)
{
    struct delete_query query = {0};
    struct op *op;

    if (!parse_query(req, delete_query_members, &query, err))
        return false;
    op = request_op(req, OP_SESSION_DELETE, request_param(req, "id"), err);
    if (!op || !request_if_match(req, &op->session_delete.if_version, err))
        return false;
    op->session_delete.threads = query.threads;
    return request_submit(req, op, err);
}

bool session_delete_finish(struct request *req UNUSED, struct op *op UNUSED, struct response *res,
                           struct err *err UNUSED)
{
    response_empty(res);
    return true;
}

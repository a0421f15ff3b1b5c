/*
 * Many sessions in one call, each as an op of its own: a batch is not a transaction.
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
 * POST /batch/sessions/get - up to 1000 sessions by id, in order; an id that stands twice is answered
 * twice.
 *
 *   request   {"session_ids": ["s-1", "s-2"]}
 *   200       {"sessions": [session or null]}
 *   errors    invalid_request 400, overloaded 503, storage_unavailable 503
 *
 * Sessions are read in rounds of as many as are likely to fit into the memory of one answer; from STREAM_FROM
 * bytes on, what is written is sent before the next round is submitted.
 */
enum {
    ROUND_FIRST = 4, /* this many of the largest sessions take as much as all bodies may */
    ROUND_GROWTH = 4,
    ROUND_MAX = 64,
    ROUND_BYTES = 1024 * 1024,
    STREAM_FROM = 1024 * 1024,
};

struct get_body {
    struct slice session_ids;
};

static const struct member get_members[] = {
    MEMBER(struct get_body, session_ids, MEMBER_ARRAY | MEMBER_REQUIRED),
    MEMBER_END,
};

/* The ids that are asked for, and the progress. */
struct get {
    struct slice *ids;
    size_t n, asked;
    size_t round; /* how many ids the current round has */
    bool begun;   /* the answer has begun */
};

static bool submit_round(struct request *req, struct get *get, struct err *err)
{
    size_t end = get->n - get->asked < get->round ? get->n : get->asked + get->round;

    for (; get->asked < end; get->asked++) {
        struct op *op = request_op(req, OP_SESSION_GET, get->ids[get->asked], err);

        if (!op || !request_submit(req, op, err))
            return false;
    }
    return true;
}

bool session_batch_get_start(struct request *req, struct err *err)
{
    struct get_body in = {0};
    struct parse_array array = {.at = "/session_ids", .ids = true};
    struct get *get = arena_zalloc(request_arena(req), 1, sizeof(*get));

    if (!get)
        return err_no_memory(err);
    if (!parse_no_query(req, err) || !parse_body(req, get_members, &in, err))
        return false;
    array.json = in.session_ids;
    if (!parse_strings(req, &array, &get->ids, &get->n, err))
        return false;
    get->round = ROUND_FIRST;
    request_set_state(req, get);
    return submit_round(req, get, err);
}

/* How many sessions to read in the next round, if they are as large as those of this one. */
static size_t next_round(size_t round, size_t bytes)
{
    size_t fit = round * ROUND_BYTES / (bytes + 1), most = round * ROUND_GROWTH;

    if (most > ROUND_MAX)
        most = ROUND_MAX;
    return fit < 1 ? 1 : fit < most ? fit : most;
}

static bool write_round(struct text *t, const struct op *op, struct err *err)
{
    for (; op; op = op->sibling) {
        if (op->status.kind == ERR_NO_SESSION)
            json_raw(t, (struct slice){NULL, 0});
        else if (routes_op_ok(op, err))
            session_json(t, &op->session_get.out.session);
        else
            return false;
    }
    return true;
}

bool session_batch_get_finish(struct request *req, struct op *op, struct response *res,
                              struct err *err)
{
    struct get *get = request_state(req);
    struct text *t = &res->body;
    size_t before = t->len;

    if (!get->begun) {
        json_open(t, '{');
        json_key(t, "sessions");
        json_open(t, '[');
    }
    get->begun = true;
    if (!write_round(t, op, err))
        return false;
    if (get->asked < get->n) {
        get->round = next_round(get->round, t->len - before);
        res->streaming = t->len >= STREAM_FROM;
        return submit_round(req, get, err);
    }
    json_close(t, ']');
    json_close(t, '}');
    return true;
}

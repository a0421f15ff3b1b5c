/*
 * Conversations: the messages of a session, in order. Appending is idempotent by message id.
 */
#include "id.h"
#include "input.h"
#include "json.h"
#include "parse.h"
#include "place.h"
#include "response.h"
#include "routes.h"

enum {
    ROLE_MAX = 64,
    STREAM_PAGE = 500, /* messages read at a time when all are wanted */
};

/*
 * POST /conversations/{id}/messages?require_session=true - append messages, all or none.
 *
 *   request   {"role": "user", "content": any JSON, "metadata": {}, "id": "m-1"}; metadata, id
 *             optional; or {"messages": [1..1000 of these]}
 *   201, 200  {"messages": [{"id": "m-1", "seq": 1763917200000000, "timestamp": "...Z",
 *             "created": true}]}; 200 when none is new: a known id keeps what is stored
 *   errors    invalid_request 400 (also for an Idempotency-Key), session_not_found 404, too_large 413
 */
struct append {
    struct slice role, content, metadata, id;
};

struct append_body {
    struct append one; /* first member, so that one table serves both forms */
    struct slice messages;
};

static const struct member append_members[] = {
    MEMBER(struct append_body, messages, MEMBER_ARRAY),
    MEMBER(struct append, role, MEMBER_STRING),
    MEMBER(struct append, content, MEMBER_ANY),
    MEMBER(struct append, metadata, MEMBER_OBJECT),
    MEMBER(struct append, id, MEMBER_ID),
    MEMBER_END,
};

static const struct member *const message_members = append_members + 1;

struct append_query {
    bool require_session;
};

static const struct member append_query_members[] = {
    MEMBER(struct append_query, require_session, MEMBER_BOOL),
    MEMBER_END,
};

static bool new_id(struct request *req, struct slice *id, struct err *err)
{
    char *text = arena_alloc(request_arena(req), ID_UUID_LEN + 1);

    if (!text)
        return err_no_memory(err);
    id_uuid7(text);
    *id = (struct slice){text, ID_UUID_LEN};
    return true;
}

static bool check_message(struct request *req, const struct append *in, const char *at,
                          struct message *out, struct err *err)
{
    struct slice id = in->id;

    if (!slice_present(in->role))
        return err_set(err, ERR_INVALID, "%s/role: is needed", at);
    if (!slice_present(in->content))
        return err_set(err, ERR_INVALID, "%s/content: is needed", at);
    if (!input_length(in->role, ROLE_MAX, at, "role", err))
        return false;
    if (!slice_present(id) && !new_id(req, &id, err))
        return false;
    *out = (struct message){
        .id = id,
        .fresh = !slice_present(in->id),
        .role = in->role,
        .content = in->content,
        .metadata = slice_present(in->metadata) ? in->metadata : SLICE("{}"),
    };
    return true;
}

static bool read_messages(struct request *req, struct slice json, struct op_message_append *out,
                          struct err *err)
{
    struct parse_array array = {.json = json, .at = "/messages", .min = 1};
    struct slice *items;

    if (!parse_elements(req, &array, &items, &out->n, err))
        return false;
    out->messages = arena_zalloc(request_arena(req), out->n, sizeof(*out->messages));
    if (!out->messages)
        return err_no_memory(err);
    for (size_t i = 0; i < out->n; i++) {
        struct append in = {0};
        char at[PARSE_POINTER_LEN];

        parse_pointer(at, "/messages", i);
        if (!body_read_part(items[i], at, message_members, &in, request_arena(req), err) ||
            !check_message(req, &in, at, &out->messages[i], err))
            return false;
    }
    return true;
}

static bool read_message(struct request *req, const struct append *in,
                         struct op_message_append *out, struct err *err)
{
    out->messages = arena_zalloc(request_arena(req), 1, sizeof(*out->messages));
    if (!out->messages)
        return err_no_memory(err);
    out->n = 1;
    return check_message(req, in, "", out->messages, err);
}

static bool is_empty(const struct append *in)
{
    return !slice_present(in->role) && !slice_present(in->content) &&
           !slice_present(in->metadata) && !slice_present(in->id);
}

bool message_append_start(struct request *req, struct err *err)
{
    struct append_query query = {.require_session = true};
    struct append_body in = {0};
    struct op *op;

    if (!parse_query(req, append_query_members, &query, err) ||
        !parse_body(req, append_members, &in, err))
        return false;
    if (slice_present(in.messages) && !is_empty(&in.one))
        return err_set(err, ERR_INVALID,
                       "/messages: must not be sent together with role, content, metadata or id");
    op = request_op(req, OP_MESSAGE_APPEND, request_param(req, "id"), err);
    if (!op)
        return false;
    op->message_append.require_session = query.require_session;
    if (slice_present(in.messages) ? !read_messages(req, in.messages, &op->message_append, err)
                                   : !read_message(req, &in.one, &op->message_append, err))
        return false;
    return request_submit(req, op, err);
}

bool message_append_finish(struct request *req UNUSED, struct op *op, struct response *res,
                           struct err *err UNUSED)
{
    struct text *t = &res->body;
    bool any_new = false;

    json_open(t, '{');
    json_key(t, "messages");
    json_open(t, '[');
    for (size_t i = 0; i < op->message_append.n; i++) {
        const struct message *message = &op->message_append.messages[i];

        any_new = any_new || message->created;
        json_open(t, '{');
        json_member_string(t, "id", message->id);
        json_member_int(t, "seq", message->seq);
        json_member_time(t, "timestamp", message->seq);
        json_key(t, "created");
        json_bool(t, message->created);
        json_close(t, '}');
    }
    json_close(t, ']');
    json_close(t, '}');
    response_status(res, any_new ? 201 : 200);
    return true;
}

/*
 * GET /conversations/{id}/messages?limit=50&before=&after= - a page, oldest first; without cursors
 * the newest. limit=0: all of them, from the oldest on, streamed.
 *
 *   200       {"messages": [{"id", "seq", "role", "content", "timestamp", "metadata"}],
 *             "next_before", "next_after"}: cursors or null. next_before is null when nothing older
 *             exists or the page is empty; next_after may be asked again later. An unknown id has
 *             no messages
 *   errors    invalid_request 400
 */
struct list_query {
    int64_t limit;
    struct slice before, after;
};

static const struct member list_query_members[] = {
    MEMBER_RANGE(struct list_query, limit, MEMBER_INT, 0, 1000),
    MEMBER(struct list_query, before, MEMBER_STRING),
    MEMBER(struct list_query, after, MEMBER_STRING),
    MEMBER_END,
};

struct list {
    int64_t limit;              /* of one page */
    bool all;                   /* pages follow each other until the end */
    bool begun;                 /* the answer has begun */
    struct place before, after; /* bounds; `after` moves on page by page */
    struct place older;         /* the position of next_before */
    /* Holds after.id of following pages: the arenas of earlier ops may be gone. */
    char last_id[ID_MAX];
};

/* Cursors are valid for one conversation: a trim must not take a position in another one. */
static struct place_list places_of(const struct request *req)
{
    return (struct place_list){.tag = 'm', .of = {request_param(req, "id")}};
}

static bool submit_page(struct request *req, const struct list *list, struct err *err)
{
    struct op *op = request_op(req, OP_MESSAGE_LIST, request_param(req, "id"), err);

    if (!op)
        return false;
    op->message_list = (struct op_message_list){
        .limit = list->limit,
        .has_before = slice_present(list->before.id),
        .has_after = slice_present(list->after.id),
        .before = {list->before.number, list->before.id},
        .after = {list->after.number, list->after.id},
    };
    if (list->all && !op->message_list.has_after) {
        op->message_list.has_after = true; /* else it would be the newest page */
        op->message_list.after = (struct message_pos){INT64_MIN, SLICE("")};
    }
    return request_submit(req, op, err);
}

bool message_list_start(struct request *req, struct err *err)
{
    struct list_query query = {.limit = 50};
    struct place_cursor before = {.name = "before"}, after = {.name = "after"};
    struct place_list places = places_of(req);
    struct list *list = arena_zalloc(request_arena(req), 1, sizeof(*list));

    if (!list)
        return err_no_memory(err);
    if (!parse_query(req, list_query_members, &query, err))
        return false;
    before.text = query.before;
    after.text = query.after;
    if (!place_read(req, &places, &before, &list->before, err) ||
        !place_read(req, &places, &after, &list->after, err))
        return false;
    list->all = query.limit == 0;
    list->limit = list->all ? STREAM_PAGE : query.limit;
    request_set_state(req, list);
    return submit_page(req, list, err);
}

static void write_message(struct text *t, const struct message *message)
{
    json_open(t, '{');
    json_member_string(t, "id", message->id);
    json_member_int(t, "seq", message->seq);
    json_member_string(t, "role", message->role);
    json_member_raw(t, "content", message->content);
    json_member_time(t, "timestamp", message->seq);
    json_member_raw(t, "metadata", message->metadata);
    json_close(t, '}');
}

/* Keeps the position of a message beyond the life of its op. */
static void keep_last(struct list *list, const struct message *last)
{
    size_t len = last->id.len < ID_MAX ? last->id.len : ID_MAX;

    memcpy(list->last_id, last->id.at, len);
    list->after = (struct place){last->seq, {list->last_id, len}};
}

static void write_page(struct text *t, struct list *list, const struct op_message_list *page)
{
    if (!list->begun) {
        json_open(t, '{');
        json_key(t, "messages");
        json_open(t, '[');
    }
    list->begun = true;
    for (size_t i = 0; i < page->out.n; i++)
        write_message(t, &page->out.items[i]);
}

/* Remembers the positions at which the page began and ended. */
static bool keep_places(struct request *req, struct list *list, bool first,
                        const struct op_message_list *page, struct err *err)
{
    const struct message *oldest = page->out.items;

    if (page->out.n == 0)
        return true;
    if (first && page->out.more_before) {
        list->older.number = oldest->seq;
        list->older.id = arena_copy(request_arena(req), oldest->id);
        if (!slice_present(list->older.id))
            return err_no_memory(err);
    }
    keep_last(list, &page->out.items[page->out.n - 1]);
    return true;
}

bool message_list_finish(struct request *req, struct op *op, struct response *res, struct err *err)
{
    const struct op_message_list *page = &op->message_list;
    struct place_list places = places_of(req);
    struct list *list = request_state(req);
    bool first = !list->begun;

    write_page(&res->body, list, page);
    if (!keep_places(req, list, first, page, err))
        return false;
    if (list->all && page->out.n && page->out.more_after) {
        res->streaming = true;
        return submit_page(req, list, err);
    }
    json_close(&res->body, ']');
    place_write(&res->body, "next_before", &places, &list->older);
    place_write(&res->body, "next_after", &places, &list->after);
    json_close(&res->body, '}');
    return true;
}

/*
 * DELETE /conversations/{id}/messages?before=&keep_last= - remove messages that are before a cursor,
 * but never the newest keep_last; one of the two may be left out.
 *
 *   200       {"removed": 12}
 *   errors    invalid_request 400
 */
struct trim_query {
    struct slice before;
    int64_t keep_last;
};

static const struct member trim_query_members[] = {
    MEMBER(struct trim_query, before, MEMBER_STRING),
    MEMBER_RANGE(struct trim_query, keep_last, MEMBER_INT, 0, INT64_MAX),
    MEMBER_END,
};

bool message_trim_start(struct request *req, struct err *err)
{
    struct trim_query query = {.keep_last = -1};
    struct place_list places = places_of(req);
    struct place_cursor cursor = {.name = "before"};
    struct place before;
    struct op *op;

    if (!parse_query(req, trim_query_members, &query, err))
        return false;
    cursor.text = query.before;
    if (!place_read(req, &places, &cursor, &before, err))
        return false;
    if (!slice_present(before.id) && query.keep_last < 0)
        return err_set(err, ERR_INVALID, "?keep_last: keep_last or before is needed");
    if (!slice_present(before.id) && query.keep_last == 0)
        before = (struct place){INT64_MAX, SLICE("")}; /* all of them */
    op = request_op(req, OP_MESSAGE_TRIM, request_param(req, "id"), err);
    if (!op)
        return false;
    op->message_trim = (struct op_message_trim){
        .has_before = slice_present(before.id),
        .before = {before.number, before.id},
        .keep_last = query.keep_last > 0 ? query.keep_last : 0,
    };
    return request_submit(req, op, err);
}

bool message_trim_finish(struct request *req UNUSED, struct op *op, struct response *res,
                         struct err *err UNUSED)
{
    json_open(&res->body, '{');
    json_member_int(&res->body, "removed", op->message_trim.out.removed);
    json_close(&res->body, '}');
    return true;
}

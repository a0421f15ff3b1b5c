/*
 * GET /checkpoints?thread_id=&ns=&checkpoint_id=&before=&limit=10&filter=&values=true&cursor=
 * POST /checkpoints/query with the same names as members of a body, and "channels": [text, ...], which leaves out
 * values and writes of others - checkpoints, newest first.
 *
 *   200       {"values": [{"channel", "version", "type", "base64" or "len"}],
 *              "items": [a checkpoint, its "values" being indexes into the list above],
 *              "next_cursor": text or null}
 *             Accept: application/vnd.stateward.frame gives a frame.
 *   errors    invalid_request 400 (also for `before` that names no checkpoint, document form)
 *
 * Both need ROUTE_EACH_OP, as finish() must tell which parameter a store has found invalid.
 *
 * filter is a JSON object (in a query string: its text). A page may be empty and still have a
 * next_cursor: stores look at a bounded number of checkpoints a call.
 */
#include "checkpoint_json.h"
#include "cursor.h"
#include "id.h"
#include "input.h"
#include "json.h"
#include "parse.h"
#include "routes.h"

enum { LIMIT_DEFAULT = 10, LIMIT_MAX = 1000 };

enum { CURSOR_TAG = 'c' };

/* The parts of a cursor. */
enum { PART_FORM, PART_CHECKPOINT, PART_THREAD, PART_NS, PART_STAMP, PART_OWNER, PARTS };

/* Pointers for errors that the table of members does not detect: "?ns" or "/ns". */
struct pointers {
    const char *ns, *filter, *cursor, *before;
};

static const struct pointers query_pointers = {"?ns", "?filter", "?cursor", "?before"};
static const struct pointers body_pointers = {"/ns", "/filter", "/cursor", "/before"};

struct list {
    struct slice thread_id, ns, checkpoint_id, before, filter, cursor, channels;
    int64_t limit;
    bool values;
    const struct pointers *at;
};

/* clang-format off */
#define LIST_MEMBERS                                                   \
    MEMBER(struct list, thread_id, MEMBER_ID),                         \
    MEMBER(struct list, ns, MEMBER_STRING),                            \
    MEMBER(struct list, checkpoint_id, MEMBER_ID),                     \
    MEMBER(struct list, before, MEMBER_ID),                            \
    MEMBER_RANGE(struct list, limit, MEMBER_INT, 0, LIMIT_MAX),        \
    MEMBER(struct list, filter, MEMBER_OBJECT),                        \
    MEMBER(struct list, values, MEMBER_BOOL),                          \
    MEMBER(struct list, cursor, MEMBER_STRING)
/* clang-format on */

static const struct member query_members[] = {LIST_MEMBERS, MEMBER_END};

static const struct member body_members[] = {
    LIST_MEMBERS,
    MEMBER(struct list, channels, MEMBER_ARRAY),
    MEMBER_END,
};

static bool read_place(const struct slice parts[PARTS], struct checkpoint_pos *out, struct err *err)
{
    struct checkpoint_pos pos = {
        .checkpoint_id = parts[PART_CHECKPOINT],
        .thread = parts[PART_THREAD],
        .ns = parts[PART_NS],
    };
    int64_t form;

    if (!cursor_to_int(parts[PART_FORM], &form, err) ||
        !cursor_to_int(parts[PART_STAMP], &pos.stamp, err) || !id_check(pos.checkpoint_id, err) ||
        !id_check(pos.thread, err) || !input_ns_check(pos.ns, "ns", err))
        return false;
    if ((form != FORM_DOCUMENT && form != FORM_CHANNEL) || !slice_present(pos.ns))
        return err_set(err, ERR_INVALID, "no such place");
    pos.form = form == FORM_DOCUMENT ? FORM_DOCUMENT : FORM_CHANNEL;
    *out = pos;
    return true;
}

static struct slice owner(const struct list *in, char out[CURSOR_OWNER_LEN])
{
    struct slice of[] = {in->thread_id, in->ns, in->checkpoint_id, in->before, in->filter};

    return cursor_owner(of, COUNT_OF(of), out);
}

static bool read_cursor(const struct list *in, struct arena *arena, struct checkpoint_pos *out,
                        struct err *err)
{
    struct slice parts[PARTS];
    char mine[CURSOR_OWNER_LEN];

    if (!slice_present(in->cursor))
        return true;
    if (!cursor_decode(in->cursor, CURSOR_TAG, parts, PARTS, arena, err))
        return body_at(in->at->cursor, err);
    if (slice_equal(parts[PART_OWNER], owner(in, mine)) && read_place(parts, out, err))
        return true;
    return err_set(err, ERR_INVALID, "%s: " CURSOR_REFUSED, in->at->cursor);
}

static bool write_cursor(const struct list *in, const struct checkpoint_pos *pos,
                         struct arena *arena, struct slice *out, struct err *err)
{
    struct slice cursor = {NULL, 0};
    char mine[CURSOR_OWNER_LEN];
    struct slice parts[PARTS] = {
        [PART_FORM] = cursor_int(pos->form, arena),
        [PART_CHECKPOINT] = pos->checkpoint_id,
        [PART_THREAD] = pos->thread,
        [PART_NS] = pos->ns,
        [PART_STAMP] = cursor_int(pos->stamp, arena),
        [PART_OWNER] = owner(in, mine),
    };

    if (slice_present(parts[PART_FORM]) && slice_present(parts[PART_STAMP]))
        cursor = cursor_encode(CURSOR_TAG, parts, PARTS, arena);
    if (!slice_present(cursor))
        return err_no_memory(err);
    *out = cursor;
    return true;
}

static bool read_filter(struct slice text, const char *at, struct arena *arena,
                        const struct filter **out, struct err *err)
{
    struct filter *filter;

    if (!slice_present(text))
        return true;
    filter = arena_alloc(arena, sizeof(*filter));
    if (!filter)
        return err_no_memory(err);
    if (!filter_parse(text, arena, filter, err))
        return body_at(at, err);
    *out = filter;
    return true;
}

static bool read_channels(struct request *req, struct slice json, struct op_checkpoint_list *out,
                          struct err *err)
{
    struct parse_array array = {.json = json, .at = "/channels"};

    out->chooses = slice_present(json);
    return !out->chooses || parse_strings(req, &array, &out->channels, &out->n_channels, err);
}

static struct list *list_new(struct request *req, const struct pointers *at, struct err *err)
{
    struct list *in = arena_alloc(request_arena(req), sizeof(*in));

    if (!in) {
        (void)err_no_memory(err);
        return NULL;
    }
    *in = (struct list){.limit = LIMIT_DEFAULT, .values = true, .at = at};
    request_set_state(req, in);
    return in;
}

/* Checks what the table of members cannot, and submits the op unless limit is 0. */
static bool submit(struct request *req, const struct list *in, struct err *err)
{
    struct arena *arena = request_arena(req);
    struct op *op = request_op(req, OP_CHECKPOINT_LIST, in->thread_id, err);
    struct op_checkpoint_list *list;

    if (!op)
        return false;
    list = &op->checkpoint_list;
    if (!input_ns_check(in->ns, in->at->ns, err) ||
        !read_filter(in->filter, in->at->filter, arena, &list->filter, err) ||
        !read_cursor(in, arena, &list->after, err) || !read_channels(req, in->channels, list, err))
        return false;
    list->ns = in->ns;
    list->checkpoint_id = in->checkpoint_id;
    list->before = in->before;
    list->values = in->values;
    list->limit = in->limit;
    if (slice_present(in->thread_id))
        request_subject(req, in->thread_id);
    return in->limit == 0 || request_submit(req, op, err);
}

bool checkpoint_list_start(struct request *req, struct err *err)
{
    struct list *in = list_new(req, &query_pointers, err);

    return in && parse_query(req, query_members, in, err) && submit(req, in, err);
}

/* Whether the op succeeded. What a store finds invalid is `before`, if it was sent. */
static bool succeeded(const struct list *in, const struct op *op, struct err *err)
{
    if (op->status.kind == ERR_INVALID && slice_present(in->before))
        return err_set(err, ERR_INVALID, "%s: no checkpoint in this list has this id",
                       in->at->before);
    if (op->status.kind != ERR_OK)
        *err = op->status;
    return op->status.kind == ERR_OK;
}

bool checkpoint_list_finish(struct request *req, struct op *op, struct response *res,
                            struct err *err)
{
    const struct list *in = request_state(req);
    struct checkpoint_items items = {.values = in->values};
    struct slice next = {NULL, 0};

    if (op) {
        if (!succeeded(in, op, err))
            return false;
        items.at = op->checkpoint_list.out.items;
        items.n = op->checkpoint_list.out.n;
        if (op->checkpoint_list.out.more &&
            !write_cursor(in, &op->checkpoint_list.out.next, request_arena(req), &next, err))
            return false;
    }
    if (request_wants_frame(req))
        response_frame(res);
    json_open(&res->body, '{');
    if (!checkpoint_json_items(res, &items, request_arena(req), err))
        return false;
    json_member_string(&res->body, "next_cursor", next);
    json_close(&res->body, '}');
    return true;
}

bool checkpoint_query_start(struct request *req, struct err *err)
{
    struct list *in = list_new(req, &body_pointers, err);

    return in && parse_no_query(req, err) && parse_body(req, body_members, in, err) &&
           submit(req, in, err);
}

bool checkpoint_query_finish(struct request *req, struct op *op, struct response *res,
                             struct err *err)
{
    return checkpoint_list_finish(req, op, res, err);
}

/*
 * GET /threads?prefix=&updated_after=&limit=50&cursor= - threads by id, also those with only writes.
 *
 *   200       {"items": [a thread], "next_cursor": text or null}
 *
 * GET /threads/{t}
 *
 *   200       {"thread_id", "namespaces": [text], "checkpoints": n, "latest": id or null,
 *              "updated_at", "bytes": n}; 404 not_found
 *
 * DELETE /threads/{t} - checkpoints, values and writes: 204, also for an absent one.
 *
 * POST /threads/{t}/copy
 *
 *   request   {"to": "t2"}
 *   200       {"checkpoints": n, "writes": n}, zeros for an absent source
 *   errors    invalid_request 400 (also for an Idempotency-Key), thread_exists 409
 */
#include "id.h"
#include "input.h"
#include "json.h"
#include "parse.h"
#include "place.h"
#include "routes.h"

enum { LIMIT_DEFAULT = 50, LIMIT_MAX = 1000 };

struct list {
    struct slice prefix, cursor;
    int64_t updated_after, limit;
};

static const struct member list_members[] = {
    MEMBER(struct list, prefix, MEMBER_STRING),
    MEMBER(struct list, updated_after, MEMBER_TIME),
    MEMBER_RANGE(struct list, limit, MEMBER_INT, 1, LIMIT_MAX),
    MEMBER(struct list, cursor, MEMBER_STRING),
    MEMBER_END,
};

struct copy {
    struct slice to;
};

static const struct member copy_members[] = {
    MEMBER(struct copy, to, MEMBER_ID | MEMBER_REQUIRED),
    MEMBER_END,
};

static void put_thread(struct text *t, const struct thread *thread)
{
    json_open(t, '{');
    json_member_string(t, "thread_id", thread->id);
    json_key(t, "namespaces");
    json_open(t, '[');
    for (size_t i = 0; i < thread->n_namespaces; i++)
        json_utf8(t, thread->namespaces[i]);
    json_close(t, ']');
    json_member_int(t, "checkpoints", thread->checkpoints);
    json_member_string(t, "latest", thread->latest);
    json_member_time(t, "updated_at", thread->updated_us);
    json_member_int(t, "bytes", thread->bytes);
    json_close(t, '}');
}

static struct place_list places_of(const struct op_thread_list *list)
{
    struct slice after = {(const char *)&list->updated_after_us, sizeof(list->updated_after_us)};

    return (struct place_list){.tag = 't', .of = {list->prefix, after}};
}

bool thread_list_start(struct request *req, struct err *err)
{
    struct op *op = request_op(req, OP_THREAD_LIST, (struct slice){NULL, 0}, err);
    struct list in = {.limit = LIMIT_DEFAULT};
    struct place_list places;
    struct place place;

    if (!op || !parse_query(req, list_members, &in, err))
        return false;
    if (in.prefix.len > 0 && !id_check(in.prefix, err))
        return body_at("?prefix", err);
    op->thread_list.prefix = in.prefix;
    op->thread_list.updated_after_us = in.updated_after;
    places = places_of(&op->thread_list);
    if (!place_read(req, &places, &(struct place_cursor){"cursor", in.cursor}, &place, err))
        return false;
    op->thread_list.after = place.id;
    op->thread_list.limit = in.limit;
    return request_submit(req, op, err);
}

bool thread_list_finish(struct request *req, struct op *op, struct response *res, struct err *err)
{
    const struct op_thread_list *list = &op->thread_list;
    struct place_list places = places_of(list);
    struct place next = {0};
    struct text *t = &res->body;

    (void)req;
    (void)err;
    if (list->out.more)
        next.id = list->out.next;
    json_open(t, '{');
    json_key(t, "items");
    json_open(t, '[');
    for (size_t i = 0; i < list->out.n; i++)
        put_thread(t, &list->out.items[i]);
    json_close(t, ']');
    place_write(t, "next_cursor", &places, &next);
    json_close(t, '}');
    return true;
}

bool thread_get_start(struct request *req, struct err *err)
{
    struct op *op = request_op(req, OP_THREAD_GET, request_param(req, "t"), err);

    return op && parse_no_query(req, err) && request_submit(req, op, err);
}

bool thread_get_finish(struct request *req, struct op *op, struct response *res, struct err *err)
{
    (void)req;
    (void)err;
    put_thread(&res->body, &op->thread_get.out.thread);
    return true;
}

bool thread_delete_start(struct request *req, struct err *err)
{
    struct op *op = request_op(req, OP_THREAD_DELETE, request_param(req, "t"), err);

    return op && parse_no_query(req, err) && request_submit(req, op, err);
}

bool thread_delete_finish(struct request *req, struct op *op, struct response *res, struct err *err)
{
    (void)req;
    (void)op;
    (void)err;
    response_empty(res);
    return true;
}

bool thread_copy_start(struct request *req, struct err *err)
{
    struct slice thread = request_param(req, "t");
    struct op *op = request_op(req, OP_THREAD_COPY, thread, err);
    struct copy in = {0};

    if (!op || !parse_no_query(req, err) || !parse_body(req, copy_members, &in, err))
        return false;
    if (slice_equal(in.to, thread))
        return err_set(err, ERR_INVALID, "/to: must be another thread than the one in the path");
    op->thread_copy.to = in.to;
    return request_submit(req, op, err);
}

bool thread_copy_finish(struct request *req, struct op *op, struct response *res, struct err *err)
{
    struct text *t = &res->body;

    (void)req;
    (void)err;
    json_open(t, '{');
    json_member_int(t, "checkpoints", op->thread_copy.out.checkpoints);
    json_member_int(t, "writes", op->thread_copy.out.writes);
    json_close(t, '}');
    return true;
}

/* failover_ops.c - see failover_ops.h. */
#include "failover_ops.h"

#include "clock.h"

void ops_identify(struct op *op)
{
    int64_t number;

    if (op->type != OP_SESSION_PATCH || op->repeat.present)
        return;
    number = stamp_next(); /* as op id: no other op has it */
    op->repeat = (struct op_repeat){.present = true};
    memcpy(op->repeat.op_id, &number, sizeof(number));
}

void ops_stamp(struct op *op)
{
    struct op_checkpoint_put *put = &op->checkpoint_put;
    int64_t n;

    if (op->type != OP_CHECKPOINT_PUT) {
        op->stamp = stamp_next();
        return;
    }
    n = (int64_t)put->n_values + 1; /* one for each value, and for the head */
    put->first_id = stamp_take(n + 1);
    put->settled = (struct slice){NULL, 0};
    op->stamp = put->first_id + (n << STAMP_NODE_BITS);
}

/* Where an op keeps its If-Match; NULL: it has none. */
static int64_t *if_version_of(struct op *op)
{
    if (op->type == OP_SESSION_PUT)
        return &op->session_put.if_version;
    if (op->type == OP_SESSION_PATCH)
        return &op->session_patch.if_version;
    if (op->type == OP_SESSION_DELETE)
        return &op->session_delete.if_version;
    return op->type == OP_CONTEXT_PUT ? &op->context_put.if_version : NULL;
}

bool ops_is_conditional(const struct op *op)
{
    static const bool always[OP_TYPE_COUNT] = {
        [OP_MESSAGE_TRIM] = true, [OP_THREAD_PRUNE] = true, [OP_THREAD_COPY] = true,
        [OP_RUNS_DELETE] = true,  [OP_CLEANUP] = true,      [OP_TENANT_FORGET] = true,
    };
    struct op copy = *op;
    const int64_t *if_version = if_version_of(&copy);

    return always[op->type] || (if_version && *if_version != IF_NONE) ||
           (op->type == OP_SESSION_PUT && op->session_put.create_only);
}

bool ops_is_sweep(const struct op *op)
{
    return op->type == OP_CLEANUP && op->cleanup.expired;
}

/* Whether the op itself is run in the other store, since it leaves no record to be merged. */
static bool is_done_twice(const struct op *op)
{
    return op->type == OP_TENANT_FORGET || (ops_is_sweep(op) && op->n_copies == 0);
}

bool ops_needs_copy(const struct op *op)
{
    return op->n_copies > 0 || ops_is_sweep(op) ||
           (op->type == OP_TENANT_FORGET && op->tenant_forget.out.removed);
}

static size_t name(struct record_name *names, size_t n, const struct op *op, enum record_kind kind)
{
    names[n] = (struct record_name){.kind = kind, .key = {.id = op->id}};
    return n + 1;
}

/* Names the messages of an append, or none if all were new. */
static size_t name_messages(struct record_name *names, const struct op *op)
{
    size_t n = name(names, 0, op, RECORD_SESSION);
    bool all_new = true;

    for (size_t i = 0; i < op->message_append.n; i++) {
        n = name(names, n, op, RECORD_MESSAGE);
        names[n - 1].key.sub = op->message_append.messages[i].id;
        all_new &= op->message_append.messages[i].created;
    }
    return all_new ? 0 : n;
}

static size_t name_request(struct record_name *names, size_t n, const struct op *op)
{
    n = name(names, n, op, RECORD_REPEAT);
    names[n - 1].key.sub = (struct slice){(const char *)op->repeat.op_id, BLOB_HASH_LEN};
    return n;
}

static size_t name_session(struct record_name *names, const struct op *op)
{
    size_t n = name(names, 0, op, RECORD_SESSION);

    return op->repeat.present ? name_request(names, n, op) : n;
}

static size_t name_task(struct record_name *names, const struct op *op)
{
    size_t n = name(names, 0, op, RECORD_THREAD);

    n = name(names, n, op, RECORD_TASK);
    names[n - 1].key.ns = op->writes_put.ns;
    names[n - 1].key.sub = op->writes_put.checkpoint_id;
    names[n - 1].key.task = op->writes_put.task_id;
    return n;
}

/* An op about the same id, at the same time. */
static struct op beside(const struct op *op, enum op_type type)
{
    return (struct op){
        .type = type,
        .tenant = op->tenant,
        .id = op->id,
        .now_us = op->now_us,
        .stamp = op->stamp,
        .arena = op->arena,
    };
}

bool ops_ask(const struct op *op, struct op *ask)
{
    size_t max = 2 + (op->type == OP_MESSAGE_APPEND ? op->message_append.n : 0), n = 0;
    struct record_name *names;

    if (op->type != OP_MESSAGE_APPEND && op->n_copies > 0)
        return false;
    names = arena_alloc(op->arena, max * sizeof(*names));
    if (!names)
        return false; /* the outbox says what must be copied */
    if (op->type == OP_MESSAGE_APPEND)
        n = name_messages(names, op);
    else if (op->type == OP_SESSION_PUT || op->type == OP_SESSION_PATCH)
        n = name_session(names, op);
    else if (op->type == OP_WRITES_PUT)
        n = name_task(names, op);
    *ask = beside(op, OP_RECORDS_GET);
    ask->records_get = (struct op_records_get){.names = names, .n = n};
    return n > 0;
}

bool ops_recall(const struct op *op, struct op *ask)
{
    struct record_name *names = arena_alloc(op->arena, sizeof(*names));

    if (!names)
        return false;
    *ask = beside(op, OP_RECORDS_GET);
    ask->records_get = (struct op_records_get){.names = names, .n = name_request(names, 0, op)};
    return true;
}

bool ops_bring(const struct op *op, struct op *asked)
{
    const struct record *items = asked->records_get.out.items;
    size_t n = asked->records_get.out.n;

    for (size_t i = 0; i < n; i++)
        if (items[i].repeat.at_us <= op->now_us - REPEAT_WINDOW_US)
            return false;
    *asked = beside(op, OP_MERGE);
    asked->merge = (struct op_merge){.items = items, .n = n};
    return n > 0;
}

/* Lists the copies in the order in which they are merged. False: some are names without a record, and
 * must be copied from the outbox. */
static bool merge_copies(const struct op *op, struct op *copy)
{
    struct record *items = arena_alloc(op->arena, op->n_copies * sizeof(*items));
    size_t n = 0;

    for (int kind = 0; items && kind < RECORD_MESSAGES; kind++)
        for (size_t i = 0; i < op->n_copies; i++)
            if ((int)op->copies[i].kind == kind)
                items[n++] = op->copies[i];
    copy->merge.items = items;
    copy->merge.n = n;
    return n == op->n_copies;
}

bool ops_copy(const struct op *op, struct op *copy)
{
    *copy = beside(op, OP_MERGE);
    if (!is_done_twice(op))
        return merge_copies(op, copy);
    copy->type = op->type;
    if (op->type == OP_CLEANUP) { /* sessions are removed in the primary, and copied */
        copy->cleanup = op->cleanup;
        copy->cleanup.sessions_stay = true;
    }
    return true;
}

/* Where the answer says whether something was created; NULL: nowhere. */
static bool *created_of(struct op *op)
{
    if (op->type == OP_SESSION_PUT)
        return &op->session_put.out.created;
    if (op->type == OP_CHECKPOINT_PUT)
        return &op->checkpoint_put.out.created;
    return op->type == OP_WRITES_PUT ? &op->writes_put.out.created : NULL;
}

bool ops_make_again(struct op *op, bool *created, bool rerun)
{
    static const bool can[OP_TYPE_COUNT] = {
        [OP_SESSION_PUT] = true,    [OP_SESSION_PATCH] = true, [OP_SESSION_DELETE] = true,
        [OP_CHECKPOINT_PUT] = true, [OP_WRITES_PUT] = true,    [OP_THREAD_DELETE] = true,
    };
    int64_t *if_version = if_version_of(op);

    if (!can[op->type])
        return false;
    if (!rerun && created_of(op))
        *created = *created_of(op);
    if (if_version)
        *if_version = IF_NONE;
    if (op->type == OP_SESSION_PUT)
        op->session_put.create_only = false;
    if (op->type == OP_SESSION_PATCH) {
        op->session_patch.increment_requests = op->session_patch.mark_error = false;
        op->session_patch.add_processing_time = 0;
    }
    op->repeat.present = false; /* the first run has noted the request */
    return true;
}

void ops_restore(struct op *op, bool created)
{
    if (created_of(op))
        *created_of(op) = created;
}

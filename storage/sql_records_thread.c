/* sql_records_thread.c - OP_READ_RANGE of threads and their contents; see record.h. */
#include "damage.h"
#include "pack.h"
#include "record_fields.h"
#include "sorted.h"
#include "sql_load.h"
#include "sql_marks.h"
#include "sql_ops.h"

struct reader {
    struct loader load;
    struct op *op;
    int64_t orphans_of; /* the namespace that `orphans` is of */
    int64_t *orphans;
    size_t n_orphans;
};

static bool read_thread(struct reader *r, struct query *q, struct record *out, struct err *err)
{
    out->thread = record_thread_of(query_col_int(q, 1), query_col_int(q, 2));
    return query_copy(q, 0, r->load.arena, &out->key.id, err);
}

static bool read_place(struct reader *r, struct query *q, struct record *out, struct err *err)
{
    return query_copy(q, 0, r->load.arena, &out->key.id, err) &&
           query_copy(q, 1, r->load.arena, &out->key.ns, err);
}

static bool read_value(struct reader *r, struct query *q, struct record *out, struct err *err)
{
    struct value *value;

    out->key.number = query_col_int(q, 2);
    if (!read_place(r, q, out, err) || !load_row(&r->load, out->key.number, &value, err))
        return false;
    out->value = (struct record_value){value->of, value->blob};
    return true;
}

/* Reads a row of columns as in CHECKPOINT_READ. */
static bool take_checkpoint(struct reader *r, struct query *q, struct record *out, struct err *err)
{
    struct record_checkpoint *to = &out->checkpoint;
    int64_t *refs;

    to->stamp = query_col_int(q, 1);
    to->form = (enum form)query_col_int(q, 2);
    to->created_us = query_col_int(q, 3);
    to->head = query_col_int(q, 5);
    if (!query_copy(q, 0, r->load.arena, &out->key.sub, err) ||
        !query_copy(q, 4, r->load.arena, &to->parent_id, err) ||
        !query_copy(q, 7, r->load.arena, &to->metadata, err) ||
        !query_copy(q, 8, r->load.arena, &to->run_id, err) ||
        !unpack_refs(query_col(q, 6), r->load.arena, &refs, &to->n_refs, err))
        return false;
    to->refs = refs;
    return true;
}

static bool read_checkpoint(struct reader *r, struct query *q, struct record *out, struct err *err)
{
    AUTO(query_end) struct query row = {0};
    bool found;

    if (!read_place(r, q, out, err) || !query_begin(r->load.d, SQL_CHECKPOINT_READ, &row, err))
        return false;
    query_int(&row, query_col_int(q, 2));
    return query_step(&row, &found, err) && take_checkpoint(r, &row, out, err);
}

/* Unpacks the writes of a task. */
static bool take_writes(struct reader *r, struct slice body, struct record *out, struct err *err)
{
    struct record_task *to = &out->task;

    if (!unpack_writes(body, r->load.arena, &to->writes, &to->n_writes, err))
        return false;
    for (size_t i = 0; i < to->n_writes; i++) {
        to->writes[i].task_id = out->key.task;
        to->writes[i].task_path = to->task_path;
    }
    return true;
}

static bool read_task(struct reader *r, struct query *q, struct record *out, struct err *err)
{
    struct record_task *to = &out->task;
    struct slice body;

    if (!read_place(r, q, out, err) || !query_copy(q, 2, r->load.arena, &out->key.sub, err) ||
        !query_copy(q, 3, r->load.arena, &out->key.task, err) ||
        !query_copy(q, 4, r->load.arena, &to->task_path, err) ||
        !query_copy(q, 8, r->load.arena, &body, err))
        return false;
    to->stamp = query_col_int(q, 5);
    to->seq = query_col_int(q, 6);
    to->form = (enum form)query_col_int(q, 7);
    return take_writes(r, body, out, err);
}

/*
 * A value from another store may be older than the deletion of the thread. It lives if a younger checkpoint
 * refers to it; otherwise it is dead, even if its row is still there.
 */
static bool is_dead(struct reader *r, struct query *q, bool *dead, struct err *err)
{
    int64_t id = query_col_int(q, 2), ns = query_col_int(q, 3);

    *dead = false;
    if (id > query_col_int(q, 4))
        return true;
    if (r->orphans_of != ns &&
        !marks_orphans(r->load.d, &(struct marks_bound){ns, query_col_int(q, 4)}, r->load.arena,
                       &r->orphans, &r->n_orphans, err))
        return false;
    r->orphans_of = ns;
    *dead = sorted_number(r->orphans, r->n_orphans, id) != NULL;
    return true;
}

static bool read_record(struct reader *r, struct query *q, struct record *out, struct err *err)
{
    *out = (struct record){.kind = r->op->read_range.kind};
    switch (out->kind) {
    case RECORD_THREAD:
        return read_thread(r, q, out, err);
    case RECORD_VALUE:
        return read_value(r, q, out, err);
    case RECORD_CHECKPOINT:
        return read_checkpoint(r, q, out, err);
    case RECORD_TASK:
        return read_task(r, q, out, err);
    case RECORD_SESSION:
    case RECORD_MESSAGE:
    case RECORD_CONTEXT:
    case RECORD_KIND_COUNT:
    case RECORD_PENDING:
    case RECORD_MESSAGES:
    case RECORD_CHECKPOINTS:
    case RECORD_CONTENTS:
        break;
    }
    return err_set(err, ERR_INTERNAL, "not a record of a thread");
}

/* Begins the statement of the kind, after the key `after`. */
static bool begin(struct reader *r, int64_t tenant, struct query *q, struct err *err)
{
    static const enum sql_statement statements[RECORD_KIND_COUNT] = {
        [RECORD_THREAD] = SQL_RECORDS_THREAD,
        [RECORD_VALUE] = SQL_RECORDS_VALUE,
        [RECORD_CHECKPOINT] = SQL_RECORDS_CHECKPOINT,
        [RECORD_TASK] = SQL_RECORDS_TASK,
    };
    const struct record_key *after = &r->op->read_range.after;
    enum record_kind kind = r->op->read_range.kind;

    if (!query_begin(r->load.d, statements[kind], q, err))
        return false;
    query_int(q, tenant);
    query_blob(q, load_text(after->id));
    if (kind != RECORD_THREAD)
        query_blob(q, load_text(after->ns));
    if (kind == RECORD_VALUE)
        query_int(q, after->number);
    if (kind == RECORD_CHECKPOINT || kind == RECORD_TASK)
        query_blob(q, load_text(after->sub));
    if (kind == RECORD_TASK)
        query_blob(q, load_text(after->task));
    if (kind != RECORD_VALUE)
        query_int(q, r->load.expired_us);
    return true;
}

bool sql_thread_records_read(struct sql *d, int64_t tenant, struct op *op, struct err *err)
{
    struct op_read_range *range = &op->read_range;
    struct reader r = {.load = load_start(d, op), .op = op};
    AUTO(query_end) struct query q = {0};
    struct record *items;
    bool found, dead = false;
    size_t n = 0, bytes = 0;

    items = arena_alloc(op->arena, (size_t)range->limit * sizeof(*items));
    if (!items)
        return err_no_memory(err);
    if (!begin(&r, tenant, &q, err))
        return false;
    for (;;) {
        if (!query_step(&q, &found, err) ||
            (found && range->kind == RECORD_VALUE && !is_dead(&r, &q, &dead, err)))
            return false;
        if (found && dead)
            continue;
        if (!found || n == (size_t)range->limit || bytes >= PAGE_BYTES_MAX)
            break;
        if (!read_record(&r, &q, &items[n], err))
            return damage_at(&(struct damage_place){.thread = items[n].key.id,
                                                    .ns = items[n].key.ns,
                                                    .checkpoint = items[n].key.sub},
                             err);
        bytes += record_bytes(&items[n++]);
    }
    range->out.items = items;
    range->out.n = n;
    range->out.more = found;
    return true;
}

bool sql_thread_record_ask(struct sql *d, int64_t tenant, const struct record_name *name,
                           struct query *q, struct err *err)
{
    static const enum sql_statement statements[RECORD_KIND_COUNT] = {
        [RECORD_THREAD] = SQL_THREAD_FIND,
        [RECORD_VALUE] = SQL_VALUE_READ,
        [RECORD_CHECKPOINT] = SQL_GET_CHECKPOINT,
        [RECORD_TASK] = SQL_LOOK_TASK,
    };
    const struct record_key *key = &name->key;

    if (!query_begin(d, statements[name->kind], q, err))
        return false;
    if (name->kind == RECORD_VALUE) {
        query_int(q, key->number);
        return query_ask(q, err);
    }
    query_int(q, tenant);
    query_blob(q, key->id);
    if (name->kind != RECORD_THREAD) {
        query_blob(q, load_text(key->ns));
        query_blob(q, key->sub);
    }
    if (name->kind == RECORD_TASK)
        query_blob(q, key->task);
    return query_ask(q, err);
}

static bool take_value(struct reader *r, struct query *q, struct record *out, struct err *err)
{
    struct value *value;

    if (!load_take(&r->load, q, &value, err))
        return false;
    out->value = (struct record_value){value->of, value->blob};
    return true;
}

/* *found: there is such a task; its checkpoint may exist or not. */
static bool take_task(struct reader *r, struct query *q, struct record *out, bool *found,
                      struct err *err)
{
    struct record_task *to = &out->task;
    struct slice body;

    *found = query_col_int(q, 3) != 0;
    if (!*found)
        return true;
    to->form = (enum form)query_col_int(q, 2);
    to->seq = query_col_int(q, 4);
    to->stamp = query_col_int(q, 5);
    return query_copy(q, 6, r->load.arena, &body, err) &&
           query_copy(q, 7, r->load.arena, &to->task_path, err) && take_writes(r, body, out, err);
}

bool sql_thread_record_take(struct op *op, struct query *q, struct record *out, bool *found,
                            struct err *err)
{
    struct reader r = {.load = load_start(q->d, op), .op = op};

    if (!query_step(q, found, err))
        return false;
    if (!*found)
        return true;
    if (out->kind == RECORD_VALUE)
        return take_value(&r, q, out, err);
    if (out->kind == RECORD_TASK)
        return take_task(&r, q, out, found, err);
    if (out->kind == RECORD_THREAD) {
        out->thread = record_thread_of(query_col_int(q, 1), query_col_int(q, 2));
        return true;
    }
    *found = query_col_int(q, 1) > 0; /* otherwise it is only an anchor of writes */
    return !*found || take_checkpoint(&r, q, out, err);
}

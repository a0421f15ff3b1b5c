/* sql_target.c - see sql_target.h. */
#include "sql_target.h"

#include "blob_hash.h"
#include "clock.h"
#include "pack.h"
#include "record_fields.h"
#include "sql_removal.h"

static void bind_place(struct query *q, const struct target *t)
{
    query_int(q, t->key.tenant);
    query_blob(q, t->key.thread);
    query_blob(q, t->key.ns);
}

/* Asks for thread, namespace, checkpoint, and the task, or how many of the bases exist. */
static bool ask_row(struct sql *d, const struct op *op, const struct target *t, struct query *q,
                    struct err *err)
{
    bool task = slice_present(t->task_id);

    if (!query_begin(d, task ? SQL_TARGET_TASK : SQL_TARGET_CHECKPOINT, q, err))
        return false;
    bind_place(q, t);
    query_blob(q, t->checkpoint_id);
    if (task)
        query_blob(q, t->task_id);
    else if (!load_bind_numbers(q, t->values ? t->values->bases : NULL,
                                t->values ? t->values->n_bases : 0, op->arena, err))
        return false;
    return query_ask(q, err);
}

bool target_bind_names(struct query *q, const struct channel_version *names, size_t n,
                       struct arena *arena, struct err *err)
{
    int64_t *keys = arena_alloc(arena, (n + 1) * sizeof(*keys));

    if (!keys)
        return err_no_memory(err);
    for (size_t i = 0; i < n; i++)
        keys[i] = blob_key(names[i].channel, names[i].version);
    return load_bind_numbers(q, keys, n, arena, err);
}

static bool ask_carried(struct sql *d, const struct op *op, const struct target_values *values,
                        const struct target *t, struct query *q, struct err *err)
{
    if (!query_begin(d, SQL_TARGET_CARRIED, q, err))
        return false;
    bind_place(q, t);
    return target_bind_names(q, values->carried, values->n_carried, op->arena, err) &&
           query_ask(q, err);
}

static bool take_task(struct query *q, struct arena *arena, struct task_row *task, struct err *err)
{
    task->id = query_col_int(q, TARGET_TASK);
    task->seq = query_col_int(q, TARGET_SEQ);
    task->stamp = query_col_int(q, TARGET_STAMP);
    return query_copy(q, TARGET_BODY, arena, &task->body, err) &&
           query_copy(q, TARGET_PATH, arena, &task->task_path, err);
}

static bool take_row(struct query *q, const struct op *op, struct target *t, struct err *err)
{
    bool found;

    t->ns = (struct ns_row){0};
    t->row = (struct checkpoint_row){0};
    t->task = (struct task_row){0};
    if (!query_step(q, &found, err))
        return false;
    if (!found)
        return true;
    t->ns = (struct ns_row){
        .thread = query_col_int(q, 0),
        .tomb = query_col_int(q, 1),
        .id = query_col_int(q, 2),
        .form = (enum form)query_col_int(q, 3),
        .last_stamp = query_col_int(q, 4),
    };
    t->row = (struct checkpoint_row){
        .id = query_col_int(q, 5),
        .stamp = query_col_int(q, 6),
        .created_us = query_col_int(q, 7),
        .head = query_col_int(q, 8),
        .metadata_len = query_col_int(q, 9),
    };
    if (slice_present(t->task_id))
        return take_task(q, op->arena, &t->task, err);
    if (t->values)
        t->values->known = query_col_int(q, TARGET_KNOWN);
    return true;
}

/* Sorts the carried names in the form in which they are stored. */
static bool sort_carried(struct target_values *values, struct arena *arena, struct err *err)
{
    struct wanted_list list = {.n = values->n_carried};
    char room[PACKED_VERSION_MAX];

    list.items = arena_alloc(arena, list.n * sizeof(*list.items));
    if (!list.items)
        return err_no_memory(err);
    for (size_t i = 0; i < list.n; i++) {
        struct slice version = pack_version(values->carried[i].version, room);

        if (version.at == room)
            version = arena_copy(arena, version);
        if (!version.at && values->carried[i].version.at)
            return err_no_memory(err);
        list.items[i] = (struct wanted){{values->carried[i].channel, version}, i};
    }
    wanted_sort(&list);
    values->by_name = list;
    return true;
}

/* Gives a row to all names that want it and have none yet. */
static void take_newest(struct target_values *values, const struct channel_version *of, int64_t id)
{
    const struct wanted *w = wanted_find(&values->by_name, of);

    for (; w && values->newest[w->index] == 0; w = wanted_next(&values->by_name, w))
        values->newest[w->index] = id;
}

/* Rows come newest first, and include those of other channels with the same key. */
static bool take_carried(struct query *q, const struct op *op, struct target_values *values,
                         struct err *err)
{
    bool found;

    memset(values->newest, 0, values->n_carried * sizeof(*values->newest));
    for (;;) {
        if (!query_step(q, &found, err))
            return false;
        if (!found)
            return true;
        if (values->by_name.n == 0 && !sort_carried(values, op->arena, err))
            return false;
        take_newest(values, &(struct channel_version){query_col(q, 1), query_col(q, 2)},
                    query_col_int(q, 0));
    }
}

/* The first statement locks the thread for the following ones. */
bool target_find(struct sql *d, const struct op *op, struct target *t, struct err *err)
{
    AUTO(query_end) struct query row = {0}, carried = {0};
    bool carries = t->values && t->values->n_carried > 0;

    return ask_row(d, op, t, &row, err) &&
           (!carries || ask_carried(d, op, t->values, t, &carried, err)) &&
           take_row(&row, op, t, err) && (!carries || take_carried(&carried, op, t->values, err));
}

static bool remove_checkpoint(struct sql *d, const struct op *op, struct target *t, struct err *err)
{
    struct doomed_item item = {t->ns.id, t->row.id, doomed_mark(t->row.stamp, t->row.created_us)};
    struct doomed list = {.arena = op->arena};

    return doomed_add(&list, &item, err) && removal_whole(d, &list, INT64_MAX, err) &&
           target_find(d, op, t, err);
}

/* The newest write of an anchor has not expired, so the anchor does not become empty. */
static bool remove_writes(struct sql *d, const struct op *op, struct target *t, int64_t expired_us,
                          struct err *err)
{
    struct ns_change change = {0};
    struct query q;
    bool row;

    if (!query_begin(d, SQL_TASK_EXPIRED, &q, err))
        return false;
    query_int(&q, t->row.id);
    query_int(&q, expired_us);
    for (;;) {
        if (!query_step(&q, &row, err))
            return false;
        if (!row)
            break;
        change.bytes -= query_col_int(&q, 0);
    }
    query_end(&q);
    return change.bytes == 0 || (ns_grow(d, t->ns.id, &change, err) && target_find(d, op, t, err));
}

/* First empties a namespace of the other form if everything in it has expired. */
static bool open_namespace(struct sql *d, const struct op *op, struct target *t, struct err *err)
{
    struct ns_row *row = &t->ns;

    if (!target_find(d, op, t, err))
        return false;
    if (row->form == FORM_NONE || row->form == t->form)
        return true;
    if (d->checkpoint_ttl_us > 0 &&
        (!removal_expire(d, row->thread, clock_expired_us(d->checkpoint_ttl_us, op->now_us), err) ||
         !target_find(d, op, t, err)))
        return false;
    if (row->form == FORM_NONE || row->form == t->form)
        return true;
    return err_set(err, ERR_FORM, "This namespace of the thread holds checkpoints of the %s form.",
                   row->form == FORM_CHANNEL ? "channel" : "document");
}

int64_t target_written_us(const struct target *t, const struct op *op)
{
    return record_thread_time(t->ns.tomb, op->now_us);
}

bool target_open(struct sql *d, const struct op *op, struct target *t, struct err *err)
{
    int64_t expired_us = clock_expired_us(d->checkpoint_ttl_us, op->now_us);

    if (!open_namespace(d, op, t, err))
        return false;
    if (t->row.id == 0 || expired_us == INT64_MIN)
        return true;
    if (t->row.created_us <= expired_us)
        return remove_checkpoint(d, op, t, err);
    return t->row.stamp > 0 || remove_writes(d, op, t, expired_us, err);
}

bool checkpoint_store(struct sql *d, struct target *t, const struct checkpoint_cells *cells,
                      struct err *err)
{
    bool known = t->row.id != 0;
    struct query q;

    if (!query_begin(d, known ? SQL_CHECKPOINT_UPDATE : SQL_CHECKPOINT_INSERT, &q, err))
        return false;
    query_int(&q, cells->stamp);
    query_int(&q, cells->form);
    query_int(&q, cells->created_us);
    query_blob(&q, cells->parent_id);
    query_blob(&q, cells->run_id);
    query_int(&q, cells->head);
    query_blob(&q, cells->refs);
    query_blob(&q, cells->metadata);
    query_int(&q, known ? t->row.id : t->ns.id);
    if (!known)
        query_blob(&q, t->checkpoint_id);
    t->made = !known;
    return query_run(&q, err);
}

/* Makes or updates an anchor, which is as old as its newest write. */
static bool make_anchor(struct sql *d, struct target *t, int64_t stamp, struct err *err)
{
    struct checkpoint_cells cells = {.created_us = stamp_us(stamp), .form = t->form};

    struct query q;

    if (t->row.id == 0 && !t->made)
        return checkpoint_store(d, t, &cells, err);
    if (t->row.stamp > 0)
        return true;
    if (!query_begin(d, SQL_CHECKPOINT_AGE, &q, err))
        return false;
    query_int(&q, t->ns.id);
    query_blob(&q, t->checkpoint_id);
    query_int(&q, cells.created_us);
    return query_run(&q, err);
}

bool task_store(struct sql *d, struct target *t, struct slice task_id, const struct task_row *task,
                struct err *err)
{
    struct query q;

    if (!make_anchor(d, t, task->stamp, err) ||
        !query_begin(d, task->id ? SQL_TASK_UPDATE : SQL_TASK_INSERT, &q, err))
        return false;
    query_blob(&q, load_text(task->task_path));
    query_int(&q, task->seq);
    query_int(&q, task->stamp);
    query_blob(&q, task->body);
    query_int(&q, t->row.id);
    query_blob(&q, task_id);
    if (task->id == 0) {
        query_int(&q, t->ns.id);
        query_blob(&q, t->checkpoint_id);
    }
    return query_run(&q, err);
}

int64_t value_row_key(const struct blob *blob, const struct channel_version *of)
{
    return of ? blob_key(of->channel, of->version) : blob->base_id;
}

static void bind_value(struct query *q, int64_t ns, const struct blob *blob,
                       const struct channel_version *of, char room[PACKED_VERSION_MAX])
{
    int64_t key = value_row_key(blob, of);
    struct slice none = {NULL, 0};

    query_int(q, blob->id);
    query_int(q, ns);
    if (of || key)
        query_int(q, key);
    else
        query_null(q);
    query_int(q, blob->base_id);
    query_int(q, blob->encoding);
    query_blob(q, (struct slice){(const char *)blob->hash, BLOB_HASH_LEN});
    query_blob(q, of ? load_text(of->channel) : none);
    query_blob(q, of ? pack_version(load_text(of->version), room) : none);
    query_blob(q, blob->type);
    query_blob(q, load_text(blob->bytes));
}

bool value_add(struct sql *d, int64_t ns, const struct blob *blob, const struct channel_version *of,
               struct err *err)
{
    char room[PACKED_VERSION_MAX];
    struct query q;

    if (!query_begin(d, SQL_VALUE_INSERT, &q, err))
        return false;
    bind_value(&q, ns, blob, of, room);
    return query_run(&q, err);
}

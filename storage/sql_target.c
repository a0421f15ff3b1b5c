/* sql_target.c - see sql_target.h. */
#include "sql_target.h"

#include "blob_hash.h"
#include "clock.h"
#include "pack.h"
#include "sql_removal.h"

static bool remove_checkpoint(struct sql *d, const struct op *op, struct target *t, struct err *err)
{
    struct doomed_item item = {t->ns.id, t->row.id, doomed_mark(t->row.stamp, t->row.created_us)};
    struct doomed list = {.arena = op->arena};

    if (!doomed_add(&list, &item, err) || !removal_whole(d, &list, err) ||
        !ns_find(d, &t->key, &t->ns, err))
        return false;
    t->row = (struct checkpoint_row){0};
    return true;
}

/* The newest write of an anchor is alive, so it does not become empty. */
static bool remove_writes(struct sql *d, const struct target *t, int64_t expired_us,
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
    return change.bytes == 0 || ns_grow(d, t->ns.id, &change, err);
}

/* A namespace of the other form in which everything has expired is emptied first. */
static bool open_namespace(struct sql *d, const struct op *op, struct target *t, struct err *err)
{
    struct ns_row *row = &t->ns;

    if (!ns_find(d, &t->key, row, err))
        return false;
    if (row->form == FORM_NONE || row->form == t->form)
        return true;
    if (d->checkpoint_ttl_us > 0 &&
        (!removal_expire(d, row->thread, ns_expired_us(d, op->now_us), err) ||
         !ns_find(d, &t->key, row, err)))
        return false;
    if (row->form == FORM_NONE || row->form == t->form)
        return true;
    return err_set(err, ERR_FORM, "This namespace of the thread holds checkpoints of the %s form.",
                   row->form == FORM_CHANNEL ? "channel" : "document");
}

bool target_open(struct sql *d, const struct op *op, struct target *t, struct err *err)
{
    int64_t expired_us = ns_expired_us(d, op->now_us);

    t->row = (struct checkpoint_row){0};
    if (!open_namespace(d, op, t, err))
        return false;
    if (t->ns.id && !checkpoint_find(d, t->ns.id, t->checkpoint_id, &t->row, err))
        return false;
    if (t->row.id == 0 || expired_us == INT64_MIN)
        return true;
    if (t->row.created_us <= expired_us)
        return remove_checkpoint(d, op, t, err);
    return t->row.stamp > 0 || remove_writes(d, t, expired_us, err);
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
    return known ? query_run(&q, err) : query_make(&q, &t->row.id, err);
}

/* An anchor is as old as its newest write. */
static bool make_anchor(struct sql *d, struct target *t, int64_t stamp, struct err *err)
{
    struct checkpoint_cells cells = {.created_us = stamp_us(stamp), .form = t->form};

    if (t->row.id == 0)
        return checkpoint_store(d, t, &cells, err);
    return t->row.stamp > 0 || query_do(d, SQL_CHECKPOINT_AGE, t->row.id, cells.created_us, err);
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
    return query_run(&q, err);
}

bool value_put(struct sql *d, int64_t ns, const struct blob *blob, const struct channel_version *of,
               bool *added, struct err *err)
{
    char room[PACKED_VERSION_MAX];
    struct slice none = {NULL, 0};
    int64_t changes;
    struct query q;

    if (!query_begin(d, SQL_VALUE_PUT, &q, err))
        return false;
    query_int(&q, blob->id);
    query_int(&q, ns);
    if (of)
        query_int(&q, blob_key(of->channel, of->version));
    else if (blob->base_id)
        query_int(&q, blob->base_id);
    else
        query_null(&q);
    query_int(&q, blob->base_id);
    query_int(&q, blob->encoding);
    query_blob(&q, (struct slice){(const char *)blob->hash, BLOB_HASH_LEN});
    query_blob(&q, of ? load_text(of->channel) : none);
    query_blob(&q, of ? pack_version(load_text(of->version), room) : none);
    query_blob(&q, blob->type);
    query_blob(&q, load_text(blob->bytes));
    if (!query_change(&q, &changes, err))
        return false;
    *added = changes > 0;
    return true;
}

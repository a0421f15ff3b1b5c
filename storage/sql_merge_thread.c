/* sql_merge_thread.c - OP_MERGE of threads and their contents; see record.h. */
#include "clock.h"
#include "pack.h"
#include "sql_garbage.h"
#include "sql_look.h"
#include "sql_ops.h"
#include "sql_removal.h"
#include "sql_target.h"
#include "writes.h"

struct merge {
    struct loader load;
    struct look *look;
    size_t i;
    const struct record *record;
    struct target at;
    struct sql_merged out;
};

/* Removes a dead checkpoint, but keeps younger writes on it. */
static bool kill_checkpoint(struct sql *d, int64_t row, struct err *err)
{
    int64_t newest = 0;

    if (!query_number(d, SQL_TASK_NEWEST, (int64_t[]){row, 0}, &newest, err))
        return false;
    return newest ? query_do(d, SQL_CHECKPOINT_UNDO, row, stamp_us(newest), err)
                  : query_do(d, SQL_CHECKPOINT_DROP, row, 0, err);
}

/* Lists row ids, the first column of a statement that takes up to two numbers. */
static bool list_rows(struct merge *m, enum sql_statement which, int64_t a, int64_t b,
                      struct doomed *list, struct err *err)
{
    AUTO(query_end) struct query q = {0};
    bool found;

    if (!query_begin(m->load.d, which, &q, err))
        return false;
    query_int(&q, a);
    if (query_parameters(&q) > 1)
        query_int(&q, b);
    for (;;) {
        if (!query_step(&q, &found, err))
            return false;
        if (!found)
            return true;
        if (!doomed_add(list, &(struct doomed_item){.id = query_col_int(&q, 0)}, err))
            return false;
    }
}

/*
 * Removes what a deletion elsewhere covers; the tomb is already in the row of the thread. A task that
 * stays gets the place in the order of its newest write.
 */
static bool kill_below(struct merge *m, int64_t thread, int64_t tomb, struct err *err)
{
    struct doomed dead = {.arena = m->load.arena}, spaces = {.arena = m->load.arena};

    if (!query_do(m->load.d, SQL_TASK_DEAD, thread, tomb, err) ||
        !query_do(m->load.d, SQL_TASK_RESEQ, thread, tomb, err) ||
        !list_rows(m, SQL_CHECKPOINT_DEAD, thread, tomb, &dead, err) ||
        !list_rows(m, SQL_THREAD_NAMESPACES, thread, 0, &spaces, err))
        return false;
    for (size_t i = 0; i < dead.n; i++)
        if (!kill_checkpoint(m->load.d, dead.items[i].id, err))
            return false;
    for (size_t i = 0; i < spaces.n; i++)
        if (!doomed_settle_below(m->load.d, spaces.items[i].id, tomb, err))
            return false;
    return true;
}

static bool merge_thread(struct merge *m, struct err *err)
{
    const struct record_thread *from = &m->record->thread;
    struct thread_row row;
    int64_t content = 0;
    struct query q;

    stamp_observe(from->tomb);
    if (!look_thread(m->look, m->i, &row, err))
        return false;
    if (row.id == 0) {
        row = (struct thread_row){.tomb = from->tomb, .updated_us = from->updated_us};
        m->out.applied = true;
        if (!thread_make(m->load.d, m->at.key.tenant, m->record->key.id, &row, err))
            return false;
        look_made_thread(m->look, row.id, row.tomb);
        return true;
    }
    if (from->tomb > row.tomb &&
        !query_number(m->load.d, SQL_THREAD_NEWEST, (int64_t[]){row.id, 0}, &content, err))
        return false;
    if (row.tomb > from->tomb || content > from->tomb) /* newer content outlives the deletion */
        m->out.newest = clock_later(row.tomb, content);
    if (from->tomb <= row.tomb && from->updated_us <= row.updated_us)
        return true;
    m->out.applied = true;
    if (!query_begin(m->load.d, SQL_THREAD_MERGE, &q, err))
        return false;
    query_int(&q, row.id);
    query_int(&q, from->tomb);
    query_int(&q, from->updated_us);
    if (!query_run(&q, err))
        return false;
    if (from->tomb <= row.tomb)
        return true;
    look_forget(m->look);
    return kill_below(m, row.id, from->tomb, err);
}

static bool grow(struct merge *m, int64_t stamp, int64_t checkpoints, int64_t bytes,
                 struct err *err)
{
    if (m->at.ns.last_stamp < stamp)
        m->at.ns.last_stamp = stamp;
    return ns_grow(m->load.d, m->at.ns.id, &(struct ns_change){stamp, checkpoints, bytes}, err);
}

/* Moves the value from a namespace that was discarded but not emptied yet; *free if it may be stored. */
static bool reclaim(struct merge *m, int64_t ns, bool *free, struct err *err)
{
    int64_t changes = 1;

    if (ns != 0 && !query_do_change(m->load.d, SQL_VALUE_RECLAIM,
                                    (int64_t[]){m->record->key.number, ns}, &changes, err))
        return false;
    *free = changes > 0;
    return true;
}

static bool leave_out(struct merge *m)
{
    m->out.broken = true;
    return true;
}

/*
 * A value does not die with its thread: a checkpoint that comes later may refer to it. Its base must be
 * stored, as that of any value is.
 */
static bool merge_value(struct merge *m, struct err *err)
{
    const struct record_value *from = &m->record->value;
    const struct channel_version *of = slice_present(from->of.channel) ? &from->of : NULL;
    struct blob blob = from->blob;
    struct look_value stored;
    bool free;

    blob.id = m->record->key.number;
    stamp_observe(blob.id);
    if (!look_value(m->look, m->i, &stored, err))
        return false;
    if (stored.ns != 0 && stored.ns == m->at.ns.id)
        return true;
    if (!reclaim(m, stored.ns, &free, err))
        return false;
    if (!free || (blob.base_id != 0 && (m->at.ns.id == 0 || stored.base_ns != m->at.ns.id))) {
        look_broken(m->look, m->i);
        return leave_out(m);
    }
    m->out.applied = true;
    return ns_make(m->load.d, &m->at.key, FORM_NONE, &m->at.ns, err) &&
           value_add(m->load.d, m->at.ns.id, &blob, of, err) &&
           grow(m, 0, 0, (int64_t)blob.bytes.len, err);
}

/* A namespace takes the form of the newest record that either store has put there. */
static bool make_namespace(struct merge *m, enum form form, int64_t stamp, struct err *err)
{
    if (!ns_make(m->load.d, &m->at.key, form, &m->at.ns, err))
        return false;
    if (m->at.ns.form == form || stamp <= m->at.ns.last_stamp)
        return true;
    m->at.ns.form = form;
    return query_do(m->load.d, SQL_NS_FORM, m->at.ns.id, form, err);
}

/* A head belongs to one checkpoint only: it goes with the one that loses, unless another is based on it. */
static bool drop_head(struct merge *m, int64_t head, struct err *err)
{
    int64_t freed = 0;

    if (head == 0 || m->at.ns.id == 0)
        return true;
    if (!doomed_head(m->load.d, m->at.ns.id, head, &freed, err))
        return false;
    return freed > 0 ? grow(m, 0, 0, -freed, err) : unswept_add(m->load.d, m->at.ns.id, 0, err);
}

/* Removes a namespace without contents, unless values in it wait for their checkpoint. */
static bool drop_empty(struct merge *m, struct err *err)
{
    int64_t thread = 0;

    look_forget(m->look);
    return m->at.ns.id == 0 ||
           (query_number(m->load.d, SQL_NS_DROP_EMPTY, (int64_t[]){m->at.ns.id, 0}, &thread, err) &&
            query_do(m->load.d, SQL_THREAD_DROP, thread, 0, err));
}

static bool store_checkpoint(struct merge *m, struct err *err)
{
    const struct record_checkpoint *from = &m->record->checkpoint;
    struct checkpoint_row old = m->at.row;
    struct checkpoint_cells cells = {
        .stamp = from->stamp,
        .created_us = from->created_us,
        .form = from->form,
        .parent_id = from->parent_id,
        .run_id = from->run_id,
        .metadata = from->metadata,
        .head = from->head,
    };

    m->out.applied = true;
    return make_namespace(m, from->form, from->stamp, err) &&
           pack_refs(from->refs, from->n_refs, m->load.arena, &cells.refs, err) &&
           checkpoint_store(m->load.d, &m->at, &cells, err) &&
           (old.head == from->head || drop_head(m, old.head, err)) &&
           grow(m, from->stamp, old.stamp == 0, (int64_t)from->metadata.len - old.metadata_len,
                err);
}

/* Sets `newest` if a deletion of the thread, or what is stored, wins over a record. */
static void overrule(struct merge *m, int64_t stamp, int64_t stored)
{
    int64_t ours = clock_later(stored, m->at.ns.tomb);

    if (ours > stamp || m->at.ns.tomb >= stamp)
        m->out.newest = ours;
}

/* A removal has taken the name of the parent in the other store: no record brings it back. */
static bool take_parent(struct merge *m, struct err *err)
{
    m->out.applied = true;
    return query_do(m->load.d, SQL_CHECKPOINT_ORPHAN, m->at.row.id, 0, err);
}

static bool merge_checkpoint(struct merge *m, struct err *err)
{
    const struct record_checkpoint *from = &m->record->checkpoint;
    bool whole, child;

    stamp_observe(from->stamp);
    if (!look_checkpoint(m->look, m->i, &m->at.row, &child, err) ||
        !look_needed(m->look, m->i, m->at.ns.id, &whole, err))
        return false;
    if (from->stamp > m->at.ns.tomb && from->stamp > m->at.row.stamp)
        return whole ? store_checkpoint(m, err) : leave_out(m);
    overrule(m, from->stamp, m->at.row.stamp);
    if (from->stamp == m->at.row.stamp && child && !slice_present(from->parent_id) &&
        !take_parent(m, err))
        return false;
    if (from->head == m->at.row.head)
        return true;
    return drop_head(m, from->head, err) && drop_empty(m, err);
}

static bool store_task(struct merge *m, const struct task_row *old, struct err *err)
{
    const struct record_task *from = &m->record->task;
    struct task_row task = {
        .id = old->id,
        .stamp = from->stamp,
        .seq = writes_seq(from, m->at.ns.tomb),
        .task_path = from->task_path,
    };

    m->out.applied = true;
    return make_namespace(m, from->form, from->stamp, err) &&
           pack_writes(from->writes, from->n_writes, m->load.arena, &task.body, err) &&
           task_store(m->load.d, &m->at, m->record->key.task, &task, err) &&
           grow(m, from->stamp, 0, (int64_t)task.body.len - (int64_t)old->body.len, err);
}

/* The writes are the same, but the other store has seen the task earlier. */
static bool take_seq(struct merge *m, struct err *err)
{
    struct query q;

    if (!query_begin(m->load.d, SQL_TASK_SEQ, &q, err))
        return false;
    query_int(&q, m->at.row.id);
    query_int(&q, writes_seq(&m->record->task, m->at.ns.tomb));
    query_blob(&q, m->record->key.task);
    return query_run(&q, err);
}

static bool merge_task(struct merge *m, struct err *err)
{
    const struct record_task *from = &m->record->task;
    struct task_row old = {0};

    stamp_observe(from->stamp);
    m->at.form = from->form;
    overrule(m, from->stamp, 0);
    if (from->stamp <= m->at.ns.tomb)
        return true;
    if (!look_task(m->look, m->i, m->load.arena, &m->at.row, &old, err))
        return false;
    m->at.made = look_is_made(m->look, m->i);
    if (from->stamp > old.stamp)
        return store_task(m, &old, err);
    overrule(m, from->stamp, old.stamp);
    if (from->stamp < old.stamp || writes_seq(from, m->at.ns.tomb) >= old.seq)
        return true;
    m->out.applied = true;
    return take_seq(m, err);
}

static bool merge(struct merge *m, struct err *err)
{
    bool ok;

    if (m->record->kind == RECORD_THREAD)
        return merge_thread(m, err);
    if (!look_space(m->look, m->i, &m->at.ns, err))
        return false;
    if (m->record->kind == RECORD_VALUE)
        ok = merge_value(m, err);
    else
        ok = m->record->kind == RECORD_CHECKPOINT ? merge_checkpoint(m, err) : merge_task(m, err);
    if (ok)
        look_keep_space(m->look, m->i, &m->at.ns);
    if (ok && m->at.made)
        look_made(m->look, m->i);
    return ok;
}

bool sql_thread_record_merge(struct look *l, size_t i, struct sql_merged *out, struct err *err)
{
    const struct record *record = &l->op->merge.items[i];
    char first[4096];
    struct arena scratch;
    struct merge m = {
        .load = {.d = l->d, .arena = &scratch},
        .look = l,
        .i = i,
        .record = record,
        .at = {.key = {l->tenant, record->key.id, record->key.ns},
               .checkpoint_id = record->key.sub},
    };
    bool ok;

    arena_init(&scratch, first, sizeof(first));
    ok = merge(&m, err);
    arena_done(&scratch);
    *out = m.out;
    return ok;
}

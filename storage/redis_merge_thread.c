/* redis_merge_thread.c - OP_MERGE of threads and what is in them; see record.h. */
#include "clock.h"
#include "pack.h"
#include "redis_merge.h"
#include "redis_removal.h"
#include "redis_target.h"

struct merge {
    struct call *c;
    const struct record *record;
    struct thread_row thread;
    struct space *space;
    struct cp_row row; /* of the checkpoint id */
    struct merged out;
};

/* The writes of one row that a deletion covers; the newest of the others, 0 = none. */
static bool kill_tasks(struct merge *m, struct removal_space *s, struct removal_row *r,
                       const struct reply *reply, int64_t *newest, struct err *err)
{
    struct task_row *tasks;
    size_t n;

    *newest = 0;
    if (!redis_tasks_take(m->c, reply, r->row.form, &tasks, &n, err))
        return false;
    for (size_t i = 0; i < n; i++) {
        if (tasks[i].stamp <= m->thread.tomb) {
            redis_task_drop(m->c, s->space, r->row.id, &tasks[i]);
            r->weight -= (int64_t)tasks[i].body.len;
        } else if (tasks[i].stamp > *newest) {
            *newest = tasks[i].stamp;
        }
    }
    return true;
}

/* A checkpoint that is dead goes. Younger writes on it live on. */
static bool kill_rows(struct merge *m, struct removal_space *s, struct err *err)
{
    struct reply **replies;
    int64_t newest;

    for (size_t i = 0; i < s->n; i++)
        ASK(m->c, SLICE("HGETALL"), call_key_in(m->c, "writes", s->space->ns, s->rows[i].row.id));
    if (!call_answers(m->c, &replies, err))
        return false;
    for (size_t i = 0; i < s->n; i++) {
        struct removal_row *r = &s->rows[i];

        if (!kill_tasks(m, s, r, replies[i], &newest, err))
            return false;
        if (r->row.stamp > m->thread.tomb)
            continue;
        r->doomed = newest == 0;
        r->rewritten = newest > 0;
        s->space->checkpoints -= newest > 0 && r->row.stamp > 0;
        r->row = (struct cp_row){true, r->row.id, 0,  stamp_us(newest), 0, r->row.form, {0},
                                 {0},  {0},       {0}};
    }
    s->last = m->thread.tomb;
    return true;
}

/* Removes what a deletion elsewhere has covered. */
static bool kill_below(struct merge *m, struct err *err)
{
    struct removal_space *spaces;

    if (!redis_removal_load(m->c, &m->thread, &spaces, err))
        return false;
    for (size_t i = 0; i < m->thread.n; i++)
        if (!kill_rows(m, &spaces[i], err))
            return false;
    return redis_removal_apply(m->c, &m->thread, spaces, true, err);
}

static bool merge_thread(struct merge *m, struct err *err)
{
    const struct record_thread *from = &m->record->thread;
    int64_t tomb = m->thread.tomb;

    stamp_observe(from->tomb);
    if (tomb > from->tomb)
        m->out.newest = tomb;
    m->out.applied = !m->thread.stored || from->tomb > tomb ||
                     from->updated_us > m->thread.updated_us;
    if (!m->out.applied)
        return true;
    if (m->thread.tomb < from->tomb)
        m->thread.tomb = from->tomb;
    if (m->thread.updated_us < from->updated_us)
        m->thread.updated_us = from->updated_us;
    return redis_thread_store(m->c, &m->thread, NULL, err) &&
           (from->tomb <= tomb || !m->thread.stored || kill_below(m, err));
}

/* A value does not die with the thread: a checkpoint that comes later may refer to it. */
static bool merge_value(struct merge *m, struct err *err)
{
    const struct record_value *from = &m->record->value;
    struct blob blob = from->blob;
    struct reply **replies;

    blob.id = m->record->key.number;
    stamp_observe(blob.id);
    ASK(m->c, SLICE("HEXISTS"), call_key_ns(m->c, "values", m->space->ns),
        call_number(m->c, blob.id));
    if (!call_answers(m->c, &replies, err))
        return false;
    m->out.applied = replies[0]->number == 0;
    if (!m->out.applied)
        return true;
    m->space->bytes += (int64_t)blob.bytes.len;
    return redis_value_store(m->c, m->space->ns, &blob,
                             slice_present(from->of.channel) ? &from->of : NULL, err) &&
           redis_thread_store(m->c, &m->thread, m->space, err);
}

/* The form of a namespace is that of the newest of what two stores put there. */
static bool grow(struct merge *m, enum form form, int64_t stamp, struct err *err)
{
    if (m->space->form == FORM_NONE || stamp > m->space->last_stamp)
        m->space->form = form;
    if (stamp > m->space->last_stamp)
        m->space->last_stamp = stamp;
    return redis_thread_store(m->c, &m->thread, m->space, err);
}

static bool store_checkpoint(struct merge *m, struct err *err)
{
    const struct record_checkpoint *from = &m->record->checkpoint;
    struct cp_row row = {
        .id = m->record->key.sub,
        .stamp = from->stamp,
        .created_us = from->created_us,
        .head = from->head,
        .form = from->form,
        .parent_id = from->parent_id,
        .run_id = from->run_id,
        .metadata = from->metadata,
    };

    m->out.applied = true;
    m->space->checkpoints += m->row.stamp == 0;
    m->space->bytes += (int64_t)from->metadata.len - (int64_t)m->row.metadata.len;
    return pack_refs(from->refs, from->n_refs, m->c->arena, &row.refs, err) &&
           redis_cp_store(m->c, m->space->ns, &m->row, &row, err) &&
           (m->row.head == from->head ||
            redis_target_drop_head(m->c, m->space, m->row.head, NULL, err)) &&
           grow(m, from->form, from->stamp, err);
}

/* A namespace that holds nothing any more goes, unless its values wait for their checkpoint. */
static bool drop_empty(struct merge *m, int64_t dropped, struct err *err)
{
    struct reply **replies;
    size_t stored = 0;

    ASK(m->c, SLICE("HLEN"), call_key_ns(m->c, "checkpoints", m->space->ns));
    ASK(m->c, SLICE("HLEN"), call_key_ns(m->c, "values", m->space->ns));
    if (!call_answers(m->c, &replies, err) || !redis_thread_store(m->c, &m->thread, m->space, err))
        return false;
    for (size_t i = 0; i < m->thread.n; i++)
        stored += m->thread.spaces[i].stored;
    if (replies[0]->number == 0 && replies[1]->number == dropped)
        redis_thread_drop_space(m->c, &m->thread, m->space, stored == 1);
    return true;
}

/* A head belongs to one checkpoint alone: it goes with the one that loses. */
static bool drop_loser(struct merge *m, struct err *err)
{
    if (!m->space->stored)
        return true;
    return redis_target_drop_head(m->c, m->space, m->record->checkpoint.head, NULL, err) &&
           drop_empty(m, m->c->n_changes > 0, err);
}

/* Because of what a record is not taken: the deletion of the thread, or what is stored. */
static void overrule(struct merge *m, int64_t stamp, int64_t stored)
{
    int64_t ours = stored > m->thread.tomb ? stored : m->thread.tomb;

    if (ours > stamp || m->thread.tomb >= stamp)
        m->out.newest = ours;
}

static bool merge_checkpoint(struct merge *m, struct err *err)
{
    const struct record_checkpoint *from = &m->record->checkpoint;

    stamp_observe(from->stamp);
    if (from->stamp > m->thread.tomb && from->stamp > m->row.stamp)
        return store_checkpoint(m, err);
    overrule(m, from->stamp, m->row.stamp);
    return from->head == m->row.head || drop_loser(m, err);
}

static bool store_task(struct merge *m, const struct task_row *old, struct err *err)
{
    const struct record_task *from = &m->record->task;
    struct task_row task = {
        .id = m->record->key.task,
        .stamp = from->stamp,
        .seq = old->stored && old->seq < from->seq ? old->seq : from->seq,
        .task_path = from->task_path,
    };
    struct cp_row place = m->row;

    m->out.applied = true;
    if (!pack_writes(from->writes, from->n_writes, m->c->arena, &task.body, err))
        return false;
    if (place.stamp == 0 && place.created_us < stamp_us(from->stamp)) {
        place.created_us = stamp_us(from->stamp);
        place.form = place.stored ? place.form : from->form;
        if (!redis_cp_store(m->c, m->space->ns, &m->row, &place, err))
            return false;
    }
    m->space->bytes += (int64_t)task.body.len - (int64_t)old->body.len;
    return redis_task_store(m->c, m->space->ns, m->record->key.sub, old, &task, err) &&
           grow(m, from->form, from->stamp, err);
}

static bool merge_task(struct merge *m, struct err *err)
{
    const struct record_task *from = &m->record->task;
    struct task_row old = {0}, *tasks, same;
    struct reply **replies;
    size_t n;

    stamp_observe(from->stamp);
    overrule(m, from->stamp, 0);
    if (from->stamp <= m->thread.tomb)
        return true;
    ASK(m->c, SLICE("HGETALL"), call_key_in(m->c, "writes", m->space->ns, m->record->key.sub));
    if (!call_answers(m->c, &replies, err) ||
        !redis_tasks_take(m->c, replies[0], from->form, &tasks, &n, err))
        return false;
    for (size_t i = 0; i < n; i++)
        if (slice_equal(tasks[i].id, m->record->key.task))
            old = tasks[i];
    if (from->stamp > old.stamp)
        return store_task(m, &old, err);
    overrule(m, from->stamp, old.stamp);
    if (from->seq >= old.seq)
        return true;
    m->out.applied = true;
    same = old;
    same.seq = from->seq;
    return redis_task_store(m->c, m->space->ns, m->record->key.sub, &old, &same, err) &&
           redis_thread_store(m->c, &m->thread, m->space, err);
}

/* The namespace of the record among those of the thread; a new one if it is not stored. */
static bool find_space(struct merge *m, struct err *err)
{
    for (size_t i = 0; i < m->thread.n; i++)
        if (slice_equal(m->thread.spaces[i].ns, m->record->key.ns))
            m->space = &m->thread.spaces[i];
    if (m->space)
        return true;
    m->space = arena_zalloc(m->c->arena, 1, sizeof(*m->space));
    if (!m->space)
        return err_set(err, ERR_NO_MEMORY, "out of memory");
    m->space->ns = m->record->key.ns;
    return true;
}

static bool merge(struct merge *m, struct err *err)
{
    struct reply **replies;

    if (!redis_thread_read(m->c, &m->thread, err))
        return false;
    if (m->record->kind == RECORD_THREAD)
        return merge_thread(m, err);
    if (!find_space(m, err))
        return false;
    if (m->record->kind == RECORD_VALUE)
        return merge_value(m, err);
    ASK(m->c, SLICE("HGET"), call_key_ns(m->c, "checkpoints", m->space->ns), m->record->key.sub);
    if (!call_answers(m->c, &replies, err) ||
        !redis_cp_take(m->record->key.sub, replies[0], &m->row, err))
        return false;
    return m->record->kind == RECORD_CHECKPOINT ? merge_checkpoint(m, err) : merge_task(m, err);
}

bool redis_merge_thread_record(struct call *c, const struct record *record, struct merged *out,
                               struct err *err)
{
    struct merge m = {.c = c, .record = record};

    if (!merge(&m, err))
        return false;
    *out = m.out;
    return true;
}

/* Whether the row is one of the records, which are gone. */
static bool is_gone(const struct record *records, size_t n, struct slice ns,
                    const struct cp_row *row)
{
    for (size_t i = 0; i < n; i++)
        if (records[i].gone && records[i].kind == RECORD_CHECKPOINT &&
            row->stamp <= records[i].gone && slice_equal(records[i].key.ns, ns) &&
            slice_equal(records[i].key.sub, row->id))
            return true;
    return false;
}

bool redis_merge_gone(struct call *c, const struct record *records, size_t n, size_t *applied,
                      struct err *err)
{
    struct removal_space *spaces;
    struct thread_row thread;

    *applied = 0;
    if (!redis_thread_read(c, &thread, err) || !redis_removal_load(c, &thread, &spaces, err))
        return false;
    for (size_t i = 0; i < thread.n; i++)
        for (size_t k = 0; k < spaces[i].n; k++)
            if (is_gone(records, n, spaces[i].space->ns, &spaces[i].rows[k].row)) {
                spaces[i].rows[k].doomed = true;
                ++*applied;
            }
    return *applied == 0 ||
           (redis_removal_apply(c, &thread, spaces, false, err) && call_commit(c, err));
}

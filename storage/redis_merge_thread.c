/* redis_merge_thread.c - merges records of threads and what is in them; see redis_merge_run.h. */
#include "clock.h"
#include "pack.h"
#include "redis_merge_run.h"
#include "redis_removal.h"
#include "redis_target.h"
#include "writes.h"

/*
 * Removes the writes of one row that a deletion covers. *newest: stamp of the newest write that stays; 0:
 * none, and then they may go with the row. A task that stays, but began before the deletion, begins with its
 * newest write.
 */
static bool kill_tasks(struct merge *m, struct removal_space *s, struct removal_row *r,
                       const struct reply *reply, int64_t *newest, struct err *err)
{
    struct task_row *tasks, first;
    size_t n;

    *newest = 0;
    if (!redis_tasks_take(m->c, reply, r->row.form, &tasks, &n, err))
        return false;
    for (size_t i = 0; i < n; i++)
        if (tasks[i].stamp > m->run->thread.tomb)
            *newest = clock_later(*newest, tasks[i].stamp);
    if (*newest == 0 && r->row.stamp <= m->run->thread.tomb)
        return true;
    for (size_t i = 0; i < n; i++) {
        if (tasks[i].stamp <= m->run->thread.tomb) {
            redis_task_drop(m->c, s->space, r->row.id, &tasks[i]);
            r->weight -= (int64_t)tasks[i].body.len;
            continue;
        }
        first = tasks[i];
        first.seq = first.stamp;
        if (tasks[i].seq <= m->run->thread.tomb &&
            !redis_task_store(m->c, s->space->ns, r->row.id, &tasks[i], &first, err))
            return false;
    }
    return true;
}

/* Marks the rows of a namespace that a deletion covers. A row with younger writes stays as their place. */
static bool kill_rows(struct merge *m, struct removal_space *s, struct err *err)
{
    struct reply **replies;
    int64_t newest;

    for (size_t i = 0; i < s->n; i++)
        ASK(m->c, SLICE("HGETALL"), call_writes_key(m->c, s->space->ns, s->rows[i].row.id));
    if (!call_answers(m->c, &replies, err))
        return false;
    for (size_t i = 0; i < s->n; i++) {
        struct removal_row *r = &s->rows[i];

        if (!kill_tasks(m, s, r, replies[i], &newest, err))
            return false;
        if (r->row.stamp > m->run->thread.tomb)
            continue;
        r->doomed = newest == 0;
        if (newest > 0)
            redis_removal_undo(s, r, newest);
    }
    s->last = s->stamp = m->run->thread.tomb;
    return true;
}

/* Removes from the thread what a deletion made elsewhere covers. */
static bool kill_below(struct merge *m, struct err *err)
{
    struct removal_space *spaces;

    if (!redis_removal_load(m->c, &m->run->thread, &spaces, err))
        return false;
    for (size_t i = 0; i < m->run->thread.n; i++)
        if (!kill_rows(m, &spaces[i], err))
            return false;
    return redis_removal_apply(m->c, &m->run->thread, spaces, true, err);
}

bool redis_merge_thread(struct merge *m, struct err *err)
{
    const struct record_thread *from = &m->record->thread;
    struct thread_row *thread = &m->run->thread;
    int64_t newest = redis_thread_newest(thread);
    bool dies = from->tomb > thread->tomb;

    if (dies && thread->stored && !redis_merge_alone(m))
        return true;
    stamp_observe(from->tomb);
    if (thread->tomb > from->tomb || (dies && newest > from->tomb)) /* newer content outlives the
                                                                       deletion */
        m->newest = newest;
    m->applied = !thread->stored || dies || from->updated_us > thread->updated_us;
    if (!m->applied)
        return true;
    if (dies)
        thread->tomb = from->tomb;
    if (thread->updated_us < from->updated_us)
        thread->updated_us = from->updated_us;
    m->run->thread_changed = true;
    return !dies || !thread->stored || kill_below(m, err);
}

/* The namespace of the record; added to the thread if it is not there. */
static struct space *space_of(struct merge *m)
{
    struct thread_row *thread = &m->run->thread;

    for (size_t i = 0; i < thread->n; i++)
        if (slice_equal(thread->spaces[i].ns, m->record->key.ns))
            return &thread->spaces[i];
    thread->spaces[thread->n] = (struct space){.ns = m->record->key.ns};
    return &thread->spaces[thread->n++];
}

/* The row of the record's checkpoint id, as the run has left it; `reply` is what was read of it. NULL:
 * damaged. */
static struct cp_row *row_of(struct merge *m, const struct reply *reply, struct err *err)
{
    const struct record_key *key = &m->record->key;
    struct merge_run *run = m->run;
    struct merge_place *place;

    for (size_t i = run->n_places; i-- > 0;)
        if (slice_equal(run->places[i].row.id, key->sub) && slice_equal(run->places[i].ns, key->ns))
            return &run->places[i].row;
    place = &run->places[run->n_places];
    place->ns = key->ns;
    if (!redis_cp_take(key->sub, reply, &place->row, err))
        return NULL;
    run->n_places++;
    return &place->row;
}

static void change_space(struct merge *m, const struct space *space)
{
    m->run->space_changed[space - m->run->thread.spaces] = true;
    m->run->thread_changed = true;
}

/* Which record of the run before this one brings the value with this id; run->n: none does. */
static size_t brought(const struct merge_run *run, const struct record *record, int64_t id)
{
    for (size_t i = 0; &run->records[i] < record; i++)
        if (run->records[i].kind == RECORD_VALUE && run->records[i].key.number == id &&
            slice_equal(run->records[i].key.ns, record->key.ns))
            return i;
    return run->n;
}

/* How many values a record may need: a value its base; a checkpoint its head, then its refs. */
static size_t count_needed(const struct record *record)
{
    if (record->kind == RECORD_CHECKPOINT)
        return record->checkpoint.n_refs + 1;
    return record->kind == RECORD_VALUE;
}

/* The i-th of them; 0: no value is needed there. */
static int64_t needed_at(const struct record *record, size_t i)
{
    if (record->kind == RECORD_VALUE)
        return record->value.blob.base_id;
    return i == 0 ? record->checkpoint.head : record->checkpoint.refs[i - 1];
}

/* Whether the store must be asked for it, since the run does not bring it. */
static bool is_asked(const struct merge_run *run, const struct record *record, size_t i)
{
    int64_t id = needed_at(record, i);

    return id != 0 && brought(run, record, id) == run->n;
}

size_t redis_merge_needed(const struct merge_run *run, const struct record *record)
{
    size_t n = 0;

    for (size_t i = 0; i < count_needed(record); i++)
        n += is_asked(run, record, i);
    return n;
}

void redis_merge_needed_ask(const struct merge_run *run, const struct record *record)
{
    struct call *c = run->c;

    for (size_t i = 0; i < count_needed(record); i++)
        if (is_asked(run, record, i))
            ASK(c, SLICE("HEXISTS"), call_key_ns(c, "values", record->key.ns),
                call_number(c, needed_at(record, i)));
}

/* Whether all values are there that a record needs; `replies` are those to redis_merge_needed_ask(). */
static bool is_whole(const struct merge *m, struct reply *const *replies)
{
    bool whole = true;

    for (size_t i = 0; i < count_needed(m->record); i++) {
        int64_t id = needed_at(m->record, i);
        size_t before = id ? brought(m->run, m->record, id) : 0;

        if (id == 0)
            continue;
        whole &= before < m->run->n ? !m->run->broken[before] : (*replies++)->number != 0;
    }
    return whole;
}

static bool leave_out(struct merge *m)
{
    m->run->broken[m->record - m->run->records] = m->broken = true;
    return true;
}

/*
 * A value does not die with its thread, for a checkpoint that comes later may refer to it. A stored value
 * needs no check: nothing is stored without its base.
 */
bool redis_merge_value(struct merge *m, struct err *err)
{
    const struct record_value *from = &m->record->value;
    struct space *space = space_of(m);
    struct blob blob = from->blob;

    blob.id = m->record->key.number;
    stamp_observe(blob.id);
    if (m->stored[0]->number != 0)
        return true;
    if (!is_whole(m, m->stored + 1))
        return leave_out(m);
    m->applied = true;
    space->bytes += (int64_t)blob.bytes.len;
    change_space(m, space);
    return redis_value_store(m->c, space->ns, &blob,
                             slice_present(from->of.channel) ? &from->of : NULL, err);
}

/* Two stores may have given a namespace different forms: the one with the newest stamp counts. */
static void grow(struct merge *m, struct space *space, enum form form, int64_t stamp)
{
    if (space->form == FORM_NONE || stamp > space->last_stamp)
        space->form = form;
    if (stamp > space->last_stamp)
        space->last_stamp = stamp;
    change_space(m, space);
}

static bool store_checkpoint(struct merge *m, struct space *space, struct cp_row *row,
                             struct err *err)
{
    const struct record_checkpoint *from = &m->record->checkpoint;
    struct cp_row old = *row;

    m->applied = true;
    space->checkpoints += old.stamp == 0;
    space->bytes += (int64_t)from->metadata.len - (int64_t)old.metadata.len;
    *row = (struct cp_row){
        .stored = true,
        .id = m->record->key.sub,
        .stamp = from->stamp,
        .created_us = from->created_us,
        .head = from->head,
        .form = from->form,
        .parent_id = from->parent_id,
        .run_id = from->run_id,
        .metadata = from->metadata,
    };
    if (!pack_refs(from->refs, from->n_refs, m->c->arena, &row->refs, err) ||
        !redis_cp_store(m->c, space->ns, &old, row, err) ||
        (old.head != from->head && !redis_target_drop_head(m->c, space, old.head, NULL, err)))
        return false;
    grow(m, space, from->form, from->stamp);
    return true;
}

/* Drops a namespace without checkpoints, unless values in it wait for theirs. `dropped`: how many values
 * this commit removes. */
static bool drop_empty(struct merge *m, const struct space *space, int64_t dropped, struct err *err)
{
    struct reply **replies;
    struct thread_row all;
    size_t stored = 0;

    ASK(m->c, SLICE("HLEN"), call_key_ns(m->c, "checkpoints", space->ns));
    ASK(m->c, SLICE("HLEN"), call_key_ns(m->c, "values", space->ns));
    if (!call_answers(m->c, &replies, err) ||
        !redis_thread_store(m->c, &m->run->thread, space, err))
        return false;
    if (replies[0]->number != 0 || replies[1]->number != dropped)
        return true;
    if (!redis_thread_read(m->c, &all, err))
        return false;
    for (size_t i = 0; i < all.n; i++)
        stored += all.spaces[i].stored;
    redis_thread_drop_space(m->c, &m->run->thread, space, stored == 1);
    return true;
}

/* A head belongs to one checkpoint: it goes with the checkpoint that loses. */
static bool drop_loser(struct merge *m, struct space *space, struct err *err)
{
    if (!space->stored)
        return true;
    return redis_target_drop_head(m->c, space, m->record->checkpoint.head, NULL, err) &&
           drop_empty(m, space, m->c->n_changes > 0, err);
}

/* Sets m->newest if the tombstone of the thread, or what is stored, overrules a record with this stamp. */
static void overrule(struct merge *m, int64_t stamp, int64_t stored)
{
    int64_t tomb = m->run->thread.tomb, ours = clock_later(stored, tomb);

    if (ours > stamp || tomb >= stamp)
        m->newest = ours;
}

/* A removal has taken the name of the parent in the other store: no record brings it back. */
static bool take_parent(struct merge *m, struct space *space, struct cp_row *row, struct err *err)
{
    struct cp_row old = *row;

    if (slice_present(m->record->checkpoint.parent_id) || !slice_present(row->parent_id))
        return true;
    m->applied = true;
    change_space(m, space);
    row->parent_id = (struct slice){NULL, 0};
    return redis_cp_store(m->c, space->ns, &old, row, err);
}

bool redis_merge_checkpoint(struct merge *m, struct err *err)
{
    const struct record_checkpoint *from = &m->record->checkpoint;
    struct space *space = space_of(m);
    struct cp_row *row = row_of(m, m->stored[0], err);
    bool wins;

    if (!row)
        return false;
    wins = from->stamp > m->run->thread.tomb && from->stamp > row->stamp;
    if (wins && !is_whole(m, m->stored + 1)) {
        stamp_observe(from->stamp);
        return leave_out(m);
    }
    if (from->head != row->head && (!wins || row->head != 0) && !redis_merge_alone(m))
        return true;
    stamp_observe(from->stamp);
    if (wins)
        return store_checkpoint(m, space, row, err);
    overrule(m, from->stamp, row->stamp);
    if (from->stamp == row->stamp && !take_parent(m, space, row, err))
        return false;
    return from->head == row->head || drop_loser(m, space, err);
}

/* Stores, or renews, the place of writes that come before their checkpoint. */
static bool store_place(struct merge *m, const struct space *space, struct cp_row *row,
                        struct err *err)
{
    const struct record_task *from = &m->record->task;
    struct cp_row old = *row;

    if (old.stamp != 0 || old.created_us >= stamp_us(from->stamp))
        return true;
    row->created_us = stamp_us(from->stamp);
    row->form = old.stored ? old.form : from->form;
    row->stored = true;
    return redis_cp_store(m->c, space->ns, &old, row, err);
}

static bool store_task(struct merge *m, struct space *space, const struct task_row *old,
                       struct err *err)
{
    const struct record_task *from = &m->record->task;
    struct task_row task = {
        .id = m->record->key.task,
        .stamp = from->stamp,
        .seq = writes_seq(from, m->run->thread.tomb),
        .task_path = from->task_path,
    };

    m->applied = true;
    if (!pack_writes(from->writes, from->n_writes, m->c->arena, &task.body, err) ||
        !redis_task_store(m->c, space->ns, m->record->key.sub, old, &task, err))
        return false;
    space->bytes += (int64_t)task.body.len - (int64_t)old->body.len;
    grow(m, space, from->form, from->stamp);
    return true;
}

/* The stored writes are newer, or the same. Of the same the record may know an earlier beginning: it
 * counts. */
static bool keep_task(struct merge *m, const struct space *space, const struct task_row *old,
                      struct err *err)
{
    const struct record_task *from = &m->record->task;
    struct task_row same = *old;

    overrule(m, from->stamp, old->stamp);
    same.seq = writes_seq(from, m->run->thread.tomb);
    if (from->stamp < old->stamp || same.seq >= old->seq)
        return true;
    m->applied = true;
    change_space(m, space);
    return redis_task_store(m->c, space->ns, m->record->key.sub, old, &same, err);
}

bool redis_merge_task(struct merge *m, struct err *err)
{
    const struct record_task *from = &m->record->task;
    struct space *space = space_of(m);
    struct task_row old = {.stored = false};
    struct cp_row *row;

    stamp_observe(from->stamp);
    overrule(m, from->stamp, 0);
    if (from->stamp <= m->run->thread.tomb)
        return true;
    row = row_of(m, m->stored[0], err);
    if (!row || (m->stored[1]->type == REPLY_TEXT &&
                 !redis_task_take(m->record->key.task, m->stored[1], &old, err)))
        return false;
    if (from->stamp <= old.stamp)
        return keep_task(m, space, &old, err);
    return store_place(m, space, row, err) && store_task(m, space, &old, err);
}

bool redis_merge_thread_begin(struct merge_run *run, struct err *err)
{
    struct thread_row *thread = &run->thread;
    struct space *spaces = arena_zalloc(run->c->arena, thread->n + run->n, sizeof(*spaces));

    run->space_changed = arena_zalloc(run->c->arena, thread->n + run->n,
                                      sizeof(*run->space_changed));
    run->places = arena_zalloc(run->c->arena, run->n, sizeof(*run->places));
    run->broken = arena_zalloc(run->c->arena, run->n, sizeof(*run->broken));
    if (!run->broken || !spaces || !run->space_changed || !run->places)
        return err_no_memory(err);
    if (thread->n > 0)
        memcpy(spaces, thread->spaces, thread->n * sizeof(*spaces));
    thread->spaces = spaces;
    return true;
}

bool redis_merge_thread_end(struct merge_run *run, struct err *err)
{
    bool stored = false;

    for (size_t i = 0; i < run->thread.n; i++) {
        if (!run->space_changed[i])
            continue;
        if (!redis_thread_store(run->c, &run->thread, &run->thread.spaces[i], err))
            return false;
        stored = true;
    }
    return stored || !run->thread_changed || redis_thread_store(run->c, &run->thread, NULL, err);
}

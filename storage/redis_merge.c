/* redis_merge.c - merges records of sessions, messages, contexts; see record.h. */
#include "redis_merge.h"

#include "clock.h"
#include "redis_messages.h"
#include "redis_ops.h"
#include "redis_pair.h"

enum { RUN_MAX = 100 };

/* Messages that a deletion covers go; *left: others stay. */
static bool kill_messages(struct call *c, const struct session_row *row, bool *left,
                          struct err *err)
{
    int64_t killed = 0, stamp;
    struct reply **replies;
    struct message m;

    ASK(c, SLICE("HGETALL"), call_key(c, "messages"));
    if (!call_answers(c, &replies, err))
        return false;
    for (size_t i = 0; i + 1 < replies[0]->n; i += 2) {
        struct slice id = replies[0]->items[i]->text;

        if (!redis_message_unpack(replies[0]->items[i + 1]->text, &m, &stamp, err))
            return false;
        if (stamp > row->s.tomb) {
            *left = true;
            continue;
        }
        CHANGE(c, SLICE("HDEL"), call_key(c, "messages"), id);
        CHANGE(c, SLICE("ZREM"), call_key(c, "order"), redis_message_place(c, m.seq, id));
        killed++;
    }
    if (killed)
        CHANGE(c, SLICE("HINCRBY"), call_index(c, "totals"), SLICE("messages"),
               call_number(c, -killed));
    return true;
}

/* After a deletion has come: what it covers goes, what is newer stays. */
static bool apply_tomb(struct call *c, struct session_row *row, struct err *err)
{
    bool left = false;

    if (!kill_messages(c, row, &left, err))
        return false;
    redis_row_kill_contexts(c, row);
    left |= row->n_contexts > 0;
    row->s.hollow = row->s.gen == 0 && !left;
    if (!left)
        row->content_stamp = 0;
    return true;
}

/* What is newer here than a record, and stays. */
static int64_t newer_than(const struct session_row *row, const struct record_session *from)
{
    int64_t newest = session_state_overrules(&row->s, from);

    if (row->s.stored && !row->s.hollow && from->tomb > row->s.tomb &&
        row->content_stamp > from->tomb && row->content_stamp > newest)
        newest = row->content_stamp;
    return newest;
}

static bool merge_session(struct call *c, const struct record *record, struct session_row *row,
                          struct merged *out, struct err *err)
{
    int64_t tomb = row->s.tomb;

    out->newest = newer_than(row, &record->session);
    out->applied = session_state_merge(&row->s, &record->session);
    if (!out->applied)
        return true;
    if (row->s.tomb > tomb &&
        ((row->s.stored && !apply_tomb(c, row, err)) || !redis_pending_kill(c, row->s.tomb, err)))
        return false;
    return redis_row_store(c, row, err);
}

/* A message that is newer than what is stored, if anything is. */
static bool write_message(struct call *c, struct session_row *row, const struct record *record,
                          const struct message *old, struct err *err)
{
    const struct record_message *from = &record->message;
    struct message m = {.id = record->key.sub,
                        .role = from->role,
                        .content = from->content,
                        .metadata = from->metadata,
                        .seq = from->seq};
    struct slice field;

    if (!redis_message_pack(c, &m, from->stamp, &field, err))
        return false;
    if (old)
        CHANGE(c, SLICE("ZREM"), call_key(c, "order"), redis_message_place(c, old->seq, m.id));
    else
        CHANGE(c, SLICE("HINCRBY"), call_index(c, "totals"), SLICE("messages"), SLICE("1"));
    CHANGE(c, SLICE("HSET"), call_key(c, "messages"), m.id, field);
    CHANGE(c, SLICE("ZADD"), call_key(c, "order"), SLICE("0"), redis_message_place(c, m.seq, m.id));
    if (row->content_stamp < from->stamp)
        row->content_stamp = from->stamp;
    return true;
}

/* Messages of one session that are merged together: read at once, written at once. */
struct message_run {
    const struct record *records;
    size_t n;
    struct session_row row;
    bool hollow; /* before */
    bool changed;
    size_t applied;
    int64_t newest;
};

/* A message that was removed elsewhere. */
static bool remove_message(struct call *c, const struct record *record, struct message_run *run,
                           const struct message *old, int64_t stamp)
{
    if (stamp > record->gone)
        return true;
    CHANGE(c, SLICE("HDEL"), call_key(c, "messages"), record->key.sub);
    CHANGE(c, SLICE("ZREM"), call_key(c, "order"),
           redis_message_place(c, old->seq, record->key.sub));
    CHANGE(c, SLICE("HINCRBY"), call_index(c, "totals"), SLICE("messages"), SLICE("-1"));
    run->changed = true;
    run->applied++;
    return true;
}

static bool merge_message(struct call *c, const struct record *record, struct message_run *run,
                          const struct reply *stored, struct err *err)
{
    const struct record_message *from = &record->message;
    bool moved = false, known = stored->type == REPLY_TEXT && !run->hollow, newer = !known;
    struct session_row *row = &run->row;
    struct message old;
    int64_t stamp;

    if (record->gone)
        return !known || (redis_message_unpack(stored->text, &old, &stamp, err) &&
                          remove_message(c, record, run, &old, stamp));
    stamp_observe(from->stamp);
    session_state_raise(&row->s.last_seq, from->seq, &moved);
    session_state_raise(&row->s.active_us, from->seq, &moved);
    if (from->stamp <= row->s.tomb) {
        run->newest = row->s.tomb;
        run->applied += moved;
        run->changed |= moved;
        return true;
    }
    if (known) {
        if (!redis_message_unpack(stored->text, &old, &stamp, err))
            return false;
        newer = from->seq > old.seq || (from->seq == old.seq && from->stamp > stamp);
    }
    run->applied += moved || newer;
    run->changed |= moved || newer || !row->s.stored || row->s.hollow;
    row->s.hollow = false;
    return !newer || write_message(c, row, record, known ? &old : NULL, err);
}

/* How many records from here on are messages of one session, each once. */
static size_t count_messages(const struct record *records, size_t n)
{
    size_t run = 1;

    if (records->kind != RECORD_MESSAGE)
        return 0;
    while (run < n && run < RUN_MAX && records[run].kind == RECORD_MESSAGE &&
           slice_equal(records[run].key.id, records->key.id) &&
           slice_compare(records[run].key.sub, records[run - 1].key.sub) > 0)
        run++;
    return run;
}

static bool merge_messages(struct call *c, struct message_run *run, struct err *err)
{
    struct reply **replies;

    run->changed = false;
    run->applied = 0;
    run->newest = 0;
    call_at(c, c->op->tenant, run->records->key.id);
    redis_row_ask(c, false);
    for (size_t i = 0; i < run->n; i++)
        ASK(c, SLICE("HGET"), call_key(c, "messages"), run->records[i].key.sub);
    if (!call_answers(c, &replies, err) || !redis_row_take(c, replies[0], &run->row, err))
        return false;
    run->hollow = run->row.s.hollow;
    for (size_t i = 0; i < run->n; i++)
        if (!merge_message(c, &run->records[i], run, replies[i + 1], err))
            return false;
    return (!run->changed || redis_row_store(c, &run->row, err)) && call_commit(c, err);
}

/* Whether it is stored already, or as many newer contexts are stored as are kept. */
static bool context_stays_out(const struct redis *d, const struct session_row *row,
                              const struct record *record)
{
    size_t kept = (size_t)d->context_versions;

    for (size_t i = 0; i < row->n_contexts; i++)
        if (row->contexts[i].number == record->key.number &&
            row->contexts[i].stamp == record->key.stamp)
            return true;
    return row->n_contexts >= kept &&
           row->contexts[row->n_contexts - kept].stamp > record->key.stamp;
}

static bool merge_context(struct call *c, const struct record *record, struct session_row *row,
                          struct merged *out, struct err *err)
{
    const struct record_context *from = &record->context;
    struct row_context context = {record->key.number, record->key.stamp, from->updated_us,
                                  (int64_t)from->body.len};
    bool moved = false, written;

    stamp_observe(context.stamp);
    session_state_raise(&row->s.last_context, context.number, &moved);
    session_state_raise(&row->s.active_us, context.updated_us, &moved);
    if (context.stamp <= row->s.tomb) {
        *out = (struct merged){moved, row->s.tomb};
        return !moved || redis_row_store(c, row, err);
    }
    written = !context_stays_out(c->d, row, record);
    out->applied = moved || written;
    if (written && !redis_row_add_context(c, row, &context, from->body, err))
        return false;
    if (!out->applied && row->s.stored && !row->s.hollow)
        return true;
    row->s.hollow = false;
    return redis_row_store(c, row, err);
}

static bool merge_one(struct call *c, const struct record *record, struct merged *out,
                      struct err *err)
{
    struct session_row row;
    struct reply **replies;

    if (record->kind == RECORD_REPEAT)
        return redis_pending_repeat(c, record, &out->applied, err);
    if (record->kind == RECORD_PENDING)
        return redis_pending_count(c, record, &out->applied, err);
    if (record->kind > RECORD_CONTEXT)
        return record->gone || redis_merge_thread_record(c, record, out, err);
    redis_row_ask(c, record->kind == RECORD_SESSION);
    if (!call_answers(c, &replies, err) || !redis_row_take(c, replies[0], &row, err))
        return false;
    return record->kind == RECORD_SESSION ? merge_session(c, record, &row, out, err)
                                          : merge_context(c, record, &row, out, err);
}

static bool merge_record(struct call *c, const struct record *record, struct merged *out,
                         struct err *err)
{
    *out = (struct merged){.applied = false};
    call_at(c, c->op->tenant, record->key.id);
    return merge_one(c, record, out, err) && call_commit(c, err);
}

/* Merges one record, or a run of messages: how many. 0: it failed. */
static size_t merge_some(struct call *c, const struct record *records, size_t n, struct err *err)
{
    struct message_run run = {.records = records, .n = count_messages(records, n)};
    struct op_merge *merge = &c->op->merge;
    struct merged one = {.applied = false};
    int tries = 0;

    while (run.n ? !merge_messages(c, &run, err) : !merge_record(c, records, &one, err))
        if (!call_again(c, &tries))
            return 0;
    merge->out.applied += run.n ? run.applied : one.applied;
    one.newest = run.n ? run.newest : one.newest;
    if (one.newest > merge->out.newest)
        merge->out.newest = one.newest;
    return run.n ? run.n : 1;
}

/* Checkpoints that are gone: each thread is looked through once. */
static bool merge_gone(struct call *c, struct err *err)
{
    const struct op_merge *merge = &c->op->merge;
    size_t applied;

    for (size_t i = 0, n; i < merge->n; i += n) {
        const struct record *r = &merge->items[i];
        int tries = 0;

        for (n = 1; i + n < merge->n && slice_equal(merge->items[i + n].key.id, r->key.id); n++)
            ;
        call_at(c, c->op->tenant, r->key.id);
        while (!redis_merge_gone(c, r, n, &applied, err))
            if (!call_again(c, &tries))
                return false;
        c->op->merge.out.applied += applied;
    }
    return true;
}

/* Whether anything waits here for the other store. */
static bool look_at_outbox(struct call *c, bool *any, struct err *err)
{
    struct reply **replies;

    *any = false;
    if (!slice_present(c->op->id))
        return true;
    call_at(c, c->op->tenant, c->op->id);
    ASK(c, SLICE("EXISTS"), call_index(c, "outbox"));
    if (!call_answers(c, &replies, err))
        return false;
    *any = replies[0]->number != 0;
    return true;
}

bool redis_merge(struct call *c, struct op *op, struct err *err)
{
    struct op_merge *merge = &op->merge;
    bool gone = false;
    size_t done;

    memset(&merge->out, 0, sizeof(merge->out));
    if (!look_at_outbox(c, &merge->out.outbox, err))
        return false;
    for (size_t i = 0; i < merge->n; i += done) {
        gone |= merge->items[i].gone && merge->items[i].kind == RECORD_CHECKPOINT;
        done = merge_some(c, merge->items + i, merge->n - i, err);
        if (done == 0)
            return false;
    }
    return !gone || merge_gone(c, err);
}

/* redis_merge.c - merges records of sessions, messages, contexts; see record.h. */
#include "redis_merge.h"

#include "clock.h"
#include "redis_messages.h"
#include "redis_ops.h"

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

static bool merge_session(struct call *c, const struct record *record, struct session_row *row,
                          bool *applied, struct err *err)
{
    int64_t tomb = row->s.tomb;

    *applied = session_state_merge(&row->s, &record->session);
    if (!*applied)
        return true;
    if (row->s.stored && row->s.tomb > tomb && !apply_tomb(c, row, err))
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
};

static bool merge_message(struct call *c, const struct record *record, struct message_run *run,
                          const struct reply *stored, struct err *err)
{
    const struct record_message *from = &record->message;
    bool moved = false, known = stored->type == REPLY_TEXT && !run->hollow, newer = !known;
    struct session_row *row = &run->row;
    struct message old;
    int64_t stamp;

    stamp_observe(from->stamp);
    session_state_raise(&row->s.last_seq, from->seq, &moved);
    session_state_raise(&row->s.active_us, from->seq, &moved);
    if (from->stamp <= row->s.tomb) {
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
                          bool *applied, struct err *err)
{
    const struct record_context *from = &record->context;
    struct row_context context = {record->key.number, record->key.stamp, from->updated_us,
                                  (int64_t)from->body.len};
    bool moved = false, written;

    stamp_observe(context.stamp);
    session_state_raise(&row->s.last_context, context.number, &moved);
    session_state_raise(&row->s.active_us, context.updated_us, &moved);
    if (context.stamp <= row->s.tomb) {
        *applied = moved;
        return !moved || redis_row_store(c, row, err);
    }
    written = !context_stays_out(c->d, row, record);
    *applied = moved || written;
    if (written && !redis_row_add_context(c, row, &context, from->body, err))
        return false;
    if (!*applied && row->s.stored && !row->s.hollow)
        return true;
    row->s.hollow = false;
    return redis_row_store(c, row, err);
}

static bool merge_record(struct call *c, const struct record *record, bool *applied,
                         struct err *err)
{
    struct session_row row;
    struct reply **replies;
    bool ok;

    *applied = false;
    call_at(c, c->op->tenant, record->key.id);
    if (record->kind > RECORD_CONTEXT)
        return redis_merge_thread_record(c, record, applied, err) && call_commit(c, err);
    redis_row_ask(c, record->kind == RECORD_SESSION);
    if (!call_answers(c, &replies, err) || !redis_row_take(c, replies[0], &row, err))
        return false;
    ok = record->kind == RECORD_SESSION ? merge_session(c, record, &row, applied, err)
                                        : merge_context(c, record, &row, applied, err);
    return ok && call_commit(c, err);
}

/* Merges one record, or a run of messages: how many, and *applied of them. 0: it failed. */
static size_t merge_some(struct call *c, const struct record *records, size_t n, size_t *applied,
                         struct err *err)
{
    struct message_run run = {.records = records, .n = count_messages(records, n)};
    bool changed = false;
    int tries = 0;

    while (run.n ? !merge_messages(c, &run, err) : !merge_record(c, records, &changed, err))
        if (!call_again(c, &tries))
            return 0;
    *applied += run.n ? run.applied : changed;
    return run.n ? run.n : 1;
}

bool redis_merge(struct call *c, struct op *op, struct err *err)
{
    struct op_merge *merge = &op->merge;
    size_t applied = 0, done;

    for (size_t i = 0; i < merge->n; i += done) {
        done = merge_some(c, merge->items + i, merge->n - i, &applied, err);
        if (done == 0)
            return false;
    }
    merge->out.applied = applied;
    return true;
}

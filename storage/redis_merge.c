/* redis_merge.c - merges records of sessions, messages, contexts; see record.h. */
#include "redis_merge.h"

#include "clock.h"
#include "redis_messages.h"
#include "redis_ops.h"

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

static bool merge_message(struct call *c, const struct record *record, struct session_row *row,
                          const struct reply *stored, bool *applied, struct err *err)
{
    const struct record_message *from = &record->message;
    bool moved = false, known = stored->type == REPLY_TEXT && !row->s.hollow, newer = !known;
    struct message old;
    int64_t stamp;

    stamp_observe(from->stamp);
    session_state_raise(&row->s.last_seq, from->seq, &moved);
    session_state_raise(&row->s.active_us, from->seq, &moved);
    if (from->stamp <= row->s.tomb) {
        *applied = moved;
        return !moved || redis_row_store(c, row, err);
    }
    if (known) {
        if (!redis_message_unpack(stored->text, &old, &stamp, err))
            return false;
        newer = from->seq > old.seq || (from->seq == old.seq && from->stamp > stamp);
    }
    *applied = moved || newer;
    if (newer && !write_message(c, row, record, known ? &old : NULL, err))
        return false;
    if (!moved && !newer && row->s.stored && !row->s.hollow)
        return true;
    row->s.hollow = false;
    return redis_row_store(c, row, err);
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
    if (record->kind == RECORD_MESSAGE)
        ASK(c, SLICE("HGET"), call_key(c, "messages"), record->key.sub);
    if (!call_answers(c, &replies, err) || !redis_row_take(c, replies[0], &row, err))
        return false;
    if (record->kind == RECORD_SESSION)
        ok = merge_session(c, record, &row, applied, err);
    else if (record->kind == RECORD_MESSAGE)
        ok = merge_message(c, record, &row, replies[1], applied, err);
    else
        ok = merge_context(c, record, &row, applied, err);
    return ok && call_commit(c, err);
}

bool redis_merge(struct call *c, struct op *op, struct err *err)
{
    struct op_merge *merge = &op->merge;
    size_t n_applied = 0;
    bool applied;

    for (size_t i = 0; i < merge->n; i++) {
        int tries = 0;

        while (!merge_record(c, &merge->items[i], &applied, err))
            if (!call_again(c, &tries))
                return false;
        n_applied += applied;
    }
    merge->out.applied = n_applied;
    return true;
}

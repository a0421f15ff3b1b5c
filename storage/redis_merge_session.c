/* redis_merge_session.c - merges records of sessions, messages, contexts; see redis_merge_run.h. */
#include "clock.h"
#include "redis_merge_run.h"
#include "redis_messages.h"
#include "redis_pair.h"

/* Removes the messages that a deletion covers. *left is set if others stay. */
static bool kill_messages(struct call *c, int64_t tomb, bool *left, struct err *err)
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
        if (stamp > tomb) {
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

/* Applies a deletion that was merged: what it covers goes, what is newer stays. */
static bool apply_tomb(struct call *c, struct session_row *row, int64_t tomb, struct err *err)
{
    bool left = false;

    if (!kill_messages(c, tomb, &left, err))
        return false;
    redis_row_kill_contexts(c, row, tomb);
    left |= row->n_contexts > 0;
    row->s.hollow = row->s.gen == 0 && !left;
    if (!left)
        row->content_stamp = 0;
    return true;
}

/* The stamp of what is stored, is newer than the record, and stays; 0: there is none. */
static int64_t newer_than(const struct session_row *row, const struct record_session *from,
                          int64_t now_us)
{
    int64_t newest = session_state_overrules(&row->s, from, now_us);

    if (row->s.stored && !row->s.hollow && from->tomb > row->s.tomb &&
        row->content_stamp > from->tomb && row->content_stamp > newest)
        newest = row->content_stamp;
    return newest;
}

bool redis_merge_session(struct merge *m, struct err *err)
{
    const struct record_session *from = &m->record->session;
    struct session_row *row = &m->run->row;
    bool dies = from->tomb > row->s.tomb;
    int64_t left = 0;

    if (dies && !redis_merge_alone(m))
        return true;
    m->newest = newer_than(row, from, m->c->op->now_us);
    m->applied = session_state_merge(&row->s, from, m->c->op->now_us);
    m->run->row_changed |= m->applied || dies;
    if (dies && ((row->s.stored && !apply_tomb(m->c, row, from->tomb, err)) ||
                 !redis_pending_kill(m->c, from->tomb, &left, err)))
        return false;
    if (left > m->newest) /* an addition that the deletion does not cover */
        m->newest = left;
    return true;
}

/* Plans to write a message that is new, or newer than `old`. */
static bool write_message(struct merge *m, const struct message *old, struct err *err)
{
    const struct record_message *from = &m->record->message;
    struct session_row *row = &m->run->row;
    struct call *c = m->c;
    struct message message = {.id = m->record->key.sub,
                              .role = from->role,
                              .content = from->content,
                              .metadata = from->metadata,
                              .seq = from->seq};
    struct slice field;

    if (!redis_message_pack(c, &message, from->stamp, &field, err))
        return false;
    if (old)
        CHANGE(c, SLICE("ZREM"), call_key(c, "order"),
               redis_message_place(c, old->seq, message.id));
    else
        CHANGE(c, SLICE("HINCRBY"), call_index(c, "totals"), SLICE("messages"), SLICE("1"));
    CHANGE(c, SLICE("HSET"), call_key(c, "messages"), message.id, field);
    CHANGE(c, SLICE("ZADD"), call_key(c, "order"), SLICE("0"),
           redis_message_place(c, message.seq, message.id));
    if (row->content_stamp < from->stamp)
        row->content_stamp = from->stamp;
    return true;
}

/* Removes a message that was removed in the other store, unless ours is newer. */
static bool remove_message(struct merge *m, const struct message *old, int64_t stamp)
{
    struct call *c = m->c;

    if (stamp > m->record->gone)
        return true;
    CHANGE(c, SLICE("HDEL"), call_key(c, "messages"), m->record->key.sub);
    CHANGE(c, SLICE("ZREM"), call_key(c, "order"),
           redis_message_place(c, old->seq, m->record->key.sub));
    CHANGE(c, SLICE("HINCRBY"), call_index(c, "totals"), SLICE("messages"), SLICE("-1"));
    m->applied = true;
    m->run->row_changed = true;
    return true;
}

/* Raises what the session remembers of its messages and contexts, deleted ones included. */
static void move_up(struct merge *m, int64_t *highest, int64_t number, int64_t active_us)
{
    bool moved = false;

    session_state_raise(highest, number, &moved);
    session_state_raise(&m->run->row.s.active_us, active_us, &moved);
    m->applied |= moved;
    m->run->row_changed |= moved;
}

/* Something alive was merged, so the session is no mere tombstone. */
static void take_in(struct merge *m, bool written)
{
    struct session_state *s = &m->run->row.s;

    m->applied |= written;
    m->run->row_changed |= written || !s->stored || s->hollow;
    s->hollow = false;
}

bool redis_merge_message(struct merge *m, struct err *err)
{
    const struct record_message *from = &m->record->message;
    const struct reply *stored = m->stored[0];
    bool known = stored->type == REPLY_TEXT && !m->run->vacant, newer = !known;
    struct session_row *row = &m->run->row;
    struct message old;
    int64_t stamp = 0;

    if (known && !redis_message_unpack(stored->text, &old, &stamp, err))
        return false;
    if (m->record->gone)
        return !known || remove_message(m, &old, stamp);
    stamp_observe(from->stamp);
    move_up(m, &row->s.last_seq, from->seq, from->seq);
    if (from->stamp <= row->s.tomb) {
        m->newest = row->s.tomb;
        return true;
    }
    if (known)
        newer = from->seq > old.seq || (from->seq == old.seq && from->stamp > stamp);
    take_in(m, newer);
    return !newer || write_message(m, known ? &old : NULL, err);
}

/* Whether a context is stored already, by this number or a higher one (see merge_context() in sql_merge.c),
 * or as many newer ones are as may be kept. */
static bool context_stays_out(const struct redis *d, const struct session_row *row,
                              const struct record *record)
{
    size_t kept = (size_t)d->context_versions;

    for (size_t i = 0; i < row->n_contexts; i++)
        if (row->contexts[i].number >= record->key.number &&
            row->contexts[i].stamp == record->key.stamp)
            return true;
    return row->n_contexts >= kept &&
           row->contexts[row->n_contexts - kept].stamp > record->key.stamp;
}

bool redis_merge_context(struct merge *m, struct err *err)
{
    const struct record_context *from = &m->record->context;
    struct session_row *row = &m->run->row;
    struct row_context context = {m->record->key.number, m->record->key.stamp, from->updated_us,
                                  (int64_t)from->body.len};
    bool written;

    stamp_observe(context.stamp);
    move_up(m, &row->s.last_context, context.number, context.updated_us);
    if (context.stamp <= row->s.tomb) {
        m->newest = row->s.tomb;
        return true;
    }
    written = !context_stays_out(m->c->d, row, m->record);
    take_in(m, written);
    return !written || redis_row_add_context(m->c, row, &context, from->body, err);
}

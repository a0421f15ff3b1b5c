/* redis_append.c - OP_MESSAGE_APPEND, and the usual OP_MERGE of a message; see op_sessions.h, op_pair.h. */
#include "clock.h"
#include "copies.h"
#include "redis_entry.h"
#include "redis_merge_run.h"
#include "redis_messages.h"
#include "redis_ops.h"
#include "redis_used.h"

enum { APPEND_HEAD = 17 };

/* Asks with one HMGET which of the op's message ids are stored already. */
static void ask_known(struct call *c, const struct op_message_append *append)
{
    struct slice *args = arena_alloc(c->arena, (append->n + 2) * sizeof(*args));

    if (!args) {
        call_no_memory(c);
        return;
    }
    args[0] = SLICE("HMGET");
    args[1] = call_key(c, "messages");
    for (size_t i = 0; i < append->n; i++)
        args[i + 2] = append->messages[i].id;
    call_ask(c, args, append->n + 2);
}

/* Whether message i is known: it is stored, or an earlier message of this op has its id. If so, m->seq
 * becomes the seq of that first one. */
static bool find_known(struct op_message_append *append, size_t i, const struct reply *known,
                       bool *found, struct err *err)
{
    struct message *m = &append->messages[i], stored;
    int64_t stamp;

    *found = false;
    if (known && known->items[i]->type == REPLY_TEXT) {
        if (!redis_message_unpack(known->items[i]->text, &stored, &stamp, err))
            return false;
        m->seq = stored.seq;
        *found = true;
        return true;
    }
    for (size_t k = 0; k < i && !*found; k++)
        if (append->messages[k].created && slice_equal(append->messages[k].id, m->id)) {
            m->seq = append->messages[k].seq;
            *found = true;
        }
    return true;
}

/* Plans the new messages: gives each its seq, adds it to the hash and the order, and counts it. `known`
 * is the reply to ask_known(); NULL: whatever is stored there is dead. */
static bool put_all(struct call *c, struct session_row *row, const struct reply *known,
                    int64_t stamp, struct err *err)
{
    struct op_message_append *append = &c->op->message_append;
    struct slice *fields = arena_alloc(c->arena, 2 * (append->n + 1) * sizeof(*fields));
    struct slice *places = arena_alloc(c->arena, 2 * (append->n + 1) * sizeof(*places));
    size_t n = 2, created = 0;
    bool found;

    if (!fields || !places)
        return err_no_memory(err);
    for (size_t i = 0; i < append->n; i++)
        append->messages[i].created = false;
    for (size_t i = 0; i < append->n; i++) {
        struct message *m = &append->messages[i];

        if (!find_known(append, i, known, &found, err))
            return false;
        if (found)
            continue;
        m->seq = session_state_next_seq(&row->s, c->op->now_us);
        row->s.last_seq = m->seq;
        m->created = true;
        created++;
        fields[n] = m->id;
        if (!redis_message_pack(c, m, stamp, &fields[n + 1], err))
            return false;
        places[n] = SLICE("0");
        places[n + 1] = redis_message_place(c, m->seq, m->id);
        n += 2;
    }
    if (created == 0)
        return true;
    fields[0] = SLICE("HSET");
    fields[1] = call_key(c, "messages");
    places[0] = SLICE("ZADD");
    places[1] = call_key(c, "order");
    call_change(c, fields, n);
    call_change(c, places, n);
    CHANGE(c, SLICE("HINCRBY"), call_index(c, "totals"), SLICE("messages"),
           call_number(c, (int64_t)created));
    if (row->content_stamp < stamp)
        row->content_stamp = stamp;
    return true;
}

/* The general way, in two round trips: creates a session or an anchor, and revives one that was deleted
 * or has expired. */
static bool append_with_care(struct call *c, struct op *op, struct err *err)
{
    struct op_message_append *append = &op->message_append;
    struct reply **replies;
    struct session_row row;
    int64_t stamp, tomb;
    bool known;

    call_at(c, op->tenant, op->id);
    redis_row_ask(c, op->replicate);
    ask_known(c, append);
    if (!call_answers(c, &replies, err) || !redis_row_take(c, replies[0], &row, err))
        return false;
    if (append->require_session && !session_state_live(&row.s, c->d->session_ttl_us, op->now_us))
        return session_state_missing(err);
    known = session_state_known(&row.s, c->d->session_ttl_us, op->now_us);
    tomb = row.s.tomb;
    if (!redis_row_begin(c, tomb, &row, &stamp, err))
        return false;
    row.s.hollow = false;
    if (!put_all(c, &row, known ? replies[1] : NULL, stamp, err))
        return false;
    session_state_used(&row.s, op->now_us);
    return redis_row_store(c, &row, err) && copies_messages(op, err) &&
           ((op->n_copies > 0 && row.s.tomb == tomb) || copies_session(op, op->id, &row.s, err)) &&
           call_commit(c, err);
}

/* A packed message without its leading seq: the script puts the seq in front. */
static bool tail_of(struct call *c, const struct message *m, int64_t stamp, struct slice *tail,
                    struct err *err)
{
    struct message bare = *m;
    struct slice field;

    bare.seq = 0;
    if (!redis_message_pack(c, &bare, stamp, &field, err))
        return false;
    *tail = (struct slice){field.at + 1, field.len - 1};
    return true;
}

/* The outbox entry if every message is new. The script adds it only then; otherwise it changes nothing. */
static bool entry_of(struct call *c, struct slice *entry, struct err *err)
{
    struct op_message_append *append = &c->op->message_append;
    bool ok;

    for (size_t i = 0; i < append->n; i++)
        append->messages[i].created = true;
    ok = copies_messages(c->op, err) &&
         redis_entry_new(c->op, c->tenant, c->id, c->entered, entry, err);
    copies_reset(c->op);
    return ok;
}

/* What the script is told about the change, besides the messages. */
struct change {
    int64_t now_us, expired_us, stamp;
    bool require_session, merges;
    struct slice entry;
};

/* The keys and arguments that come before the messages; redis_scripts.c lists them. */
static void put_head(struct call *c, const struct change *change, struct slice *args)
{
    const struct slice head[APPEND_HEAD] = {
        SLICE("7"),
        call_key(c, "session"),
        call_key(c, "order"),
        call_key(c, "messages"),
        call_index(c, "totals"),
        call_index(c, "active"),
        call_index(c, "loose"),
        call_shared(c, "outbox"),
        c->id,
        call_number(c, change->now_us),
        redis_message_place(c, change->now_us, SLICE("")),
        change->expired_us == INT64_MIN ? SLICE("") : call_number(c, change->expired_us),
        change->require_session ? SLICE("1") : SLICE("0"),
        call_number(c, change->stamp),
        call_number(c, stamp_next()),
        change->entry,
        change->merges ? SLICE("1") : SLICE("0"),
    };

    memcpy(args, head, sizeof(head));
}

/* Runs the script. *done is false if it has found another case and changed nothing. */
static bool run_append(struct call *c, const struct slice *args, size_t n, size_t n_answers,
                       struct reply **reply, bool *done, struct err *err)
{
    if (!call_script(c, REDIS_APPEND, args, n, reply, err))
        return false;
    *done = (*reply)->type == REPLY_LIST;
    if (*done && (*reply)->n != n_answers)
        return err_set(err, ERR_STORAGE, "redis: the script that appends does not fit");
    c->changed |= *done;
    return true;
}

/* The usual case, in one script. *done is false if the script has found another case and changed nothing. */
static bool append_at_once(struct call *c, bool *done, struct err *err)
{
    struct op_message_append *append = &c->op->message_append;
    struct slice *args = arena_alloc(c->arena, (APPEND_HEAD + 2 * append->n) * sizeof(*args));
    size_t n = APPEND_HEAD;
    struct change change = {
        .now_us = c->op->now_us,
        .expired_us = clock_expired_us(c->d->session_ttl_us, c->op->now_us),
        .stamp = c->op->stamp,
        .require_session = append->require_session,
        .entry = SLICE(""),
    };
    struct reply *reply;

    if (!args)
        return err_no_memory(err);
    if (c->op->replicate && !entry_of(c, &change.entry, err))
        return false;
    put_head(c, &change, args);
    for (size_t i = 0; i < append->n; i++, n += 2) {
        args[n] = append->messages[i].id;
        if (!tail_of(c, &append->messages[i], c->op->stamp, &args[n + 1], err))
            return false;
    }
    if (!run_append(c, args, n, 2 * append->n, &reply, done, err))
        return false;
    for (size_t i = 0; *done && i < append->n; i++) {
        append->messages[i].seq = redis_number(reply->items[2 * i]->text);
        append->messages[i].created = redis_number(reply->items[2 * i + 1]->text) != 0;
    }
    return true;
}

bool redis_message_append(struct call *c, struct op *op, struct err *err)
{
    bool done = false;

    call_at(c, op->tenant, op->id);
    if (!op->alone && !append_at_once(c, &done, err))
        return false;
    return done ? copies_messages(op, err) : append_with_care(c, op, err);
}

bool redis_merge_next(struct call *c, const struct record *r, bool *done, struct err *err)
{
    const struct record_message *from = &r->message;
    struct op_merge *merge = &c->op->merge;
    struct message message = {
        .role = from->role, .content = from->content, .metadata = from->metadata};
    struct slice args[APPEND_HEAD + 2];
    struct reply *reply;

    put_head(c,
             &(struct change){.now_us = from->seq,
                              .expired_us = INT64_MIN,
                              .stamp = from->stamp,
                              .merges = true,
                              .entry = SLICE("")},
             args);
    args[APPEND_HEAD] = r->key.sub;
    if (!tail_of(c, &message, from->stamp, &args[APPEND_HEAD + 1], err) || !used_mark(c, err) ||
        !run_append(c, args, APPEND_HEAD + 2, 3, &reply, done, err))
        return false;
    stamp_observe(from->stamp);
    if (!*done)
        return true;
    merge->out.applied = 1;
    merge->out.outbox = reply->items[2]->number != 0;
    return true;
}

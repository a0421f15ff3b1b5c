/* redis_records_get.c - OP_RECORDS_GET: records by their names; see op_pair.h. */
#include "record_fields.h"
#include "redis_load.h"
#include "redis_messages.h"
#include "redis_ops.h"
#include "redis_pair.h"
#include "redis_records.h"

static const struct slice none = {NULL, 0};

/* The records that were found. */
struct found {
    struct call *c;
    struct record *items;
    size_t n, cap;
};

static bool add(struct found *f, const struct record *record, struct err *err)
{
    struct record *grown = arena_grow(f->c->arena, f->items, f->n, sizeof(*grown), &f->cap);

    if (!grown)
        return err_no_memory(err);
    f->items = grown;
    grown[f->n++] = *record;
    return true;
}

static void ask_task(struct call *c, const struct record_key *key)
{
    ASK(c, SLICE("HGET"), call_key_ns(c, "checkpoints", key->ns), key->sub);
    ASK(c, SLICE("HGET"), call_writes_key(c, key->ns, key->sub), key->task);
}

static size_t commands(enum record_kind kind)
{
    return kind == RECORD_TASK || kind == RECORD_REPEAT ? 2 : 1;
}

/* Asks for one record. */
static void ask_one(struct call *c, const struct record_name *name)
{
    const struct record_key *key = &name->key;

    if (name->kind == RECORD_SESSION || name->kind == RECORD_CONTEXT)
        redis_row_ask(c, true);
    else if (name->kind == RECORD_MESSAGE)
        ASK(c, SLICE("HGET"), call_key(c, "messages"), key->sub);
    else if (name->kind == RECORD_REPEAT)
        redis_repeat_ask(c, key->sub, true);
    else if (name->kind == RECORD_PENDING)
        ASK(c, SLICE("HGET"), call_key(c, "pending"), redis_op_text(c, key->sub));
    else if (name->kind == RECORD_THREAD)
        redis_thread_ask(c, none);
    else if (name->kind == RECORD_VALUE)
        ASK(c, SLICE("HGET"), call_key_ns(c, "values", key->ns), call_number(c, key->number));
    else if (name->kind == RECORD_CHECKPOINT)
        ASK(c, SLICE("HGET"), call_key_ns(c, "checkpoints", key->ns), key->sub);
    else
        ask_task(c, key);
}

/* A name without a stamp means all contexts of its session. */
static bool wanted(const struct record_key *key, const struct row_context *context)
{
    return !key->stamp || key->stamp == context->stamp;
}

static bool take_contexts(struct found *f, const struct session_row *row,
                          const struct record_key *key, struct err *err)
{
    struct call *c = f->c;
    struct reply **replies;
    size_t at = 0;

    for (size_t i = 0; i < row->n_contexts; i++)
        if (wanted(key, &row->contexts[i]))
            ASK(c, SLICE("HGET"), call_key(c, "contexts"),
                redis_row_context_field(c, &row->contexts[i]));
    if (!call_answers(c, &replies, err))
        return false;
    for (size_t i = 0; i < row->n_contexts; i++) {
        const struct row_context *context = &row->contexts[i];
        struct record record = {
            .kind = RECORD_CONTEXT,
            .key = {.id = key->id, .number = context->number, .stamp = context->stamp},
        };
        const struct reply *body;

        if (!wanted(key, context))
            continue;
        body = replies[at++];
        if (body->type != REPLY_TEXT)
            return call_lost(c, "a context", err);
        record.context = (struct record_context){context->updated_us, body->text};
        if (!add(f, &record, err))
            return false;
    }
    return true;
}

static bool take_message(struct found *f, struct record *record, const struct reply *reply,
                         struct err *err)
{
    struct record_message *to = &record->message;
    struct message m;

    if (!redis_message_unpack(reply->text, &m, &to->stamp, err))
        return false;
    to->seq = m.seq;
    to->role = m.role;
    to->content = m.content;
    to->metadata = m.metadata;
    return add(f, record, err);
}

static bool take_of_thread(struct found *f, struct record *record, struct reply *const *replies,
                           struct err *err)
{
    struct loader l = redis_load_start(f->c);
    struct task_row task;
    struct value *value;
    struct cp_row row;

    if (record->kind == RECORD_VALUE) {
        if (!redis_load_value_take(&l, record->key.number, replies[0], &value, err))
            return false;
        record->value = (struct record_value){value->of, value->blob};
        return add(f, record, err);
    }
    if (!redis_cp_take(record->key.sub, replies[0], &row, err))
        return false;
    if (record->kind == RECORD_CHECKPOINT)
        return row.stamp == 0 ||
               (redis_records_take_checkpoint(f->c, &row, record, err) && add(f, record, err));
    return redis_task_take(record->key.task, replies[1], &task, err) &&
           redis_records_take_task(f->c, &task, row.form, record, err) && add(f, record, err);
}

static bool take_one(struct found *f, const struct record_name *name, struct reply *const *replies,
                     struct err *err)
{
    struct record record = {.kind = name->kind, .key = name->key};
    const struct reply *last = replies[name->kind == RECORD_TASK];
    struct thread_row thread;
    struct session_row row;

    if (name->kind == RECORD_SESSION || name->kind == RECORD_CONTEXT) {
        if (!redis_row_take(f->c, replies[0], &row, err))
            return false;
        if (name->kind == RECORD_CONTEXT)
            return take_contexts(f, &row, &name->key, err);
        record.session = session_state_record(&row.s);
        return !row.s.stored || add(f, &record, err);
    }
    if (name->kind == RECORD_THREAD) {
        if (!redis_thread_take(f->c, none, replies[0], &thread, err))
            return false;
        record.thread = record_thread_of(thread.tomb, thread.updated_us);
        return !thread.stored || add(f, &record, err);
    }
    if (last->type != REPLY_TEXT)
        return true;
    if (name->kind == RECORD_MESSAGE)
        return take_message(f, &record, last, err);
    if (name->kind == RECORD_REPEAT) /* one whose addition is pending here comes with that */
        return redis_repeat_take(last->text, &record.repeat, err) &&
               (replies[1]->type == REPLY_TEXT || add(f, &record, err));
    if (name->kind == RECORD_PENDING)
        return redis_pending_take(last->text, &record.pending, err) && add(f, &record, err);
    return take_of_thread(f, &record, replies, err);
}

/* Requests are asked for before the rest. Commands run in order, so a request that is found has been
 * counted by the session that is read after it. */
bool redis_records_get(struct call *c, struct op *op, struct err *err)
{
    struct op_records_get *get = &op->records_get;
    struct found f = {.c = c};
    struct reply **replies;
    size_t at = 0;

    call_at(c, op->tenant, op->id);
    for (int requests = 1; requests >= 0; requests--)
        for (size_t i = 0; i < get->n; i++)
            if ((get->names[i].kind >= RECORD_KIND_COUNT) == requests)
                ask_one(c, &get->names[i]);
    if (!call_answers(c, &replies, err))
        return false;
    for (int requests = 1; requests >= 0; requests--)
        for (size_t i = 0; i < get->n; i++) {
            if ((get->names[i].kind >= RECORD_KIND_COUNT) != requests)
                continue;
            if (!take_one(&f, &get->names[i], replies + at, err))
                return false;
            at += commands(get->names[i].kind);
        }
    get->out.items = f.items;
    get->out.n = f.n;
    return true;
}

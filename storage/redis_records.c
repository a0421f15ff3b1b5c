/* redis_records.c - reads records of sessions, messages, contexts; see record.h. */
#include "redis_records.h"

#include <stdlib.h>

#include "damage.h"
#include "record_fields.h"
#include "redis_messages.h"
#include "redis_ops.h"
#include "redis_pair.h"

struct record *redis_records_next(struct records *r)
{
    struct record *record;

    if (r->range->out.n > 0)
        r->bytes += record_bytes(&r->range->out.items[r->range->out.n - 1]);
    if (r->range->out.n == (size_t)r->range->limit || r->bytes >= PAGE_BYTES_MAX) {
        r->full = r->range->out.more = true;
        return NULL;
    }
    record = &r->range->out.items[r->range->out.n++];
    *record = (struct record){.kind = r->range->kind, .key.id = r->c->id};
    return record;
}

bool redis_records_first(const struct records *r, struct slice id)
{
    return slice_present(r->range->after.id) && slice_equal(r->range->after.id, id);
}

size_t redis_records_left(const struct records *r)
{
    return (size_t)r->range->limit - r->range->out.n;
}

/* Calls one() for each id of an index, beginning with that of `after`, until no more fit. */
static bool records_walk(struct records *r, const char *kind,
                         bool (*one)(struct records *r, struct slice id, struct err *err),
                         struct err *err)
{
    struct walk w = {
        .c = r->c,
        .kind = kind,
        .tenant = r->c->op->tenant,
        .after = r->range->after.id,
        .from = r->range->kind != RECORD_SESSION && r->range->kind != RECORD_THREAD,
    };
    struct walk_item item;
    bool found = true;

    if (!walk_begin(&w, (size_t)r->range->limit + 1, err))
        return false;
    while (!r->full) {
        if (!walk_next(&w, &item, &found, err))
            return false;
        if (!found)
            return true;
        call_at(r->c, r->c->op->tenant, item.member);
        if (!one(r, item.member, err))
            return damage_at(r->range->kind <= RECORD_CONTEXT
                                 ? &(struct damage_place){.session = item.member}
                                 : &(struct damage_place){.thread = item.member},
                             err);
    }
    return true;
}

static int order_replies(const void *a, const void *b)
{
    return slice_compare((*(struct reply *const *)a)->text, (*(struct reply *const *)b)->text);
}

/* Reads the messages with these ids, as many as fit. */
static bool read_messages(struct records *r, struct reply **ids, size_t n, struct err *err)
{
    size_t more = n > redis_records_left(r) ? redis_records_left(r) : n;
    struct slice *args = arena_alloc(r->c->arena, (more + 2) * sizeof(*args));
    struct reply **replies;
    struct message m;

    if (!args)
        return err_no_memory(err);
    args[0] = SLICE("HMGET");
    args[1] = call_key(r->c, "messages");
    for (size_t i = 0; i < more; i++)
        args[i + 2] = ids[i]->text;
    if (more > 0)
        call_ask(r->c, args, more + 2);
    if (!call_answers(r->c, &replies, err))
        return false;
    for (size_t i = 0; i < n; i++) {
        struct record *out;

        if (i < more && replies[0]->items[i]->type != REPLY_TEXT)
            continue;
        out = redis_records_next(r);
        if (!out)
            return true;
        if (!redis_message_unpack(replies[0]->items[i]->text, &m, &out->message.stamp, err))
            return false;
        out->key.sub = ids[i]->text;
        out->message.seq = m.seq;
        out->message.role = m.role;
        out->message.content = m.content;
        out->message.metadata = m.metadata;
    }
    return true;
}

/* Whether the order lists as many messages as there are. Two commands may see a change between them, so several
 * differences in a row are damage. */
static bool check_order(struct call *c, size_t n, int64_t listed, struct err *err)
{
    struct reply **replies;

    for (int i = 0; listed != (int64_t)n; i++) {
        if (i == REDIS_TRIES_LOST)
            return err_set(err, ERR_DAMAGED,
                           "redis: it has %zu messages, and their order lists %lld", n,
                           (long long)listed);
        ASK(c, SLICE("HLEN"), call_key(c, "messages"));
        ASK(c, SLICE("ZCARD"), call_key(c, "order"));
        if (!call_answers(c, &replies, err))
            return false;
        n = (size_t)replies[0]->number;
        listed = replies[1]->number;
    }
    return true;
}

static bool list_messages(struct records *r, struct slice id, struct err *err)
{
    struct slice after = r->range->after.sub;
    struct reply **replies, **ids;
    size_t n, from = 0;

    ASK(r->c, SLICE("HKEYS"), call_key(r->c, "messages"));
    if (r->range->strict)
        ASK(r->c, SLICE("ZCARD"), call_key(r->c, "order"));
    if (!call_answers(r->c, &replies, err))
        return false;
    if (r->range->strict && !check_order(r->c, replies[0]->n, replies[1]->number, err))
        return false;
    ids = replies[0]->items;
    n = replies[0]->n;
    if (n > 1)
        qsort(ids, n, sizeof(struct reply *), order_replies);
    if (redis_records_first(r, id) && slice_present(after))
        while (from < n && slice_compare(ids[from]->text, after) <= 0)
            from++;
    return n == from || read_messages(r, ids + from, n - from, err);
}

static int order_contexts(const void *a, const void *b)
{
    const struct row_context *x = a, *y = b;
    int order = (x->number > y->number) - (x->number < y->number);

    return order ? order : (x->stamp > y->stamp) - (x->stamp < y->stamp);
}

static bool list_contexts(struct records *r, const struct session_row *row, struct err *err)
{
    const struct record_key *after = &r->range->after;
    struct row_context place = {after->number, after->stamp, 0, 0};
    struct reply **replies;

    if (row->n_contexts > 1)
        qsort(row->contexts, row->n_contexts, sizeof(*row->contexts), order_contexts);
    for (size_t i = 0; i < row->n_contexts; i++) {
        const struct row_context *context = &row->contexts[i];
        struct record *out;

        if (redis_records_first(r, row->s.session_id) && order_contexts(context, &place) <= 0)
            continue;
        out = redis_records_next(r);
        if (!out)
            return true;
        ASK(r->c, SLICE("HGET"), call_key(r->c, "contexts"),
            redis_row_context_field(r->c, context));
        if (!call_answers(r->c, &replies, err))
            return false;
        if (replies[0]->type != REPLY_TEXT)
            return call_lost(r->c, "a context", err);
        out->key.number = context->number;
        out->key.stamp = context->stamp;
        out->context = (struct record_context){context->updated_us, replies[0]->text};
    }
    return true;
}

/* Adds the record of a session. pending: the reply with what is to be counted with it; NULL: nothing. */
static bool add_session(struct records *r, struct session_state *s, const struct reply *pending,
                        struct err *err)
{
    struct record_pending more;
    struct record *out;

    if (pending && !redis_pending_sum(pending, &more, err))
        return false;
    if (pending)
        session_state_count(s, &more);
    out = redis_records_next(r);
    if (out)
        out->session = session_state_record(s);
    return true;
}

static bool of_session(struct records *r, struct slice id, struct err *err)
{
    bool pending = r->range->pending && r->range->kind == RECORD_SESSION;
    struct session_row row;
    struct reply **replies;

    redis_row_ask(r->c, r->range->kind == RECORD_SESSION);
    if (pending)
        redis_pending_ask(r->c);
    if (!call_answers(r->c, &replies, err) || !redis_row_take(r->c, replies[0], &row, err))
        return false;
    if (!row.s.stored)
        return true;
    if (!session_state_known(&row.s, r->c->d->session_ttl_us, r->c->op->now_us) &&
        !(row.s.hollow && r->range->kind == RECORD_SESSION))
        return true;
    if (r->range->kind == RECORD_MESSAGE)
        return list_messages(r, id, err);
    if (r->range->kind == RECORD_CONTEXT)
        return list_contexts(r, &row, err);
    return add_session(r, &row.s, pending ? replies[1] : NULL, err);
}

bool redis_read_range(struct call *c, struct op *op, struct err *err)
{
    struct op_read_range *range = &op->read_range;
    struct records r = {.c = c, .range = range};

    memset(&range->out, 0, sizeof(range->out));
    range->out.items = arena_zalloc(c->arena, (size_t)range->limit, sizeof(*range->out.items));
    if (!range->out.items)
        return err_no_memory(err);
    if (range->kind <= RECORD_CONTEXT)
        return records_walk(&r, "sessions", of_session, err);
    return records_walk(&r, "threads", redis_records_of_thread, err);
}

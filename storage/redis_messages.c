/* redis_messages.c - what messages are stored as, OP_MESSAGE_LIST and _TRIM; see op_sessions.h. */
#include "redis_messages.h"

#include "copies.h"
#include "damage.h"
#include "messages.h"
#include "redis_ops.h"

/* READ_FIRST: messages read at first for a page. */
enum { READ_FIRST = 64, SEQ_DIGITS = 20 };

bool redis_message_pack(struct call *c, const struct message *m, int64_t stamp, struct slice *out,
                        struct err *err)
{
    return redis_pack(
        &(struct packed){(int64_t[]){m->seq, stamp}, 2,
                         (struct slice[]){m->role, session_state_metadata(m->metadata), m->content},
                         3},
        c->arena, out, err);
}

bool redis_message_unpack(struct slice field, struct message *m, int64_t *stamp, struct err *err)
{
    int64_t numbers[2];
    struct slice texts[3];

    if (!redis_unpack(field, &(struct packed){numbers, 2, texts, 3}, err))
        return false;
    m->seq = numbers[0];
    *stamp = numbers[1];
    m->role = texts[0];
    m->metadata = texts[1].at ? texts[1] : SLICE("{}");
    m->content = texts[2];
    return true;
}

struct slice redis_message_place(struct call *c, int64_t seq, struct slice id)
{
    struct slice digits = redis_digits(seq, c->arena);

    if (!digits.at)
        call_no_memory(c);
    return call_concat(c, digits, id);
}

/* The seq and the id in a member of the order. */
static struct message_pos pos_of(struct slice place)
{
    return (struct message_pos){
        redis_number((struct slice){place.at, SEQ_DIGITS}),
        {place.at + SEQ_DIGITS, place.len - SEQ_DIGITS},
    };
}

/* A bound of a range by text: "(" or "[", then the place. */
static struct slice bound(struct call *c, const char *sign, const struct message_pos *pos)
{
    return call_concat(c, slice_of(sign), redis_message_place(c, pos->seq, pos->id));
}

struct page {
    struct slice *places;
    struct message *items;
    size_t n, got, bytes;
};

static bool read_some(struct call *c, struct page *p, size_t n, struct err *err)
{
    struct slice *args = arena_alloc(c->arena, (n + 2) * sizeof(*args));
    struct reply **replies;
    int64_t stamp;

    if (!args)
        return err_no_memory(err);
    args[0] = SLICE("HMGET");
    args[1] = call_key(c, "messages");
    for (size_t i = 0; i < n; i++)
        args[i + 2] = pos_of(p->places[p->got + i]).id;
    call_ask(c, args, n + 2);
    if (!call_answers(c, &replies, err))
        return false;
    for (size_t i = 0; i < n && p->bytes < PAGE_BYTES_MAX; i++) {
        struct message *m = &p->items[p->got];

        m->id = pos_of(p->places[p->got]).id;
        if (replies[0]->items[i]->type != REPLY_TEXT
                ? !call_lost(c, "what the order lists", err)
                : !redis_message_unpack(replies[0]->items[i]->text, m, &stamp, err))
            return damage_at(&(struct damage_place){.message = m->id}, err);
        p->bytes += message_bytes(m);
        p->got++;
    }
    return true;
}

/* Reads the messages at the places in turn until the page is full. Each request is sized by the average
 * so far, so little is read in vain. */
static bool read_page(struct call *c, struct page *p, struct err *err)
{
    size_t n = READ_FIRST;

    while (p->got < p->n && p->bytes < PAGE_BYTES_MAX) {
        if (p->got > 0)
            n = (PAGE_BYTES_MAX - p->bytes) / (p->bytes / p->got + 1) + 1;
        if (!read_some(c, p, n < p->n - p->got ? n : p->n - p->got, err))
            return false;
    }
    return true;
}

static void ask_range(struct call *c, bool up, struct slice low, struct slice high, int64_t limit)
{
    if (up)
        ASK(c, SLICE("ZRANGEBYLEX"), call_key(c, "order"), low, high, SLICE("LIMIT"), SLICE("0"),
            call_number(c, limit));
    else
        ASK(c, SLICE("ZREVRANGEBYLEX"), call_key(c, "order"), high, low, SLICE("LIMIT"), SLICE("0"),
            call_number(c, limit));
}

/* For an empty page: what lies below `before` comes before it, what lies above `after` comes after it. Where there
 * are messages, there must be an order. */
static bool empty_page(struct call *c, struct op_message_list *list, struct err *err)
{
    struct reply **replies;

    ask_range(c, true, SLICE("-"), list->has_before ? bound(c, "(", &list->before) : SLICE("+"), 1);
    ask_range(c, true, list->has_after ? bound(c, "(", &list->after) : SLICE("-"), SLICE("+"), 1);
    ASK(c, SLICE("HLEN"), call_key(c, "messages"));
    ASK(c, SLICE("ZCARD"), call_key(c, "order"));
    if (!call_answers(c, &replies, err))
        return false;
    list->out.more_before = replies[0]->n > 0;
    list->out.more_after = replies[1]->n > 0;
    return replies[2]->number == 0 || replies[3]->number > 0 ||
           call_lost(c, "the order of its messages", err);
}

static bool fill_page(struct call *c, struct reply *const *replies, struct err *err)
{
    struct op_message_list *list = &c->op->message_list;
    bool up = list->has_after, cut;
    struct page p = {.n = replies[1]->n < (size_t)list->limit ? replies[1]->n
                                                              : (size_t)list->limit};

    p.places = arena_alloc(c->arena, p.n * sizeof(*p.places));
    p.items = arena_zalloc(c->arena, p.n, sizeof(*p.items));
    if (!p.places || !p.items)
        return err_no_memory(err);
    for (size_t i = 0; i < p.n; i++)
        p.places[i] = replies[1]->items[i]->text;
    if (p.n == 0)
        return empty_page(c, list, err);
    list->out.more_before = list->has_after && replies[2]->n > 0;
    list->out.more_after = list->has_before && replies[list->has_after ? 3 : 2]->n > 0;
    if (!read_page(c, &p, err))
        return false;
    cut = p.got < replies[1]->n;
    list->out.more_before |= !up && cut;
    list->out.more_after |= up && cut;
    if (!up)
        messages_reverse(p.items, p.got);
    list->out.items = p.items;
    list->out.n = p.got;
    return true;
}

bool redis_message_list(struct call *c, struct op *op, struct err *err)
{
    struct op_message_list *list = &op->message_list;
    struct slice low = SLICE("-"), high = SLICE("+");
    struct reply **replies;
    struct session_row row;

    memset(&list->out, 0, sizeof(list->out));
    call_at(c, op->tenant, op->id);
    if (list->has_after)
        low = bound(c, "(", &list->after);
    if (list->has_before)
        high = bound(c, "(", &list->before);
    redis_row_ask(c, false);
    ask_range(c, list->has_after, low, high, list->limit + 1);
    if (list->has_after)
        ask_range(c, false, SLICE("-"), bound(c, "[", &list->after), 1);
    if (list->has_before)
        ask_range(c, true, bound(c, "[", &list->before), SLICE("+"), 1);
    if (!call_answers(c, &replies, err) || !redis_row_take(c, replies[0], &row, err))
        return false;
    if (!session_state_known(&row.s, c->d->session_ttl_us, op->now_us))
        return true;
    return fill_page(c, replies, err);
}

/* Plans to remove the messages at these places, and commits. */
static bool trim_places(struct call *c, const struct session_row *row, const struct reply *places,
                        struct err *err)
{
    struct slice *ids = arena_alloc(c->arena, (places->n + 2) * sizeof(*ids));
    struct slice *members = arena_alloc(c->arena, (places->n + 2) * sizeof(*members));

    if (!ids || !members)
        return err_no_memory(err);
    ids[0] = SLICE("HDEL");
    ids[1] = call_key(c, "messages");
    members[0] = SLICE("ZREM");
    members[1] = call_key(c, "order");
    for (size_t i = 0; i < places->n; i++) {
        members[i + 2] = places->items[i]->text;
        ids[i + 2] = pos_of(places->items[i]->text).id;
    }
    if (!copies_name(c->op, RECORD_MESSAGES, c->op->id, err))
        return false;
    call_guard(c, call_key(c, "session"), row->rev);
    call_change(c, ids, places->n + 2);
    call_change(c, members, places->n + 2);
    CHANGE(c, SLICE("HINCRBY"), call_index(c, "totals"), SLICE("messages"),
           call_number(c, -(int64_t)places->n));
    return call_commit(c, err);
}

/* Removes one part, the oldest first. The bound is kept in op->progress: messages that come meanwhile lie
 * behind it. */
static bool trim_part(struct call *c, const struct session_row *row, const struct message_pos *high,
                      struct err *err)
{
    struct message_pos *kept = arena_alloc(c->arena, sizeof(*kept));
    struct reply **replies;

    if (!kept)
        return err_no_memory(err);
    *kept = *high;
    ask_range(c, true, SLICE("-"), bound(c, "(", high), TRIM_MAX);
    if (!call_answers(c, &replies, err))
        return false;
    if (replies[0]->n > 0 && !trim_places(c, row, replies[0], err))
        return false;
    c->op->message_trim.out.removed += (int64_t)replies[0]->n;
    c->op->again = replies[0]->n == TRIM_MAX;
    c->op->progress = kept;
    return replies[0]->n > 0 || c->op->message_trim.out.removed == 0 ||
           copies_name(c->op, RECORD_MESSAGES, c->op->id, err);
}

/* Lowers the bound to the oldest of the newest keep_last messages. *all_stay: there are no more than
 * those. */
static bool bound_by_count(struct call *c, struct message_pos *high, bool *all_stay,
                           struct err *err)
{
    struct slice nth = call_number(c, c->op->message_trim.keep_last - 1);
    struct reply **replies;
    struct message_pos kept;

    ASK(c, SLICE("ZREVRANGE"), call_key(c, "order"), nth, nth);
    if (!call_answers(c, &replies, err))
        return false;
    *all_stay = replies[0]->n == 0;
    if (*all_stay)
        return true;
    kept = pos_of(replies[0]->items[0]->text);
    if (message_pos_before(&kept, high))
        *high = kept;
    return true;
}

bool redis_message_trim(struct call *c, struct op *op, struct err *err)
{
    struct op_message_trim *trim = &op->message_trim;
    struct message_pos high = trim->has_before ? trim->before
                                               : (struct message_pos){INT64_MAX, SLICE("")};
    struct session_row row;
    bool all_stay = false;

    if (!op->progress)
        trim->out.removed = 0;
    if (!redis_row_read(c, op, false, &row, err))
        return false;
    if (!session_state_known(&row.s, c->d->session_ttl_us, op->now_us))
        return true;
    if (op->progress)
        return trim_part(c, &row, op->progress, err);
    if (!op_fence_allows(op, row.content_stamp, err)) /* the other store would keep the newer */
        return false;
    if (high.seq > row.s.last_seq)
        high = (struct message_pos){row.s.last_seq + 1, SLICE("")};
    if (trim->keep_last > 0 && !bound_by_count(c, &high, &all_stay, err))
        return false;
    return all_stay || trim_part(c, &row, &high, err);
}

/* redis_messages.c - the operations on messages; see op_sessions.h. */
#include "redis_messages.h"

#include "clock.h"
#include "redis_ops.h"

/* So many messages go in one part of a trim; so many are read at first. */
enum { TRIM_MAX = 1000, READ_FIRST = 64, SEQ_DIGITS = 20, APPEND_HEAD = 16 };

#define BACKSTOP_MS (INT64_C(3600) * 1000) /* Redis' own expiry comes this much later */

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
        err_fill(&c->failure, ERR_NO_MEMORY, "out of memory");
    return call_concat(c, digits, id);
}

struct message_pos redis_message_pos_of(struct slice place)
{
    return (struct message_pos){
        redis_number((struct slice){place.at, SEQ_DIGITS}),
        {place.at + SEQ_DIGITS, place.len - SEQ_DIGITS},
    };
}

/* A bound of a range by text: the sign, then the place. */
static struct slice bound(struct call *c, const char *sign, const struct message_pos *pos)
{
    return call_concat(c, slice_of(sign), redis_message_place(c, pos->seq, pos->id));
}

/* The messages of the op that are stored, by an HMGET of their ids. */
static void ask_known(struct call *c, const struct op_message_append *append)
{
    struct slice *args = arena_alloc(c->arena, (append->n + 2) * sizeof(*args));

    if (!args) {
        err_fill(&c->failure, ERR_NO_MEMORY, "out of memory");
        return;
    }
    args[0] = SLICE("HMGET");
    args[1] = call_key(c, "messages");
    for (size_t i = 0; i < append->n; i++)
        args[i + 2] = append->messages[i].id;
    call_ask(c, args, append->n + 2);
}

/* Whether message i is stored, or stands in the op before; m->seq is that of the first then. */
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

static bool put_all(struct call *c, struct session_row *row, const struct reply *known,
                    int64_t stamp, struct err *err)
{
    struct op_message_append *append = &c->op->message_append;
    struct slice *fields = arena_alloc(c->arena, 2 * (append->n + 1) * sizeof(*fields));
    struct slice *places = arena_alloc(c->arena, 2 * (append->n + 1) * sizeof(*places));
    size_t n = 2, created = 0;
    bool found;

    if (!fields || !places)
        return err_set(err, ERR_NO_MEMORY, "out of memory");
    for (size_t i = 0; i < append->n; i++)
        append->messages[i].created = false;
    for (size_t i = 0; i < append->n; i++) {
        struct message *m = &append->messages[i];

        if (!find_known(append, i, known, &found, err))
            return false;
        if (found)
            continue;
        m->seq = row->s.last_seq < c->op->now_us ? c->op->now_us : row->s.last_seq + 1;
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

/* A new session or anchor, one that was deleted or has expired: what it is must be looked at. */
static bool append_with_care(struct call *c, struct op *op, struct err *err)
{
    struct op_message_append *append = &op->message_append;
    struct reply **replies;
    struct session_row row;
    int64_t stamp;
    bool known;

    call_at(c, op->tenant, op->id);
    redis_row_ask(c, false);
    ask_known(c, append);
    if (!call_answers(c, &replies, err) || !redis_row_take(c, replies[0], &row, err))
        return false;
    if (append->require_session && !session_state_live(&row.s, c->d->session_ttl_us, op->now_us))
        return session_state_missing(err);
    known = session_state_known(&row.s, c->d->session_ttl_us, op->now_us);
    if (!redis_row_begin(c, row.s.tomb, &row, &stamp, err))
        return false;
    row.s.hollow = false;
    if (!put_all(c, &row, known ? replies[1] : NULL, stamp, err))
        return false;
    if (row.s.active_us < op->now_us)
        row.s.active_us = op->now_us;
    if (row.s.active_us < row.s.last_seq)
        row.s.active_us = row.s.last_seq;
    return redis_row_store(c, &row, err) && call_commit(c, err);
}

/* The field of a message without the seq in front. */
static bool tail_of(struct call *c, const struct message *m, struct slice *tail, struct err *err)
{
    struct message bare = *m;
    struct slice field;

    bare.seq = 0;
    if (!redis_message_pack(c, &bare, c->op->stamp, &field, err))
        return false;
    *tail = (struct slice){field.at + 1, field.len - 1};
    return true;
}

/* Who is there, and when; see redis_scripts.c. */
static void append_head(struct call *c, struct slice *args)
{
    int64_t expired_us = session_state_expired_us(c->d->session_ttl_us, c->op->now_us),
            ttl_us = c->d->session_ttl_us;
    const struct slice head[APPEND_HEAD] = {
        SLICE("7"),
        call_key(c, "session"),
        call_key(c, "order"),
        call_key(c, "messages"),
        call_key(c, "contexts"),
        call_index(c, "totals"),
        call_index(c, "active"),
        call_index(c, "loose"),
        c->id,
        call_number(c, c->op->now_us),
        redis_message_place(c, c->op->now_us, SLICE("")),
        expired_us == INT64_MIN ? SLICE("") : call_number(c, expired_us),
        c->op->message_append.require_session ? SLICE("1") : SLICE("0"),
        call_number(c, c->op->stamp),
        call_number(c, stamp_next()),
        ttl_us > 0 ? call_number(c, ttl_us / 1000 + BACKSTOP_MS) : SLICE(""),
    };

    memcpy(args, head, sizeof(head));
}

/* The usual case, in one step. *done is false if it is another. */
static bool append_at_once(struct call *c, bool *done, struct err *err)
{
    struct op_message_append *append = &c->op->message_append;
    struct slice *args = arena_alloc(c->arena, (APPEND_HEAD + 2 * append->n) * sizeof(*args));
    size_t n = APPEND_HEAD;
    struct reply *reply;

    if (!args)
        return err_set(err, ERR_NO_MEMORY, "out of memory");
    append_head(c, args);
    for (size_t i = 0; i < append->n; i++, n += 2) {
        args[n] = append->messages[i].id;
        if (!tail_of(c, &append->messages[i], &args[n + 1], err))
            return false;
    }
    if (!call_script(c, REDIS_APPEND, args, n, &reply, err))
        return false;
    *done = reply->type == REPLY_LIST;
    if (*done && reply->n != 2 * append->n)
        return err_set(err, ERR_STORAGE, "redis: the script that appends does not fit");
    for (size_t i = 0; *done && i < append->n; i++) {
        append->messages[i].seq = redis_number(reply->items[2 * i]->text);
        append->messages[i].created = redis_number(reply->items[2 * i + 1]->text) != 0;
    }
    c->changed |= *done;
    return true;
}

bool redis_message_append(struct call *c, struct op *op, struct err *err)
{
    bool done = false;

    call_at(c, op->tenant, op->id);
    if (!append_at_once(c, &done, err))
        return false;
    return done || append_with_care(c, op, err);
}

static size_t message_bytes(const struct message *m)
{
    return sizeof(*m) + m->id.len + m->role.len + m->content.len + m->metadata.len;
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
        return err_set(err, ERR_NO_MEMORY, "out of memory");
    args[0] = SLICE("HMGET");
    args[1] = call_key(c, "messages");
    for (size_t i = 0; i < n; i++)
        args[i + 2] = redis_message_pos_of(p->places[p->got + i]).id;
    call_ask(c, args, n + 2);
    if (!call_answers(c, &replies, err))
        return false;
    for (size_t i = 0; i < n && p->bytes < PAGE_BYTES_MAX; i++) {
        struct message *m = &p->items[p->got];

        if (replies[0]->items[i]->type != REPLY_TEXT)
            return call_torn(c, err);
        m->id = redis_message_pos_of(p->places[p->got]).id;
        if (!redis_message_unpack(replies[0]->items[i]->text, m, &stamp, err))
            return false;
        p->bytes += message_bytes(m);
        p->got++;
    }
    return true;
}

/* The messages of the places in turn, as many as fit into a page; never much more than that is read. */
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

static void reverse(struct message *items, size_t n)
{
    for (size_t i = 0; i < n / 2; i++) {
        struct message other = items[i];

        items[i] = items[n - 1 - i];
        items[n - 1 - i] = other;
    }
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

/* An empty page: all there is lies beyond one of its ends, seen from the other. */
static bool empty_page(struct call *c, struct op_message_list *list, struct err *err)
{
    struct reply **replies;

    ask_range(c, true, SLICE("-"), list->has_before ? bound(c, "(", &list->before) : SLICE("+"), 1);
    ask_range(c, true, list->has_after ? bound(c, "(", &list->after) : SLICE("-"), SLICE("+"), 1);
    if (!call_answers(c, &replies, err))
        return false;
    list->out.more_before = replies[0]->n > 0;
    list->out.more_after = replies[1]->n > 0;
    return true;
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
        return err_set(err, ERR_NO_MEMORY, "Out of memory while listing messages.");
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
        reverse(p.items, p.got);
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

/* Removes what the places name. */
static bool trim_places(struct call *c, const struct session_row *row, const struct reply *places,
                        struct err *err)
{
    struct slice *ids = arena_alloc(c->arena, (places->n + 2) * sizeof(*ids));
    struct slice *members = arena_alloc(c->arena, (places->n + 2) * sizeof(*members));

    if (!ids || !members)
        return err_set(err, ERR_NO_MEMORY, "out of memory");
    ids[0] = SLICE("HDEL");
    ids[1] = call_key(c, "messages");
    members[0] = SLICE("ZREM");
    members[1] = call_key(c, "order");
    for (size_t i = 0; i < places->n; i++) {
        members[i + 2] = places->items[i]->text;
        ids[i + 2] = redis_message_pos_of(places->items[i]->text).id;
    }
    call_guard(c, call_key(c, "session"), row->rev);
    call_change(c, ids, places->n + 2);
    call_change(c, members, places->n + 2);
    CHANGE(c, SLICE("HINCRBY"), call_index(c, "totals"), SLICE("messages"),
           call_number(c, -(int64_t)places->n));
    return call_commit(c, err);
}

/* One part: the oldest first. What comes meanwhile is behind the bound. */
static bool trim_part(struct call *c, const struct session_row *row, const struct message_pos *high,
                      struct err *err)
{
    struct message_pos *kept = arena_alloc(c->arena, sizeof(*kept));
    struct reply **replies;

    if (!kept)
        return err_set(err, ERR_NO_MEMORY, "out of memory");
    *kept = *high;
    ask_range(c, true, SLICE("-"), bound(c, "(", high), TRIM_MAX);
    if (!call_answers(c, &replies, err))
        return false;
    if (replies[0]->n > 0 && !trim_places(c, row, replies[0], err))
        return false;
    c->op->message_trim.out.removed += (int64_t)replies[0]->n;
    c->op->again = replies[0]->n == TRIM_MAX;
    c->op->progress = kept;
    return true;
}

/* The oldest of the newest keep_last messages bounds what may go. */
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
    kept = redis_message_pos_of(replies[0]->items[0]->text);
    if (kept.seq < high->seq || (kept.seq == high->seq && slice_compare(kept.id, high->id) < 0))
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
    if (high.seq > row.s.last_seq)
        high = (struct message_pos){row.s.last_seq + 1, SLICE("")};
    if (trim->keep_last > 0 && !bound_by_count(c, &high, &all_stay, err))
        return false;
    return all_stay || trim_part(c, &row, &high, err);
}

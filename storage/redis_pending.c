/* redis_pending.c - additions to counters that the primary has yet to count; see redis_pair.h. */
#include <stdlib.h>

#include "clock.h"
#include "copies.h"
#include "damage.h"
#include "record_fields.h"
#include "redis_merge_run.h"
#include "redis_pair.h"

struct slice redis_op_text(struct call *c, struct slice op_id)
{
    static const char digits[] = "0123456789abcdef";
    char *hex = arena_alloc(c->arena, 2 * BLOB_HASH_LEN);

    if (!hex || op_id.len != BLOB_HASH_LEN) {
        call_no_memory(c);
        return SLICE("");
    }
    for (size_t i = 0; i < BLOB_HASH_LEN; i++) {
        hex[2 * i] = digits[(unsigned char)op_id.at[i] >> 4];
        hex[2 * i + 1] = digits[op_id.at[i] & 15];
    }
    return (struct slice){hex, 2 * BLOB_HASH_LEN};
}

static struct slice repeat_key(struct call *c, struct slice op_id)
{
    return call_index_of(c, "repeat", redis_op_text(c, op_id));
}

void redis_repeat_ask(struct call *c, struct slice op_id, bool pending)
{
    ASK(c, SLICE("GET"), repeat_key(c, op_id));
    if (pending)
        ASK(c, SLICE("HGET"), call_key(c, "pending"), redis_op_text(c, op_id));
}

bool redis_repeat_put(struct call *c, struct slice op_id, const struct record_repeat *repeat,
                      struct err *err)
{
    struct slice hash = {(const char *)repeat->body_hash, BLOB_HASH_LEN}, value;

    if (!redis_pack(&(struct packed){(int64_t[]){repeat->at_us}, 1, &hash, 1}, c->arena, &value,
                    err))
        return false;
    CHANGE(c, SLICE("SET"), repeat_key(c, op_id), value, SLICE("EX"),
           call_number(c, COLLECT_AFTER_US / S_US));
    return true;
}

static void take_hash(struct slice hash, uint8_t out[BLOB_HASH_LEN])
{
    if (hash.len == BLOB_HASH_LEN)
        memcpy(out, hash.at, BLOB_HASH_LEN);
}

bool redis_repeat_take(struct slice value, struct record_repeat *out, struct err *err)
{
    struct slice hash;

    if (!redis_unpack(value, &(struct packed){&out->at_us, 1, &hash, 1}, err))
        return false;
    take_hash(hash, out->body_hash);
    return true;
}

bool redis_pending_take(struct slice value, struct record_pending *out, struct err *err)
{
    int64_t numbers[4];
    struct slice texts[2];

    if (!redis_unpack(value, &(struct packed){numbers, 4, texts, 2}, err))
        return false;
    *out = (struct record_pending){
        .stamp = numbers[0], .requests = numbers[1], .errors = numbers[2]};
    out->repeat.at_us = numbers[3];
    out->processing_time = strtod(texts[0].at, NULL);
    take_hash(texts[1], out->repeat.body_hash);
    return true;
}

bool redis_pending_put(struct call *c, struct err *err)
{
    const struct op_session_patch *patch = &c->op->session_patch;
    struct slice hash = {(const char *)c->op->repeat.body_hash, BLOB_HASH_LEN}, value;
    struct slice op_id = {(const char *)c->op->repeat.op_id, BLOB_HASH_LEN};
    struct slice time = arena_printf(c->arena, "%.17g", patch->add_processing_time);

    if (!slice_present(time))
        return err_no_memory(err);
    if (!redis_pack(&(struct packed){(int64_t[]){c->op->stamp, patch->increment_requests,
                                                 patch->mark_error, c->op->now_us},
                                     4, (struct slice[]){time, hash}, 2},
                    c->arena, &value, err))
        return false;
    CHANGE(c, SLICE("HSET"), call_key(c, "pending"), redis_op_text(c, op_id), value);
    return copies_pending(c->op, err);
}

void redis_pending_ask(struct call *c)
{
    ASK(c, SLICE("HVALS"), call_key(c, "pending"));
}

bool redis_pending_sum(const struct reply *reply, struct record_pending *out, struct err *err)
{
    struct record_pending one;

    *out = (struct record_pending){.requests = 0};
    for (size_t i = 0; i < reply->n; i++) {
        if (!redis_pending_take(reply->items[i]->text, &one, err))
            return false;
        out->requests += one.requests;
        out->errors += one.errors;
        out->processing_time += one.processing_time;
    }
    return true;
}

bool redis_pending_answers(struct call *c, struct session *items, size_t n, struct err *err)
{
    struct record_pending more;
    struct reply **replies;

    if (!c->op->alone || n == 0)
        return true;
    for (size_t i = 0; i < n; i++) {
        call_at(c, c->op->tenant, items[i].id);
        redis_pending_ask(c);
    }
    if (!call_answers(c, &replies, err))
        return false;
    for (size_t i = 0; i < n; i++) {
        if (!redis_pending_sum(replies[i], &more, err))
            return c->op->type == OP_SESSION_LIST
                       ? damage_at(&(struct damage_place){.session = items[i].id}, err)
                       : false;
        items[i].request_count += more.requests;
        items[i].error_count += more.errors;
        items[i].total_processing_time += more.processing_time;
    }
    return true;
}

bool redis_pending_kill(struct call *c, int64_t tomb, int64_t *left, struct err *err)
{
    struct record_pending pending;
    struct reply **replies;

    *left = 0;
    ASK(c, SLICE("HGETALL"), call_key(c, "pending"));
    if (!call_answers(c, &replies, err))
        return false;
    for (size_t i = 0; i + 1 < replies[0]->n; i += 2) {
        if (!redis_pending_take(replies[0]->items[i + 1]->text, &pending, err))
            return false;
        if (pending.stamp <= tomb)
            CHANGE(c, SLICE("HDEL"), call_key(c, "pending"), replies[0]->items[i]->text);
        else if (pending.stamp > *left)
            *left = pending.stamp;
    }
    return true;
}

bool redis_pending_delete(struct call *c, int64_t tomb, struct err *err)
{
    int64_t left;

    return !c->op->alone || (redis_pending_kill(c, tomb, &left, err) &&
                             (left == 0 || op_fence_allows(c->op, left, err)));
}

/* Asks for outbox entries of this number. One means that the change was made here as well, though its
 * outcome was unknown. */
static void ask_entry(struct call *c, int64_t number)
{
    struct redis_bounds bounds = redis_outbox_bounds(c, number);

    ASK(c, SLICE("ZLEXCOUNT"), call_shared(c, "outbox"), bounds.from, bounds.to);
}

void redis_merge_pending_ask(struct call *c, const struct record *record)
{
    if (c->op->merge.own) { /* own: this store counts what is pending in itself */
        redis_merge_repeat_ask(c, record);
        return;
    }
    redis_repeat_ask(c, record->key.sub, false);
    ask_entry(c, record->pending.stamp);
}

/* Takes the answer to the first of these questions: when the request came that is remembered; 0: none is. */
static bool take_known(const struct merge *m, int64_t *at_us, struct err *err)
{
    struct record_repeat known = {.at_us = 0};

    if (m->stored[0]->type == REPLY_TEXT && !redis_repeat_take(m->stored[0]->text, &known, err))
        return false;
    *at_us = known.at_us;
    return true;
}

/* Remembers the request of a record, unless a newer one with its key is known. */
static bool keep_request(struct merge *m, int64_t known_us, struct err *err)
{
    const struct record_repeat *request = record_request(m->record);

    return known_us >= request->at_us || redis_repeat_put(m->c, m->record->key.sub, request, err);
}

void redis_merge_repeat_ask(struct call *c, const struct record *record)
{
    redis_repeat_ask(c, record->key.sub, true);
}

/* Whether the request of the record is pending here, by the second answer. */
static bool take_pending(const struct merge *m, bool *pending, struct err *err)
{
    struct record_pending stored;

    *pending = false;
    if (m->stored[1]->type != REPLY_TEXT)
        return true;
    if (!redis_pending_take(m->stored[1]->text, &stored, err))
        return false;
    *pending = record_is_request(m->record, stored.repeat.at_us);
    return true;
}

bool redis_merge_pending(struct merge *m, struct err *err)
{
    const struct record_pending *pending = &m->record->pending;
    struct session_state *s = &m->run->row.s;
    bool own = m->c->op->merge.own, waits = m->stored[1]->number != 0;
    int64_t known_us;

    stamp_observe(pending->stamp);
    if (!take_known(m, &known_us, err) || (own && !take_pending(m, &waits, err)))
        return false;
    if (pending->stamp <= s->tomb ||
        (own ? !waits : waits || record_is_request(m->record, known_us)))
        return true;
    session_state_count(s, pending);
    m->applied = m->run->row_changed = true;
    if (own)
        CHANGE(m->c, SLICE("HDEL"), call_key(m->c, "pending"),
               redis_op_text(m->c, m->record->key.sub));
    return keep_request(m, known_us, err);
}

bool redis_merge_repeat(struct merge *m, struct err *err)
{
    struct call *c = m->c;
    int64_t known_us;
    bool pending;

    if (!take_known(m, &known_us, err) || !take_pending(m, &pending, err))
        return false;
    m->applied = known_us < m->record->repeat.at_us || pending;
    if (!m->applied)
        return true;
    call_guard(c, call_key(c, "session"), m->run->row.rev);
    if (pending)
        CHANGE(c, SLICE("HDEL"), call_key(c, "pending"), redis_op_text(c, m->record->key.sub));
    return keep_request(m, known_us, err);
}

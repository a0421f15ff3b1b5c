/* redis_rows.c - see redis_rows.h. */
#include "redis_rows.h"

#include <stdlib.h>

#include "clock.h"
#include "copies.h"

enum { NUMBERS_AT = 6, CONTEXT_CELLS = 4 };

/* The integers of a row: member of struct session_row, name of the field. */
#define ROW_NUMBERS(X)                    \
    X(s.gen, "gen")                       \
    X(s.tomb, "tomb")                     \
    X(s.active_us, "last_activity_us")    \
    X(s.last_seq, "last_seq")             \
    X(s.last_context, "last_context")     \
    X(s.version, "version")               \
    X(s.request_count, "request_count")   \
    X(s.error_count, "error_count")       \
    X(s.created_us, "created_us")         \
    X(s.updated_us, "updated_us")         \
    X(s.user_stamp, "user_stamp")         \
    X(s.status_stamp, "status_stamp")     \
    X(s.metadata_stamp, "metadata_stamp") \
    X(content_stamp, "content_stamp")

void redis_row_ask(struct call *c, bool metadata)
{
#define X(member, name) SLICE(name),
    const struct slice args[] = {
        SLICE("HMGET"),   call_key(c, "session"), SLICE("rev"),
        SLICE("hollow"),  SLICE("contexts"),      SLICE("processing_time"),
        SLICE("user_id"), SLICE("status"),        ROW_NUMBERS(X) SLICE("metadata")};
#undef X

    call_ask(c, args, COUNT_OF(args) - !metadata);
}

static bool take_contexts(struct call *c, struct slice text, struct session_row *row,
                          struct err *err)
{
    int64_t n = 0, *cells;
    struct packed first = {.numbers = &n, .n_numbers = 1};

    if (!slice_present(text))
        return true;
    if (!redis_unpack(text, &first, err))
        return false;
    if (n < 0 || (size_t)n > text.len)
        return err_set(err, ERR_DAMAGED, "redis: the contexts of a session are damaged");
    cells = arena_alloc(c->arena, ((size_t)n * CONTEXT_CELLS + 1) * sizeof(*cells));
    row->contexts = arena_alloc(c->arena, ((size_t)n + 1) * sizeof(*row->contexts));
    if (!cells || !row->contexts)
        return err_no_memory(err);
    if (!redis_unpack(
            text, &(struct packed){.numbers = cells, .n_numbers = (size_t)n * CONTEXT_CELLS + 1},
            err))
        return false;
    for (int64_t i = 0; i < n; i++) {
        const int64_t *at = cells + 1 + i * CONTEXT_CELLS;

        row->contexts[i] = (struct row_context){at[0], at[1], at[2], at[3]};
    }
    row->n_contexts = (size_t)n;
    return true;
}

static enum row_state state_of(const struct session_row *row)
{
    return row->s.hollow ? ROW_HOLLOW : row->s.gen > row->s.tomb ? ROW_LIVE : ROW_LOOSE;
}

static bool is_active(const struct session_row *row)
{
    return state_of(row) == ROW_LIVE && slice_equal(row->s.status, SLICE("active"));
}

bool redis_row_take(struct call *c, const struct reply *reply, struct session_row *row,
                    struct err *err)
{
    struct reply **items = reply->items;
    size_t at = NUMBERS_AT;

    *row = (struct session_row){.s.session_id = c->id, .rev = items[0]->text};
    row->has_metadata = true;
    if (!slice_present(row->rev))
        return true;
    row->s.stored = true;
    row->s.hollow = slice_present(items[1]->text);
    if (slice_present(items[3]->text))
        row->s.processing_time = strtod(items[3]->text.at, NULL);
    row->s.user_id = items[4]->text;
    row->s.status = items[5]->text;
#define X(member, name) row->member = redis_number(items[at++]->text);
    ROW_NUMBERS(X)
#undef X
    row->has_metadata = reply->n > at;
    if (row->has_metadata)
        row->s.metadata = items[at]->text;
    row->old.state = state_of(row);
    row->old.active_us = row->s.active_us;
    row->old.user_id = row->s.user_id;
    row->old.counted_active = is_active(row);
    return take_contexts(c, items[2]->text, row, err);
}

bool redis_row_read(struct call *c, const struct op *op, bool metadata, struct session_row *row,
                    struct err *err)
{
    struct reply **replies;

    call_at(c, op->tenant, op->id);
    redis_row_ask(c, metadata);
    return call_answers(c, &replies, err) && redis_row_take(c, replies[0], row, err);
}

bool redis_row_begin(struct call *c, int64_t stored, struct session_row *row, int64_t *stamp,
                     struct err *err)
{
    if (!session_state_expired(&row->s, c->d->session_ttl_us, c->op->now_us))
        return op_stamp_above(c->op, stored, stamp, err);
    return op_stamp_above(c->op, clock_later(session_state_stamp(&row->s), row->content_stamp) + 1,
                          stamp, err) &&
           redis_row_remove(c, row, *stamp - 1, err);
}

static bool pack_contexts(struct call *c, const struct session_row *row, struct slice *out,
                          struct err *err)
{
    size_t n = row->n_contexts * CONTEXT_CELLS + 1;
    int64_t *cells = arena_alloc(c->arena, n * sizeof(*cells)), *at = cells;

    if (!cells)
        return err_no_memory(err);
    *at++ = (int64_t)row->n_contexts;
    for (size_t i = 0; i < row->n_contexts; i++) {
        *at++ = row->contexts[i].number;
        *at++ = row->contexts[i].stamp;
        *at++ = row->contexts[i].updated_us;
        *at++ = row->contexts[i].len;
    }
    return redis_pack(&(struct packed){.numbers = cells, .n_numbers = n}, c->arena, out, err);
}

/* The fields to set, with their values, and those to remove. A field that is not there means 0, or
 * absent. */
struct fields {
    struct slice set[64], gone[32];
    size_t n_set, n_gone;
};

static void add_field(struct fields *f, struct slice name, struct slice value)
{
    if (!slice_present(value)) {
        f->gone[f->n_gone++] = name;
        return;
    }
    f->set[f->n_set++] = name;
    f->set[f->n_set++] = value;
}

static bool list_fields(struct call *c, const struct session_row *row, struct fields *f,
                        struct err *err)
{
    static const struct slice none = {NULL, 0};
    struct slice contexts = none, time = none;

    if (row->n_contexts && !pack_contexts(c, row, &contexts, err))
        return false;
    if (row->s.processing_time != 0)
        time = arena_printf(c->arena, "%.17g", row->s.processing_time);
    add_field(f, SLICE("rev"), call_number(c, stamp_next()));
#define X(member, name) \
    add_field(f, SLICE(name), row->member != 0 ? call_number(c, row->member) : none);
    ROW_NUMBERS(X)
#undef X
    add_field(f, SLICE("hollow"), row->s.hollow ? SLICE("1") : none);
    add_field(f, SLICE("processing_time"), time);
    add_field(f, SLICE("user_id"), row->s.user_id);
    add_field(f, SLICE("status"), row->s.status);
    add_field(f, SLICE("metadata"), row->s.metadata);
    add_field(f, SLICE("contexts"), contexts);
    return true;
}

/* Writes all fields. When its memory is full, Redis refuses a script whose first write needs memory, and
 * lets others run: a change begins with HSET and is refused, a deletion begins with DEL and is not. */
static bool store_fields(struct call *c, const struct session_row *row, struct err *err)
{
    struct fields f = {.set = {SLICE("HSET"), call_key(c, "session")},
                       .gone = {SLICE("HDEL"), call_key(c, "session")},
                       .n_set = 2,
                       .n_gone = 2};

    if (!list_fields(c, row, &f, err))
        return false;
    if (row->s.hollow)
        CHANGE(c, SLICE("DEL"), f.set[1]);
    call_change(c, f.set, f.n_set);
    if (!row->s.hollow && row->s.stored)
        call_change(c, f.gone, f.n_gone);
    return true;
}

/* Writes the fields that a message, a context or a touch moves; the others were not all read. */
static bool store_advance(struct call *c, const struct session_row *row, struct err *err)
{
    struct slice contexts = SLICE(""), key = call_key(c, "session");

    if (row->n_contexts && !pack_contexts(c, row, &contexts, err))
        return false;
    CHANGE(c, SLICE("HSET"), key, SLICE("rev"), call_number(c, stamp_next()),
           SLICE("last_activity_us"), call_number(c, row->s.active_us), SLICE("last_seq"),
           call_number(c, row->s.last_seq), SLICE("last_context"),
           call_number(c, row->s.last_context), SLICE("content_stamp"),
           call_number(c, row->content_stamp));
    if (row->n_contexts)
        CHANGE(c, SLICE("HSET"), key, SLICE("contexts"), contexts);
    if (row->old.state == ROW_HOLLOW && !row->s.hollow)
        CHANGE(c, SLICE("HDEL"), key, SLICE("hollow"));
    return true;
}

static const char *index_of(enum row_state state)
{
    return state == ROW_LIVE ? "active" : state == ROW_LOOSE ? "loose" : "tombs";
}

static void store_indexes(struct call *c, const struct session_row *row)
{
    enum row_state now = state_of(row), was = row->old.state;
    struct slice user = now == ROW_LIVE ? row->s.user_id : (struct slice){NULL, 0};
    struct slice old_user = was == ROW_LIVE ? row->old.user_id : (struct slice){NULL, 0};
    int active = is_active(row) - row->old.counted_active;

    if (was == ROW_NONE)
        CHANGE(c, SLICE("ZADD"), call_index(c, "sessions"), SLICE("0"), row->s.session_id);
    else if (was != now)
        CHANGE(c, SLICE("ZREM"), call_index(c, index_of(was)), row->s.session_id);
    if (was != now || now == ROW_HOLLOW || row->s.active_us != row->old.active_us)
        CHANGE(c, SLICE("ZADD"), call_index(c, index_of(now)),
               call_number(c, now == ROW_HOLLOW ? stamp_us(row->s.tomb) : row->s.active_us),
               row->s.session_id);
    if (slice_present(user) != slice_present(old_user) || !slice_equal(user, old_user)) {
        if (slice_present(old_user))
            CHANGE(c, SLICE("SREM"), call_index_of(c, "user", old_user), row->s.session_id);
        if (slice_present(user))
            CHANGE(c, SLICE("SADD"), call_index_of(c, "user", user), row->s.session_id);
    }
    if (active != 0)
        CHANGE(c, SLICE("HINCRBY"), call_index(c, "totals"), SLICE("active"),
               call_number(c, active));
}

/* Where a session is lost but for its messages or contexts, those must not become part of a new one. HSET comes
 * first for the reason that store_fields() gives. */
static void clear_leftovers(struct call *c, const struct session_row *row)
{
    struct slice session = call_key(c, "session");

    call_change_first(c,
                      (const struct slice[]){SLICE("UNLINK"), call_key(c, "messages"),
                                             call_key(c, "order"), call_key(c, "contexts")},
                      4);
    if (!row->s.hollow)
        call_change_first(
            c, (const struct slice[]){SLICE("HSET"), session, SLICE("rev"), SLICE("0")}, 4);
}

bool redis_row_store(struct call *c, struct session_row *row, struct err *err)
{
    bool full = row->has_metadata;

    call_guard(c, call_key(c, "session"), row->rev);
    if (!(full ? store_fields(c, row, err) : store_advance(c, row, err)))
        return false;
    if (row->old.state == ROW_NONE)
        clear_leftovers(c, row);
    store_indexes(c, row);
    return true;
}

struct slice redis_row_context_field(struct call *c, const struct row_context *context)
{
    struct slice field;
    struct err ignored;

    if (!redis_pack(&(struct packed){.numbers = (int64_t[]){context->number, context->stamp},
                                     .n_numbers = 2},
                    c->arena, &field, &ignored)) {
        call_no_memory(c);
        return SLICE("");
    }
    field.len--; /* without the newline at its end */
    return field;
}

bool redis_row_add_context(struct call *c, struct session_row *row,
                           const struct row_context *context, struct slice body, struct err *err)
{
    struct slice key = call_key(c, "contexts");
    size_t n = row->n_contexts, at = n, drop;
    struct row_context *list = arena_alloc(c->arena, (n + 1) * sizeof(*list));
    bool replaced; /* one of this stamp and a lower number */

    if (!list)
        return err_no_memory(err);
    while (at > 0 && (row->contexts[at - 1].stamp > context->stamp ||
                      (row->contexts[at - 1].stamp == context->stamp &&
                       row->contexts[at - 1].number > context->number)))
        at--;
    replaced = at > 0 && row->contexts[at - 1].stamp == context->stamp;
    if (replaced)
        CHANGE(c, SLICE("HDEL"), key, redis_row_context_field(c, &row->contexts[at - 1]));
    if (at)
        memcpy(list, row->contexts, at * sizeof(*list));
    if (n > at)
        memcpy(list + at + 1 - replaced, row->contexts + at, (n - at) * sizeof(*list));
    list[at - replaced] = *context;
    n += !replaced;
    drop = n > (size_t)c->d->context_versions ? n - (size_t)c->d->context_versions : 0;
    CHANGE(c, SLICE("HSET"), key, redis_row_context_field(c, context), body);
    for (size_t i = 0; i < drop; i++)
        CHANGE(c, SLICE("HDEL"), key, redis_row_context_field(c, &list[i]));
    row->contexts = list + drop;
    row->n_contexts = n - drop;
    row->content_stamp = clock_later(row->content_stamp, context->stamp);
    return true;
}

void redis_row_kill_contexts(struct call *c, struct session_row *row, int64_t tomb)
{
    size_t n = 0;

    for (size_t i = 0; i < row->n_contexts; i++)
        if (row->contexts[i].stamp > tomb)
            row->contexts[n++] = row->contexts[i];
        else
            CHANGE(c, SLICE("HDEL"), call_key(c, "contexts"),
                   redis_row_context_field(c, &row->contexts[i]));
    row->n_contexts = n;
}

bool redis_row_empty(struct call *c, struct err *err)
{
    struct reply **replies;

    ASK(c, SLICE("HLEN"), call_key(c, "messages"));
    if (!call_answers(c, &replies, err))
        return false;
    CHANGE(c, SLICE("UNLINK"), call_key(c, "messages"), call_key(c, "order"),
           call_key(c, "contexts"));
    if (replies[0]->number)
        CHANGE(c, SLICE("HINCRBY"), call_index(c, "totals"), SLICE("messages"),
               call_number(c, -replies[0]->number));
    return true;
}

bool redis_row_remove(struct call *c, struct session_row *row, int64_t stamp, struct err *err)
{
    struct session_row left = {
        .s = session_state_tombstone(&row->s, stamp),
        .rev = row->rev,
        .has_metadata = true,
        .old = row->old,
    };

    if (row->s.stored && !row->s.hollow && !redis_row_empty(c, err))
        return false;
    *row = left;
    return true;
}

bool redis_row_touch(struct call *c, const struct reply *reply, int64_t now_us, struct err *err)
{
    struct session_row row;

    if (!redis_row_take(c, reply, &row, err))
        return false;
    if (!session_state_live(&row.s, c->d->session_ttl_us, now_us) || row.s.active_us >= now_us)
        return true;
    row.s.active_us = now_us;
    return redis_row_store(c, &row, err) && copies_session(c->op, c->id, &row.s, err);
}

bool redis_row_copy_context(struct call *c, const struct row_context *context, struct slice body,
                            struct err *err)
{
    return copies_add(
        c->op,
        &(struct record){
            .kind = RECORD_CONTEXT,
            .key = {.id = c->op->id, .number = context->number, .stamp = context->stamp},
            .context = {context->updated_us, body}},
        err);
}

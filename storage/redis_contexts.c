/* redis_contexts.c - the operations on contexts; see op_sessions.h. */
#include "copies.h"
#include "redis_rows.h"
#include "redis_ops.h"

/*
 * The version that clients see for each stored context. After a merge two contexts may carry the same
 * number, as both stores gave it: the later one is then numbered above the one before it.
 */
static bool number_all(struct call *c, const struct session_row *row, int64_t **out,
                       struct err *err)
{
    int64_t *numbers = arena_alloc(c->arena, (row->n_contexts + 1) * sizeof(*numbers));

    if (!numbers)
        return err_no_memory(err);
    for (size_t i = 0; i < row->n_contexts; i++) {
        numbers[i] = row->contexts[i].number;
        if (i > 0 && numbers[i] <= numbers[i - 1])
            numbers[i] = numbers[i - 1] + 1;
    }
    *out = numbers;
    return true;
}

static bool check_version(int64_t newest, int64_t if_version, struct err *err)
{
    if (if_version == IF_NONE || (newest && (if_version == IF_EXISTS || if_version == newest)))
        return true;
    return err_set(err, ERR_PRECONDITION,
                   newest ? "The context has another version." : "The session has no context.");
}

static bool put_context(struct call *c, struct session_row *row, int64_t newest, struct err *err)
{
    struct op_context_put *put = &c->op->context_put;
    struct row_context context = {.updated_us = c->op->now_us, .len = (int64_t)put->context.len};
    int64_t tomb = row->s.tomb, stored = tomb;

    if (newest && row->contexts[row->n_contexts - 1].stamp > stored)
        stored = row->contexts[row->n_contexts - 1].stamp;
    if (!redis_row_begin(c, stored, row, &context.stamp, err))
        return false;
    if (newest > row->s.last_context)
        row->s.last_context = newest;
    context.number = ++row->s.last_context;
    if (row->s.active_us < c->op->now_us)
        row->s.active_us = c->op->now_us;
    row->s.hollow = false;
    put->out.version = context.number;
    put->out.updated_us = context.updated_us;
    return redis_row_add_context(c, row, &context, put->context, err) &&
           redis_row_store(c, row, err) && redis_row_copy_context(c, &context, put->context, err) &&
           (row->s.tomb == tomb || copies_session(c->op, c->op->id, &row->s, err)) &&
           call_commit(c, err);
}

/* The context that an earlier try of this op has stored, unanswered: its place in the row; else n_contexts. */
static size_t find_repeat(const struct session_row *row, const struct op *op)
{
    size_t i = 0;

    while (i < row->n_contexts && (!op->stamp || row->contexts[i].stamp != op->stamp))
        i++;
    return i;
}

/* Answers with that one. The session stays as it is, so its guard is set here. */
static bool answer_repeat(struct call *c, const struct session_row *row,
                          const struct row_context *context, int64_t number, struct err *err)
{
    struct op_context_put *put = &c->op->context_put;

    put->out.version = number;
    put->out.updated_us = context->updated_us;
    call_guard(c, call_key(c, "session"), row->rev);
    return redis_row_copy_context(c, context, put->context, err) && call_commit(c, err);
}

bool redis_context_put(struct call *c, struct op *op, struct err *err)
{
    struct op_context_put *put = &op->context_put;
    struct session_row row;
    int64_t *numbers, newest = 0;
    size_t repeat;

    if (!redis_row_read(c, op, op->replicate, &row, err))
        return false;
    if (put->require_session && !session_state_live(&row.s, c->d->session_ttl_us, op->now_us))
        return session_state_missing(err);
    if (!number_all(c, &row, &numbers, err))
        return false;
    if (session_state_known(&row.s, c->d->session_ttl_us, op->now_us) && row.n_contexts) {
        newest = numbers[row.n_contexts - 1];
        repeat = find_repeat(&row, op);
        if (repeat < row.n_contexts)
            return answer_repeat(c, &row, &row.contexts[repeat], numbers[repeat], err);
    }
    return check_version(newest, put->if_version, err) && put_context(c, &row, newest, err);
}

static bool read_body(struct call *c, const struct row_context *stored, int64_t number,
                      struct err *err)
{
    struct context *out = &c->op->context_get.out.context;
    struct reply **replies;

    ASK(c, SLICE("HGET"), call_key(c, "contexts"), redis_row_context_field(c, stored));
    if (!call_answers(c, &replies, err))
        return false;
    if (replies[0]->type != REPLY_TEXT)
        return call_lost(c, "this context", err);
    *out = (struct context){.version = number,
                            .updated_us = stored->updated_us,
                            .body = replies[0]->text,
                            .body_len = replies[0]->text.len};
    return true;
}

bool redis_context_get(struct call *c, struct op *op, struct err *err)
{
    int64_t wanted = op->context_get.version, *numbers;
    struct session_row row;

    if (!redis_row_read(c, op, false, &row, err))
        return false;
    if (!session_state_known(&row.s, c->d->session_ttl_us, op->now_us))
        return session_state_missing(err);
    if (!number_all(c, &row, &numbers, err))
        return false;
    for (size_t i = row.n_contexts; i-- > 0;)
        if (wanted == 0 || numbers[i] == wanted)
            return read_body(c, &row.contexts[i], numbers[i], err);
    return err_set(err, ERR_NOT_FOUND,
                   row.n_contexts ? "The session has no context of this version."
                                  : "The session has no context.");
}

bool redis_context_list(struct call *c, struct op *op, struct err *err)
{
    struct op_context_list *list = &op->context_list;
    struct session_row row;
    struct context *items;
    int64_t *numbers;
    size_t n;

    if (!redis_row_read(c, op, false, &row, err) || !number_all(c, &row, &numbers, err))
        return false;
    n = session_state_known(&row.s, c->d->session_ttl_us, op->now_us) ? row.n_contexts : 0;
    if (n > (size_t)list->limit)
        n = (size_t)list->limit;
    items = arena_zalloc(c->arena, n, sizeof(*items));
    if (!items)
        return err_no_memory(err);
    for (size_t i = 0; i < n; i++) {
        size_t at = row.n_contexts - 1 - i;

        items[i] = (struct context){.version = numbers[at],
                                    .updated_us = row.contexts[at].updated_us,
                                    .body_len = (size_t)row.contexts[at].len};
    }
    list->out.items = items;
    list->out.n = n;
    return true;
}

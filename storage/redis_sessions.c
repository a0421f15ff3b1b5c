/* redis_sessions.c - the operations on one session; see op_sessions.h. */
#include "clock.h"
#include "copies.h"
#include "redis_ops.h"
#include "redis_pair.h"
#include "redis_threads.h"

static struct slice op_id_of(const struct op *op)
{
    return (struct slice){(const char *)op->repeat.op_id, BLOB_HASH_LEN};
}

/* Reads the row, and whether the request of the op was carried out before. */
static bool load(struct call *c, struct session_row *row, bool *repeated, struct err *err)
{
    const struct op *op = c->op;
    struct record_repeat known = {.at_us = INT64_MIN};
    struct record_pending pending;
    struct reply **replies;

    *repeated = false;
    call_at(c, op->tenant, op->id);
    redis_row_ask(c, true);
    if (op->repeat.present)
        redis_repeat_ask(c, op_id_of(op), op->alone);
    if (!call_answers(c, &replies, err) || !redis_row_take(c, replies[0], row, err))
        return false;
    if (!op->repeat.present || !row->s.stored)
        return true; /* without a row its keys do not count: a tombstone would have outlived them */
    if (replies[1]->type == REPLY_TEXT && !redis_repeat_take(replies[1]->text, &known, err))
        return false;
    if (op->alone && replies[2]->type == REPLY_TEXT) {
        if (!redis_pending_take(replies[2]->text, &pending, err))
            return false;
        known = pending.repeat;
    }
    *repeated = known.at_us > (op->alone ? INT64_MIN : op->now_us - REPEAT_WINDOW_US);
    return !*repeated || memcmp(known.body_hash, op->repeat.body_hash, BLOB_HASH_LEN) == 0 ||
           err_set(err, ERR_KEY_REUSED, "This Idempotency-Key was sent with another body.");
}

static bool keep_repeat(struct call *c, struct err *err)
{
    const struct op *op = c->op;
    struct record_repeat repeat = {.at_us = op->now_us};

    memcpy(repeat.body_hash, op->repeat.body_hash, BLOB_HASH_LEN);
    return !op->repeat.present || redis_repeat_put(c, op_id_of(op), &repeat, err);
}

/* For with_context: makes the metadata the first context, if there is none. */
static bool put_first_context(struct call *c, struct session_row *row, int64_t stamp,
                              struct err *err)
{
    struct slice body = row->s.metadata.at ? row->s.metadata : SLICE("{}");
    struct row_context context = {
        .stamp = stamp, .updated_us = c->op->now_us, .len = (int64_t)body.len};

    if (row->n_contexts > 0)
        return true;
    context.number = ++row->s.last_context;
    return redis_row_add_context(c, row, &context, body, err) &&
           redis_row_copy_context(c, &context, body, err);
}

static bool put_session(struct call *c, struct session_row *row, bool live, struct err *err)
{
    const struct op_session_put *put = &c->op->session_put;
    int64_t stamp;

    if (!session_state_check(&row->s, live, put->if_version, err))
        return false;
    if (put->create_only && live)
        return err_set(err, ERR_EXISTS, "There is a session of this id already.");
    if (!redis_row_begin(c, session_state_stamp(&row->s), row, &stamp, err))
        return false;
    session_state_put(&row->s, c->op, live, stamp);
    return (!put->with_context || put_first_context(c, row, stamp, err)) &&
           redis_row_store(c, row, err) && keep_repeat(c, err) &&
           copies_session(c->op, c->op->id, &row->s, err) && copies_repeat(c->op, err) &&
           call_commit(c, err);
}

bool redis_session_put(struct call *c, struct op *op, struct err *err)
{
    struct op_session_put *put = &op->session_put;
    struct session_row row;
    bool live, repeated;

    if (!load(c, &row, &repeated, err))
        return false;
    live = session_state_live(&row.s, c->d->session_ttl_us, op->now_us);
    if (repeated && !live)
        return err_set(err, ERR_NO_SESSION, "The session that this Idempotency-Key made is gone.");
    if (!repeated && !put_session(c, &row, live, err))
        return false;
    put->out.session = session_state_answer(&row.s);
    put->out.created = !live;
    put->out.replayed = repeated;
    return redis_pending_answers(c, &put->out.session, 1, err);
}

bool redis_session_get(struct call *c, struct op *op, struct err *err)
{
    struct session_row row;

    if (!redis_row_read(c, op, true, &row, err))
        return false;
    if (!session_state_live(&row.s, c->d->session_ttl_us, op->now_us))
        return session_state_missing(err);
    op->session_get.out.session = session_state_answer(&row.s);
    return redis_pending_answers(c, &op->session_get.out.session, 1, err);
}

static bool patch_row(struct call *c, struct session_row *row, struct err *err)
{
    bool ignored, pends = c->op->alone && copies_adds(c->op);

    return session_state_patch(&row->s, c->op, &ignored, err) && redis_row_store(c, row, err) &&
           keep_repeat(c, err) && copies_session(c->op, c->op->id, &row->s, err) &&
           (pends ? redis_pending_put(c, err) : copies_repeat(c->op, err)) && call_commit(c, err);
}

bool redis_session_patch(struct call *c, struct op *op, struct err *err)
{
    struct op_session_patch *patch = &op->session_patch;
    struct session_row row;
    bool repeated;

    if (!load(c, &row, &repeated, err))
        return false;
    if (!session_state_live(&row.s, c->d->session_ttl_us, op->now_us))
        return session_state_missing(err);
    if (!repeated &&
        (!session_state_check(&row.s, true, patch->if_version, err) || !patch_row(c, &row, err)))
        return false;
    patch->out.session = session_state_answer(&row.s);
    patch->out.replayed = repeated;
    return redis_pending_answers(c, &patch->out.session, 1, err);
}

bool redis_session_delete(struct call *c, struct op *op, struct err *err)
{
    const struct op_session_delete *del = &op->session_delete;
    struct session_row row;
    int64_t stamp = op->stamp;

    if (!redis_row_read(c, op, false, &row, err) ||
        !session_state_check(&row.s, session_state_live(&row.s, c->d->session_ttl_us, op->now_us),
                             del->if_version, err))
        return false;
    if (row.s.stored || op->fence) {
        if (!op_stamp_above(op, clock_later(session_state_stamp(&row.s), row.content_stamp), &stamp,
                            err) ||
            !redis_row_remove(c, &row, stamp, err) || !redis_row_store(c, &row, err) ||
            !copies_session(op, op->id, &row.s, err) || !redis_pending_delete(c, stamp, err))
            return false;
    }
    return (!del->threads || redis_thread_remove(c, stamp, err)) && call_commit(c, err);
}

/* sql_sessions.c - the operations on sessions; see op_sessions.h. */
#include "clock.h"
#include "copies.h"
#include "sql_garbage.h"
#include "sql_ops.h"
#include "sql_pending.h"
#include "sql_rows.h"

/* Whether a request with this key was carried out before; its session may be gone since. A store that is alone honours
 * it for longer: what was pending under it before could not be told from what it adds now. */
static bool find_repeat(struct sql *d, const struct op *op, const struct session_row *row,
                        bool *repeated, struct err *err)
{
    AUTO(query_end) struct query q = {0};
    struct slice stored, sent = {(const char *)op->repeat.body_hash, BLOB_HASH_LEN};

    *repeated = false;
    if (!op->repeat.present || row->id == 0) /* even a tombstone outlives the keys of its session */
        return true;
    if (!query_begin(d, SQL_REPEAT_FIND, &q, err))
        return false;
    query_blob(&q, (struct slice){(const char *)op->repeat.op_id, BLOB_HASH_LEN});
    query_int(&q, op->alone ? INT64_MIN : op->now_us - REPEAT_WINDOW_US);
    if (!query_step(&q, repeated, err))
        return false;
    if (!*repeated)
        return true;
    stored = query_col(&q, 0);
    if (!slice_equal(stored, sent))
        return err_set(err, ERR_KEY_REUSED, "This Idempotency-Key was sent with another body.");
    return true;
}

static bool keep_repeat(struct sql *d, const struct op *op, struct err *err)
{
    struct query q;

    if (!op->repeat.present)
        return true;
    if (!query_begin(d, SQL_REPEAT_PUT, &q, err))
        return false;
    query_blob(&q, (struct slice){(const char *)op->repeat.op_id, BLOB_HASH_LEN});
    query_blob(&q, (struct slice){(const char *)op->repeat.body_hash, BLOB_HASH_LEN});
    query_int(&q, op->now_us);
    return query_run(&q, err);
}

/* with_context: stores the metadata as the first context. */
static bool put_first_context(struct sql *d, struct op *op, struct session_row *row, int64_t stamp,
                              struct err *err)
{
    struct row_context context = {.stamp = stamp, .updated_us = op->now_us};
    struct query q;
    bool any;

    if (!query_begin(d, SQL_CONTEXT_ALL, &q, err))
        return false;
    query_int(&q, row->id);
    if (!query_step(&q, &any, err))
        return false;
    query_end(&q);
    if (any)
        return true;
    context.number = ++row->s.last_context;
    context.body = row->s.metadata.at ? row->s.metadata : SLICE("{}");
    return row_put_context(d, row, &context, err) && row_advance(d, row, err) &&
           row_copy_context(op, &context, err);
}

bool sql_session_put(struct sql *d, struct op *op, struct err *err)
{
    struct op_session_put *put = &op->session_put;
    struct session_row row;
    int64_t tenant, stamp;
    bool live, repeated;

    if (!sql_tenant(d, op->tenant, false, &tenant, err) || !row_read(d, op, tenant, &row, err))
        return false;
    live = session_state_live(&row.s, d->session_ttl_us, op->now_us);
    if (!find_repeat(d, op, &row, &repeated, err))
        return false;
    if (repeated && !live)
        return err_set(err, ERR_NO_SESSION, "The session that this Idempotency-Key made is gone.");
    if (!repeated) {
        if (!session_state_check(&row.s, live, put->if_version, err))
            return false;
        if (put->create_only && live)
            return err_set(err, ERR_EXISTS, "There is a session of this id already.");
        if (!row_begin(d, op, session_state_stamp(&row.s), &row, &stamp, err) ||
            !sql_tenant(d, op->tenant, true, &row.tenant, err))
            return false;
        session_state_put(&row.s, op, live, stamp);
        if (!row_store(d, &row, err) || !keep_repeat(d, op, err) ||
            (put->with_context && !put_first_context(d, op, &row, stamp, err)) ||
            !copies_session(op, op->id, &row.s, err) || !copies_repeat(op, err))
            return false;
    }
    if (!pending_answer(d, op, &row.s, &put->out.session, err))
        return false;
    put->out.created = !live;
    put->out.replayed = repeated;
    return true;
}

bool sql_session_get(struct sql *d, struct op *op, struct err *err)
{
    struct session_row row;
    int64_t tenant;

    if (!sql_tenant(d, op->tenant, false, &tenant, err) || !row_read(d, op, tenant, &row, err))
        return false;
    if (!session_state_live(&row.s, d->session_ttl_us, op->now_us))
        return session_state_missing(err);
    return pending_answer(d, op, &row.s, &op->session_get.out.session, err);
}

static bool patch_row(struct sql *d, struct op *op, struct session_row *row, struct err *err)
{
    bool touch;

    if (!session_state_patch(&row->s, op, &touch, err))
        return false;
    if (!(touch ? row_advance(d, row, err) : row_store(d, row, err)) ||
        !copies_session(op, op->id, &row->s, err))
        return false;
    return op->alone && copies_adds(op) ? pending_put(d, op, err) : copies_repeat(op, err);
}

bool sql_session_patch(struct sql *d, struct op *op, struct err *err)
{
    struct op_session_patch *patch = &op->session_patch;
    struct session_row row;
    bool repeated;
    int64_t tenant;

    if (!sql_tenant(d, op->tenant, false, &tenant, err) || !row_read(d, op, tenant, &row, err) ||
        !find_repeat(d, op, &row, &repeated, err))
        return false;
    if (!session_state_live(&row.s, d->session_ttl_us, op->now_us))
        return session_state_missing(err);
    if (!repeated && (!session_state_check(&row.s, true, patch->if_version, err) ||
                      !patch_row(d, op, &row, err) || !keep_repeat(d, op, err)))
        return false;
    if (!pending_answer(d, op, &row.s, &patch->out.session, err))
        return false;
    patch->out.replayed = repeated;
    return true;
}

bool sql_session_delete(struct sql *d, struct op *op, struct err *err)
{
    const struct op_session_delete *del = &op->session_delete;
    struct session_row row;
    int64_t tenant, stamp = op->stamp, content = 0;

    if (op->progress)
        return garbage_finish(d, op, err);
    if (!sql_tenant(d, op->tenant, op->fence, &tenant, err) ||
        !row_find(d, tenant, op->id, &row, err) ||
        !session_state_check(&row.s, session_state_live(&row.s, d->session_ttl_us, op->now_us),
                             del->if_version, err))
        return false;
    if (row.id || op->fence) {
        if (row.id && !row.s.hollow && !row_content_stamp(d, &row, &content, err))
            return false;
        if (!op_stamp_above(op, clock_later(session_state_stamp(&row.s), content), &stamp, err) ||
            !row_remove(d, &row, stamp, err) || !copies_session(op, op->id, &row.s, err) ||
            !pending_delete(d, op, op->id, stamp, err))
            return false;
    }
    return (!del->threads || tenant == 0 || sql_thread_remove(d, op, op->id, stamp, err)) &&
           garbage_finish(d, op, err);
}

/* sql_rows.c - see sql_rows.h. */
#include "sql_rows.h"

#include "clock.h"
#include "copies.h"
#include "sql_garbage.h"

void row_numbers(struct query *q, struct session_row *row)
{
    int at = 0;

    row->id = query_col_int(q, at++);
    row->s.gen = query_col_int(q, at++);
    row->s.tomb = query_col_int(q, at++);
    row->s.active_us = query_col_int(q, at++);
    row->active_min = query_col_int(q, at++);
    row->s.last_seq = query_col_int(q, at++);
    row->s.last_context = query_col_int(q, at++);
    row->s.version = query_col_int(q, at++);
    row->s.request_count = query_col_int(q, at++);
    row->s.error_count = query_col_int(q, at++);
    row->s.created_us = query_col_int(q, at++);
    row->s.updated_us = query_col_int(q, at++);
    row->s.user_stamp = query_col_int(q, at++);
    row->s.status_stamp = query_col_int(q, at++);
    row->s.metadata_stamp = query_col_int(q, at++);
    row->s.processing_time = query_col_double(q, at);
    row->s.stored = true;
    row->s.hollow = row->active_min < 0;
}

bool row_texts(struct query *q, struct arena *arena, struct session_row *row, struct err *err)
{
    return query_copy(q, ROW_ID, arena, &row->s.session_id, err) &&
           query_copy(q, ROW_USER, arena, &row->s.user_id, err) &&
           query_copy(q, ROW_STATUS, arena, &row->s.status, err) &&
           query_copy(q, ROW_METADATA, arena, &row->s.metadata, err);
}

void rows_forget(struct row_cache *rows)
{
    rows->row.id = 0;
}

static void remember(struct sql *d, const struct session_row *row, bool texts)
{
    struct row_cache *rows = d->rows;

    rows->texts = texts || (rows->row.id == row->id && rows->texts);
    rows->row = *row;
}

/* Whether the cached row is the one that is looked for. */
static bool recalls(const struct sql *d, bool texts, const struct session_row *row)
{
    const struct row_cache *rows = d->rows;

    return rows->row.id && rows->row.tenant == row->tenant && (rows->texts || !texts) &&
           slice_equal(rows->row.s.session_id, row->s.session_id);
}

static bool recall(struct sql *d, struct arena *arena, struct session_row *row, bool *known,
                   struct err *err)
{
    struct slice id = row->s.session_id;

    *known = recalls(d, arena != NULL, row);
    if (!*known)
        return true;
    *row = d->rows->row;
    row->s.session_id = id;
    return !arena ||
           (arena_keep(arena, &row->s.user_id) && arena_keep(arena, &row->s.status) &&
            arena_keep(arena, &row->s.metadata)) ||
           err_no_memory(err);
}

static bool begin_load(struct sql *d, const struct session_row *row, bool texts, struct query *q,
                       struct err *err)
{
    if (!query_begin(d, texts ? SQL_SESSION_READ : SQL_SESSION_FIND, q, err))
        return false;
    query_int(q, row->tenant);
    query_blob(q, row->s.session_id);
    return true;
}

bool row_ask(struct sql *d, const struct session_row *row, bool texts, struct query *q,
             struct err *err)
{
    return recalls(d, texts, row) || (begin_load(d, row, texts, q, err) && query_ask(q, err));
}

bool row_take(struct query *q, struct arena *arena, struct session_row *row, struct err *err)
{
    bool found;

    if (!query_step(q, &found, err))
        return false;
    if (!found)
        return true;
    row_numbers(q, row);
    if (arena && !row_texts(q, arena, row, err))
        return false;
    remember(q->d, row, arena != NULL);
    return true;
}

/* Loads the numbers of a row; with an arena its texts, too. */
static bool load(struct sql *d, struct arena *arena, struct session_row *row, struct err *err)
{
    AUTO(query_end) struct query q = {0};
    bool known;

    if (!recall(d, arena, row, &known, err) || known)
        return known;
    return begin_load(d, row, arena != NULL, &q, err) && row_take(&q, arena, row, err);
}

bool row_find(struct sql *d, int64_t tenant, struct slice id, struct session_row *row,
              struct err *err)
{
    *row = (struct session_row){.tenant = tenant, .s.session_id = id};
    return tenant == 0 || load(d, NULL, row, err);
}

static void bind_next(struct query *q, int64_t tenant, const struct row_message *m)
{
    query_int(q, tenant);
    query_blob(q, m->session);
    query_int(q, m->seq);
    query_int(q, row_minute(m->seq));
    query_int(q, m->expired_us);
    query_int(q, m->stamp);
    query_int(q, m->require_session);
    query_blob(q, m->id);
    query_blob(q, m->role);
    query_blob(q, m->content);
    query_blob(q, session_state_metadata(m->metadata));
    query_int(q, m->look);
    if (!slice_present(m->entry))
        return;
    query_blob(q, m->tenant);
    query_blob(q, m->entry);
}

bool row_may_next(const struct sql *d, int64_t tenant, struct slice session)
{
    struct session_row row = {.tenant = tenant, .s.session_id = session};

    return d->driver->distant && !d->plain && tenant != 0 && !recalls(d, false, &row);
}

bool row_next(struct sql *d, int64_t tenant, struct row_message *m, struct err *err)
{
    enum { ADDED = ROW_ID + 1, WAITS };
    AUTO(query_end) struct query q = {0};
    struct session_row row = {.tenant = tenant, .s.session_id = m->session};
    bool found;

    m->out.done = m->out.waits = false;
    if (!query_begin(d, slice_present(m->entry) ? SQL_MESSAGE_NEXT_TOLD : SQL_MESSAGE_NEXT, &q,
                     err))
        return false;
    bind_next(&q, tenant, m);
    if (!query_step(&q, &found, err))
        return false;
    if (!found)
        return true;
    m->out.done = query_col_int(&q, ADDED) != 0;
    m->out.waits = query_col_int(&q, WAITS) != 0;
    row_numbers(&q, &row);
    remember(d, &row, false);
    return true;
}

bool row_read(struct sql *d, const struct op *op, int64_t tenant, struct session_row *row,
              struct err *err)
{
    *row = (struct session_row){.tenant = tenant, .s.session_id = op->id};
    return tenant == 0 || load(d, op->arena, row, err);
}

bool row_complete(struct sql *d, struct arena *arena, struct session_row *row, struct err *err)
{
    return load(d, arena, row, err);
}

bool row_content_stamp(struct sql *d, const struct session_row *row, int64_t *stamp,
                       struct err *err)
{
    AUTO(query_end) struct query q = {0};
    bool found;

    if (!query_begin(d, SQL_CONTENT_STAMP, &q, err))
        return false;
    query_int(&q, row->id);
    if (!query_step(&q, &found, err))
        return false;
    *stamp = query_col_int(&q, 0);
    return true;
}

bool row_begin(struct sql *d, struct op *op, int64_t stored, struct session_row *row,
               int64_t *stamp, struct err *err)
{
    int64_t content;

    if (!session_state_expired(&row->s, d->session_ttl_us, op->now_us))
        return op_stamp_above(op, stored, stamp, err);
    if (!row_content_stamp(d, row, &content, err) ||
        !op_stamp_above(op, clock_later(session_state_stamp(&row->s), content) + 1, stamp, err))
        return false;
    return row_remove(d, row, *stamp - 1, err);
}

int64_t row_minute(int64_t active_us)
{
    return active_us / MINUTE_US;
}

int64_t row_tomb_minute(int64_t stamp)
{
    return -1 - row_minute(stamp_us(stamp));
}

static int64_t stored_minute(const struct session_row *row)
{
    return row->s.hollow ? row_tomb_minute(row->s.tomb) : row_minute(row->s.active_us);
}

static void bind_numbers(struct query *q, const struct session_row *row)
{
    query_int(q, row->s.last_seq);
    query_int(q, row->s.last_context);
    query_int(q, row->s.version);
    query_int(q, row->s.request_count);
    query_int(q, row->s.error_count);
    query_double(q, row->s.processing_time);
    query_int(q, row->s.created_us);
    query_int(q, row->s.updated_us);
    query_int(q, row->s.user_stamp);
    query_int(q, row->s.status_stamp);
    query_int(q, row->s.metadata_stamp);
}

static bool insert(struct sql *d, struct session_row *row, struct err *err)
{
    struct query q;

    row->active_min = stored_minute(row);
    if (!query_begin(d, SQL_SESSION_INSERT, &q, err))
        return false;
    query_int(&q, row->s.gen);
    query_int(&q, row->s.tomb);
    query_int(&q, row->s.active_us);
    query_int(&q, row->active_min);
    bind_numbers(&q, row);
    query_blob(&q, row->s.user_id);
    query_blob(&q, row->s.status);
    query_blob(&q, row->s.metadata);
    query_int(&q, row->tenant);
    query_blob(&q, row->s.session_id);
    if (!query_make(&q, &row->id, err))
        return false;
    row->s.stored = true;
    remember(d, row, true);
    return true;
}

/* Writes indexed columns only when they change. */
static bool reindex(struct sql *d, struct session_row *row, struct err *err)
{
    int64_t now = stored_minute(row);
    struct query q;

    if (row->s.user_changed) {
        if (!query_begin(d, SQL_SESSION_USER, &q, err))
            return false;
        query_int(&q, row->id);
        query_blob(&q, row->s.user_id);
        if (!query_run(&q, err))
            return false;
        row->s.user_changed = false;
    }
    if (row->active_min != now) {
        if (!query_begin(d, SQL_SESSION_MINUTE, &q, err))
            return false;
        query_int(&q, row->id);
        query_int(&q, now);
        if (!query_run(&q, err))
            return false;
        row->active_min = now;
    }
    return true;
}

bool row_store(struct sql *d, struct session_row *row, struct err *err)
{
    struct query q;

    if (!row->id)
        return insert(d, row, err);
    if (!query_begin(d, SQL_SESSION_UPDATE, &q, err))
        return false;
    query_int(&q, row->id);
    query_int(&q, row->s.gen);
    query_int(&q, row->s.tomb);
    query_int(&q, row->s.active_us);
    bind_numbers(&q, row);
    query_blob(&q, row->s.status);
    query_blob(&q, row->s.metadata);
    if (!query_run(&q, err) || !reindex(d, row, err))
        return false;
    remember(d, row, true);
    return true;
}

bool row_advance(struct sql *d, struct session_row *row, struct err *err)
{
    struct query q;

    if (!row->id)
        return insert(d, row, err);
    if (!query_begin(d, SQL_SESSION_ADVANCE, &q, err))
        return false;
    query_int(&q, row->id);
    query_int(&q, row->s.active_us);
    query_int(&q, row->s.last_seq);
    query_int(&q, row->s.last_context);
    if (!query_run(&q, err) || !reindex(d, row, err))
        return false;
    remember(d, row, false);
    return true;
}

static bool remove_content(struct sql *d, enum sql_statement which, int64_t session,
                           struct err *err)
{
    struct query q;

    if (!query_begin(d, which, &q, err))
        return false;
    query_int(&q, session);
    query_int(&q, INT64_MAX);
    return query_run(&q, err);
}

/* Leaves much content to clean-up together with its row, and has a new row made for the tombstone. */
static bool remove_all(struct sql *d, struct session_row *left, struct err *err)
{
    int64_t id = left->id;
    bool worth;

    if (!garbage_worth(d, id, &worth, err))
        return false;
    if (worth) {
        left->id = 0;
        rows_forget(d->rows);
        return garbage_session(d, id, err);
    }
    return remove_content(d, SQL_MESSAGE_KILL, id, err) &&
           remove_content(d, SQL_CONTEXT_KILL, id, err);
}

bool row_remove(struct sql *d, struct session_row *row, int64_t stamp, struct err *err)
{
    struct session_row left = {
        .id = row->id,
        .tenant = row->tenant,
        .active_min = row->active_min,
        .s = session_state_tombstone(&row->s, stamp),
    };

    if (row->id && !row->s.hollow && !remove_all(d, &left, err))
        return false;
    *row = left;
    return row_store(d, row, err);
}

/* Touches the session by one statement, without waiting for it. */
static bool touch_unseen(struct sql *d, int64_t tenant, struct slice id, int64_t now_us,
                         struct err *err)
{
    struct query q;

    if (!query_begin(d, SQL_SESSION_TOUCH, &q, err))
        return false;
    query_int(&q, tenant);
    query_blob(&q, id);
    query_int(&q, now_us);
    query_int(&q, row_minute(now_us));
    query_int(&q, clock_expired_us(d->session_ttl_us, now_us));
    return query_run(&q, err);
}

bool sql_session_touch(struct sql *d, struct op *op, int64_t tenant, struct slice id,
                       struct err *err)
{
    struct session_row row = {.tenant = tenant, .s.session_id = id};

    if (d->driver->distant && !op->replicate && !recalls(d, false, &row))
        return touch_unseen(d, tenant, id, op->now_us, err);
    if (!row_find(d, tenant, id, &row, err))
        return false;
    if (!session_state_live(&row.s, d->session_ttl_us, op->now_us) || row.s.active_us >= op->now_us)
        return true;
    row.s.active_us = op->now_us;
    return row_advance(d, &row, err) && row_copy(d, op, &row, err);
}

bool sql_touch_ask(struct sql *d, struct op *op, int64_t tenant, struct query *session,
                   struct err *err)
{
    struct session_row row = {.tenant = tenant, .s.session_id = op->id};

    return !d->driver->distant || !op->replicate || row_ask(d, &row, true, session, err);
}

bool sql_touch(struct sql *d, struct op *op, int64_t tenant, struct query *session, struct err *err)
{
    struct session_row row = {.tenant = tenant, .s.session_id = op->id};

    if (session->st) {
        if (!row_take(session, op->arena, &row, err))
            return false;
        query_end(session);
        if (row.id == 0)
            return true;
    }
    return sql_session_touch(d, op, tenant, op->id, err);
}

bool row_copy(struct sql *d, struct op *op, struct session_row *row, struct err *err)
{
    if (!op->replicate)
        return true;
    return row_complete(d, op->arena, row, err) &&
           copies_session(op, row->s.session_id, &row->s, err);
}

bool row_copy_context(struct op *op, const struct row_context *context, struct err *err)
{
    return copies_add(
        op,
        &(struct record){.kind = RECORD_CONTEXT,
                         .key = {.id = op->id, .number = context->number, .stamp = context->stamp},
                         .context = {context->updated_us, context->body}},
        err);
}

bool row_put_context(struct sql *d, const struct session_row *row,
                     const struct row_context *context, struct err *err)
{
    struct query q;

    if (!query_begin(d, SQL_CONTEXT_PUT, &q, err))
        return false;
    query_int(&q, row->id);
    query_int(&q, context->number);
    query_int(&q, context->stamp);
    query_int(&q, context->updated_us);
    query_blob(&q, context->body);
    return query_run(&q, err);
}

bool row_trim_contexts(struct sql *d, const struct session_row *row, struct err *err)
{
    return query_do(d, SQL_CONTEXT_TRIM, row->id, d->context_versions, err);
}

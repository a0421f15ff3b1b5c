/* sql_merge.c - merges records of sessions, messages, contexts; see record.h. */
#include "clock.h"
#include "copies.h"
#include "sql_pair.h"
#include "sql_rows.h"

static bool kill_content(struct sql *d, enum sql_statement which, const struct session_row *row,
                         struct err *err)
{
    struct query q;

    if (!query_begin(d, which, &q, err))
        return false;
    query_int(&q, row->id);
    query_int(&q, row->s.tomb);
    return query_run(&q, err);
}

/* After a deletion has come: what it covers goes, what is newer stays. */
static bool apply_tomb(struct sql *d, struct session_row *row, struct err *err)
{
    AUTO(query_end) struct query q = {0};
    bool found;

    if (!kill_content(d, SQL_MESSAGE_KILL, row, err) ||
        !kill_content(d, SQL_CONTEXT_KILL, row, err) || !query_begin(d, SQL_CONTENT_LEFT, &q, err))
        return false;
    query_int(&q, row->id);
    if (!query_step(&q, &found, err))
        return false;
    row->s.hollow = row->s.gen == 0 && !query_col_int(&q, 0);
    return true;
}

/* What is newer here than a record, and stays. */
static bool find_newer(struct sql *d, const struct session_row *row,
                       const struct record_session *from, int64_t *newest, struct err *err)
{
    int64_t content = 0;

    *newest = session_state_overrules(&row->s, from);
    if (row->id == 0 || row->s.hollow || from->tomb <= row->s.tomb)
        return true;
    if (!row_content_stamp(d, row, &content, err))
        return false;
    if (content > from->tomb && content > *newest)
        *newest = content;
    return true;
}

static bool merge_session(struct sql *d, struct op *op, const struct record *record,
                          struct session_row *row, struct sql_merged *out, struct err *err)
{
    int64_t tomb = row->s.tomb;

    if ((row->id && !row_complete(d, op->arena, row, err)) ||
        !find_newer(d, row, &record->session, &out->newest, err))
        return false;
    out->applied = session_state_merge(&row->s, &record->session);
    if (!out->applied)
        return true;
    if (row->s.tomb > tomb && ((row->id && !apply_tomb(d, row, err)) ||
                               !pending_kill(d, op->tenant, record->key.id, row->s.tomb, err)))
        return false;
    return row_store(d, row, err);
}

/* Makes the row say what its newest message or context says; makes an anchor if there is no row. */
static bool move_row(struct sql *d, struct session_row *row, int64_t active_us, bool *changed,
                     struct err *err)
{
    session_state_raise(&row->s.active_us, active_us, changed);
    if (row->id && !*changed && !row->s.hollow)
        return true;
    row->s.hollow = false;
    return row_advance(d, row, err);
}

/* What is dead still moves what only rises, as it does when it comes before the deletion. */
static bool bury(struct sql *d, struct session_row *row, int64_t active_us, bool *moved,
                 struct err *err)
{
    session_state_raise(&row->s.active_us, active_us, moved);
    return !*moved || row_advance(d, row, err);
}

/* Whether this message is not stored, or with a lower seq; *known if it is stored at all. */
static bool is_newer(struct sql *d, const struct session_row *row, const struct record *record,
                     bool *known, bool *newer, struct err *err)
{
    AUTO(query_end) struct query q = {0};
    int64_t seq, stamp;

    if (!query_begin(d, SQL_MESSAGE_FIND, &q, err))
        return false;
    query_int(&q, row->id);
    query_blob(&q, record->key.sub);
    if (!query_step(&q, known, err))
        return false;
    *newer = !*known;
    if (*known) {
        seq = query_col_int(&q, 0);
        stamp = query_col_int(&q, 1);
        *newer = record->message.seq > seq ||
                 (record->message.seq == seq && record->message.stamp > stamp);
    }
    return true;
}

/* MESSAGE_REPLACE and MESSAGE_PUT take the same values, but for the place of the id. */
static bool write_message(struct sql *d, const struct session_row *row, const struct record *record,
                          bool known, struct err *err)
{
    const struct record_message *m = &record->message;
    struct query q;

    if (!query_begin(d, known ? SQL_MESSAGE_REPLACE : SQL_MESSAGE_PUT, &q, err))
        return false;
    query_int(&q, row->id);
    query_int(&q, m->seq);
    query_blob(&q, record->key.sub);
    query_int(&q, m->stamp);
    query_blob(&q, m->role);
    query_blob(&q, m->content);
    query_blob(&q, session_state_metadata(m->metadata));
    return query_run(&q, err);
}

static bool remove_message(struct sql *d, const struct record *record,
                           const struct session_row *row, bool *applied, struct err *err)
{
    int64_t changes = 0;
    struct query q;

    if (row->id) {
        if (!query_begin(d, SQL_MESSAGE_GONE, &q, err))
            return false;
        query_int(&q, row->id);
        query_blob(&q, record->key.sub);
        query_int(&q, record->gone);
        if (!query_change(&q, &changes, err))
            return false;
    }
    *applied = changes > 0;
    return true;
}

static bool merge_message(struct sql *d, const struct record *record, struct session_row *row,
                          bool *applied, struct err *err)
{
    const struct record_message *m = &record->message;
    bool known, newer, moved = false;

    stamp_observe(m->stamp);
    *applied = false;
    session_state_raise(&row->s.last_seq, m->seq, &moved);
    if (m->stamp <= row->s.tomb) {
        *applied = moved;
        return bury(d, row, m->seq, applied, err);
    }
    if (!move_row(d, row, m->seq, &moved, err) || !is_newer(d, row, record, &known, &newer, err))
        return false;
    *applied = moved || newer;
    return !newer || write_message(d, row, record, known, err);
}

/* Whether as many newer contexts are stored as are kept. */
static bool is_trimmed(struct sql *d, const struct session_row *row, int64_t stamp, bool *trimmed,
                       struct err *err)
{
    AUTO(query_end) struct query q = {0};

    if (!query_begin(d, SQL_CONTEXT_NTH, &q, err))
        return false;
    query_int(&q, row->id);
    query_int(&q, d->context_versions - 1);
    if (!query_step(&q, trimmed, err))
        return false;
    if (*trimmed)
        *trimmed = query_col_int(&q, 0) > stamp;
    return true;
}

static bool write_context(struct sql *d, const struct session_row *row, const struct record *record,
                          bool *written, struct err *err)
{
    int64_t changes;
    struct query q;

    if (!query_begin(d, SQL_CONTEXT_PUT, &q, err))
        return false;
    query_int(&q, row->id);
    query_int(&q, record->key.number);
    query_int(&q, record->key.stamp);
    query_int(&q, record->context.updated_us);
    query_blob(&q, record->context.body);
    if (!query_change(&q, &changes, err))
        return false;
    *written = changes > 0;
    if (!query_begin(d, SQL_CONTEXT_TRIM, &q, err))
        return false;
    query_int(&q, row->id);
    query_int(&q, d->context_versions);
    return query_run(&q, err);
}

static bool merge_context(struct sql *d, const struct record *record, struct session_row *row,
                          bool *applied, struct err *err)
{
    bool trimmed, moved = false, written = false;

    stamp_observe(record->key.stamp);
    session_state_raise(&row->s.last_context, record->key.number, &moved);
    if (record->key.stamp <= row->s.tomb) {
        *applied = moved;
        return bury(d, row, record->context.updated_us, applied, err);
    }
    if (!move_row(d, row, record->context.updated_us, &moved, err) ||
        !is_trimmed(d, row, record->key.stamp, &trimmed, err) ||
        (!trimmed && !write_context(d, row, record, &written, err)))
        return false;
    *applied = moved || written;
    return true;
}

/* Of a session: messages and contexts up to its tomb are dead. */
static bool merge_content(struct sql *d, const struct record *record, struct session_row *row,
                          struct sql_merged *out, struct err *err)
{
    bool message = record->kind == RECORD_MESSAGE;

    if (record->gone)
        return remove_message(d, record, row, &out->applied, err);
    if ((message ? record->message.stamp : record->key.stamp) <= row->s.tomb)
        out->newest = row->s.tomb;
    return message ? merge_message(d, record, row, &out->applied, err)
                   : merge_context(d, record, row, &out->applied, err);
}

static bool merge_record(struct sql *d, struct op *op, int64_t tenant, const struct record *record,
                         struct sql_merged *out, struct err *err)
{
    struct session_row row;

    if (record->kind == RECORD_REPEAT)
        return pending_repeat(d, record, &out->applied, err);
    if (record->kind > RECORD_CONTEXT && record->kind < RECORD_KIND_COUNT)
        return record->gone ? true : sql_thread_record_merge(d, tenant, record, out, err);
    if (!row_find(d, tenant, record->key.id, &row, err))
        return false;
    if (record->kind == RECORD_PENDING)
        return pending_count(d, op, record, &row, &out->applied, err);
    if (record->kind == RECORD_SESSION)
        return merge_session(d, op, record, &row, out, err);
    return merge_content(d, record, &row, out, err);
}

static bool merge_all(struct sql *d, struct op *op, int64_t tenant, struct err *err)
{
    struct op_merge *merge = &op->merge;
    size_t applied = 0;
    int64_t newest = 0;

    for (size_t i = 0; i < merge->n; i++) {
        struct sql_merged out = {.applied = false};

        if (!merge_record(d, op, tenant, &merge->items[i], &out, err))
            return false;
        applied += out.applied;
        newest = out.newest > newest ? out.newest : newest;
    }
    merge->out.applied = applied;
    merge->out.newest = newest;
    return sql_checkpoints_gone(d, op, tenant, err);
}

bool sql_merge(struct sql *d, struct op *op, struct err *err)
{
    AUTO(query_end) struct query outbox = {0};
    int64_t tenant;
    bool found;

    if (!sql_tenant(d, op->tenant, true, &tenant, err) ||
        !query_begin(d, SQL_OUTBOX_ANY, &outbox, err) || !query_ask(&outbox, err) ||
        !merge_all(d, op, tenant, err) || !query_step(&outbox, &found, err))
        return false;
    op->merge.out.outbox = query_col_int(&outbox, 0) != 0;
    return true;
}

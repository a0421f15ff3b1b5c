/* sql_merge.c - OP_MERGE of sessions, messages and contexts; see record.h. */
#include "clock.h"
#include "sql_ops.h"
#include "sql_pending.h"

static bool kill_content(struct sql *d, enum sql_statement which, int64_t session, int64_t tomb,
                         struct err *err)
{
    struct query q;

    if (!query_begin(d, which, &q, err))
        return false;
    query_int(&q, session);
    query_int(&q, tomb);
    return query_run(&q, err);
}

/* Applies a deletion that has come from elsewhere: removes what it covers, keeps what is newer. */
static bool apply_tomb(struct sql *d, struct session_row *row, int64_t tomb, struct err *err)
{
    AUTO(query_end) struct query q = {0};
    bool found;

    if (!kill_content(d, SQL_MESSAGE_KILL, row->id, tomb, err) ||
        !kill_content(d, SQL_CONTEXT_KILL, row->id, tomb, err) ||
        !query_begin(d, SQL_CONTENT_LEFT, &q, err))
        return false;
    query_int(&q, row->id);
    if (!query_step(&q, &found, err))
        return false;
    row->s.hollow = row->s.gen == 0 && !query_col_int(&q, 0);
    return true;
}

/* Finds the newest stamp here that wins over the record. */
static bool find_newer(struct sql *d, const struct session_row *row,
                       const struct record_session *from, int64_t now_us, int64_t *newest,
                       struct err *err)
{
    int64_t content = 0;

    *newest = session_state_overrules(&row->s, from, now_us);
    if (row->id == 0 || row->s.hollow || from->tomb <= row->s.tomb)
        return true;
    if (!row_content_stamp(d, row, &content, err))
        return false;
    if (content > from->tomb && content > *newest)
        *newest = content;
    return true;
}

static bool merge_session(struct look *l, const struct record *record, struct session_row *row,
                          struct sql_merged *out, struct err *err)
{
    const struct record_session *from = &record->session;
    bool dies = from->tomb > row->s.tomb;
    struct sql *d = l->d;
    struct op *op = l->op;
    int64_t left = 0;

    if ((row->id && !row_complete(d, op->arena, row, err)) ||
        !find_newer(d, row, from, op->now_us, &out->newest, err))
        return false;
    out->applied = session_state_merge(&row->s, from, op->now_us);
    if (!out->applied && !dies)
        return true;
    if (dies) {
        look_forget(l);
        if ((row->id && !apply_tomb(d, row, from->tomb, err)) ||
            !pending_kill(d, &(struct pair_id){op->tenant, record->key.id}, from->tomb, &left, err))
            return false;
    }
    if (left > out->newest) /* what is pending above it outlives the deletion */
        out->newest = left;
    return row_store(d, row, err);
}

/* Updates the row to the newest message or context, and makes an anchor if there is no row. */
static bool move_row(struct sql *d, struct session_row *row, int64_t active_us, bool *changed,
                     struct err *err)
{
    session_state_raise(&row->s.active_us, active_us, changed);
    if (row->id && !*changed && !row->s.hollow)
        return true;
    row->s.hollow = false;
    return row_advance(d, row, err);
}

/* A dead record still raises what only rises, as it would have done before the deletion. */
static bool bury(struct sql *d, struct session_row *row, int64_t active_us, bool *moved,
                 struct err *err)
{
    session_state_raise(&row->s.active_us, active_us, moved);
    return !*moved || row_advance(d, row, err);
}

/* MESSAGE_REPLACE and MESSAGE_PUT take the same values in the same order. */
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

static bool remove_message(struct look *l, size_t i, const struct session_row *row, bool *applied,
                           struct err *err)
{
    const struct record *record = &l->op->merge.items[i];
    struct record_message stored;
    bool known;
    struct query q;

    if (!look_message(l, i, &stored, &known, err))
        return false;
    *applied = known && stored.stamp <= record->gone;
    if (!*applied)
        return true;
    if (!query_begin(l->d, SQL_MESSAGE_GONE, &q, err))
        return false;
    query_int(&q, row->id);
    query_blob(&q, record->key.sub);
    query_int(&q, record->gone);
    return query_run(&q, err);
}

static bool merge_message(struct look *l, size_t i, struct session_row *row, bool *applied,
                          struct err *err)
{
    const struct record *record = &l->op->merge.items[i];
    const struct record_message *m = &record->message;
    struct record_message stored;
    bool known, newer, moved = false;

    stamp_observe(m->stamp);
    *applied = false;
    session_state_raise(&row->s.last_seq, m->seq, &moved);
    if (m->stamp <= row->s.tomb) {
        *applied = moved;
        return bury(l->d, row, m->seq, applied, err);
    }
    if (!look_message(l, i, &stored, &known, err) || !move_row(l->d, row, m->seq, &moved, err))
        return false;
    newer = !known || m->seq > stored.seq || (m->seq == stored.seq && m->stamp > stored.stamp);
    *applied = moved || newer;
    return !newer || write_message(l->d, row, record, known, err);
}

/* Stores a context. `stored` is the lower number under which it stands here; 0: it is not stored. */
static bool write_context(struct sql *d, const struct session_row *row, const struct record *record,
                          int64_t stored, struct err *err)
{
    const struct row_context context = {record->key.number, record->key.stamp,
                                        record->context.updated_us, record->context.body};
    struct query q;

    if (stored) {
        if (!query_begin(d, SQL_CONTEXT_LOWER, &q, err))
            return false;
        query_int(&q, row->id);
        query_int(&q, context.stamp);
        query_int(&q, context.number);
        if (!query_run(&q, err))
            return false;
    }
    return row_put_context(d, row, &context, err) && row_trim_contexts(d, row, err);
}

/*
 * A stamp names a context; its number is only where it stands among the others. Two stores may number one
 * differently: what was stored in one of them in doubt is repeated in the other. Then the higher one stays.
 */
static bool merge_context(struct look *l, size_t i, struct session_row *row, bool *applied,
                          struct err *err)
{
    const struct record *record = &l->op->merge.items[i];
    struct look_context stored;
    bool moved = false, newer;

    stamp_observe(record->key.stamp);
    session_state_raise(&row->s.last_context, record->key.number, &moved);
    if (record->key.stamp <= row->s.tomb) {
        *applied = moved;
        return bury(l->d, row, record->context.updated_us, applied, err);
    }
    if (!look_context(l, i, &stored, err) ||
        !move_row(l->d, row, record->context.updated_us, &moved, err))
        return false;
    newer = !stored.trimmed && stored.number < record->key.number;
    *applied = moved || newer;
    return !newer || write_context(l->d, row, record, stored.number, err);
}

/* Messages and contexts up to the tomb of their session are dead. */
static bool merge_content(struct look *l, size_t i, struct session_row *row, struct sql_merged *out,
                          struct err *err)
{
    const struct record *record = &l->op->merge.items[i];
    bool message = record->kind == RECORD_MESSAGE;

    if (record->gone)
        return remove_message(l, i, row, &out->applied, err);
    if ((message ? record->message.stamp : record->key.stamp) <= row->s.tomb)
        out->newest = row->s.tomb;
    return message ? merge_message(l, i, row, &out->applied, err)
                   : merge_context(l, i, row, &out->applied, err);
}

static bool merge_record(struct look *l, size_t i, struct sql_merged *out, struct err *err)
{
    const struct record *record = &l->op->merge.items[i];
    struct session_row row;

    if (record->kind >= RECORD_MESSAGES)
        return true;
    if (record->kind == RECORD_REPEAT)
        return pending_repeat(l, i, &out->applied, err);
    if (record->kind > RECORD_CONTEXT && record->kind < RECORD_KIND_COUNT)
        return record->gone ? true : sql_thread_record_merge(l, i, out, err);
    if (!look_session(l, i, &row, err))
        return false;
    if (record->kind == RECORD_PENDING)
        return pending_count(l, i, &row, &out->applied, err);
    if (record->kind == RECORD_SESSION)
        return merge_session(l, record, &row, out, err);
    return merge_content(l, i, &row, out, err);
}

static bool merge_all(struct look *l, struct err *err)
{
    struct op_merge *merge = &l->op->merge;

    merge->out.applied = merge->out.broken = 0;
    merge->out.newest = 0;
    for (size_t i = 0; i < merge->n;) {
        if (!look_ahead(l, i, err))
            return false;
        for (; look_holds(l, i); i++) {
            struct sql_merged out = {.applied = false};

            if (!merge_record(l, i, &out, err))
                return false;
            merge->out.applied += out.applied;
            merge->out.broken += out.broken;
            if (out.newest > merge->out.newest)
                merge->out.newest = out.newest;
        }
    }
    return true;
}

/* On a distant store: merges by one statement a message that was just written to the other store. */
static bool merge_next(struct sql *d, struct op *op, int64_t tenant, bool *done, struct err *err)
{
    const struct record *r = op->merge.items;
    struct row_message next;

    *done = false;
    if (op->merge.n != 1 || r->kind != RECORD_MESSAGE || r->gone ||
        !row_may_next(d, tenant, r->key.id))
        return true;
    next = (struct row_message){
        .session = r->key.id,
        .id = r->key.sub,
        .role = r->message.role,
        .content = r->message.content,
        .metadata = r->message.metadata,
        .seq = r->message.seq,
        .stamp = r->message.stamp,
        .expired_us = INT64_MIN,
        .look = true,
    };
    stamp_observe(next.stamp);
    if (!row_next(d, tenant, &next, err))
        return false;
    *done = next.out.done;
    op->merge.out.applied = 1;
    op->merge.out.broken = 0;
    op->merge.out.newest = 0;
    op->merge.out.outbox = next.out.waits;
    return true;
}

bool sql_merge(struct sql *d, struct op *op, struct err *err)
{
    AUTO(look_end) struct look look = {.d = d, .op = op};
    AUTO(query_end) struct query outbox = {0};
    bool found;

    if (!sql_tenant(d, op->tenant, true, &look.tenant, err) ||
        !merge_next(d, op, look.tenant, &found, err))
        return false;
    if (found)
        return true;
    if (!query_begin(d, SQL_OUTBOX_ANY, &outbox, err) || !query_ask(&outbox, err) ||
        !merge_all(&look, err) || !sql_checkpoints_gone(d, op, look.tenant, err) ||
        !query_step(&outbox, &found, err))
        return false;
    op->merge.out.outbox = query_col_int(&outbox, 0) != 0;
    return true;
}

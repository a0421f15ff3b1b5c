/* sql_messages.c - the operations on messages; see op_sessions.h. */
#include "clock.h"
#include "copies.h"
#include "messages.h"
#include "sql_ops.h"
#include "sql_rows.h"

/* A range of positions; both ends are excluded. */
struct range {
    struct message_pos low, high;
};

/* The progress of a trim. A copy of this struct continues from the state in which it was made. */
struct trim {
    struct message_pos high;
    int64_t removed;
};

/* Reads the seq of a message that is already stored. */
static bool find_seq(struct sql *d, int64_t session, struct message *m, struct err *err)
{
    AUTO(query_end) struct query q = {0};
    bool found;

    if (!query_begin(d, SQL_MESSAGE_FIND, &q, err))
        return false;
    query_int(&q, session);
    query_blob(&q, m->id);
    if (!query_step(&q, &found, err))
        return false;
    m->seq = query_col_int(&q, 0);
    return true;
}

static bool put_message(struct sql *d, const struct session_row *row, struct message *m,
                        int64_t stamp, struct err *err)
{
    int64_t changes;
    struct query q;

    if (!query_begin(d, SQL_MESSAGE_PUT, &q, err))
        return false;
    query_int(&q, row->id);
    query_int(&q, m->seq);
    query_blob(&q, m->id);
    query_int(&q, stamp);
    query_blob(&q, m->role);
    query_blob(&q, m->content);
    query_blob(&q, session_state_metadata(m->metadata));
    m->created = true;
    if (m->fresh) /* its id cannot be stored yet: no need to wait for the answer */
        return query_run(&q, err);
    if (!query_change(&q, &changes, err))
        return false;
    m->created = changes > 0;
    return m->created || find_seq(d, row->id, m, err);
}

static bool put_all(struct sql *d, struct op *op, struct session_row *row, int64_t stamp,
                    struct err *err)
{
    struct op_message_append *append = &op->message_append;

    for (size_t i = 0; i < append->n; i++) {
        struct message *m = &append->messages[i];

        m->seq = session_state_next_seq(&row->s, op->now_us);
        if (!put_message(d, row, m, stamp, err))
            return false;
        if (m->created)
            row->s.last_seq = m->seq;
    }
    return true;
}

/*
 * On a distant store: appends by one statement in the usual case. The outbox entry for the other store of a
 * pair is part of it, as its contents are known beforehand.
 */
static bool append_next(struct sql *d, struct op *op, int64_t tenant, bool *done, struct err *err)
{
    struct message *m = op->message_append.messages;
    struct row_message next = {
        .session = op->id,
        .id = m->id,
        .role = m->role,
        .content = m->content,
        .metadata = m->metadata,
        .seq = op->now_us,
        .stamp = op->stamp,
        .expired_us = clock_expired_us(d->session_ttl_us, op->now_us),
        .require_session = op->message_append.require_session,
        .tenant = op->tenant,
    };

    *done = false;
    if (op->message_append.n > 1 || !m->fresh || !row_may_next(d, tenant, op->id))
        return true;
    m->seq = op->now_us;
    m->created = true;
    if (!copies_messages(op, err) || (op->n_copies > 0 && !copies_pack(op, 0, &next.entry, err)) ||
        !row_next(d, tenant, &next, err))
        return false;
    *done = m->created = next.out.done;
    if (*done)
        op->entered = true;
    else
        copies_reset(op);
    return true;
}

/* The copies of messages also tell the state of the session, unless there are none or it was removed. */
static bool copy(struct sql *d, struct op *op, struct session_row *row, bool removed,
                 struct err *err)
{
    return copies_messages(op, err) &&
           ((op->n_copies > 0 && !removed) || row_copy(d, op, row, err));
}

bool sql_message_append(struct sql *d, struct op *op, struct err *err)
{
    struct session_row row;
    int64_t tenant, stamp, tomb;
    bool done;

    if (!sql_tenant(d, op->tenant, false, &tenant, err) || !append_next(d, op, tenant, &done, err))
        return false;
    if (done)
        return true;
    if (!row_find(d, tenant, op->id, &row, err))
        return false;
    if (op->message_append.require_session &&
        !session_state_live(&row.s, d->session_ttl_us, op->now_us))
        return session_state_missing(err);
    tomb = row.s.tomb;
    if (!row_begin(d, op, tomb, &row, &stamp, err) ||
        !sql_tenant(d, op->tenant, true, &row.tenant, err))
        return false;
    row.s.hollow = false;
    if (!row.id && !row_advance(d, &row, err))
        return false;
    if (!put_all(d, op, &row, stamp, err))
        return false;
    session_state_used(&row.s, op->now_us);
    return row_advance(d, &row, err) && copy(d, op, &row, row.s.tomb != tomb, err);
}

static void bind_range(struct query *q, int64_t session, const struct range *r)
{
    query_int(q, session);
    query_int(q, r->low.seq);
    query_blob(q, r->low.id);
    query_int(q, r->high.seq);
    query_blob(q, r->high.id);
}

static bool read_message(struct query *q, struct arena *arena, struct message *m, struct err *err)
{
    m->seq = query_col_int(q, 1);
    if (!query_copy(q, 0, arena, &m->id, err) || !query_copy(q, 2, arena, &m->role, err) ||
        !query_copy(q, 3, arena, &m->content, err) || !query_copy(q, 4, arena, &m->metadata, err))
        return false;
    if (!m->metadata.at)
        m->metadata = SLICE("{}");
    return true;
}

/* Reads at most `limit` messages, and the bytes of a page, from one end of the range. */
static bool read_page(struct sql *d, int64_t session, const struct range *r, struct op *op,
                      struct err *err)
{
    AUTO(query_end) struct query q = {0};
    struct op_message_list *list = &op->message_list;
    struct message *items = arena_zalloc(op->arena, (size_t)list->limit, sizeof(*items));
    size_t n = 0, bytes = 0;
    bool found;

    if (!items)
        return err_no_memory(err);
    if (!query_begin(d, list->has_after ? SQL_MESSAGE_UP : SQL_MESSAGE_DOWN, &q, err))
        return false;
    bind_range(&q, session, r);
    query_int(&q, list->limit);
    for (; bytes < PAGE_BYTES_MAX; n++) {
        if (!query_step(&q, &found, err))
            return false;
        if (!found)
            break;
        if (!read_message(&q, op->arena, &items[n], err))
            return false;
        bytes += message_bytes(&items[n]);
    }
    if (!list->has_after)
        messages_reverse(items, n);
    list->out.items = items;
    list->out.n = n;
    return true;
}

/* Whether there are messages beyond a position. */
static bool look_beyond(struct sql *d, enum sql_statement which, int64_t session,
                        struct message_pos pos, bool *any, struct err *err)
{
    AUTO(query_end) struct query q = {0};

    if (!query_begin(d, which, &q, err))
        return false;
    query_int(&q, session);
    query_int(&q, pos.seq);
    query_blob(&q, pos.id);
    return query_step(&q, any, err);
}

/* On an empty page the ends of the range are swapped: any message then lies beyond one of them. */
static bool set_flags(struct sql *d, int64_t session, const struct range *r, struct op *op,
                      struct err *err)
{
    struct op_message_list *list = &op->message_list;
    const struct message *items = list->out.items;
    struct message_pos first = r->high, last = r->low;

    if (list->out.n) {
        first = (struct message_pos){items[0].seq, items[0].id};
        last = (struct message_pos){items[list->out.n - 1].seq, items[list->out.n - 1].id};
    }
    return look_beyond(d, SQL_MESSAGE_OLDER, session, first, &list->out.more_before, err) &&
           look_beyond(d, SQL_MESSAGE_NEWER, session, last, &list->out.more_after, err);
}

bool sql_message_list(struct sql *d, struct op *op, struct err *err)
{
    struct op_message_list *list = &op->message_list;
    struct range r = {
        .low = list->has_after ? list->after : (struct message_pos){INT64_MIN, SLICE("")},
        .high = list->has_before ? list->before : (struct message_pos){INT64_MAX, SLICE("")},
    };
    struct session_row row;
    int64_t tenant;

    memset(&list->out, 0, sizeof(list->out));
    if (!sql_tenant(d, op->tenant, false, &tenant, err) || !row_find(d, tenant, op->id, &row, err))
        return false;
    if (!session_state_known(&row.s, d->session_ttl_us, op->now_us))
        return true;
    return read_page(d, row.id, &r, op, err) && set_flags(d, row.id, &r, op, err);
}

/* The oldest of the newest keep_last messages is a bound for what is removed. */
static bool bound_by_count(struct sql *d, int64_t session, struct op *op, struct message_pos *high,
                           bool *all_stay, struct err *err)
{
    AUTO(query_end) struct query q = {0};
    struct message_pos kept;
    bool found;

    if (!query_begin(d, SQL_MESSAGE_NTH, &q, err))
        return false;
    query_int(&q, session);
    query_int(&q, op->message_trim.keep_last - 1);
    if (!query_step(&q, &found, err))
        return false;
    *all_stay = !found;
    if (!found)
        return true;
    kept.seq = query_col_int(&q, 0);
    if (!query_copy(&q, 1, op->arena, &kept.id, err))
        return false;
    if (message_pos_before(&kept, high))
        *high = kept;
    return true;
}

/* Removes one part, oldest first. Messages that arrive meanwhile lie beyond the bound. */
static bool trim_part(struct sql *d, int64_t session, struct op *op, const struct trim *from,
                      struct err *err)
{
    struct trim *t = arena_alloc(op->arena, sizeof(*t));
    int64_t changes;
    struct query q;

    if (!t)
        return err_no_memory(err);
    if (!query_begin(d, SQL_MESSAGE_TRIM, &q, err))
        return false;
    query_int(&q, session);
    query_int(&q, from->high.seq);
    query_blob(&q, from->high.id);
    query_int(&q, TRIM_MAX);
    if (!query_change(&q, &changes, err))
        return false;
    *t = (struct trim){from->high, from->removed + changes};
    op->message_trim.out.removed = t->removed;
    op->again = changes == TRIM_MAX;
    op->progress = t;
    return t->removed == 0 || copies_name(op, RECORD_MESSAGES, op->id, err);
}

/* A trim must be newer than what it removes: the other store would keep what is newer. */
static bool may_trim(struct sql *d, struct op *op, const struct session_row *row, struct err *err)
{
    int64_t newest;

    return !op->fence ||
           (row_content_stamp(d, row, &newest, err) && op_fence_allows(op, newest, err));
}

bool sql_message_trim(struct sql *d, struct op *op, struct err *err)
{
    struct op_message_trim *trim = &op->message_trim;
    struct trim start = {.high = trim->has_before ? trim->before
                                                  : (struct message_pos){INT64_MAX, SLICE("")}};
    struct session_row row;
    bool all_stay = false;
    int64_t tenant;

    if (!op->progress)
        trim->out.removed = 0;
    if (!sql_tenant(d, op->tenant, false, &tenant, err) || !row_find(d, tenant, op->id, &row, err))
        return false;
    if (!session_state_known(&row.s, d->session_ttl_us, op->now_us))
        return true;
    if (op->progress)
        return trim_part(d, row.id, op, op->progress, err);
    if (!may_trim(d, op, &row, err))
        return false;
    if (start.high.seq > row.s.last_seq)
        start.high = (struct message_pos){row.s.last_seq + 1, SLICE("")};
    if (trim->keep_last > 0 && !bound_by_count(d, row.id, op, &start.high, &all_stay, err))
        return false;
    return all_stay || trim_part(d, row.id, op, &start, err);
}

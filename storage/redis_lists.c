/* redis_lists.c - OP_SESSION_LIST, OP_THREAD_LIST and OP_THREAD_GET; see op_sessions.h. */
#include <stdlib.h>

#include "redis_load.h"
#include "redis_ops.h"
#include "redis_pair.h"
#include "redis_rows.h"
#include "redis_threads.h"
#include "redis_walk.h"

enum { GROUP = 64 };

/* Where the ids come from: the walk, or those of a user in order. */
struct source {
    struct walk walk;
    bool by_user;
    struct walk_item *items;
    size_t n, at;
};

static int order_items(const void *a, const void *b)
{
    const struct walk_item *x = a, *y = b;
    int order = (x->score < y->score) - (x->score > y->score);

    return order ? order : slice_compare(y->member, x->member);
}

static bool comes_after(const struct op_session_list *list, const struct walk_item *item)
{
    const struct session_pos *after = &list->after;

    return !slice_present(after->id) || item->score < after->last_activity_us ||
           (item->score == after->last_activity_us && slice_compare(item->member, after->id) < 0);
}

/* The ids in the replies to SMEMBERS, with their places; those before the page are left out. */
static bool place_ids(struct call *c, struct source *s, const unsigned *buckets, size_t n,
                      struct err *err)
{
    struct reply **members = c->replies, **scores;
    size_t all = 0, at = 0;

    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < members[i]->n; k++)
            ASK(c, SLICE("ZSCORE"), call_index_at(c, "active", buckets[i]),
                members[i]->items[k]->text);
        all += members[i]->n;
    }
    if (!call_answers(c, &scores, err))
        return false;
    s->items = arena_alloc(c->arena, (all + 1) * sizeof(*s->items));
    if (!s->items)
        return err_no_memory(err);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < members[i]->n; k++, at++) {
            struct walk_item *item = &s->items[s->n];

            if (scores[at]->type != REPLY_TEXT)
                continue;
            item->member = members[i]->items[k]->text;
            item->score = (int64_t)strtod(scores[at]->text.at, NULL);
            s->n += comes_after(&c->op->session_list, item);
        }
    if (s->n > 1)
        qsort(s->items, s->n, sizeof(*s->items), order_items);
    return true;
}

static bool find_user(struct call *c, struct source *s, struct err *err)
{
    struct reply **replies;
    unsigned *buckets;
    size_t n;

    c->tenant = c->op->tenant;
    if (!call_buckets(c, c->op->tenant, &buckets, &n, err))
        return false;
    for (size_t i = 0; i < n; i++) {
        c->bucket = buckets[i];
        ASK(c, SLICE("SMEMBERS"), call_index_of(c, "user", c->op->session_list.user_id));
    }
    return call_answers(c, &replies, err) && place_ids(c, s, buckets, n, err);
}

static bool next_id(struct source *s, struct walk_item *item, bool *found, struct err *err)
{
    if (!s->by_user)
        return walk_next(&s->walk, item, found, err);
    *found = s->at < s->n;
    if (*found)
        *item = s->items[s->at++];
    return true;
}

static bool wanted(struct call *c, const struct session_row *row)
{
    const struct op_session_list *list = &c->op->session_list;

    return session_state_live(&row->s, c->d->session_ttl_us, c->op->now_us) &&
           (!slice_present(list->user_id) || slice_equal(list->user_id, row->s.user_id)) &&
           (!slice_present(list->status) || slice_equal(list->status, row->s.status));
}

static size_t session_bytes(const struct session *s)
{
    return sizeof(*s) + s->id.len + s->user_id.len + s->status.len + s->metadata.len;
}

/* A group of rows; *full when no more are wanted. */
static bool list_group(struct call *c, const struct walk_item *ids, size_t n, size_t *bytes,
                       bool *full, struct err *err)
{
    struct op_session_list *list = &c->op->session_list;
    struct session_row row;
    struct reply **replies;

    for (size_t i = 0; i < n; i++) {
        call_at(c, c->op->tenant, ids[i].member);
        redis_row_ask(c, true);
    }
    if (!call_answers(c, &replies, err))
        return false;
    for (size_t i = 0; i < n && !*full; i++) {
        call_at(c, c->op->tenant, ids[i].member);
        if (!redis_row_take(c, replies[i], &row, err))
            return false;
        if (!wanted(c, &row))
            continue;
        if (list->out.n == (size_t)list->limit || *bytes >= PAGE_BYTES_MAX) {
            list->out.more = *full = true;
            break;
        }
        list->out.items[list->out.n] = session_state_answer(&row.s);
        *bytes += session_bytes(&list->out.items[list->out.n++]);
    }
    return true;
}

bool redis_session_list(struct call *c, struct op *op, struct err *err)
{
    struct op_session_list *list = &op->session_list;
    struct source s = {
        .walk = {.c = c,
                 .kind = "active",
                 .tenant = op->tenant,
                 .by_score = true,
                 .low_score = session_state_expired_us(c->d->session_ttl_us, op->now_us),
                 .after = list->after.id,
                 .after_score = list->after.last_activity_us},
        .by_user = slice_present(list->user_id),
    };
    struct walk_item ids[GROUP];
    bool full = false, found = true;
    size_t bytes = 0;

    memset(&list->out, 0, sizeof(list->out));
    list->out.items = arena_zalloc(c->arena, (size_t)list->limit, sizeof(*list->out.items));
    if (!list->out.items)
        return err_no_memory(err);
    if (s.by_user ? !find_user(c, &s, err) : !walk_begin(&s.walk, (size_t)list->limit + 1, err))
        return false;
    while (found && !full) {
        size_t n = 0;

        while (found && n < GROUP) {
            if (!next_id(&s, &ids[n], &found, err))
                return false;
            n += found;
        }
        if (n > 0 && !list_group(c, ids, n, &bytes, &full, err))
            return false;
    }
    return redis_pending_answers(c, list->out.items, list->out.n, err);
}

/* What is in a thread that has been read. *holds: readers see something in it. */
static bool describe(struct call *c, const struct thread_row *row, struct thread *thread,
                     bool *holds, struct err *err)
{
    int64_t expired_us = redis_cp_expired_us(c->d, c->op->now_us);
    const struct space *latest = NULL;
    struct reply **replies;
    struct cp_row newest;

    *thread = (struct thread){.id = c->id, .updated_us = row->updated_us};
    thread->namespaces = arena_alloc(c->arena, (row->n + 1) * sizeof(*thread->namespaces));
    if (!thread->namespaces)
        return err_no_memory(err);
    for (size_t i = 0; i < row->n; i++)
        ASK(c, SLICE("ZRANGEBYSCORE"), call_key_ns(c, "ages", row->spaces[i].ns),
            expired_us == INT64_MIN ? SLICE("-inf")
                                    : call_concat(c, SLICE("("), call_number(c, expired_us)),
            SLICE("+inf"), SLICE("LIMIT"), SLICE("0"),
            expired_us == INT64_MIN ? SLICE("1") : SLICE("-1"));
    if (!call_answers(c, &replies, err))
        return false;
    for (size_t i = 0; i < row->n; i++) {
        int64_t n = expired_us == INT64_MIN ? row->spaces[i].checkpoints : 0;

        if (replies[i]->n == 0)
            continue;
        for (size_t k = 0; expired_us != INT64_MIN && k < replies[i]->n; k++)
            n += replies[i]->items[k]->text.at[0] == 'c';
        thread->namespaces[thread->n_namespaces++] = row->spaces[i].ns;
        thread->bytes += row->spaces[i].bytes;
        thread->checkpoints += n;
        if (!latest && n > 0)
            latest = &row->spaces[i];
    }
    *holds = thread->n_namespaces > 0;
    if (!latest)
        return true;
    if (!redis_load_latest(c, latest, &newest, err))
        return false;
    thread->latest = newest.id;
    return true;
}

bool redis_thread_get(struct call *c, struct op *op, struct err *err)
{
    struct thread_row row;
    bool holds;

    call_at(c, op->tenant, op->id);
    if (!redis_thread_read(c, &row, err) ||
        !describe(c, &row, &op->thread_get.out.thread, &holds, err))
        return false;
    return holds || err_set(err, ERR_NOT_FOUND, "There is no such thread.");
}

/* A group of threads; *full when no more are wanted. */
static bool list_threads(struct call *c, const struct walk_item *ids, size_t n, bool *full,
                         struct err *err)
{
    struct op_thread_list *list = &c->op->thread_list;
    struct slice all = {NULL, 0};
    struct thread_row row;
    struct thread thread;
    struct reply **replies;
    bool holds;

    for (size_t i = 0; i < n; i++) {
        call_at(c, c->op->tenant, ids[i].member);
        redis_thread_ask(c, all);
    }
    if (!call_answers(c, &replies, err))
        return false;
    for (size_t i = 0; i < n; i++) {
        call_at(c, c->op->tenant, ids[i].member);
        if (!redis_thread_take(c, all, replies[i], &row, err))
            return false;
        if (row.n == 0 || (list->updated_after_us > 0 && row.updated_us <= list->updated_after_us))
            continue;
        if (!describe(c, &row, &thread, &holds, err))
            return false;
        if (!holds)
            continue;
        if (list->out.n == (size_t)list->limit) {
            list->out.more = *full = true;
            return true;
        }
        list->out.items[list->out.n++] = thread;
    }
    return true;
}

/* The bounds of the ids: after `after`, below `below`. An id is UTF-8: \xFF is above every one. */
static void bound_threads(struct call *c, struct walk *w)
{
    const struct op_thread_list *list = &c->op->thread_list;

    w->after = list->after;
    if (!slice_present(list->prefix) || list->prefix.len == 0)
        return;
    w->below = call_concat(c, list->prefix, SLICE("\xFF"));
    if (slice_present(list->after) && slice_compare(list->after, list->prefix) >= 0)
        return;
    w->after = call_concat(c, list->prefix, SLICE(""));
    w->from = true;
}

bool redis_thread_list(struct call *c, struct op *op, struct err *err)
{
    struct op_thread_list *list = &op->thread_list;
    struct walk w = {.c = c, .kind = "threads", .tenant = op->tenant};
    struct walk_item ids[GROUP];
    bool full = false, found = true;

    memset(&list->out, 0, sizeof(list->out));
    list->out.items = arena_zalloc(c->arena, (size_t)list->limit, sizeof(*list->out.items));
    if (!list->out.items)
        return err_no_memory(err);
    bound_threads(c, &w);
    if (!walk_begin(&w, (size_t)list->limit + 1, err))
        return false;
    while (found && !full) {
        size_t n = 0;

        while (found && n < GROUP && n <= (size_t)list->limit) {
            if (!walk_next(&w, &ids[n], &found, err))
                return false;
            n += found;
        }
        if (n > 0 && !list_threads(c, ids, n, &full, err))
            return false;
    }
    return true;
}

/* redis_lists.c - OP_SESSION_LIST, OP_THREAD_LIST and OP_THREAD_GET; see op_sessions.h. */
#include <stdlib.h>

#include "clock.h"
#include "damage.h"
#include "redis_load.h"
#include "redis_ops.h"
#include "redis_pair.h"
#include "redis_rows.h"
#include "redis_threads.h"
#include "redis_used.h"
#include "redis_walk.h"

/* How many rows are read together; how many buckets are asked together for the sessions of a user. */
enum { GROUP = 64, BUCKETS_AT_ONCE = 64 };

/* How many ids without a session are taken out of the sets of a user in that many buckets. */
enum { UNLISTED_MAX = 256 };

/* How many ids of a user are kept: those that one call looks at, and one to tell that there are more. */
enum { KEPT_MAX = SCAN_MAX + GROUP + 1 };

/* Where the ids come from: a walk through an index, or the ids of one user, sorted. */
struct source {
    struct walk walk;
    bool by_user;
    struct walk_item *items; /* by_user: in the arena of the op; sorted once all are found */
    size_t n, at, cap;
    const unsigned *buckets; /* the ones being asked */
    size_t n_buckets;
};

/* The sessions or threads that are read together. */
struct group {
    struct walk_item ids[GROUP];
    size_t n, most;
    size_t looked; /* rows looked at in this call, those of earlier groups included */
    size_t bytes;  /* of the items listed */
    bool full;     /* the page has all that it may have */
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

/* Sorts the ids found so far and keeps the first KEPT_MAX. */
static void cut(struct source *s)
{
    if (s->n > 1)
        qsort(s->items, s->n, sizeof(*s->items), order_items);
    if (s->n > KEPT_MAX)
        s->n = KEPT_MAX;
}

static bool add_id(struct call *c, struct source *s, struct walk_item item, struct err *err)
{
    void *grown;

    if (!comes_after(&c->op->session_list, &item))
        return true;
    if (s->n == 2 * KEPT_MAX)
        cut(s);
    grown = arena_grow(c->op->arena, s->items, s->n, sizeof(*s->items), &s->cap);
    if (!grown || !arena_keep(c->op->arena, &item.member))
        return err_no_memory(err);
    s->items = grown;
    s->items[s->n++] = item;
    return true;
}

/* Asks to take an id out of the set of its user, if it has no session any more: Redis' own expiry takes a
 * session, but not its id from there. */
static void ask_unlist(struct call *c, struct slice id)
{
    call_at(c, c->op->tenant, id);
    ASK(c, SLICE("EVALSHA"), slice_of(c->d->sha[REDIS_COMMIT]), SLICE("1"), call_key(c, "session"),
        SLICE(""), SLICE("3"), SLICE("SREM"), call_index_of(c, "user", c->op->session_list.user_id),
        id);
}

/* Finds the ids of a user in some buckets, with their last activity; those before the page are left out. */
static bool find_in(struct call *c, void *arg, struct err *err)
{
    struct source *s = arg;
    struct reply **members, **scores, **ignored;
    size_t at = 0, unlisted = 0;
    struct err failure;

    for (size_t i = 0; i < s->n_buckets; i++) {
        c->bucket = s->buckets[i];
        ASK(c, SLICE("SMEMBERS"), call_index_of(c, "user", c->op->session_list.user_id));
    }
    if (!call_answers(c, &members, err))
        return false;
    for (size_t i = 0; i < s->n_buckets; i++)
        for (size_t k = 0; k < members[i]->n; k++)
            ASK(c, SLICE("ZSCORE"), call_index_at(c, "active", s->buckets[i]),
                members[i]->items[k]->text);
    if (!call_answers(c, &scores, err))
        return false;
    for (size_t i = 0; i < s->n_buckets; i++)
        for (size_t k = 0; k < members[i]->n; k++, at++) {
            struct walk_item item = {.member = members[i]->items[k]->text};

            if (scores[at]->type != REPLY_TEXT) {
                if (unlisted++ < UNLISTED_MAX)
                    ask_unlist(c, item.member);
                continue;
            }
            item.score = (int64_t)strtod(scores[at]->text.at, NULL);
            if (!add_id(c, s, item, err))
                return false;
        }
    if (unlisted > 0)
        (void)!call_answers(c, &ignored, &failure); /* if it fails, the next list tries again */
    return true;
}

static bool find_user(struct call *c, struct source *s, struct err *err)
{
    unsigned *buckets;
    size_t n;

    c->tenant = c->op->tenant;
    if (!used_buckets(c, c->op->tenant, &buckets, &n, err))
        return false;
    for (size_t i = 0; i < n; i += BUCKETS_AT_ONCE) {
        s->buckets = buckets + i;
        s->n_buckets = n - i < BUCKETS_AT_ONCE ? n - i : BUCKETS_AT_ONCE;
        if (!call_apart(c, find_in, s, err))
            return false;
    }
    cut(s);
    return true;
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

/* No larger than the page needs: its items, and one that tells that there are more. */
static struct group group_start(int64_t limit)
{
    return (struct group){.n = 1, .most = limit < GROUP ? (size_t)limit + 1 : GROUP};
}

/* Takes the next ids. None: the end was reached, or SCAN_MAX rows were looked at. */
static bool next_group(struct source *s, struct group *g, struct err *err)
{
    bool found = true;

    for (g->n = 0; found && g->n < g->most; g->n += found)
        if (!next_id(s, &g->ids[g->n], &found, err))
            return false;
    if (g->n > 0 && g->looked >= SCAN_MAX) {
        g->full = true;
        g->n = 0;
    }
    return true;
}

static bool wanted(struct call *c, const struct session_row *row)
{
    const struct op_session_list *list = &c->op->session_list;

    return session_state_live(&row->s, c->d->session_ttl_us, c->op->now_us) &&
           (!slice_present(list->user_id) || slice_equal(list->user_id, row->s.user_id)) &&
           (!slice_present(list->status) || slice_equal(list->status, row->s.status));
}

/* Reads the sessions of a group and lists those that are wanted. */
static bool list_group(struct call *c, void *arg, struct err *err)
{
    struct op_session_list *list = &c->op->session_list;
    struct group *g = arg;
    struct session_row row;
    struct reply **replies;

    for (size_t i = 0; i < g->n; i++) {
        call_at(c, c->op->tenant, g->ids[i].member);
        redis_row_ask(c, true);
    }
    if (!call_answers(c, &replies, err))
        return false;
    for (size_t i = 0; i < g->n; i++) {
        struct session *item;

        call_at(c, c->op->tenant, g->ids[i].member);
        if (!redis_row_take(c, replies[i], &row, err))
            return damage_at(&(struct damage_place){.session = c->id}, err);
        if (wanted(c, &row)) {
            if (list->out.n == (size_t)list->limit || g->bytes >= PAGE_BYTES_MAX) {
                g->full = true;
                return true;
            }
            item = &list->out.items[list->out.n++];
            *item = session_state_answer(&row.s);
            if (!arena_keep(c->op->arena, &item->id) || !arena_keep(c->op->arena, &item->user_id) ||
                !arena_keep(c->op->arena, &item->status) ||
                !arena_keep(c->op->arena, &item->metadata))
                return err_no_memory(err);
            g->bytes += session_state_bytes(item);
        }
        list->out.next = (struct session_pos){g->ids[i].score, g->ids[i].member};
        g->looked++;
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
                 .low_score = clock_expired_us(c->d->session_ttl_us, op->now_us),
                 .after = list->after.id,
                 .after_score = list->after.last_activity_us},
        .by_user = slice_present(list->user_id),
    };
    struct group g = group_start(list->limit);

    memset(&list->out, 0, sizeof(list->out));
    list->out.items = arena_zalloc(c->arena, (size_t)list->limit, sizeof(*list->out.items));
    if (!list->out.items)
        return err_no_memory(err);
    if (s.by_user ? !find_user(c, &s, err) : !walk_begin(&s.walk, (size_t)list->limit + 1, err))
        return false;
    while (g.n > 0 && !g.full)
        if (!next_group(&s, &g, err) || !call_apart(c, list_group, &g, err))
            return false;
    list->out.more = g.full;
    return redis_pending_answers(c, list->out.items, list->out.n, err);
}

/* Describes a thread whose row was read. *holds: something in it has not expired. */
static bool describe(struct call *c, const struct thread_row *row, struct thread *thread,
                     bool *holds, struct err *err)
{
    int64_t expired_us = clock_expired_us(c->d->checkpoint_ttl_us, c->op->now_us);
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

        if (replies[i]->n == 0 && n > 0 && c->op->type == OP_THREAD_GET)
            return call_lost(c, "the ages of its checkpoints", err);
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

static bool keep_thread(struct op *op, struct thread *thread, struct err *err)
{
    struct slice *names = arena_alloc(op->arena, (thread->n_namespaces + 1) * sizeof(*names));

    if (!names || !arena_keep(op->arena, &thread->latest))
        return err_no_memory(err);
    memcpy(names, thread->namespaces, thread->n_namespaces * sizeof(*names));
    thread->namespaces = names;
    for (size_t i = 0; i < thread->n_namespaces; i++)
        if (!arena_keep(op->arena, &names[i]))
            return err_no_memory(err);
    return true;
}

/* Lists one thread. If the page is full, it is left for the next page. */
static bool list_thread(struct call *c, const struct thread_row *row, struct group *g,
                        struct err *err)
{
    struct op_thread_list *list = &c->op->thread_list;
    struct slice id = c->id;
    struct thread thread;
    bool holds;

    if (row->n == 0 || (list->updated_after_us > 0 && row->updated_us <= list->updated_after_us))
        return true;
    if (!describe(c, row, &thread, &holds, err))
        return false;
    if (holds && list->out.n == (size_t)list->limit) {
        g->full = true;
        return true;
    }
    if (!holds)
        return true;
    thread.id = id;
    list->out.items[list->out.n++] = thread;
    return keep_thread(c->op, &list->out.items[list->out.n - 1], err);
}

/* Reads the threads of a group and lists those that hold something. */
static bool list_threads(struct call *c, void *arg, struct err *err)
{
    struct slice all = {NULL, 0};
    struct group *g = arg;
    struct thread_row row;
    struct reply **replies;

    for (size_t i = 0; i < g->n; i++) {
        call_at(c, c->op->tenant, g->ids[i].member);
        redis_thread_ask(c, all);
    }
    if (!call_answers(c, &replies, err))
        return false;
    for (size_t i = 0; i < g->n; i++) {
        call_at(c, c->op->tenant, g->ids[i].member);
        if (!redis_thread_take(c, all, replies[i], &row, err) || !list_thread(c, &row, g, err))
            return damage_at(&(struct damage_place){.thread = c->id}, err);
        if (g->full)
            return true;
        c->op->thread_list.out.next = g->ids[i].member;
        g->looked++;
    }
    return true;
}

/* Sets the bounds of the walk. Ids are UTF-8, so the byte FF is above every id with the prefix. */
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
    struct source s = {.walk = {.c = c, .kind = "threads", .tenant = op->tenant}};
    struct group g = group_start(list->limit);

    memset(&list->out, 0, sizeof(list->out));
    list->out.items = arena_zalloc(c->arena, (size_t)list->limit, sizeof(*list->out.items));
    if (!list->out.items)
        return err_no_memory(err);
    bound_threads(c, &s.walk);
    if (!walk_begin(&s.walk, (size_t)list->limit + 1, err))
        return false;
    while (g.n > 0 && !g.full)
        if (!next_group(&s, &g, err) || !call_apart(c, list_threads, &g, err))
            return false;
    list->out.more = g.full;
    return true;
}

/* redis_checkpoint_order.c - see redis_checkpoint_order.h. */
#include "redis_checkpoint_order.h"

#include <stdlib.h>

#include "clock.h"
#include "damage.h"
#include "redis_threads.h"
#include "redis_walk.h"

/* Members of the index "sequence" are "c" <id>, or "d" <stamp, 20 digits> <id>: how much precedes the id. */
enum { CHANNEL_CUT = 1, DOCUMENT_CUT = 21 };

/* How many threads or scopes are asked together; how many places of one scope are read at once. */
enum { GROUP = 256, PLACES_MAX = 1024 };

/* A namespace of which checkpoints are listed. */
struct cp_order_scope {
    struct slice thread, ns;
    enum form form;
    int64_t checkpoints;
    struct checkpoint_pos *places; /* those read; places[at] is the next to give */
    size_t n, at, chunk;
    /* whether the index may have more below `last` */
    bool more;
    struct slice last; /* the member read last; absent before the first read */
};

bool cp_order_damage(const struct checkpoint_pos *pos, struct err *err)
{
    return damage_at(&(struct damage_place){.thread = pos->thread,
                                            .ns = pos->ns,
                                            .checkpoint = pos->checkpoint_id},
                     err);
}

static bool add_scopes(struct cp_order *o, const struct thread_row *row, struct err *err)
{
    struct slice ns = o->c->op->checkpoint_list.ns, thread = o->c->id;

    for (size_t i = 0; i < row->n; i++) {
        const struct space *space = &row->spaces[i];
        struct cp_order_scope scope = {.thread = thread,
                                       .ns = space->ns,
                                       .form = space->form,
                                       .checkpoints = space->checkpoints};
        void *grown;

        if (!space->stored || space->form == FORM_NONE ||
            (slice_present(ns) && !slice_equal(ns, space->ns)))
            continue;
        grown = arena_grow(o->c->op->arena, o->scopes, o->n, sizeof(*o->scopes), &o->cap);
        if (!grown || !arena_keep(o->c->op->arena, &scope.ns))
            return err_no_memory(err);
        o->scopes = grown;
        o->scopes[o->n++] = scope;
        o->has[scope.form] = true;
    }
    return true;
}

/* Threads whose namespaces are read together. */
struct threads {
    struct cp_order *order;
    struct walk_item ids[GROUP];
    size_t n;
};

static bool add_threads(struct call *c, void *arg, struct err *err)
{
    struct threads *t = arg;
    struct slice all = {NULL, 0};
    struct thread_row row;
    struct reply **replies;

    for (size_t i = 0; i < t->n; i++) {
        call_at(c, c->op->tenant, t->ids[i].member);
        redis_thread_ask(c, all);
    }
    if (!call_answers(c, &replies, err))
        return false;
    for (size_t i = 0; i < t->n; i++) {
        call_at(c, c->op->tenant, t->ids[i].member);
        if (!redis_thread_take(c, all, replies[i], &row, err) || !add_scopes(t->order, &row, err))
            return damage_at(&(struct damage_place){.thread = c->id}, err);
    }
    return true;
}

static bool find_scopes(struct cp_order *o, struct err *err)
{
    struct call *c = o->c;
    struct walk w = {.c = c, .kind = "threads", .tenant = c->op->tenant};
    struct threads t = {.order = o, .ids = {{.member = c->op->id}}, .n = 1};
    bool found = true;

    if (slice_present(c->op->id))
        return call_apart(c, add_threads, &t, err);
    if (!walk_begin(&w, GROUP, err))
        return false;
    while (found) {
        for (t.n = 0; found && t.n < GROUP; t.n += found)
            if (!walk_next(&w, &t.ids[t.n], &found, err))
                return false;
        if (t.n > 0 && !call_apart(c, add_threads, &t, err))
            return false;
    }
    return true;
}

/* Sets below_stamp to the highest stamp that the checkpoint `before` has in any scope of document form. */
static bool find_before(struct call *c, void *arg, struct err *err)
{
    struct cp_order *o = arg;
    struct slice before = c->op->checkpoint_list.before;
    struct reply **replies;
    struct cp_row row;

    for (size_t i = 0; i < o->n_at; i++) {
        call_at(c, c->op->tenant, o->scopes[o->at + i].thread);
        ASK(c, SLICE("HGET"), call_key_ns(c, "checkpoints", o->scopes[o->at + i].ns), before);
    }
    if (!call_answers(c, &replies, err))
        return false;
    for (size_t i = 0; i < o->n_at; i++) {
        const struct cp_order_scope *s = &o->scopes[o->at + i];

        if (s->form != FORM_DOCUMENT)
            continue;
        if (!redis_cp_take(before, replies[i], &row, err))
            return cp_order_damage(&(struct checkpoint_pos){s->form, before, s->thread, s->ns, 0},
                                   err);
        if (row.stamp > o->below_stamp &&
            row.created_us > clock_expired_us(c->d->checkpoint_ttl_us, c->op->now_us))
            o->below_stamp = row.stamp;
    }
    return true;
}

/* Runs a part for all scopes, GROUP at a time: those from o->at on, o->n_at of them. */
static bool for_scopes(struct cp_order *o, call_part *part, struct err *err)
{
    for (o->at = 0; o->at < o->n; o->at += GROUP) {
        o->n_at = o->n - o->at < GROUP ? o->n - o->at : GROUP;
        if (!call_apart(o->c, part, o, err))
            return false;
    }
    return true;
}

bool cp_order_find(struct cp_order *o, struct err *err)
{
    o->below_stamp = INT64_MAX;
    if (!find_scopes(o, err))
        return false;
    if (!slice_present(o->c->op->checkpoint_list.before) || !o->has[FORM_DOCUMENT])
        return true;
    o->below_stamp = 0;
    if (!for_scopes(o, find_before, err))
        return false;
    if (o->below_stamp == 0 && !o->has[FORM_CHANNEL])
        return err_set(err, ERR_INVALID, "before: there is no such checkpoint");
    o->has[FORM_DOCUMENT] = o->below_stamp > 0;
    return true;
}

static bool asks_again(const struct cp_order *o, const struct cp_order_scope *s)
{
    return s->form == o->form && s->at == s->n && s->more;
}

/* The upper bound of a ZREVRANGEBYLEX: above all that the page may still give from this scope. */
static struct slice highest(struct call *c, const struct cp_order *o,
                            const struct cp_order_scope *s)
{
    const struct op_checkpoint_list *list = &c->op->checkpoint_list;
    int64_t below = o->below_stamp;

    if (slice_present(s->last))
        return call_concat(c, SLICE("("), s->last);
    if (s->form == FORM_CHANNEL) {
        bool after = list->after.form == FORM_CHANNEL;

        if (slice_present(list->before) &&
            (!after || slice_compare(list->before, list->after.checkpoint_id) <= 0))
            return call_concat(c, SLICE("(c"), list->before);
        return after ? call_concat(c, SLICE("[c"), list->after.checkpoint_id) : SLICE("(d");
    }
    if (list->after.form == FORM_DOCUMENT && list->after.stamp < below)
        below = list->after.stamp + 1;
    return below == INT64_MAX ? SLICE("(e")
                              : call_concat(c, SLICE("(d"), redis_digits(below, c->arena));
}

static void ask_places(struct call *c, const struct cp_order *o, const struct cp_order_scope *s)
{
    const struct op_checkpoint_list *list = &c->op->checkpoint_list;

    call_at(c, c->op->tenant, s->thread);
    if (slice_present(list->checkpoint_id))
        ASK(c, SLICE("HGET"), call_key_ns(c, "checkpoints", s->ns), list->checkpoint_id);
    else
        ASK(c, SLICE("ZREVRANGEBYLEX"), call_key_ns(c, "sequence", s->ns), highest(c, o, s),
            s->form == FORM_CHANNEL ? SLICE("[c") : SLICE("[d"), SLICE("LIMIT"), SLICE("0"),
            call_number(c, (int64_t)s->chunk));
}

static int compare_places(const struct checkpoint_pos *x, const struct checkpoint_pos *y)
{
    int order = x->form == FORM_DOCUMENT ? (x->stamp < y->stamp) - (x->stamp > y->stamp)
                                         : slice_compare(y->checkpoint_id, x->checkpoint_id);

    if (!order)
        order = slice_compare(y->thread, x->thread);
    if (!order)
        order = slice_compare(y->ns, x->ns);
    return order ? order : slice_compare(y->checkpoint_id, x->checkpoint_id);
}

/* Whether a thread has checkpoints, but no order that lists them. If the op lists a whole tenant, they may have
 * gone since they were counted. */
static bool lost_order(const struct cp_order *o, const struct cp_order_scope *s,
                       const struct reply *reply)
{
    const struct op_checkpoint_list *list = &o->c->op->checkpoint_list;

    return reply->n == 0 && s->checkpoints > 0 && slice_present(o->c->op->id) &&
           !slice_present(s->last) && list->after.form == FORM_NONE && !slice_present(list->before);
}

/* Whether a place comes after the end of the page before, and below `before`. */
static bool is_in_page(const struct cp_order *o, const struct checkpoint_pos *pos)
{
    const struct op_checkpoint_list *list = &o->c->op->checkpoint_list;

    if (pos->form == FORM_CHANNEL && slice_present(list->before) &&
        slice_compare(pos->checkpoint_id, list->before) >= 0)
        return false;
    if (pos->form == FORM_DOCUMENT && pos->stamp >= o->below_stamp)
        return false;
    return list->after.form != pos->form || !slice_present(list->after.checkpoint_id) ||
           compare_places(pos, &list->after) > 0;
}

/* Takes the checkpoint that the op asks for by id, if the scope has it. */
static bool take_row(struct cp_order *o, struct cp_order_scope *s, const struct reply *reply,
                     struct err *err)
{
    struct checkpoint_pos *pos = s->places;
    struct cp_row row;

    s->more = false;
    *pos = (struct checkpoint_pos){s->form, o->c->op->checkpoint_list.checkpoint_id, s->thread,
                                   s->ns, 0};
    if (!redis_cp_take(pos->checkpoint_id, reply, &row, err))
        return cp_order_damage(pos, err);
    pos->stamp = row.stamp;
    s->n = row.stamp > 0 && row.form == s->form && is_in_page(o, pos);
    return true;
}

static bool take_members(struct cp_order *o, struct cp_order_scope *s, const struct reply *reply,
                         struct err *err)
{
    size_t cut = s->form == FORM_CHANNEL ? CHANNEL_CUT : DOCUMENT_CUT;

    if (lost_order(o, s, reply) && !call_lost(o->c, "the order of its checkpoints", err))
        return cp_order_damage(&(struct checkpoint_pos){.thread = s->thread, .ns = s->ns}, err);
    s->more = reply->n == s->chunk;
    for (size_t i = 0; i < reply->n; i++) {
        struct slice member = reply->items[i]->text;
        struct checkpoint_pos pos = {.form = s->form, .thread = s->thread, .ns = s->ns};

        if (!arena_keep(o->c->op->arena, &member))
            return err_no_memory(err);
        pos.checkpoint_id = (struct slice){member.at + cut, member.len - cut};
        if (s->form == FORM_DOCUMENT)
            pos.stamp = redis_number((struct slice){member.at + 1, DOCUMENT_CUT - 1});
        if (is_in_page(o, &pos))
            s->places[s->n++] = pos;
        s->last = member;
    }
    s->chunk = s->chunk < PLACES_MAX / 2 ? s->chunk * 2 : PLACES_MAX;
    return true;
}

/* Reads on in each scope that has given all its places. */
static bool read_places(struct call *c, void *arg, struct err *err)
{
    struct cp_order *o = arg;
    struct reply **replies;
    size_t at = 0;

    for (size_t i = o->at; i < o->at + o->n_at; i++)
        if (asks_again(o, &o->scopes[i]))
            ask_places(c, o, &o->scopes[i]);
    if (!call_answers(c, &replies, err))
        return false;
    for (size_t i = o->at; i < o->at + o->n_at; i++) {
        struct cp_order_scope *s = &o->scopes[i];
        const struct reply *reply;
        bool ok;

        if (!asks_again(o, s))
            continue;
        reply = replies[at++];
        s->places = arena_alloc(c->op->arena, (reply->n + 1) * sizeof(*s->places));
        if (!s->places)
            return err_no_memory(err);
        s->n = s->at = 0;
        ok = reply->type == REPLY_LIST ? take_members(o, s, reply, err)
                                       : take_row(o, s, reply, err);
        if (!ok)
            return false;
    }
    return true;
}

static bool comes_first(const struct cp_order *o, size_t a, size_t b)
{
    const struct cp_order_scope *x = &o->scopes[o->heap[a]], *y = &o->scopes[o->heap[b]];

    return compare_places(&x->places[x->at], &y->places[y->at]) < 0;
}

/* Restores the order of the heap below `at`. */
static void sink(struct cp_order *o, size_t at)
{
    for (size_t child; (child = 2 * at + 1) < o->n_heap; at = child) {
        size_t moved;

        if (child + 1 < o->n_heap && comes_first(o, child + 1, child))
            child++;
        if (!comes_first(o, child, at))
            return;
        moved = o->heap[at];
        o->heap[at] = o->heap[child];
        o->heap[child] = moved;
    }
}

/* Reads on in one scope until it has a place to give, or no more. */
static bool refill(struct cp_order *o, size_t scope, struct err *err)
{
    o->at = scope;
    o->n_at = 1;
    while (asks_again(o, &o->scopes[scope]))
        if (!call_apart(o->c, read_places, o, err))
            return false;
    return true;
}

bool cp_order_begin(struct cp_order *o, enum form form, struct err *err)
{
    size_t chunk = o->wanted * 2 / (o->n + 1) + 2;

    o->form = form;
    o->n_heap = 0;
    if (!o->heap)
        o->heap = arena_alloc(o->c->arena, (o->n + 1) * sizeof(*o->heap));
    if (!o->heap)
        return err_no_memory(err);
    for (size_t i = 0; i < o->n; i++) {
        o->scopes[i].more = true;
        o->scopes[i].chunk = chunk < PLACES_MAX ? chunk : PLACES_MAX;
    }
    if (!for_scopes(o, read_places, err))
        return false;
    for (size_t i = 0; i < o->n; i++) {
        if (o->scopes[i].form != form)
            continue;
        if (!refill(o, i, err))
            return false;
        if (o->scopes[i].n > 0)
            o->heap[o->n_heap++] = i;
    }
    for (size_t i = o->n_heap / 2; i-- > 0;)
        sink(o, i);
    return true;
}

bool cp_order_next(struct cp_order *o, struct checkpoint_pos *pos, bool *found, struct err *err)
{
    struct cp_order_scope *s;

    *found = o->n_heap > 0;
    if (!*found)
        return true;
    s = &o->scopes[o->heap[0]];
    *pos = s->places[s->at++];
    if (s->at == s->n && !refill(o, o->heap[0], err))
        return false;
    if (s->at == s->n)
        o->heap[0] = o->heap[--o->n_heap];
    sink(o, 0);
    return true;
}

/* check.c - compares what clients were told with what the primary holds; see check.h. */
#include "check.h"

#include <assert.h>

#include "acts.h"
#include "ledger.h"
#include "store.h"

/* What the primary shows of one id. */
struct view {
    int id;
    bool there;
    struct session session;
    struct op_message_list messages;
};

static enum err_kind ask(struct world *w, struct op *op)
{
    struct stamp_clock clock = {0};

    store_execute(w->stores[0], &op, 1, &clock);
    return op->status.kind;
}

static struct view look(struct world *w, int id)
{
    struct op get = acts_op(w, OP_SESSION_GET, id), list = acts_op(w, OP_MESSAGE_LIST, id);
    struct view v = {.id = id};

    v.there = ask(w, &get) == ERR_OK;
    if (v.there)
        v.session = get.session_get.out.session;
    list.message_list.limit = 1000;
    if (ask(w, &list) == ERR_OK)
        v.messages = list.message_list;
    assert(!v.messages.out.more_before);
    return v;
}

static bool has_message(const struct view *v, const char *id)
{
    for (size_t i = 0; i < v->messages.out.n; i++)
        if (slice_equal(v->messages.out.items[i].id, slice_of(id)))
            return true;
    return false;
}

/* Whether the removal d may have taken what e has written; with `surely`, whether it must have. */
static bool covers(const struct entry *d, const struct entry *e, bool surely)
{
    if (!acts_removes(d->act) || d->told == TOLD_FAILED)
        return false;
    if (d->act == ACT_RUNS_DELETE) /* of any thread of the tenant */
        return !surely && acts_has_cell(e->act) && e->id >= ID_STAYS;
    if (d->id != e->id)
        return false;
    if (d->act == ACT_DELETE)
        return true;
    if (d->act == ACT_THREAD_DELETE)
        return acts_has_cell(e->act);
    if (surely)
        return false;
    if (d->act == ACT_TRIM)
        return e->act == ACT_APPEND;
    return d->act == ACT_CLEANUP || acts_has_cell(e->act);
}

/* Whether a deletion may have come after an entry. */
static bool deleted_perhaps(const struct world *w, const struct entry *e)
{
    for (const struct entry *d = w->journal->first; d; d = d->next)
        if (covers(d, e, false) && d->ended_us >= e->begun_us)
            return true;
    return false;
}

/* Whether a client was told that an entry is done, and a store has kept it that confirmed it. */
static bool is_kept(const struct world *w, const struct entry *e)
{
    return e->told == TOLD_OK && !ledger_lost(w, e);
}

/* Whether a deletion that was confirmed came after an entry. */
static bool deleted_surely(const struct world *w, const struct entry *e)
{
    for (const struct entry *d = w->journal->first; d; d = d->next)
        if (covers(d, e, true) && is_kept(w, d) && d->begun_us > e->ended_us)
            return true;
    return false;
}

static void check_append(struct world *w, const struct view *v, const struct entry *e)
{
    bool there = has_message(v, e->token);
    const char *second = arena_printf(&w->arena, "%s.2", e->token).at;

    assert(second);
    if (e->sets && has_message(v, second) != there && v->id < ID_STAYS)
        journal_find(w, APPEND_LOST, -1, "one of two messages of %s is there", e->token);
    if (is_kept(w, e) && !there && !deleted_perhaps(w, e))
        journal_find(w, APPEND_LOST, v->id, "%s of %s", e->token, world_ids[v->id]);
    if (there && e->told == TOLD_FAILED)
        journal_find(w, REFUSED_APPLIED, v->id, "message %s of %s", e->token, world_ids[v->id]);
    if (there && e->told == TOLD_OK && deleted_surely(w, e))
        journal_find(w, DELETE_UNDONE, v->id, "message %s of %s", e->token, world_ids[v->id]);
}

static void check_counters(struct world *w, const struct view *v)
{
    int64_t low = 0, high = 0, count = v->there ? v->session.request_count : 0;
    bool deleted = false;

    for (const struct entry *e = w->journal->first; e; e = e->next) {
        if (e->id != v->id)
            continue;
        deleted |= (e->act == ACT_DELETE || e->act == ACT_CLEANUP) && e->told != TOLD_FAILED;
        if (e->act != ACT_PATCH)
            continue;
        low += is_kept(w, e);
        /* The fallback may have the count, with a copy of the session, but not the id of the request. */
        high += e->doubt && ledger_spans(w, e, 0) ? e->tries - 1 : 0;
        high += e->told == TOLD_UNKNOWN || (e->told == TOLD_OK && !deleted_surely(w, e));
    }
    if (!deleted && count < low)
        journal_find(w, INCREMENT_LOST, v->id, "%s: %lld < %lld", world_ids[v->id],
                     (long long)count, (long long)low);
    if (count > high)
        journal_find(w, INCREMENT_DOUBLED, v->id, "%s: %lld > %lld", world_ids[v->id],
                     (long long)count, (long long)high);
    if (v->there &&
        (v->session.error_count != count || (int64_t)v->session.total_processing_time != count))
        journal_find(w, COUNTERS_APART, v->id, "%s: %lld requests, %lld errors, %g seconds",
                     world_ids[v->id], (long long)count, (long long)v->session.error_count,
                     v->session.total_processing_time);
}

/* For an id that nobody deletes: it is created once, and each version is changed by one conditional op at
 * most. */
static void check_conditions(struct world *w, int id)
{
    for (const struct entry *e = w->journal->first; e; e = e->next) {
        if (e->id != id || !is_kept(w, e) || (!e->create_only && !e->if_version))
            continue;
        for (const struct entry *o = w->journal->first; o; o = o->next) {
            if (o == e || o->id != id || !is_kept(w, o))
                continue;
            if (e->create_only && o->act == ACT_PUT &&
                (o->create_only || o->ended_us < e->begun_us))
                journal_find(w, e->doubt && !o->create_only ? CREATED_LATE : CONDITION_BROKEN, id,
                             "%s is created by %s, put by %s before", world_ids[id], e->token,
                             o->token);
            if (e->if_version && o->if_version == e->if_version)
                journal_find(w, CONDITION_BROKEN, id, "%s: %s and %s both change version %lld",
                             world_ids[id], e->token, o->token, (long long)e->if_version);
        }
    }
}

static void check_session(struct world *w, const struct view *v)
{
    bool puts = false, gone = true;

    for (const struct entry *e = w->journal->first; e; e = e->next) {
        if (e->id != v->id || e->act != ACT_PUT)
            continue;
        puts = true;
        if (!v->there && is_kept(w, e) && !deleted_perhaps(w, e))
            journal_find(w, SESSION_LOST, v->id, "%s, put as %s", world_ids[v->id], e->token);
        gone &= e->told == TOLD_FAILED || (e->told == TOLD_OK && deleted_surely(w, e));
    }
    if (v->there && puts && gone)
        journal_find(w, DELETE_UNDONE, v->id, "session %s", world_ids[v->id]);
}

/* A value that carries the token of whoever wrote it last. */
struct cell_view {
    const char *name;
    int id;
    enum act act;
    int cell;    /* -1: it belongs to the session */
    bool sets;   /* only patches with `sets` write it */
    bool exists; /* something that may hold the value is there */
    struct slice token;
};

static bool writes_cell(const struct entry *e, const struct cell_view *c)
{
    return e->id == c->id && e->act == c->act && (c->cell < 0 || e->cell == c->cell) &&
           (!c->sets || e->sets);
}

static const struct entry *find_writer(const struct world *w, const struct cell_view *c)
{
    for (const struct entry *e = w->journal->first; e; e = e->next)
        if (writes_cell(e, c) && slice_equal(slice_of(e->token), c->token))
            return e;
    return NULL;
}

/* No value is there, so no confirmed write may be missing. For the status that is allowed: a session that
 * is put where nobody knows of it begins as active. */
static void check_absent(struct world *w, const struct cell_view *c)
{
    enum finding_kind kind = c->sets ? VALUE_RESET : VALUE_LOST;

    if (!c->exists)
        return;
    for (const struct entry *e = w->journal->first; e; e = e->next)
        if (writes_cell(e, c) && is_kept(w, e) && !deleted_perhaps(w, e))
            journal_find(w, kind, c->id, "%s of %s, set to %s", c->name, world_ids[c->id],
                         e->token);
}

/* Whether a value is there again because the later one was removed without a tombstone, and the removal was lost with the
 * store that had made it, or the value is as old as a store became: the fallback may have it in its outbox. */
static bool is_back(const struct world *w, const struct entry *by, const struct entry *later)
{
    int64_t made = by->asked_us[0] << STAMP_NODE_BITS;
    bool removed = false, lost = false;

    for (const struct entry *d = w->journal->first; d; d = d->next)
        if ((d->act == ACT_PRUNE || d->act == ACT_RUNS_DELETE) && covers(d, later, false) &&
            d->ended_us >= later->begun_us) {
            removed = true;
            lost |= ledger_lost(w, d);
        }
    return removed && acts_has_cell(by->act) &&
           (lost || ledger_returns(w, 0, made) || ledger_returns(w, 1, made));
}

/* The value that is there must not be one that a confirmed write came after. */
static void check_cell(struct world *w, const struct cell_view *c)
{
    const struct entry *by;

    if (!slice_present(c->token)) {
        check_absent(w, c);
        return;
    }
    by = find_writer(w, c);
    if (!by) {
        journal_find(w, VALUE_STRANGE, c->id, "%s of %s is %.*s, which nobody wrote", c->name,
                     world_ids[c->id], SLICE_ARGS(c->token));
        return;
    }
    /* It may have failed for a deletion, which was lost since with the store that had made it. */
    if (by->told == TOLD_FAILED && !ledger_forgot_since(w, 0, by->begun_us))
        journal_find(w, REFUSED_APPLIED, c->id, "%s of %s is %s", c->name, world_ids[c->id],
                     by->token);
    if (by->told == TOLD_OK && deleted_surely(w, by))
        journal_find(w, DELETE_UNDONE, c->id, "%s of %s is %s", c->name, world_ids[c->id],
                     by->token);
    for (const struct entry *e = w->journal->first; by->told == TOLD_OK && e; e = e->next)
        if (writes_cell(e, c) && is_kept(w, e) && e->begun_us > by->ended_us &&
            !is_back(w, by, e)) {
            journal_find(w, OLDER_WON, c->id, "%s of %s is %s, set to %s later", c->name,
                         world_ids[c->id], by->token, e->token);
            return;
        }
}

static void check_checkpoint(struct world *w, int id, int cell)
{
    struct op op = acts_op(w, OP_CHECKPOINT_GET, id);
    struct cell_place place = acts_place(cell);
    struct cell_view c = {
        .name = "checkpoint", .id = id, .act = ACT_CHECKPOINT, .cell = cell, .exists = true};
    const struct checkpoint *found;

    op.checkpoint_get.ns = place.ns;
    op.checkpoint_get.checkpoint_id = place.checkpoint_id;
    if (ask(w, &op) == ERR_OK) {
        found = op.checkpoint_get.out.checkpoint;
        c.token = acts_token(found->head.bytes);
        if (place.form == FORM_CHANNEL &&
            (found->n_values != 1 || !slice_equal(found->values[0]->blob.bytes, found->head.bytes)))
            journal_find(w, VALUE_STRANGE, id, "checkpoint %.*s of %s has another's value",
                         SLICE_ARGS(place.checkpoint_id), world_ids[id]);
    }
    check_cell(w, &c);
}

static void check_task(struct world *w, int id, int cell)
{
    struct op op = acts_op(w, OP_WRITES_GET, id);
    struct cell_place place = acts_place(cell);
    struct cell_view c = {
        .name = "task", .id = id, .act = ACT_WRITES, .cell = cell, .exists = true};

    op.writes_get.ns = place.ns;
    op.writes_get.checkpoint_id = place.checkpoint_id;
    if (ask(w, &op) == ERR_OK && op.writes_get.out.n == 1)
        c.token = acts_token(op.writes_get.out.items[0].blob.bytes);
    check_cell(w, &c);
}

static void check_id(struct world *w, int id)
{
    struct view v = look(w, id);
    struct cell_view user = {
        .name = "user", .id = id, .act = ACT_PUT, .cell = -1, .exists = v.there};
    struct cell_view status = {
        .name = "status", .id = id, .act = ACT_PATCH, .cell = -1, .sets = true, .exists = v.there};

    for (struct entry *e = w->journal->first; e; e = e->next)
        if (e->id == id && e->act == ACT_APPEND)
            check_append(w, &v, e);
    check_counters(w, &v);
    if (id < ID_STAYS)
        check_conditions(w, id);
    check_session(w, &v);
    if (v.there) {
        user.token = v.session.user_id;
        status.token = v.session.status;
    }
    if (slice_equal(status.token, SLICE("active"))) /* a session begins with it */
        status.token = (struct slice){NULL, 0};
    check_cell(w, &user);
    check_cell(w, &status);
    for (int cell = 0; cell < CELLS; cell++) {
        check_checkpoint(w, id, cell);
        check_task(w, id, cell);
    }
}

void check_world(struct world *w)
{
    for (struct entry *e = w->journal->first; e; e = e->next)
        if (e->told == TOLD_NOTHING) {
            e->told = TOLD_UNKNOWN;
            e->ended_us = INT64_MAX;
        }
    for (struct entry *e = w->journal->first; e; e = e->next)
        w->journal->told[e->told]++;
    world_set_clock(w, 0);
    check_stores(w);
    for (int id = 0; id < IDS; id++)
        check_id(w, id);
}

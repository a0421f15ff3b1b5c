/* session_state.c - see session_state.h. */
#include "session_state.h"

#include "clock.h"
#include "merge.h"

bool session_state_expired(const struct session_state *s, int64_t ttl_us, int64_t now_us)
{
    return s->stored && !s->hollow && s->active_us <= clock_expired_us(ttl_us, now_us);
}

bool session_state_live(const struct session_state *s, int64_t ttl_us, int64_t now_us)
{
    return s->gen > s->tomb && !session_state_expired(s, ttl_us, now_us);
}

bool session_state_known(const struct session_state *s, int64_t ttl_us, int64_t now_us)
{
    return s->stored && !s->hollow && !session_state_expired(s, ttl_us, now_us);
}

int64_t session_state_stamp(const struct session_state *s)
{
    int64_t cells = clock_later(s->user_stamp, clock_later(s->status_stamp, s->metadata_stamp));

    return clock_later(cells, clock_later(s->gen, s->tomb));
}

struct slice session_state_metadata(struct slice metadata)
{
    return slice_equal(metadata, SLICE("{}")) ? (struct slice){NULL, 0} : metadata;
}

static struct slice whole_metadata(const struct session_state *s)
{
    return s->metadata.at ? s->metadata : SLICE("{}");
}

bool session_state_missing(struct err *err)
{
    return err_set(err, ERR_NO_SESSION, "There is no session of this id.");
}

bool session_state_check(const struct session_state *s, bool live, int64_t if_version,
                         struct err *err)
{
    if (if_version == IF_NONE || (live && (if_version == IF_EXISTS || if_version == s->version)))
        return true;
    return err_set(err, ERR_PRECONDITION,
                   live ? "The session has another version." : "There is no session of this id.");
}

struct session session_state_answer(const struct session_state *s)
{
    return (struct session){
        .id = s->session_id,
        .user_id = s->user_id.at ? s->user_id : SLICE(""),
        .status = s->status.at ? s->status : SLICE("active"),
        .metadata = whole_metadata(s),
        .request_count = s->request_count,
        .error_count = s->error_count,
        .total_processing_time = s->processing_time,
        .created_us = s->created_us,
        .updated_us = s->updated_us,
        .last_activity_us = s->active_us,
        .version = s->version,
    };
}

size_t session_state_bytes(const struct session *s)
{
    return sizeof(*s) + s->id.len + s->user_id.len + s->status.len + s->metadata.len;
}

static struct cell cell_of(int64_t stamp, struct slice text)
{
    return (struct cell){stamp, stamp ? text : (struct slice){NULL, 0}};
}

struct record_session session_state_record(const struct session_state *s)
{
    return (struct record_session){
        .gen = s->gen,
        .tomb = s->tomb,
        .user_id = cell_of(s->user_stamp, s->user_id),
        .status = cell_of(s->status_stamp, s->status),
        .metadata = cell_of(s->metadata_stamp, whole_metadata(s)),
        .request_count = s->request_count,
        .error_count = s->error_count,
        .total_processing_time = s->processing_time,
        .created_us = s->created_us,
        .updated_us = s->updated_us,
        .last_activity_us = s->active_us,
        .version = s->version,
        .last_seq = s->last_seq,
        .last_context = s->last_context,
    };
}

static void set_user(struct session_state *s, struct slice user_id, int64_t stamp)
{
    s->user_changed |= !s->user_id.at || !slice_equal(s->user_id, user_id);
    s->user_id = user_id;
    s->user_stamp = stamp;
}

void session_state_put(struct session_state *s, const struct op *op, bool live, int64_t stamp)
{
    const struct op_session_put *put = &op->session_put;

    if (!live) {
        /* One that was set after the deletion stays: whoever set it did not know of the deletion. */
        if (s->status_stamp <= s->tomb || !s->status.at) {
            s->status = SLICE("active");
            s->status_stamp = stamp;
        }
        s->created_us = clock_later(s->created_us, op->now_us);
    }
    set_user(s, put->user_id, stamp);
    s->gen = s->metadata_stamp = stamp;
    s->metadata = session_state_metadata(put->metadata);
    s->updated_us = clock_later(s->updated_us, op->now_us);
    s->active_us = clock_later(s->active_us, op->now_us);
    s->version++;
    s->hollow = false;
}

static bool check_merged(struct slice metadata, int64_t max, struct err *err)
{
    return max == 0 || metadata.len <= (uint64_t)max ||
           err_set(err, ERR_TOO_LARGE, "the merged metadata would have more than %lld bytes",
                   (long long)max);
}

static bool patch_cells(struct session_state *s, const struct op *op, int64_t stamp,
                        struct err *err)
{
    const struct op_session_patch *patch = &op->session_patch;
    struct slice metadata = slice_present(patch->metadata) ? patch->metadata : whole_metadata(s);

    if (slice_present(patch->metadata_merge) &&
        (!merge_objects(metadata, patch->metadata_merge, op->arena, &metadata, err) ||
         !check_merged(metadata, patch->metadata_max, err)))
        return false;
    if (slice_present(patch->metadata) || slice_present(patch->metadata_merge)) {
        s->metadata = session_state_metadata(metadata);
        s->metadata_stamp = stamp;
    }
    if (slice_present(patch->user_id))
        set_user(s, patch->user_id, stamp);
    if (slice_present(patch->status)) {
        s->status = patch->status;
        s->status_stamp = stamp;
    }
    return true;
}

bool session_state_patch(struct session_state *s, struct op *op, bool *touch, struct err *err)
{
    const struct op_session_patch *patch = &op->session_patch;
    bool cells = slice_present(patch->user_id) || slice_present(patch->status) ||
                 slice_present(patch->metadata) || slice_present(patch->metadata_merge);
    int64_t stamp;

    if (!op_fence_allows(op, s->gen, err)) /* meant for an earlier session of this id */
        return false;
    if (cells && (!op_stamp_above(op, session_state_stamp(s), &stamp, err) ||
                  !patch_cells(s, op, stamp, err)))
        return false;
    if (!op->alone) { /* else they are kept as pending */
        s->request_count += patch->increment_requests;
        s->error_count += patch->mark_error;
        s->processing_time += patch->add_processing_time;
    }
    s->active_us = clock_later(s->active_us, op->now_us);
    *touch = !cells && !patch->increment_requests && !patch->mark_error &&
             patch->add_processing_time <= 0;
    if (!*touch) {
        s->version++;
        s->updated_us = clock_later(s->updated_us, op->now_us);
    }
    return true;
}

int64_t session_state_next_seq(const struct session_state *s, int64_t now_us)
{
    return clock_later(now_us, s->last_seq + 1);
}

void session_state_used(struct session_state *s, int64_t now_us)
{
    s->active_us = clock_later(s->active_us, clock_later(now_us, s->last_seq));
}

void session_state_count(struct session_state *s, const struct record_pending *more)
{
    s->request_count += more->requests;
    s->error_count += more->errors;
    s->processing_time += more->processing_time;
}

struct session_state session_state_tombstone(const struct session_state *s, int64_t stamp)
{
    return (struct session_state){
        .stored = s->stored,
        .hollow = true,
        .user_changed = !s->hollow,
        .session_id = s->session_id,
        .tomb = stamp,
        .active_us = s->active_us,
        .last_seq = s->last_seq,
        .last_context = s->last_context,
        .version = s->version,
        .created_us = s->created_us,
        .updated_us = s->updated_us,
    };
}

void session_state_raise(int64_t *at, int64_t to, bool *changed)
{
    if (*at < to) {
        *at = to;
        *changed = true;
    }
}

/* Of two texts with the same stamp the greater one wins, so that all stores agree. */
static bool cell_wins(const struct cell *cell, int64_t stamp, struct slice text)
{
    return cell->stamp > stamp || (cell->stamp == stamp && slice_compare(cell->text, text) > 0);
}

static bool merge_cell(const struct cell *cell, int64_t tomb, int64_t *stamp, struct slice *text)
{
    bool changed = false;

    if (cell->stamp > tomb && cell_wins(cell, *stamp, *text)) {
        *stamp = cell->stamp;
        *text = cell->text;
        changed = true;
    }
    if (*stamp && *stamp <= tomb) {
        *stamp = 0;
        *text = (struct slice){NULL, 0};
        changed = true;
    }
    return changed;
}

static void merge_cells(struct session_state *s, const struct record_session *r, bool *changed)
{
    struct cell metadata = {r->metadata.stamp, session_state_metadata(r->metadata.text)};
    bool user = merge_cell(&r->user_id, s->tomb, &s->user_stamp, &s->user_id);

    s->user_changed |= user;
    *changed |= user;
    *changed |= merge_cell(&r->status, s->tomb, &s->status_stamp, &s->status);
    *changed |= merge_cell(&metadata, s->tomb, &s->metadata_stamp, &s->metadata);
}

/* Whether a tombstone may have been collected elsewhere, by a clock that may be ahead a little: nothing that it covers
 * is under way any more. */
static bool is_collectable(int64_t tomb, int64_t now_us)
{
    return tomb > 0 && stamp_us(tomb) <= now_us - COLLECT_AFTER_US + MINUTE_US;
}

/*
 * Whether a tombstone was collected in the store that has this tomb and gen, and a session was created there since. A
 * store that has never heard of the deletion may have put a session that it had before.
 */
static bool was_collected(int64_t collected, int64_t tomb, int64_t gen, int64_t created_us,
                          int64_t now_us)
{
    return tomb == 0 && gen > collected && created_us > stamp_us(collected) &&
           is_collectable(collected, now_us);
}

/* Drops a time, or the seq of a message, which is above the time of the one before, that is not above the bound. */
static void drop_until(int64_t *at, int64_t bound)
{
    if (*at <= bound)
        *at = 0;
}

/* Forgets a deletion, and what it kept, since versions and seqs are never given twice: they have begun anew where
 * it was collected. */
static void forget(struct session_state *s)
{
    int64_t at_us = stamp_us(s->tomb);

    s->version = s->gen > s->tomb ? s->version : 0;
    s->last_context = 0; /* contexts that stay have versions of their own */
    drop_until(&s->created_us, at_us);
    drop_until(&s->updated_us, at_us);
    drop_until(&s->active_us, at_us);
    drop_until(&s->last_seq, at_us);
    s->tomb = 0;
}

/* Merges what belongs to one life of the session: its tombstone, counters and beginning. */
static void merge_life(struct session_state *s, const struct record_session *r, bool *changed)
{
    if (r->tomb > s->tomb) {
        s->tomb = r->tomb;
        s->request_count = s->error_count = 0;
        s->processing_time = 0;
        *changed = true;
    }
    if (r->tomb == s->tomb) {
        session_state_raise(&s->request_count, r->request_count, changed);
        session_state_raise(&s->error_count, r->error_count, changed);
        if (s->processing_time < r->total_processing_time) {
            s->processing_time = r->total_processing_time;
            *changed = true;
        }
    }
    session_state_raise(&s->gen, r->gen, changed);
    if (s->gen <= s->tomb && s->gen != 0) {
        s->gen = 0;
        *changed = true;
    }
}

static void observe(const struct record_session *r)
{
    stamp_observe(r->gen);
    stamp_observe(r->tomb);
    stamp_observe(r->user_id.stamp);
    stamp_observe(r->status.stamp);
    stamp_observe(r->metadata.stamp);
}

/* Raises *newest to our stamp, if that overrules theirs. */
static void overrule(int64_t ours, int64_t theirs, int64_t *newest)
{
    if (theirs && ours > theirs)
        *newest = clock_later(*newest, ours);
}

int64_t session_state_overrules(const struct session_state *s, const struct record_session *r,
                                int64_t now_us)
{
    int64_t newest = 0;

    if (s->tomb > r->tomb && !is_collectable(s->tomb, now_us))
        newest = s->tomb;
    else if (r->tomb > s->tomb && !is_collectable(r->tomb, now_us))
        overrule(session_state_stamp(s), r->tomb, &newest);
    overrule(s->user_stamp, r->user_id.stamp, &newest);
    overrule(s->status_stamp, r->status.stamp, &newest);
    overrule(s->metadata_stamp, r->metadata.stamp, &newest);
    return newest;
}

static bool merge(struct session_state *s, const struct record_session *r, bool changed)
{
    merge_life(s, r, &changed);
    merge_cells(s, r, &changed);
    session_state_raise(&s->created_us, r->created_us, &changed);
    session_state_raise(&s->updated_us, r->updated_us, &changed);
    session_state_raise(&s->active_us, r->last_activity_us, &changed);
    session_state_raise(&s->last_seq, r->last_seq, &changed);
    session_state_raise(&s->version, r->version, &changed);
    session_state_raise(&s->last_context, r->last_context, &changed);
    if (changed && !s->stored)
        s->hollow = s->gen == 0 && s->tomb > 0;
    else if (changed && s->gen)
        s->hollow = false;
    return changed;
}

/* Merges the record of a store that remembers a deletion, after which this session began, and which this store has
 * collected. */
static bool merge_collected(struct session_state *s, struct record_session r)
{
    if (r.gen <= r.tomb)
        return false; /* it is of the deleted session alone */
    drop_until(&r.last_seq, stamp_us(r.tomb));
    r.last_context = 0;
    r.tomb = 0;
    return merge(s, &r, false);
}

bool session_state_merge(struct session_state *s, const struct record_session *r, int64_t now_us)
{
    bool collected = was_collected(s->tomb, r->tomb, r->gen, r->created_us, now_us);

    observe(r);
    if (collected)
        forget(s);
    return was_collected(r->tomb, s->tomb, s->gen, s->created_us, now_us)
               ? merge_collected(s, *r)
               : merge(s, r, collected || !s->stored);
}

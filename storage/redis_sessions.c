/* redis_sessions.c - the operations on one session; see op_sessions.h. */
#include "merge.h"
#include "redis_rows.h"
#include "redis_threads.h"

#define REPEAT_EXPIRY "4200" /* seconds: the repeat window and an hour */

static bool fail_no_session(struct err *err)
{
    return err_set(err, ERR_NO_SESSION, "There is no session of this id.");
}

static bool check_version(const struct session_row *row, bool live, int64_t if_version,
                          struct err *err)
{
    if (if_version == IF_NONE || (live && (if_version == IF_EXISTS || if_version == row->version)))
        return true;
    return err_set(err, ERR_PRECONDITION,
                   live ? "The session has another version." : "There is no session of this id.");
}

static struct slice repeat_key(struct call *c)
{
    static const char digits[] = "0123456789abcdef";
    char hex[2 * BLOB_HASH_LEN];

    for (size_t i = 0; i < BLOB_HASH_LEN; i++) {
        hex[2 * i] = digits[c->op->repeat.op_id[i] >> 4];
        hex[2 * i + 1] = digits[c->op->repeat.op_id[i] & 15];
    }
    return call_index_of(c, "repeat", (struct slice){hex, sizeof(hex)});
}

/* The row, and whether a request with this key was carried out before: what it was, or absent. */
static bool load(struct call *c, struct session_row *row, struct slice *before, struct err *err)
{
    const struct op *op = c->op;
    struct reply **replies;
    struct slice body_hash;
    int64_t at_us;

    *before = (struct slice){NULL, 0};
    call_at(c, op->tenant, op->id);
    redis_row_ask(c, true);
    if (op->repeat.present)
        ASK(c, SLICE("GET"), repeat_key(c));
    if (!call_answers(c, &replies, err) || !redis_row_take(c, replies[0], row, err))
        return false;
    if (!op->repeat.present || !row->stored || replies[1]->type == REPLY_NIL)
        return true; /* a tombstone outlives the keys of its session */
    if (!redis_unpack(replies[1]->text, &(struct packed){&at_us, 1, &body_hash, 1}, err))
        return false;
    if (at_us > op->now_us - REPEAT_WINDOW_US)
        *before = body_hash;
    return true;
}

static bool check_repeat(const struct op *op, struct slice before, struct err *err)
{
    struct slice sent = {(const char *)op->repeat.body_hash, BLOB_HASH_LEN};

    return !slice_present(before) || slice_equal(before, sent) ||
           err_set(err, ERR_KEY_REUSED, "This Idempotency-Key was sent with another body.");
}

static bool keep_repeat(struct call *c, struct err *err)
{
    const struct op *op = c->op;
    struct slice value, hash = {(const char *)op->repeat.body_hash, BLOB_HASH_LEN};

    if (!op->repeat.present)
        return true;
    if (!redis_pack(&(struct packed){(int64_t[]){op->now_us}, 1, &hash, 1}, c->arena, &value, err))
        return false;
    CHANGE(c, SLICE("SET"), repeat_key(c), value, SLICE("EX"), SLICE(REPEAT_EXPIRY));
    return true;
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* The row as it is after the put. */
static void fill_row(struct session_row *row, const struct op *op, bool live, int64_t stamp)
{
    const struct op_session_put *put = &op->session_put;

    if (!live) {
        row->status = SLICE("active");
        row->status_stamp = stamp;
        row->created_us = later(row->created_us, op->now_us);
    }
    row->gen = row->user_stamp = row->metadata_stamp = stamp;
    row->user_id = put->user_id;
    row->metadata = redis_row_metadata(put->metadata);
    row->updated_us = later(row->updated_us, op->now_us);
    row->active_us = later(row->active_us, op->now_us);
    row->version++;
    row->hollow = false;
}

/* with_context: the metadata as the first context. */
static bool put_first_context(struct call *c, struct session_row *row, int64_t stamp,
                              struct err *err)
{
    struct slice body = row->metadata.at ? row->metadata : SLICE("{}");
    struct row_context context = {
        .stamp = stamp, .updated_us = c->op->now_us, .len = (int64_t)body.len};

    if (row->n_contexts > 0)
        return true;
    context.number = ++row->last_context;
    return redis_row_add_context(c, row, &context, body, err);
}

static bool put_session(struct call *c, struct session_row *row, bool live, struct err *err)
{
    const struct op_session_put *put = &c->op->session_put;
    int64_t stamp;

    if (!check_version(row, live, put->if_version, err))
        return false;
    if (put->create_only && live)
        return err_set(err, ERR_EXISTS, "There is a session of this id already.");
    if (!redis_row_begin(c, redis_row_stamp(row), row, &stamp, err))
        return false;
    fill_row(row, c->op, live, stamp);
    return (!put->with_context || put_first_context(c, row, stamp, err)) &&
           redis_row_store(c, row, err) && keep_repeat(c, err) && call_commit(c, err);
}

bool redis_session_put(struct call *c, struct op *op, struct err *err)
{
    struct op_session_put *put = &op->session_put;
    struct session_row row;
    struct slice before;
    bool live, repeated;

    if (!load(c, &row, &before, err) || !check_repeat(op, before, err))
        return false;
    live = redis_row_live(c->d, &row, op->now_us);
    repeated = slice_present(before);
    if (repeated && !live)
        return err_set(err, ERR_NO_SESSION, "The session that this Idempotency-Key made is gone.");
    if (!repeated && !put_session(c, &row, live, err))
        return false;
    put->out.session = redis_row_session(&row);
    put->out.created = !live;
    put->out.replayed = repeated;
    return true;
}

bool redis_session_get(struct call *c, struct op *op, struct err *err)
{
    struct session_row row;

    if (!redis_row_read(c, op, true, &row, err))
        return false;
    if (!redis_row_live(c->d, &row, op->now_us))
        return fail_no_session(err);
    op->session_get.out.session = redis_row_session(&row);
    return true;
}

/* The cells that a patch replaces. */
static bool patch_cells(struct op *op, struct session_row *row, int64_t stamp, struct err *err)
{
    const struct op_session_patch *patch = &op->session_patch;
    struct slice metadata = slice_present(patch->metadata) ? patch->metadata
                            : row->metadata.at             ? row->metadata
                                                           : SLICE("{}");

    if (slice_present(patch->metadata_merge) &&
        !merge_objects(metadata, patch->metadata_merge, op->arena, &metadata, err))
        return false;
    if (slice_present(patch->metadata) || slice_present(patch->metadata_merge)) {
        row->metadata = redis_row_metadata(metadata);
        row->metadata_stamp = stamp;
    }
    if (slice_present(patch->user_id)) {
        row->user_id = patch->user_id;
        row->user_stamp = stamp;
    }
    if (slice_present(patch->status)) {
        row->status = patch->status;
        row->status_stamp = stamp;
    }
    return true;
}

static bool patches_cells(const struct op_session_patch *patch)
{
    return slice_present(patch->user_id) || slice_present(patch->status) ||
           slice_present(patch->metadata) || slice_present(patch->metadata_merge);
}

static bool patch_row(struct call *c, struct session_row *row, struct err *err)
{
    const struct op_session_patch *patch = &c->op->session_patch;
    struct op *op = c->op;
    bool cells = patches_cells(patch);
    int64_t stamp;

    if (cells &&
        (!call_stamp(op, redis_row_stamp(row), &stamp, err) || !patch_cells(op, row, stamp, err)))
        return false;
    row->request_count += patch->increment_requests;
    row->error_count += patch->mark_error;
    row->processing_time += patch->add_processing_time;
    row->active_us = later(row->active_us, op->now_us);
    if (cells || patch->increment_requests || patch->mark_error || patch->add_processing_time > 0) {
        row->version++;
        row->updated_us = later(row->updated_us, op->now_us);
    }
    return redis_row_store(c, row, err) && keep_repeat(c, err) && call_commit(c, err);
}

bool redis_session_patch(struct call *c, struct op *op, struct err *err)
{
    struct op_session_patch *patch = &op->session_patch;
    struct session_row row;
    struct slice before;
    bool repeated;

    if (!load(c, &row, &before, err))
        return false;
    if (!redis_row_live(c->d, &row, op->now_us))
        return fail_no_session(err);
    repeated = slice_present(before);
    if (!check_repeat(op, before, err) ||
        (!repeated &&
         (!check_version(&row, true, patch->if_version, err) || !patch_row(c, &row, err))))
        return false;
    patch->out.session = redis_row_session(&row);
    patch->out.replayed = repeated;
    return true;
}

bool redis_session_delete(struct call *c, struct op *op, struct err *err)
{
    const struct op_session_delete *del = &op->session_delete;
    struct session_row row;
    int64_t stamp = op->stamp;

    if (!redis_row_read(c, op, false, &row, err) ||
        !check_version(&row, redis_row_live(c->d, &row, op->now_us), del->if_version, err))
        return false;
    if (row.stored || op->fence) {
        if (!call_stamp(op, later(redis_row_stamp(&row), row.content_stamp), &stamp, err) ||
            !redis_row_remove(c, &row, stamp, err) || !redis_row_store(c, &row, err))
            return false;
    }
    return (!del->threads || redis_thread_remove(c, stamp, err)) && call_commit(c, err);
}

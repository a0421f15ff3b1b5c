/*
 * Maintenance: calls that remove much at once. Each answers {"removed": n}. If one fails midway, what was
 * removed by then stays removed, and the call may be repeated.
 */
#include "json.h"
#include "parse.h"
#include "response.h"
#include "routes.h"

enum { CLEANUP_PAGE = 200 }; /* sessions removed by one op, so that others get their turn */

static bool answer_removed(struct response *res, int64_t removed)
{
    json_open(&res->body, '{');
    json_member_int(&res->body, "removed", removed);
    json_close(&res->body, '}');
    return true;
}

/*
 * POST /maintenance/cleanup - remove idle sessions with all that belongs to exactly their ids, and
 * idle conversations and contexts without a session (these uncounted).
 *
 *   request   none, or {"max_idle_hours": 24}; 0 is allowed
 *   200       {"removed": 3}
 *   errors    invalid_request 400, storage_unavailable 503
 */
struct cleanup_body {
    double max_idle_hours;
};

static const struct member cleanup_members[] = {
    MEMBER_RANGE(struct cleanup_body, max_idle_hours, MEMBER_NUMBER, 0, INT64_MAX),
    MEMBER_END,
};

struct cleanup {
    int64_t idle_us;
    int64_t removed;
};

static bool submit_cleanup(struct request *req, const struct cleanup *state, struct err *err)
{
    struct op *op = request_op(req, OP_CLEANUP, (struct slice){NULL, 0}, err);

    if (!op)
        return false;
    op->cleanup.idle_us = state->idle_us;
    op->cleanup.limit = CLEANUP_PAGE;
    return request_submit(req, op, err);
}

bool cleanup_start(struct request *req, struct err *err)
{
    struct cleanup_body in = {.max_idle_hours = 24};
    struct cleanup *state = arena_zalloc(request_arena(req), 1, sizeof(*state));
    double idle_us, now_us = (double)request_now_us(req);

    if (!state)
        return err_no_memory(err);
    if (!parse_no_query(req, err))
        return false;
    if (slice_present(request_body(req)) && !parse_body(req, cleanup_members, &in, err))
        return false;
    idle_us = in.max_idle_hours * 3600e6;
    state->idle_us = idle_us < now_us ? request_now_us(req) - (int64_t)idle_us : 0;
    request_set_state(req, state);
    return submit_cleanup(req, state, err);
}

bool cleanup_finish(struct request *req, struct op *op, struct response *res, struct err *err)
{
    struct cleanup *state = request_state(req);
    bool more = op->cleanup.out.more;

    state->removed += op->cleanup.out.removed;
    if (more) {
        request_go_on(req);
        return submit_cleanup(req, state, err);
    }
    return answer_removed(res, state->removed);
}

/*
 * POST /maintenance/prune - remove checkpoints of threads, per namespace.
 *
 *   request   {"thread_ids": [1..1000], "strategy": "keep_latest" or "delete", "keep_last": 5,
 *              "older_than": "2026-01-31T12:00:00Z"}: keep_latest keeps the newest keep_last (1);
 *             delete removes all and stands alone. Without a strategy the bounds count; what one of
 *             them keeps stays, and what a kept checkpoint needs stays too
 *   200       {"removed": 40}
 *   errors    invalid_request 400, storage_unavailable 503
 */
struct prune_body {
    struct slice thread_ids, strategy;
    int64_t keep_last, older_than;
};

static const struct member prune_members[] = {
    MEMBER(struct prune_body, thread_ids, MEMBER_ARRAY | MEMBER_REQUIRED),
    MEMBER(struct prune_body, strategy, MEMBER_STRING),
    MEMBER_RANGE(struct prune_body, keep_last, MEMBER_INT, 1, INT64_MAX),
    MEMBER(struct prune_body, older_than, MEMBER_TIME),
    MEMBER_END,
};

#define TIME_ABSENT INT64_MIN

static bool choose_prune(const struct prune_body *in, struct op_thread_prune *out, struct err *err)
{
    bool has_time = in->older_than != TIME_ABSENT;
    struct op_thread_prune prune = {.keep_last = in->keep_last};

    if (has_time) /* in an op 0 means no bound; nothing is as old as 1 */
        prune.older_than_us = in->older_than > 0 ? in->older_than : 1;
    if (slice_equal(in->strategy, SLICE("delete"))) {
        if (has_time)
            return err_set(err, ERR_INVALID, "/older_than: must not be sent with strategy delete");
        if (in->keep_last)
            return err_set(err, ERR_INVALID, "/keep_last: must not be sent with strategy delete");
        prune.delete_all = true;
    } else if (slice_equal(in->strategy, SLICE("keep_latest"))) {
        if (prune.keep_last == 0)
            prune.keep_last = 1;
    } else if (slice_present(in->strategy)) {
        return err_set(err, ERR_INVALID, "/strategy: must be keep_latest or delete");
    } else if (prune.keep_last == 0 && !has_time) {
        return err_set(err, ERR_INVALID,
                       "/strategy: one of strategy, keep_last and older_than is needed");
    }
    *out = prune;
    return true;
}

bool prune_start(struct request *req, struct err *err)
{
    struct prune_body in = {.older_than = TIME_ABSENT};
    struct parse_array array = {.at = "/thread_ids", .min = 1, .ids = true};
    struct op_thread_prune prune;
    struct slice *ids;
    size_t n;

    if (!parse_no_query(req, err) || !parse_body(req, prune_members, &in, err) ||
        !choose_prune(&in, &prune, err))
        return false;
    array.json = in.thread_ids;
    if (!parse_strings(req, &array, &ids, &n, err))
        return false;
    for (size_t i = 0; i < n; i++) {
        struct op *op = request_op(req, OP_THREAD_PRUNE, ids[i], err);

        if (!op)
            return false;
        op->thread_prune = prune;
        if (!request_submit(req, op, err))
            return false;
    }
    return true;
}

bool prune_finish(struct request *req UNUSED, struct op *op, struct response *res,
                  struct err *err UNUSED)
{
    int64_t removed = 0;

    for (; op; op = op->sibling)
        removed += op->thread_prune.out.removed;
    return answer_removed(res, removed);
}

/*
 * POST /maintenance/delete-runs - remove the checkpoints whose metadata.run_id is one of these, with
 * their writes.
 *
 *   request   {"run_ids": [1..1000 strings]}
 *   200       {"removed": 7}
 *   errors    invalid_request 400, storage_unavailable 503
 */
struct runs_body {
    struct slice run_ids;
};

static const struct member runs_members[] = {
    MEMBER(struct runs_body, run_ids, MEMBER_ARRAY | MEMBER_REQUIRED),
    MEMBER_END,
};

bool delete_runs_start(struct request *req, struct err *err)
{
    struct runs_body in = {0};
    struct parse_array array = {.at = "/run_ids", .min = 1};
    struct slice *run_ids;
    struct op *op;
    size_t n;

    if (!parse_no_query(req, err) || !parse_body(req, runs_members, &in, err))
        return false;
    array.json = in.run_ids;
    if (!parse_strings(req, &array, &run_ids, &n, err))
        return false;
    op = request_op(req, OP_RUNS_DELETE, (struct slice){NULL, 0}, err);
    if (!op)
        return false;
    op->runs_delete.run_ids = run_ids;
    op->runs_delete.n = n;
    return request_submit(req, op, err);
}

bool delete_runs_finish(struct request *req UNUSED, struct op *op, struct response *res,
                        struct err *err UNUSED)
{
    return answer_removed(res, op->runs_delete.out.removed);
}

/* sql_removal.c - see sql_removal.h. */
#include "sql_removal.h"

#include "sql_garbage.h"
#include "sql_part.h"

struct removal removal_start(struct doomed *list)
{
    doomed_sort(list);
    return (struct removal){.arena = list->arena, .items = list->items, .n = list->n};
}

static bool drop_tasks(struct sql *d, int64_t row, int64_t *bytes, struct err *err)
{
    AUTO(query_end) struct query q = {0};
    bool found;

    if (!query_begin(d, SQL_TASK_CLEAR, &q, err))
        return false;
    query_int(&q, row);
    for (;;) {
        if (!query_step(&q, &found, err))
            return false;
        if (!found)
            return true;
        *bytes += query_col_int(&q, 0);
    }
}

/* A row that is as it was listed; *head is 0 if it is not. */
static bool drop_checkpoint(struct sql *d, const struct doomed_item *item, struct ns_change *change,
                            int64_t *head, bool *dropped, struct err *err)
{
    AUTO(query_end) struct query q = {0};

    if (!query_begin(d, SQL_CHECKPOINT_DOOM, &q, err))
        return false;
    query_int(&q, item->id);
    query_int(&q, item->ns);
    query_int(&q, item->mark);
    if (!query_step(&q, dropped, err))
        return false;
    *head = *dropped ? query_col_int(&q, 0) : 0;
    if (!*dropped)
        return true;
    change->checkpoints -= query_col_int(&q, 1) > 0;
    change->bytes -= query_col_int(&q, 2);
    return true;
}

/* Where others write to the store as well, its thread is locked until the end of the part. */
static bool lock(struct sql *d, int64_t ns, struct removal_state *state, struct err *err)
{
    AUTO(query_end) struct query q = {0};
    bool found;

    *state = (struct removal_state){.strays = d->strays};
    if (!query_begin(d, SQL_NS_STATE, &q, err))
        return false;
    query_int(&q, ns);
    if (!query_step(&q, &found, err))
        return false;
    if (found) {
        state->newest = query_col_int(&q, 0);
        state->changed_by = query_col_int(&q, 1);
    }
    return true;
}

static bool remove_row(struct sql *d, struct removal *r, struct err *err)
{
    const struct doomed_item *item = &r->items[r->at++];
    int64_t head, freed = 0, tasks = 0;
    bool dropped;

    if (r->ns == 0 && !r->whole && !lock(d, item->ns, &r->state, err))
        return false;
    r->ns = item->ns;
    r->noted |= item->id == 0;
    if (!drop_checkpoint(d, item, &r->change, &head, &dropped, err))
        return false;
    if (!dropped)
        return true;
    if (!drop_tasks(d, item->id, &tasks, err) ||
        (head && !doomed_head(d, item->ns, head, &freed, err)))
        return false;
    r->change.bytes -= freed + tasks;
    return true;
}

/* Counts what has gone: before others look, once for all. */
static bool count_gone(struct sql *d, struct removal *r, struct err *err)
{
    struct ns_change change = r->change;

    r->change = (struct ns_change){0};
    return (change.checkpoints == 0 && change.bytes == 0) || ns_grow(d, r->ns, &change, err);
}

/* Nothing is left to do in the namespace at hand. */
static bool leave(struct sql *d, struct removal *r, struct err *err)
{
    int64_t ns = r->ns;
    bool noted = r->noted;

    r->ns = 0;
    r->noted = r->at_once = false;
    r->phase = REMOVAL_ROWS;
    return !noted || unswept_drop(d, ns, err);
}

/* An empty namespace: what is still in it is collected by whoever has time. */
static bool drop_namespace(struct sql *d, struct removal *r, struct err *err)
{
    int64_t thread = 0;

    if (!query_number(d, SQL_NS_THREAD, (int64_t[]){r->ns, 0}, &thread, err))
        return false;
    if (r->whole && !query_do(d, SQL_NS_CLEAR_VALUES, r->ns, 0, err))
        return false;
    if (!query_do(d, r->whole ? SQL_GARBAGE_NS_DROP : SQL_NS_DISCARD, r->ns, 0, err))
        return false;
    return query_do(d, SQL_THREAD_DROP, thread, 0, err) && leave(d, r, err);
}

/* All rows of the namespace at hand have gone. */
static bool start_scan(struct sql *d, struct removal *r, struct err *err)
{
    int64_t holds = 0;

    r->phase = REMOVAL_ROWS;
    if (!count_gone(d, r, err) ||
        !query_number(d, SQL_NS_HOLDS, (int64_t[]){r->ns, 0}, &holds, err))
        return false;
    if (!holds)
        return drop_namespace(d, r, err);
    r->marks = (struct marks){.arena = r->arena};
    r->scanned = SLICE("");
    r->phase = REMOVAL_SCAN;
    return lock(d, r->ns, &r->state, err) && marks_list(d, r->ns, &r->marks, err);
}

/* Without the parent that is no longer there. `before` is the row above, often the parent. */
static bool unparent(struct sql *d, const struct removal *r, struct query *row, struct slice before,
                     struct err *err)
{
    AUTO(query_end) struct query q = {0};
    struct slice parent = query_col(row, 3);
    bool found;

    if (!slice_present(parent) || slice_equal(parent, before))
        return true;
    if (!query_begin(d, SQL_CHECKPOINT_FIND, &q, err))
        return false;
    query_int(&q, r->ns);
    query_blob(&q, parent);
    if (!query_step(&q, &found, err))
        return false;
    if (found && query_col_int(&q, 1) > 0)
        return true;
    return query_do(d, SQL_CHECKPOINT_UNPARENT, query_col_int(row, 0), 0, err);
}

/* Keeps the id of a row in one of two buffers, by turns: ids are short. */
static bool keep_id(struct slice id, char buffers[2][512], int *turn, struct slice *kept,
                    struct err *err)
{
    if (id.len > sizeof(buffers[0]))
        return err_set(err, ERR_DAMAGED, "store: the id of a checkpoint is too long");
    *turn = !*turn;
    memcpy(buffers[*turn], id.at, id.len);
    *kept = (struct slice){buffers[*turn], id.len};
    return true;
}

/* *end: all rows have been looked at. */
static bool scan_rows(struct sql *d, struct removal *r, struct arena *scratch, size_t *steps,
                      bool *end, struct err *err)
{
    AUTO(query_end) struct query q = {0};
    struct slice before = {NULL, 0}, at = r->scanned;
    char buffers[2][512];
    int turn = 0;
    bool found;

    if (!query_begin(d, SQL_CHECKPOINT_SCAN, &q, err))
        return false;
    query_int(&q, r->ns);
    query_blob(&q, at);
    for (*end = false; r->whole || r->at_once || !sql_part_full(d, *steps); ++*steps) {
        if (!query_step(&q, &found, err))
            return false;
        *end = !found;
        if (!found)
            return true;
        if (!unparent(d, r, &q, before, err) ||
            !marks_need_refs(&r->marks, query_col_int(&q, 4), query_col(&q, 5), scratch, err) ||
            !keep_id(query_col(&q, 1), buffers, &turn, &at, err))
            return false;
        before = query_col_int(&q, 2) > 0 ? at : (struct slice){NULL, 0};
    }
    r->scanned = arena_copy(r->arena, at);
    return slice_present(r->scanned) || err_no_memory(err);
}

static bool scan(struct sql *d, struct removal *r, size_t *steps, struct err *err)
{
    struct arena scratch = {0};
    bool end = false, ok = scan_rows(d, r, &scratch, steps, &end, err);

    arena_done(&scratch);
    if (!ok)
        return false;
    if (end) {
        marks_need_bases(&r->marks, INT64_MAX);
        r->swept = r->marks.n;
        r->phase = REMOVAL_SWEEP;
    }
    return true;
}

/* From the highest id down: what is based on a value goes before it. */
static bool sweep(struct sql *d, struct removal *r, size_t *steps, struct err *err)
{
    for (; r->swept > 0; r->swept--) {
        const struct mark *mark = &r->marks.items[r->swept - 1];
        int64_t freed;

        if (mark->needed)
            continue;
        if (!r->whole && !r->at_once && sql_part_full(d, *steps))
            break;
        if (!doomed_value(d, mark->id, &freed, err))
            return false;
        r->change.bytes -= freed;
        ++*steps;
    }
    return r->swept > 0 || (count_gone(d, r, err) && leave(d, r, err));
}

/* One row, or as much of the other phases as there is time for. */
static bool step(struct sql *d, struct removal *r, size_t *steps, struct err *err)
{
    switch (r->phase) {
    case REMOVAL_ROWS:
        ++*steps;
        if (r->at < r->n && (r->ns == 0 || r->items[r->at].ns == r->ns))
            return remove_row(d, r, err);
        return start_scan(d, r, err);
    case REMOVAL_SCAN:
        return scan(d, r, steps, err);
    case REMOVAL_SWEEP:
        return sweep(d, r, steps, err);
    }
    return err_set(err, ERR_INTERNAL, "no such phase");
}

/* What was put since the scan began may need values that it has not found needed. */
static bool start_again(struct sql *d, struct removal *r, struct err *err)
{
    struct removal_state was = r->state;

    if (r->ns == 0)
        return true;
    if (!lock(d, r->ns, &r->state, err))
        return false;
    if (r->phase == REMOVAL_ROWS ||
        (r->state.newest == was.newest && r->state.changed_by == was.changed_by &&
         r->state.strays == was.strays))
        return true;
    r->at_once = true;
    return start_scan(d, r, err);
}

/* Before others look. What it has counted is not a change by another. */
static bool pause_part(struct sql *d, struct removal *r, struct err *err)
{
    bool note = r->ns != 0 && !r->noted;
    struct removal_state now = r->state;

    r->noted |= note;
    if (!count_gone(d, r, err) || (note && !unswept_add(d, r->ns, err)) ||
        (r->phase != REMOVAL_ROWS && !lock(d, r->ns, &now, err)))
        return false;
    r->state.changed_by = now.changed_by;
    return true;
}

/* Does one part; *left if there are more. */
static bool do_part(struct sql *d, struct removal *r, bool *left, struct err *err)
{
    size_t steps = 0;

    if (!start_again(d, r, err))
        return false;
    for (;;) {
        *left = r->at < r->n || r->ns != 0;
        if (!*left || (!r->whole && !r->at_once && sql_part_full(d, steps)))
            return pause_part(d, r, err);
        if (!step(d, r, &steps, err))
            return false;
    }
}

bool removal_whole(struct sql *d, struct doomed *list, struct err *err)
{
    struct removal r = removal_start(list);
    bool left;

    r.whole = true;
    return do_part(d, &r, &left, err);
}

bool removal_expire(struct sql *d, int64_t thread, int64_t expired_us, struct err *err)
{
    struct arena scratch = {0};
    struct doomed list = {.arena = &scratch};
    struct query q;
    bool ok;

    if (expired_us == INT64_MIN)
        return true;
    if (!query_begin(d, SQL_THREAD_EXPIRED, &q, err))
        return false;
    query_int(&q, thread);
    query_int(&q, expired_us);
    ok = doomed_list(&list, &q, err) && removal_whole(d, &list, err);
    arena_done(&scratch);
    return ok;
}

bool removal_go_on(struct sql *d, struct op *op, const struct removal *from, struct err *err)
{
    struct removal *r = arena_alloc(op->arena, sizeof(*r));
    bool left;

    if (!r)
        return err_no_memory(err);
    *r = *from;
    if (!do_part(d, r, &left, err) || (!left && !garbage_collect(d, &left, err)))
        return false;
    op->progress = r;
    op->again = left;
    return true;
}

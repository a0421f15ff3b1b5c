/* sql_removal.c - see sql_removal.h. */
#include "sql_removal.h"

#include "clock.h"
#include "sql_garbage.h"
#include "sql_load.h"
#include "sql_part.h"

struct removal removal_start(struct doomed *list, int64_t stamp)
{
    doomed_sort(list);
    return (struct removal){
        .arena = list->arena, .items = list->items, .n = list->n, .stamp = stamp};
}

/* Asks for the state of a namespace; where others write to the store too, this locks its thread. */
static bool ask_state(struct sql *d, int64_t ns, struct query *q, struct err *err)
{
    if (!query_begin(d, SQL_NS_STATE, q, err))
        return false;
    query_int(q, ns);
    return query_ask(q, err);
}

static bool take_state(struct sql *d, struct query *q, struct removal_state *state, struct err *err)
{
    bool found;

    *state = (struct removal_state){.strays = d->strays};
    if (!query_step(q, &found, err))
        return false;
    if (found) {
        state->newest = query_col_int(q, 0);
        state->changed_by = query_col_int(q, 1);
    }
    return true;
}

static bool lock(struct sql *d, int64_t ns, struct removal_state *state, struct err *err)
{
    AUTO(query_end) struct query q = {0};

    return ask_state(d, ns, &q, err) && take_state(d, &q, state, err);
}

static bool is_full(const struct sql *d, const struct removal *r, size_t steps)
{
    return !r->whole && !r->at_once && sql_part_full(d, steps);
}

/* How many steps one statement may take. */
static size_t room(const struct sql *d, const struct removal *r, size_t steps)
{
    return r->whole || r->at_once ? PART_AT_ONCE : sql_part_room(d, steps);
}

/* Notes up to which stamp checkpoints lose the names of parents that are gone. */
static void name_items(struct removal *r, const struct doomed_item *items, size_t n)
{
    if (items[0].id == 0) {
        r->noted = true;
        r->noted_names = items[0].mark;
    }
    for (size_t i = 0; i < n; i++) {
        int64_t names = items[i].id == 0 ? items[i].mark : r->stamp;

        r->names = clock_later(names, r->names);
    }
}

/* Removes the next rows of the current namespace, or the first of another one. */
static bool remove_rows(struct sql *d, struct removal *r, size_t *steps, struct err *err)
{
    const struct doomed_item *items = &r->items[r->at];
    AUTO(query_end) struct query state = {0}; /* only locks: start_scan() asks again */
    size_t n = 1, most = room(d, r, *steps);

    while (n < most && r->at + n < r->n && items[n].ns == items[0].ns)
        n++;
    if (r->ns == 0 && !r->whole && !ask_state(d, items[0].ns, &state, err))
        return false;
    r->ns = items[0].ns;
    name_items(r, items, n);
    r->at += n;
    *steps += n;
    return doomed_rows(d, items, n, &r->change, err);
}

/* Adds what has gone to the counters, once, before others look. */
static bool count_gone(struct sql *d, struct removal *r, struct err *err)
{
    struct ns_change change = r->change;

    r->change = (struct ns_change){0};
    return (change.checkpoints == 0 && change.bytes == 0) || ns_grow(d, r->ns, &change, err);
}

/* The current namespace is finished. */
static bool leave(struct sql *d, struct removal *r, struct err *err)
{
    int64_t ns = r->ns;
    bool noted = r->noted;

    r->ns = 0;
    r->noted = r->at_once = false;
    r->names = r->noted_names = 0;
    r->phase = REMOVAL_ROWS;
    return !noted || unswept_drop(d, ns, err);
}

/* Drops an empty namespace; unless `whole`, what else it holds becomes garbage. */
static bool drop_namespace(struct sql *d, struct removal *r, int64_t thread, struct err *err)
{
    if (r->whole && !query_do(d, SQL_NS_CLEAR_VALUES, r->ns, 0, err))
        return false;
    if (!query_do(d, r->whole ? SQL_GARBAGE_NS_DROP : SQL_NS_DISCARD, r->ns, 0, err))
        return false;
    return query_do(d, SQL_THREAD_DROP, thread, 0, err) && leave(d, r, err);
}

/* Finds the thread of the current namespace, and whether any row is left in there. */
static bool find_left(struct sql *d, const struct removal *r, int64_t *thread, bool *left,
                      struct err *err)
{
    AUTO(query_end) struct query q = {0};
    bool found;

    if (!query_begin(d, SQL_NS_LEFT, &q, err))
        return false;
    query_int(&q, r->ns);
    if (!query_step(&q, &found, err))
        return false;
    *thread = found ? query_col_int(&q, 0) : 0;
    *left = found && query_col_int(&q, 1) != 0;
    return true;
}

/* All listed rows of the current namespace are gone: begins to search the others. */
static bool start_scan(struct sql *d, struct removal *r, struct err *err)
{
    AUTO(query_end) struct query state = {0};
    int64_t thread;
    bool left;

    r->phase = REMOVAL_ROWS;
    if (!count_gone(d, r, err) || !find_left(d, r, &thread, &left, err))
        return false;
    if (!left)
        return drop_namespace(d, r, thread, err);
    r->marks = (struct marks){.arena = r->arena};
    r->scanned = SLICE("");
    r->phase = REMOVAL_SCAN;
    return ask_state(d, r->ns, &state, err) && marks_list(d, r->ns, &r->marks, err) &&
           take_state(d, &state, &r->state, err);
}

/* Rows whose parent may be gone. */
struct children {
    int64_t ids[PART_AT_ONCE];
    size_t n;
};

/* Clears the parent of those whose parent is gone. */
static bool unparent(struct sql *d, const struct removal *r, struct children *c,
                     struct arena *scratch, struct err *err)
{
    struct query q;

    if (c->n == 0)
        return true;
    if (!load_begin_among(d, SQL_CHECKPOINTS_UNPARENT, c->ids, c->n, scratch, &q, err))
        return false;
    query_int(&q, r->ns);
    c->n = 0;
    return query_run(&q, err);
}

/* Collects a row, unless `before`, the id of the previous row, is its parent, as it often is. */
static bool add_child(struct sql *d, const struct removal *r, struct query *row,
                      struct slice before, struct children *c, struct arena *scratch,
                      struct err *err)
{
    struct slice parent = query_col(row, 3);

    if (!slice_present(parent) || slice_equal(parent, before) || query_col_int(row, 2) > r->names)
        return true;
    c->ids[c->n++] = query_col_int(row, 0);
    return c->n < COUNT_OF(c->ids) || unparent(d, r, c, scratch, err);
}

/* Copies the id of a row into one of two buffers in turn, so the previous one stays valid. */
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

/* Reads the rows that are left: marks what they need. *end: all have been read. */
static bool scan_rows(struct sql *d, struct removal *r, struct arena *scratch, size_t *steps,
                      bool *end, struct err *err)
{
    AUTO(query_end) struct query q = {0};
    struct slice before = {NULL, 0}, at = r->scanned;
    struct children children = {.n = 0};
    char buffers[2][512];
    int turn = 0;
    bool found;

    if (!query_begin(d, SQL_CHECKPOINT_SCAN, &q, err))
        return false;
    query_int(&q, r->ns);
    query_blob(&q, at);
    for (*end = false; !is_full(d, r, *steps); ++*steps) {
        if (!query_step(&q, &found, err))
            return false;
        *end = !found;
        if (!found)
            return unparent(d, r, &children, scratch, err);
        if (!add_child(d, r, &q, before, &children, scratch, err) ||
            !marks_need_refs(&r->marks, query_col_int(&q, 4), query_col(&q, 5), scratch, err) ||
            !keep_id(query_col(&q, 1), buffers, &turn, &at, err))
            return false;
        before = query_col_int(&q, 2) > 0 ? at : (struct slice){NULL, 0};
    }
    r->scanned = arena_copy(r->arena, at);
    return slice_present(r->scanned) ? unparent(d, r, &children, scratch, err) : err_no_memory(err);
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

/* Takes the next values that nothing needs. */
static size_t take_unneeded(struct removal *r, int64_t *ids, size_t most)
{
    size_t n = 0;

    for (; r->swept > 0; r->swept--) {
        const struct mark *mark = &r->marks.items[r->swept - 1];

        if (mark->needed)
            continue;
        if (n == most)
            break;
        ids[n++] = mark->id;
    }
    return n;
}

/* Removes values from the highest id down, so that none outlives its base. */
static bool sweep(struct sql *d, struct removal *r, size_t *steps, struct err *err)
{
    int64_t ids[PART_AT_ONCE], freed;

    while (r->swept > 0 && !is_full(d, r, *steps)) {
        size_t n = take_unneeded(r, ids, room(d, r, *steps));

        if (n == 0)
            break;
        if (!doomed_values(d, ids, n, &freed, err))
            return false;
        r->change.bytes -= freed;
        *steps += n;
    }
    return r->swept > 0 || (count_gone(d, r, err) && leave(d, r, err));
}

/* Removes some rows, or does as much of another phase as there is time for. */
static bool step(struct sql *d, struct removal *r, size_t *steps, struct err *err)
{
    switch (r->phase) {
    case REMOVAL_ROWS:
        if (r->at < r->n && (r->ns == 0 || r->items[r->at].ns == r->ns))
            return remove_rows(d, r, steps, err);
        ++*steps;
        return start_scan(d, r, err);
    case REMOVAL_SCAN:
        return scan(d, r, steps, err);
    case REMOVAL_SWEEP:
        return sweep(d, r, steps, err);
    }
    return err_set(err, ERR_INTERNAL, "no such phase");
}

/* Scans again if anything was put into the namespace since: it may need values that are not marked. */
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

/* Ends a part. Its own change of the counters must not look like a change by another. */
static bool pause_part(struct sql *d, struct removal *r, struct err *err)
{
    bool note = r->ns != 0 && (!r->noted || r->names > r->noted_names);
    struct removal_state now = r->state;

    if (note) {
        r->noted = true;
        r->noted_names = r->names;
    }
    if (!count_gone(d, r, err) || (note && !unswept_add(d, r->ns, r->names, err)) ||
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
        if (!*left || is_full(d, r, steps))
            return pause_part(d, r, err);
        if (!step(d, r, &steps, err))
            return false;
    }
}

bool removal_whole(struct sql *d, struct doomed *list, int64_t stamp, struct err *err)
{
    struct removal r = removal_start(list, stamp);
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
    ok = doomed_list(&list, &q, err) && removal_whole(d, &list, INT64_MAX, err);
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

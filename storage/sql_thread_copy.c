/*
 * sql_thread_copy.c - OP_THREAD_COPY; see op_checkpoints.h.
 *
 *     begin -> stamps -> values -> checkpoints with their writes -> attach
 *
 * The copy grows, in parts, in a thread of a tenant that nobody is; the last part gives its
 * namespaces to the thread that was asked for. When the source changes meanwhile the copy begins
 * anew, and is made in one part. One that is broken off is collected by the clean-up.
 */
#include <stdio.h>

#include "clock.h"
#include "copies.h"
#include "pack.h"
#include "sql_garbage.h"
#include "sql_ops.h"
#include "sql_part.h"
#include "sql_removal.h"
#include "sql_renumber.h"
#include "sql_rows.h"
#include "sql_target.h"

struct space {
    int64_t from, to; /* namespaces */
    struct slice ns;
    enum form form;
    struct renumber values;
    struct renumber rows; /* checkpoints; they get no numbers */
};

enum copy_phase { COPY_STAMPS, COPY_VALUES, COPY_ROWS, COPY_ATTACH, COPY_DISCARD, COPY_REFUSE };

/* Where a copy stands. A copy of this goes on from where it was made. */
struct copy {
    struct sql *d;
    struct op *op;
    int64_t tenant, from_thread, hidden; /* the thread that holds the copy until it is complete */
    uint64_t seen;                       /* the state of the source when it began */
    bool at_once;
    enum copy_phase phase;
    struct space *spaces;
    size_t n_spaces, cap;
    size_t space, at;       /* the next to be copied */
    struct renumber stamps; /* of the whole thread */
    int64_t checkpoints, writes;
};

static bool read_numbers(struct copy *c, enum sql_statement which, int64_t id, struct renumber *r,
                         struct err *err)
{
    return renumber_query(&(struct renumber_source){c->d, c->op->arena, which}, id, r, err);
}

static bool copy_tasks(struct copy *c, int64_t from, struct target *to, struct err *err)
{
    AUTO(query_end) struct query q = {0};
    char list[21];
    size_t n;
    bool found;

    if (!query_begin(c->d, SQL_TASK_CHANNEL, &q, err))
        return false;
    query_blob(&q,
               (struct slice){list, (size_t)snprintf(list, sizeof(list), "%lld", (long long)from)});
    for (;;) {
        if (!query_step(&q, &found, err))
            return false;
        if (!found)
            return true;
        struct task_row task = {
            .task_path = query_col(&q, 1),
            .stamp = renumber_of(&c->stamps, query_col_int(&q, 2)),
            .seq = renumber_of(&c->stamps, query_col_int(&q, 3)),
            .body = query_col(&q, 4),
        };

        if (!unpack_count(task.body, &n, err) ||
            !task_store(c->d, to, query_col(&q, 0), &task, err))
            return false;
        c->writes += (int64_t)n;
    }
}

static bool copy_refs(struct copy *c, struct slice packed, struct arena *scratch, struct slice *out,
                      struct err *err)
{
    int64_t *refs;
    size_t n;

    if (!unpack_refs(packed, scratch, &refs, &n, err))
        return false;
    for (size_t i = 0; i < n; i++)
        refs[i] = renumber_of(&c->spaces[c->space].values, refs[i]);
    return pack_refs(refs, n, scratch, out, err);
}

/* The row of CHECKPOINT_CELLS that q stands on, without its writes. */
static bool copy_row(struct copy *c, struct query *q, struct target *to, struct arena *scratch,
                     struct err *err)
{
    struct checkpoint_cells cells = {
        .stamp = renumber_of(&c->stamps, query_col_int(q, 2)),
        .form = to->form,
        .created_us = query_col_int(q, 3),
        .parent_id = query_col(q, 4),
        .metadata = query_col(q, 5),
        .run_id = query_col(q, 6),
        .head = renumber_of(&c->spaces[c->space].values, query_col_int(q, 7)),
    };

    if (!copy_refs(c, query_col(q, 8), scratch, &cells.refs, err) ||
        !checkpoint_store(c->d, to, &cells, err))
        return false;
    to->row.stamp = cells.stamp;
    c->checkpoints++;
    return true;
}

/* One checkpoint, or the place of one that has writes only. */
static bool copy_checkpoint(struct copy *c, int64_t from, struct arena *scratch, struct err *err)
{
    const struct space *space = &c->spaces[c->space];
    struct target to = {.form = space->form, .ns.id = space->to};
    AUTO(query_end) struct query q = {0};
    bool found;

    if (!query_begin(c->d, SQL_CHECKPOINT_CELLS, &q, err))
        return false;
    query_int(&q, from);
    if (!query_step(&q, &found, err))
        return false;
    to.checkpoint_id = query_col(&q, 1);
    return (query_col_int(&q, 2) == 0 || copy_row(c, &q, &to, scratch, err)) &&
           copy_tasks(c, from, &to, err);
}

static bool copy_value(struct copy *c, int64_t from, struct err *err)
{
    const struct space *space = &c->spaces[c->space];
    int64_t base = 0;
    struct query q;

    if (!query_number(c->d, SQL_VALUE_BASE, (int64_t[]){from, 0}, &base, err) ||
        !query_begin(c->d, SQL_VALUE_COPY, &q, err))
        return false;
    query_int(&q, from);
    query_int(&q, renumber_of(&space->values, from));
    query_int(&q, space->to);
    query_int(&q, renumber_of(&space->values, base));
    return query_run(&q, err);
}

/* One thing of the phase. */
static bool copy_one(struct copy *c, const struct renumber *list, struct arena *scratch,
                     struct err *err)
{
    int64_t from = list->old[c->at];

    switch (c->phase) {
    case COPY_STAMPS:
        return read_numbers(c, SQL_CHECKPOINT_STAMP, from, &c->stamps, err) &&
               read_numbers(c, SQL_TASK_STAMPS, from, &c->stamps, err);
    case COPY_VALUES:
        return copy_value(c, from, err);
    case COPY_ROWS:
        arena_reset(scratch);
        return copy_checkpoint(c, from, scratch, err);
    case COPY_ATTACH:
    case COPY_DISCARD:
    case COPY_REFUSE:
        break;
    }
    return err_set(err, ERR_INTERNAL, "nothing is copied in this phase");
}

/* What is gone through in this phase of this space; NULL behind the last one. */
static const struct renumber *list_at(const struct copy *c)
{
    const struct space *space;

    if (c->space == c->n_spaces)
        return NULL;
    space = &c->spaces[c->space];
    return c->phase == COPY_VALUES ? &space->values : &space->rows;
}

/* Goes through the lists of one phase after the other until the part is full. */
static bool copy_part(struct copy *c, struct arena *scratch, struct err *err)
{
    size_t steps = 0;

    while (c->phase < COPY_ATTACH) {
        const struct renumber *list = list_at(c);

        if (!c->at_once && sql_part_full(c->d, steps++))
            return true;
        if (list && c->at < list->n) {
            if (!copy_one(c, list, scratch, err))
                return false;
            c->at++;
            continue;
        }
        c->at = 0;
        if (list && ++c->space < c->n_spaces)
            continue;
        if (c->phase == COPY_STAMPS && !renumber_take(&c->stamps, c->op->arena, err))
            return false;
        c->space = 0;
        c->phase++;
    }
    return true;
}

static uint64_t mix(uint64_t hash, int64_t number)
{
    return (hash ^ (uint64_t)number) * UINT64_C(0x9e3779b97f4a7c15) ^ hash >> 29;
}

/* Changes whenever something in the thread does, also when a removal in it begins or ends. */
static bool state_of(struct copy *c, uint64_t *state, struct err *err)
{
    AUTO(query_end) struct query q = {0};
    uint64_t hash = (uint64_t)c->d->strays;
    int64_t note;
    bool found;

    if (!query_begin(c->d, SQL_THREAD_STATE, &q, err))
        return false;
    query_int(&q, c->from_thread);
    for (;;) {
        if (!query_step(&q, &found, err))
            return false;
        if (!found)
            break;
        for (int i = 0; i < query_columns(&q); i++)
            hash = mix(hash, query_col_int(&q, i));
        if (!unswept_find(c->d, query_col_int(&q, 0), &note, err))
            return false;
        hash = mix(hash, note);
    }
    *state = hash;
    return true;
}

static bool add_space(struct copy *c, struct query *q, struct err *err)
{
    void *grown = arena_grow(c->op->arena, c->spaces, c->n_spaces, sizeof(*c->spaces), &c->cap);
    struct ns_row to = {.thread = c->hidden};
    struct ns_key key = {0};
    struct space *space;

    if (!grown)
        return err_no_memory(err);
    c->spaces = grown;
    space = &c->spaces[c->n_spaces++];
    *space = (struct space){.from = query_col_int(q, 0), .form = (enum form)query_col_int(q, 2)};
    if (!query_copy(q, 1, c->op->arena, &space->ns, err))
        return false;
    key.ns = space->ns;
    if (!ns_make(c->d, &key, space->form, &to, err) ||
        !read_numbers(c, SQL_CHECKPOINT_IDS, space->from, &space->rows, err) ||
        !read_numbers(c, SQL_VALUE_ROWS, space->from, &space->values, err))
        return false;
    space->to = to.id;
    return renumber_take(&space->values, c->op->arena, err);
}

/* Makes the thread that is not seen, and lists what is to be copied. */
static bool begin(struct copy *c, struct err *err)
{
    int64_t name = stamp_next();
    struct thread_row hidden = {.updated_us = c->op->now_us};
    AUTO(query_end) struct query q = {0};
    bool found;

    if (!thread_make(c->d, GARBAGE_TENANT, (struct slice){(const char *)&name, sizeof(name)},
                     &hidden, err) ||
        !state_of(c, &c->seen, err) || !query_begin(c->d, SQL_NS_LIST, &q, err))
        return false;
    c->hidden = hidden.id;
    query_int(&q, c->from_thread);
    query_int(&q, INT64_MIN);
    for (;;) {
        if (!query_step(&q, &found, err))
            return false;
        if (!found)
            return true;
        if (!add_space(c, &q, err))
            return false;
    }
}

/* Whether what was copied is still there: the clean-up takes it for broken off after some time. */
static bool is_known(struct copy *c, bool *known, struct err *err)
{
    int64_t found = 0;

    if (!query_number(c->d, SQL_THREAD_KNOWN, (int64_t[]){c->hidden, GARBAGE_TENANT}, &found, err))
        return false;
    *known = found != 0;
    return true;
}

/* What was copied is garbage. */
static bool discard(struct copy *c, struct err *err)
{
    bool known;

    return is_known(c, &known, err) &&
           (!known || (garbage_thread(c->d, c->hidden, err) &&
                       query_do(c->d, SQL_THREAD_FORGO, c->hidden, 0, err)));
}

static bool begin_anew(struct copy *c, struct err *err)
{
    struct copy anew = {
        .d = c->d,
        .op = c->op,
        .tenant = c->tenant,
        .from_thread = c->from_thread,
        .at_once = true,
    };

    if (!discard(c, err))
        return false;
    *c = anew;
    return begin(c, err);
}

/* What a removal has not yet looked through, or has left, is the same in the copy. */
static bool give_note(struct copy *c, const struct space *space, struct err *err)
{
    int64_t note;

    return unswept_find(c->d, space->from, &note, err) &&
           (note == 0 || unswept_add(c->d, space->to, err));
}

static bool give(struct copy *c, int64_t to, struct err *err)
{
    int64_t newest = c->stamps.n ? renumber_of(&c->stamps, c->stamps.old[c->stamps.n - 1]) : 0;
    struct query q;

    for (size_t i = 0; i < c->n_spaces; i++) {
        if (!give_note(c, &c->spaces[i], err))
            return false;
        if (!query_begin(c->d, SQL_NS_ATTACH, &q, err))
            return false;
        query_int(&q, c->spaces[i].to);
        query_int(&q, to);
        query_int(&q, c->spaces[i].from);
        query_int(&q, newest);
        if (!query_run(&q, err))
            return false;
    }
    return query_do(c->d, SQL_THREAD_FORGO, c->hidden, 0, err);
}

/* The thread to copy to; what is expired there is nobody's any more and goes. */
static bool find_target(struct copy *c, struct thread_row *to, bool *taken, struct err *err)
{
    return thread_find(c->d, c->tenant, c->op->thread_copy.to, to, err) &&
           thread_holds(c->d, to->id, ns_expired_us(c->d, c->op->now_us), taken, err);
}

/* Makes the copy known, if its place is still free. */
static bool attach(struct copy *c, struct err *err)
{
    struct op_thread_copy *copy = &c->op->thread_copy;
    struct thread_row to;
    bool taken;

    if (!find_target(c, &to, &taken, err))
        return false;
    if (taken) {
        c->phase = COPY_DISCARD;
        c->op->again = true;
        return discard(c, err);
    }
    if (c->stamps.n > 0 && to.tomb >= c->stamps.first) { /* it was deleted meanwhile */
        stamp_observe(to.tomb);
        c->op->again = true;
        return begin_anew(c, err);
    }
    if (c->n_spaces == 0) /* the source has gone */
        return discard(c, err);
    copy->out.checkpoints = c->checkpoints;
    copy->out.writes = c->writes;
    return (to.id ? garbage_thread(c->d, to.id, err)
                  : thread_make(c->d, c->tenant, copy->to, &to, err)) &&
           give(c, to.id, err) && thread_touch(c->d, to.id, c->op->now_us, err) &&
           copies_thread(c->op, copy->to, to.tomb, c->op->now_us, err) &&
           copies_name(c->op, RECORD_CONTENTS, copy->to, err) &&
           sql_session_touch(c->d, c->op, c->tenant, copy->to, err);
}

/* Whether the source, and what was copied of it, are as they were when the last part ended. It stays so: the
 * source is locked, where others write to the store as well. */
static bool is_same(struct copy *c, bool *same, struct err *err)
{
    struct thread_row from;
    uint64_t state;
    bool known;

    if (!thread_find(c->d, c->tenant, c->op->id, &from, err) || !state_of(c, &state, err) ||
        !is_known(c, &known, err))
        return false;
    *same = known && state == c->seen;
    return true;
}

static bool copy_more(struct copy *c, struct err *err)
{
    struct arena scratch = {0};
    bool ok = copy_part(c, &scratch, err);

    arena_done(&scratch);
    if (!ok)
        return false;
    if (c->phase == COPY_ATTACH)
        return attach(c, err);
    c->op->again = true;
    return true;
}

static bool go_on(struct copy *c, struct err *err)
{
    bool same;

    switch (c->phase) {
    case COPY_DISCARD:
        c->op->again = true;
        if (!garbage_collect(c->d, &same, err))
            return false;
        if (!same)
            c->phase = COPY_REFUSE;
        return true;
    case COPY_REFUSE:
        return err_set(err, ERR_THREAD, "The thread to copy to exists.");
    case COPY_STAMPS:
    case COPY_VALUES:
    case COPY_ROWS:
    case COPY_ATTACH:
        break;
    }
    return is_same(c, &same, err) && (same || begin_anew(c, err)) && copy_more(c, err);
}

/* The first part. *none: there is nothing to copy. */
static bool start(struct copy *c, bool *none, struct err *err)
{
    int64_t expired_us = ns_expired_us(c->d, c->op->now_us);
    struct thread_row from, to;
    bool holds, taken;

    memset(&c->op->thread_copy.out, 0, sizeof(c->op->thread_copy.out));
    if (!sql_tenant(c->d, c->op->tenant, false, &c->tenant, err) ||
        !thread_find(c->d, c->tenant, c->op->id, &from, err) ||
        !removal_expire(c->d, from.id, expired_us, err) || !find_target(c, &to, &taken, err) ||
        !thread_holds(c->d, from.id, INT64_MIN, &holds, err))
        return false;
    if (taken)
        return err_set(err, ERR_THREAD, "The thread to copy to exists.");
    *none = !holds;
    if (!holds)
        return true;
    stamp_observe(to.tomb);
    c->from_thread = from.id;
    return begin(c, err);
}

bool sql_thread_copy(struct sql *d, struct op *op, struct err *err)
{
    struct copy *c = arena_zalloc(op->arena, 1, sizeof(*c));
    bool none = false;

    if (!c)
        return err_no_memory(err);
    if (op->progress) {
        *c = *(struct copy *)op->progress;
        if (!go_on(c, err))
            return false;
    } else {
        c->d = d;
        c->op = op;
        if (!start(c, &none, err) || (!none && !copy_more(c, err)))
            return false;
    }
    op->progress = c;
    return true;
}

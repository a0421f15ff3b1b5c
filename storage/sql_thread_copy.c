/*
 * sql_thread_copy.c - OP_THREAD_COPY; see op_threads.h.
 *
 *     begin -> stamps -> values -> checkpoints with their writes -> attach
 *
 * The copy grows, in parts, in a thread of a tenant that does not exist; the last part moves its namespaces
 * to the target thread. If the source changes meanwhile, the copy begins anew and is made in one part.
 * Clean-up removes a copy that was interrupted.
 */
#include "clock.h"
#include "copies.h"
#include "record_fields.h"
#include "sql_copy_rows.h"
#include "sql_garbage.h"
#include "sql_ops.h"
#include "sql_part.h"
#include "sql_removal.h"
#include "sql_rows.h"

enum copy_phase { COPY_STAMPS, COPY_VALUES, COPY_ROWS, COPY_ATTACH, COPY_DISCARD, COPY_REFUSE };

/* The progress of a copy. A copy of this struct continues from the state in which it was made. */
struct copy {
    struct sql *d;
    struct op *op;
    int64_t tenant, from_thread, hidden; /* the thread that holds the copy until it is complete */
    uint64_t seen;                       /* state of the source when the copy began */
    bool at_once;
    enum copy_phase phase;
    struct copier copier;
    size_t at; /* index of the next to be copied, in the list of the phase */
};

/* Copies some items of the phase; *n as in sql_copy_rows.h. */
static bool copy_some(struct copy *c, const int64_t *list, size_t *n, struct arena *scratch,
                      struct err *err)
{
    arena_reset(scratch);
    switch (c->phase) {
    case COPY_STAMPS:
        return copier_stamps(&c->copier, list, n, scratch, err);
    case COPY_VALUES:
        return copier_values(&c->copier, list, n, scratch, err);
    case COPY_ROWS:
        return copier_rows(&c->copier, list, n, scratch, err);
    case COPY_ATTACH:
    case COPY_DISCARD:
    case COPY_REFUSE:
        break;
    }
    return err_set(err, ERR_INTERNAL, "nothing is copied in this phase");
}

/* Goes through the list of each phase until the part is full. */
static bool copy_part(struct copy *c, struct arena *scratch, struct err *err)
{
    size_t steps = 0;

    while (c->phase < COPY_ATTACH) {
        bool values = c->phase == COPY_VALUES;
        const struct renumber *list = values ? &c->copier.values : &c->copier.rows;
        size_t n = list->n - c->at, left = c->at_once ? n : sql_part_left(c->d, steps);

        if (left == 0 && !c->at_once)
            return true;
        if (n > 0) {
            n = n < left ? n : left;
            if (!copy_some(c, list->old + c->at, &n, scratch, err))
                return false;
            c->at += n;
            steps += n;
            continue;
        }
        if (c->phase == COPY_STAMPS && !renumber_take(&c->copier.stamps, c->op->arena, err))
            return false;
        c->at = 0;
        c->phase++;
        steps++;
    }
    return true;
}

static uint64_t mix(uint64_t hash, int64_t number)
{
    return (hash ^ (uint64_t)number) * UINT64_C(0x9e3779b97f4a7c15) ^ hash >> 29;
}

/* Questions that go together: those of state_of(), and whether what was copied still exists. */
struct questions {
    struct arena arena;
    struct query thread, notes, known;
};

static void questions_end(struct questions *q)
{
    query_end(&q->thread);
    query_end(&q->notes);
    query_end(&q->known);
    arena_done(&q->arena);
}

static bool ask_number(struct copy *c, enum sql_statement which, const int64_t *in, struct query *q,
                       struct err *err)
{
    if (!query_begin(c->d, which, q, err))
        return false;
    for (int i = 0; i < query_parameters(q); i++)
        query_int(q, in[i]);
    return query_ask(q, err);
}

static bool ask_state(struct copy *c, struct questions *q, struct err *err)
{
    return ask_number(c, SQL_THREAD_STATE, &c->from_thread, &q->thread, err) &&
           unswept_ask(c->d, c->copier.from, c->copier.n_spaces, &q->arena, &q->notes, err);
}

/* After some time, clean-up takes a copy for interrupted and removes it. */
static bool ask_known(struct copy *c, struct questions *q, struct err *err)
{
    return ask_number(c, SQL_THREAD_KNOWN, (int64_t[]){c->hidden, GARBAGE_TENANT}, &q->known, err);
}

/* A hash that changes with the contents of the thread, and when a removal in it begins or ends. */
static bool state_of(struct copy *c, struct questions *q, uint64_t *state, struct err *err)
{
    uint64_t hash = (uint64_t)c->d->strays;
    int64_t note;
    size_t at;
    bool found;

    for (;;) {
        if (!query_step(&q->thread, &found, err))
            return false;
        if (!found)
            break;
        for (int i = 0; i < query_columns(&q->thread); i++)
            hash = mix(hash, query_col_int(&q->thread, i));
    }
    for (;;) {
        if (!unswept_take(&q->notes, &at, &note, &found, err))
            return false;
        if (!found)
            break;
        hash = mix(mix(hash, c->copier.from[at]), note);
    }
    *state = hash;
    return true;
}

/* Makes the hidden thread, and lists what is to be copied. */
static bool begin(struct copy *c, struct err *err)
{
    int64_t name = stamp_next();
    struct thread_row hidden = {.updated_us = c->op->now_us};
    AUTO(questions_end) struct questions q = {0};

    if (!thread_make(c->d, GARBAGE_TENANT, (struct slice){(const char *)&name, sizeof(name)},
                     &hidden, err))
        return false;
    c->hidden = hidden.id;
    return copier_begin(&c->copier, c->from_thread, c->hidden, err) && ask_state(c, &q, err) &&
           state_of(c, &q, &c->seen, err);
}

/* Turns what was copied into garbage. */
static bool discard(struct copy *c, struct err *err)
{
    AUTO(questions_end) struct questions q = {0};
    bool known;

    return ask_known(c, &q, err) && query_step(&q.known, &known, err) &&
           (!known || (garbage_thread(c->d, c->hidden, err) &&
                       query_do(c->d, SQL_THREAD_FORGO, c->hidden, 0, err)));
}

static void set(struct copy *c, struct sql *d, struct op *op)
{
    *c = (struct copy){.d = d, .op = op, .copier = {.d = d, .arena = op->arena}};
}

static bool begin_anew(struct copy *c, struct err *err)
{
    int64_t tenant = c->tenant, from_thread = c->from_thread;

    if (!discard(c, err))
        return false;
    set(c, c->d, c->op);
    c->tenant = tenant;
    c->from_thread = from_thread;
    c->at_once = true;
    return begin(c, err);
}

/* Copies the notes of namespaces that a removal has not finished: the copy has the same leftovers. */
static bool give_notes(struct copy *c, struct err *err)
{
    AUTO(questions_end) struct questions q = {0};
    int64_t note;
    size_t at;
    bool found;

    if (!unswept_ask(c->d, c->copier.from, c->copier.n_spaces, &q.arena, &q.notes, err))
        return false;
    for (;;) {
        if (!unswept_take(&q.notes, &at, &note, &found, err))
            return false;
        if (!found)
            return true;
        if (!unswept_add(c->d, c->copier.to[at], INT64_MAX, err))
            return false;
    }
}

static bool give(struct copy *c, int64_t to, struct err *err)
{
    const struct renumber *stamps = &c->copier.stamps;
    int64_t newest = stamps->n ? renumber_of(stamps, stamps->old[stamps->n - 1]) : 0;
    struct query q;

    if (!give_notes(c, err))
        return false;
    for (size_t i = 0; i < c->copier.n_spaces; i++) {
        if (!query_begin(c->d, SQL_NS_ATTACH, &q, err))
            return false;
        query_int(&q, c->copier.to[i]);
        query_int(&q, to);
        query_int(&q, c->copier.from[i]);
        query_int(&q, newest);
        if (!query_run(&q, err))
            return false;
    }
    return query_do(c->d, SQL_THREAD_FORGO, c->hidden, 0, err);
}

/* Finds the target thread; expired contents do not count and go when the copy is attached. */
static bool find_target(struct copy *c, struct thread_row *to, bool *taken, struct err *err)
{
    return thread_find(c->d, c->tenant, c->op->thread_copy.to, to, err) &&
           thread_holds(c->d, to->id, clock_expired_us(c->d->checkpoint_ttl_us, c->op->now_us),
                        taken, err);
}

/* Makes the copy visible, if the target is still free. */
static bool attach(struct copy *c, struct err *err)
{
    struct op_thread_copy *copy = &c->op->thread_copy;
    struct thread_row to;
    int64_t now_us;
    bool taken;

    if (!find_target(c, &to, &taken, err))
        return false;
    now_us = record_thread_time(to.tomb, c->op->now_us);
    if (taken) {
        c->phase = COPY_DISCARD;
        c->op->again = true;
        return discard(c, err);
    }
    if (c->copier.stamps.n > 0 &&
        to.tomb >= c->copier.stamps.first) { /* it was deleted meanwhile */
        stamp_observe(to.tomb);
        c->op->again = true;
        return begin_anew(c, err);
    }
    if (c->copier.n_spaces == 0) /* the source is gone */
        return discard(c, err);
    copy->out.checkpoints = c->copier.checkpoints;
    copy->out.writes = c->copier.writes;
    return (to.id ? garbage_thread(c->d, to.id, err)
                  : thread_make(c->d, c->tenant, copy->to, &to, err)) &&
           give(c, to.id, err) && thread_touch(c->d, to.id, now_us, err) &&
           copies_thread(c->op, copy->to, to.tomb, now_us, err) &&
           copies_name(c->op, RECORD_CONTENTS, copy->to, err) &&
           sql_session_touch(c->d, c->op, c->tenant, copy->to, err);
}

/*
 * Whether the source, and its copy so far, are as they were when the last part ended. That stays true for
 * this part: where others write to the store too, the first question locks the source.
 */
static bool is_same(struct copy *c, bool *same, struct err *err)
{
    AUTO(query_end) struct query from = {0};
    AUTO(questions_end) struct questions q = {0};
    uint64_t state;
    bool known;

    if (!thread_begin(c->d, c->tenant, c->op->id, &from, err) || !query_ask(&from, err) ||
        !ask_state(c, &q, err) || !ask_known(c, &q, err) || !state_of(c, &q, &state, err) ||
        !query_step(&q.known, &known, err))
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

/* Does the first part. *none: there is nothing to copy. */
static bool start(struct copy *c, bool *none, struct err *err)
{
    int64_t expired_us = clock_expired_us(c->d->checkpoint_ttl_us, c->op->now_us);
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
        set(c, d, op);
        if (!start(c, &none, err) || (!none && !copy_more(c, err)))
            return false;
    }
    op->progress = c;
    return true;
}

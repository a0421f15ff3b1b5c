/* sql_look.c - see sql_look.h. */
#include "sql_look.h"

#include "record_fields.h"
#include "sorted.h"

enum { LOOK_MAX = 128 };

static const struct record *item_at(const struct look *l, size_t i)
{
    return &l->op->merge.items[i];
}

static struct look_item *asked(const struct look *l, size_t i)
{
    return &l->items[i - l->first];
}

/* Whether a record belongs to a namespace of a thread. */
static bool is_in_space(const struct record *r)
{
    return r->kind == RECORD_VALUE || r->kind == RECORD_CHECKPOINT || r->kind == RECORD_TASK;
}

static bool is_of_session(const struct record *r)
{
    return r->kind <= RECORD_CONTEXT || r->kind == RECORD_PENDING;
}

/* Whether earlier records, when merged, do not change the answers about this one, apart from new rows. */
static bool goes_with(const struct record *before, const struct record *r)
{
    if (!slice_equal(before->key.id, r->key.id))
        return false;
    if (before->kind != r->kind)
        return before->kind < r->kind;
    return r->kind != RECORD_CONTEXT && record_key_compare(&before->key, &r->key) < 0;
}

/* The namespace of a record; NULL when there is no room for another. */
static struct look_space *space_of(struct look *l, const struct record *r)
{
    struct look_space *space;

    for (size_t i = 0; i < l->n_spaces; i++)
        if (slice_equal(l->spaces[i].ns, r->key.ns))
            return &l->spaces[i];
    if (l->n_spaces == LOOK_SPACES)
        return NULL;
    space = &l->spaces[l->n_spaces++];
    *space = (struct look_space){.ns = r->key.ns};
    return space;
}

/* Chooses the records to ask about together. */
static void choose(struct look *l)
{
    size_t max = l->d->driver->distant ? LOOK_MAX : 1;

    for (l->end = l->first; l->end < l->op->merge.n && l->end - l->first < max; l->end++) {
        const struct record *r = item_at(l, l->end);
        struct look_space *space = NULL;

        if (l->end > l->first && !goes_with(item_at(l, l->end - 1), r))
            break;
        if (is_in_space(r) && !(space = space_of(l, r)))
            break;
        *asked(l, l->end) = (struct look_item){.space = space};
    }
}

/* Comes first, as it locks the row where others may write to it. */
static bool ask_session(struct look *l, struct err *err)
{
    struct session_row row = {.tenant = l->tenant, .s.session_id = item_at(l, l->first)->key.id};
    bool any = false;

    l->texts = false;
    for (size_t i = l->first; i < l->end; i++) {
        any |= is_of_session(item_at(l, i));
        l->texts |= item_at(l, i)->kind == RECORD_SESSION || item_at(l, i)->kind == RECORD_PENDING;
    }
    return !any || row_ask(l->d, &row, l->texts, &l->session, err);
}

static void bind_place(const struct look *l, const struct record *r, struct query *q)
{
    query_int(q, l->tenant);
    query_blob(q, r->key.id);
}

static bool begin_context(struct look *l, const struct record *r, struct query *q, struct err *err)
{
    if (!query_begin(l->d, SQL_LOOK_CONTEXT, q, err))
        return false;
    bind_place(l, r, q);
    query_int(q, r->key.stamp);
    query_int(q, l->d->context_versions - 1);
    return true;
}

static bool begin_message(struct look *l, const struct record *r, struct query *q, struct err *err)
{
    if (!query_begin(l->d, SQL_LOOK_MESSAGE, q, err))
        return false;
    bind_place(l, r, q);
    query_blob(q, r->key.sub);
    return true;
}

static bool begin_value(struct look *l, const struct record *r, struct query *q, struct err *err)
{
    if (!query_begin(l->d, SQL_LOOK_VALUE, q, err))
        return false;
    query_int(q, r->key.number);
    query_int(q, r->value.blob.base_id);
    return true;
}

static bool begin_in_space(struct look *l, const struct record *r, struct query *q, struct err *err)
{
    bool task = r->kind == RECORD_TASK;

    if (!query_begin(l->d, task ? SQL_LOOK_TASK : SQL_LOOK_CHECKPOINT, q, err))
        return false;
    bind_place(l, r, q);
    query_blob(q, load_text(r->key.ns));
    query_blob(q, r->key.sub);
    if (task)
        query_blob(q, r->key.task);
    return true;
}

static bool begin_request(struct look *l, const struct record *r, struct query *q, struct err *err)
{
    const struct record_repeat *repeat = record_request(r);
    /* Whether it is pending in this store. */
    bool here = r->kind == RECORD_REPEAT || l->op->merge.own;

    if (!query_begin(l->d, here ? SQL_LOOK_REPEAT : SQL_LOOK_PENDING, q, err))
        return false;
    query_blob(q, r->key.sub);
    query_int(q, here ? repeat->at_us : r->pending.stamp);
    query_int(q, repeat->at_us - REPEAT_WINDOW_US);
    query_int(q, repeat->at_us + REPEAT_WINDOW_US);
    return true;
}

/* Begins the question about a record. A session needs none: its row tells all. */
static bool begin(struct look *l, const struct record *r, struct query *q, struct err *err)
{
    switch (r->kind) {
    case RECORD_MESSAGE:
        return begin_message(l, r, q, err);
    case RECORD_CONTEXT:
        return begin_context(l, r, q, err);
    case RECORD_THREAD:
        return thread_begin(l->d, l->tenant, r->key.id, q, err);
    case RECORD_VALUE:
        return begin_value(l, r, q, err);
    case RECORD_CHECKPOINT:
    case RECORD_TASK:
        return begin_in_space(l, r, q, err);
    case RECORD_REPEAT:
    case RECORD_PENDING:
        return begin_request(l, r, q, err);
    case RECORD_SESSION:
    case RECORD_MESSAGES:
    case RECORD_CHECKPOINTS:
    case RECORD_CONTENTS:
        break;
    }
    return true;
}

/* Comes before questions about the contents, as it locks the thread. */
static bool ask_space(struct look *l, const struct record *r, struct look_space *space,
                      struct err *err)
{
    struct ns_key key = {l->tenant, r->key.id, load_text(r->key.ns)};

    return space->taken || space->q.st ||
           (ns_begin(l->d, &key, &space->q, err) && query_ask(&space->q, err));
}

/* The record before record i, in this batch, that brings a value into the namespace; NULL: none does. */
static const struct look_item *brought(const struct look *l, size_t i, int64_t id)
{
    const struct record *r = item_at(l, i);

    for (size_t k = l->first; k < i && item_at(l, k)->kind <= RECORD_VALUE; k++) {
        const struct record *value = item_at(l, k);

        if (value->kind == RECORD_VALUE && value->key.number == id &&
            slice_equal(value->key.ns, r->key.ns))
            return asked(l, k);
    }
    return NULL;
}

/* Asks for the values that a checkpoint refers to, except those that come with it. */
static bool ask_needed(struct look *l, size_t i, struct err *err)
{
    const struct record_checkpoint *c = &item_at(l, i)->checkpoint;
    struct look_item *item = asked(l, i);
    size_t n = 0;

    item->ids = arena_alloc(l->op->arena, (c->n_refs + 1) * sizeof(*item->ids));
    if (!item->ids)
        return err_no_memory(err);
    if (!brought(l, i, c->head))
        item->ids[n++] = c->head;
    for (size_t k = 0; k < c->n_refs; k++)
        if (!brought(l, i, c->refs[k]))
            item->ids[n++] = c->refs[k];
    item->n_ids = sorted_numbers(item->ids, n);
    return item->n_ids == 0 || (load_begin_among(l->d, SQL_LOOK_NEEDED, item->ids, item->n_ids,
                                                 l->op->arena, &item->needed, err) &&
                                query_ask(&item->needed, err));
}

static bool ask(struct look *l, size_t i, struct err *err)
{
    const struct record *r = item_at(l, i);
    struct look_item *item = asked(l, i);

    if (r->gone && r->kind == RECORD_CHECKPOINT) /* those are removed together at the end */
        return true;
    if (item->space && !ask_space(l, r, item->space, err))
        return false;
    return begin(l, r, &item->q, err) && (!item->q.st || query_ask(&item->q, err)) &&
           (r->kind != RECORD_CHECKPOINT || ask_needed(l, i, err));
}

void look_end(struct look *l)
{
    query_end(&l->session);
    for (size_t i = 0; i < l->n_spaces; i++)
        query_end(&l->spaces[i].q);
    for (size_t i = l->first; l->items && i < l->end; i++) {
        query_end(&asked(l, i)->q);
        query_end(&asked(l, i)->needed);
    }
    l->end = l->first;
    l->n_spaces = 0;
}

bool look_ahead(struct look *l, size_t first, struct err *err)
{
    size_t most = l->op->merge.n < LOOK_MAX ? l->op->merge.n : LOOK_MAX;

    look_end(l);
    if (!l->items)
        l->items = arena_alloc(l->op->arena, most * sizeof(*l->items));
    if (!l->items)
        return err_no_memory(err);
    l->first = l->end = first;
    l->stale = false;
    l->thread = l->tomb = 0;
    choose(l);
    if (!ask_session(l, err))
        return false;
    for (size_t i = first; i < l->end; i++)
        if (!ask(l, i, err))
            return false;
    return true;
}

bool look_holds(const struct look *l, size_t i)
{
    return i < l->end && !l->stale;
}

void look_forget(struct look *l)
{
    l->stale = true;
}

bool look_session(struct look *l, size_t i, struct session_row *row, struct err *err)
{
    struct slice id = item_at(l, i)->key.id;

    if (!l->session.st)
        return row_find(l->d, l->tenant, id, row, err);
    *row = (struct session_row){.tenant = l->tenant, .s.session_id = id};
    if (!row_take(&l->session, l->texts ? l->op->arena : NULL, row, err))
        return false;
    query_end(&l->session);
    return true;
}

bool look_message(struct look *l, size_t i, struct record_message *out, bool *known,
                  struct err *err)
{
    struct query *q = &asked(l, i)->q;

    if (!query_step(q, known, err))
        return false;
    if (*known) {
        out->seq = query_col_int(q, 0);
        out->stamp = query_col_int(q, 1);
    }
    query_end(q);
    return true;
}

bool look_context(struct look *l, size_t i, struct look_context *out, struct err *err)
{
    struct query *q = &asked(l, i)->q;
    bool found;

    if (!query_step(q, &found, err))
        return false;
    *out = (struct look_context){
        .trimmed = found && query_col_int(q, 0) > item_at(l, i)->key.stamp,
        .number = found ? query_col_int(q, 1) : 0,
    };
    query_end(q);
    return true;
}

bool look_thread(struct look *l, size_t i, struct thread_row *row, struct err *err)
{
    struct query *q = &asked(l, i)->q;

    if (!thread_take(q, row, err))
        return false;
    query_end(q);
    return true;
}

bool look_space(struct look *l, size_t i, struct ns_row *row, struct err *err)
{
    struct look_space *space = asked(l, i)->space;

    if (!space->taken) {
        if (!ns_take(&space->q, &space->row, err))
            return false;
        query_end(&space->q);
        space->taken = true;
    }
    if (space->row.thread == 0) {
        space->row.thread = l->thread;
        space->row.tomb = l->tomb;
    }
    *row = space->row;
    return true;
}

bool look_value(struct look *l, size_t i, struct look_value *out, struct err *err)
{
    int64_t base = item_at(l, i)->value.blob.base_id;
    const struct look_item *before = base ? brought(l, i, base) : NULL;
    struct query *q = &asked(l, i)->q;
    struct ns_row ns;
    bool found;

    if (!look_space(l, i, &ns, err) || !query_step(q, &found, err))
        return false;
    *out = (struct look_value){query_col_int(q, 0), query_col_int(q, 1)};
    if (before && !before->broken)
        out->base_ns = ns.id;
    query_end(q);
    return true;
}

bool look_needed(struct look *l, size_t i, int64_t ns, bool *whole, struct err *err)
{
    const struct record_checkpoint *c = &item_at(l, i)->checkpoint;
    struct look_item *item = asked(l, i);
    const struct look_item *before;
    size_t n = 0;
    bool found = item->n_ids > 0;

    while (found) {
        if (!query_step(&item->needed, &found, err))
            return false;
        n += found && query_col_int(&item->needed, 1) == ns;
    }
    query_end(&item->needed);
    before = brought(l, i, c->head);
    *whole = n == item->n_ids && !(before && before->broken);
    for (size_t k = 0; k < c->n_refs && *whole; k++) {
        before = brought(l, i, c->refs[k]);
        *whole = !before || !before->broken;
    }
    return true;
}

void look_broken(struct look *l, size_t i)
{
    asked(l, i)->broken = true;
}

bool look_checkpoint(struct look *l, size_t i, struct checkpoint_row *row, bool *child,
                     struct err *err)
{
    struct query *q = &asked(l, i)->q;

    if (!checkpoint_take(q, row, err))
        return false;
    *child = row->id != 0 && query_col_int(q, 5) != 0;
    query_end(q);
    return true;
}

bool look_task(struct look *l, size_t i, struct arena *arena, struct checkpoint_row *row,
               struct task_row *task, struct err *err)
{
    struct query *q = &asked(l, i)->q;
    bool found;

    *row = (struct checkpoint_row){0};
    *task = (struct task_row){0};
    if (!query_step(q, &found, err))
        return false;
    if (found) {
        row->id = query_col_int(q, 0);
        row->stamp = query_col_int(q, 1);
        task->id = query_col_int(q, 3);
        task->seq = query_col_int(q, 4);
        task->stamp = query_col_int(q, 5);
        if (!query_copy(q, 6, arena, &task->body, err) ||
            !query_copy(q, 7, arena, &task->task_path, err))
            return false;
    }
    query_end(q);
    return true;
}

/* Reads two booleans from the only row. */
static bool take_truths(struct query *q, bool *a, bool *b, struct err *err)
{
    bool found;

    if (!query_step(q, &found, err))
        return false;
    *a = query_col_int(q, 0) != 0;
    *b = query_col_int(q, 1) != 0;
    query_end(q);
    return true;
}

bool look_repeat(struct look *l, size_t i, bool *known, bool *pending, struct err *err)
{
    return take_truths(&asked(l, i)->q, known, pending, err);
}

bool look_pending(struct look *l, size_t i, bool *counted, struct err *err)
{
    const struct record *r = item_at(l, i);
    bool known, waits;

    if (!take_truths(&asked(l, i)->q, &known, &waits, err))
        return false;
    *counted = l->op->merge.own ? !waits : known || waits;
    for (size_t k = l->first; k < i && !*counted; k++) /* its request may have come since */
        *counted = item_at(l, k)->kind == RECORD_REPEAT &&
                   slice_equal(item_at(l, k)->key.sub, r->key.sub) &&
                   record_is_request(r, item_at(l, k)->repeat.at_us);
    return true;
}

void look_made_thread(struct look *l, int64_t id, int64_t tomb)
{
    l->thread = id;
    l->tomb = tomb;
}

void look_keep_space(struct look *l, size_t i, const struct ns_row *row)
{
    asked(l, i)->space->row = *row;
    if (l->thread == 0 && row->thread != 0)
        look_made_thread(l, row->thread, row->tomb);
}

void look_made(struct look *l, size_t i)
{
    asked(l, i)->made = true;
}

/* Looks for a checkpoint or task before record i that has made the row of the same checkpoint. */
bool look_is_made(const struct look *l, size_t i)
{
    const struct record *r = item_at(l, i);

    for (size_t k = i; k-- > l->first && item_at(l, k)->kind >= RECORD_CHECKPOINT;) {
        const struct record *other = item_at(l, k);

        if (asked(l, k)->made && slice_equal(other->key.ns, r->key.ns) &&
            slice_equal(other->key.sub, r->key.sub))
            return true;
    }
    return false;
}

/* sql_merge_gone.c - OP_MERGE of what was removed from a thread elsewhere; see record.h. */
#include "clock.h"
#include "sql_look.h"
#include "sql_ops.h"
#include "sql_removal.h"

struct gone {
    struct sql *d;
    const struct record *record;
    int64_t ns, newest; /* newest: of the writes on the row; 0 = none */
    struct checkpoint_row row;
    struct doomed list; /* rows left without writes */
    int64_t stamp;      /* of the removal of rows; 0: only values are removed */
    size_t applied;
};

static bool find_gone(struct gone *g, int64_t tenant, struct err *err)
{
    struct ns_key key = {tenant, g->record->key.id, g->record->key.ns};
    struct ns_row ns;

    g->row = (struct checkpoint_row){0};
    if (!ns_find(g->d, &key, &ns, err) ||
        (ns.id && !checkpoint_find(g->d, ns.id, g->record->key.sub, &g->row, err)))
        return false;
    g->ns = ns.id;
    return true;
}

static bool find_newest(struct gone *g, struct err *err)
{
    g->newest = 0;
    return query_number(g->d, SQL_TASK_NEWEST, (int64_t[]){g->row.id, 0}, &g->newest, err);
}

static bool drop_row(struct gone *g, struct err *err)
{
    struct doomed_item item = {
        .ns = g->ns, .id = g->row.id, .mark = doomed_mark(g->row.stamp, g->row.created_us)};

    g->applied++;
    return doomed_add(&g->list, &item, err);
}

/* Removes a checkpoint but keeps the writes on it. */
static bool undo_row(struct gone *g, struct err *err)
{
    int64_t freed = 0;

    g->applied++;
    return query_do(g->d, SQL_CHECKPOINT_UNDO, g->row.id, stamp_us(g->newest), err) &&
           (g->row.head == 0 || doomed_head(g->d, g->ns, g->row.head, &freed, err)) &&
           ns_grow(g->d, g->ns,
                   &(struct ns_change){.checkpoints = -1, .bytes = -freed - g->row.metadata_len},
                   err) &&
           doomed_add(&g->list, &(struct doomed_item){.ns = g->ns, .mark = g->record->gone}, err);
}

static bool ask_of_task(struct gone *g, enum sql_statement which, struct query *q, struct err *err)
{
    if (!query_begin(g->d, which, q, err))
        return false;
    query_int(q, g->row.id);
    query_int(q, g->record->gone);
    query_blob(q, g->record->key.task);
    return true;
}

/* A newer task stays; its place in the order becomes that of its newest write. */
static bool renew_task(struct gone *g, struct err *err)
{
    int64_t changes;
    struct query q;

    if (!ask_of_task(g, SQL_TASK_RENEW, &q, err) || !query_change(&q, &changes, err))
        return false;
    g->applied += changes > 0;
    return true;
}

/* Removes a task; its row goes too if it held nothing else. */
static bool drop_task(struct gone *g, struct err *err)
{
    AUTO(query_end) struct query q = {0};
    int64_t bytes = 0;
    bool found;

    if (!ask_of_task(g, SQL_TASK_GONE, &q, err) || !query_step(&q, &found, err))
        return false;
    if (found)
        bytes = query_col_int(&q, 0);
    query_end(&q);
    if (!found)
        return renew_task(g, err);
    g->applied++;
    return ns_grow(g->d, g->ns, &(struct ns_change){.bytes = -bytes}, err) && find_newest(g, err) &&
           (g->newest || g->row.stamp || drop_row(g, err));
}

static bool remove_gone(struct gone *g, struct err *err)
{
    if (g->record->kind == RECORD_TASK)
        return drop_task(g, err);
    if (g->row.stamp == 0 || g->row.stamp > g->record->gone)
        return true;
    return find_newest(g, err) && (g->newest ? undo_row(g, err) : drop_row(g, err));
}

/* Searches all namespaces of the thread, which gets locked, for values that nothing needs. */
static bool sweep_thread(struct gone *g, int64_t tenant, struct err *err)
{
    AUTO(query_end) struct query q = {0};
    struct thread_row thread;
    bool found;

    if (!thread_find(g->d, tenant, g->record->key.id, &thread, err) ||
        !query_begin(g->d, SQL_THREAD_NAMESPACES, &q, err))
        return false;
    query_int(&q, thread.id);
    for (;;) {
        if (!query_step(&q, &found, err))
            return false;
        if (!found)
            return true;
        if (!doomed_add(&g->list, &(struct doomed_item){.ns = query_col_int(&q, 0)}, err))
            return false;
    }
}

static bool remove_record(struct gone *g, int64_t tenant, struct err *err)
{
    if (g->record->kind == RECORD_CHECKPOINTS)
        return sweep_thread(g, tenant, err);
    return find_gone(g, tenant, err) && (g->row.id == 0 || remove_gone(g, err));
}

bool sql_checkpoints_gone(struct sql *d, struct op *op, int64_t tenant, struct err *err)
{
    struct gone g = {.d = d, .list = {.arena = op->arena}};

    for (size_t i = 0; i < op->merge.n; i++) {
        g.record = &op->merge.items[i];
        if (!g.record->gone || g.record->kind == RECORD_MESSAGE)
            continue;
        if (g.record->kind != RECORD_CHECKPOINTS)
            g.stamp = clock_later(g.stamp, g.record->gone);
        if (!remove_record(&g, tenant, err))
            return false;
    }
    op->merge.out.applied += g.applied;
    return g.list.n == 0 || removal_whole(d, &g.list, g.stamp, err);
}

/* sql_garbage.c - see sql_garbage.h. */
#include "sql_garbage.h"

#include "clock.h"
#include "sql_load.h"
#include "sql_part.h"

/* The most statements that one step runs. */
enum { DROPS = 3 };

bool garbage_thread(struct sql *d, int64_t thread, struct err *err)
{
    return query_do(d, SQL_THREAD_DISCARD, thread, 0, err);
}

bool garbage_session(struct sql *d, int64_t session, struct err *err)
{
    return query_do(d, SQL_SESSION_DISCARD, session, 0, err);
}

bool garbage_worth(struct sql *d, int64_t session, bool *worth, struct err *err)
{
    int64_t found = 0;

    if (!query_number(d, SQL_SESSION_FULL, (int64_t[]){session, GARBAGE_ROWS}, &found, err))
        return false;
    *worth = found != 0;
    return true;
}

static struct slice name_of(const int64_t *ns)
{
    return (struct slice){(const char *)ns, sizeof(*ns)};
}

bool unswept_add(struct sql *d, int64_t ns, int64_t names, struct err *err)
{
    struct query q;

    if (!query_begin(d, SQL_UNSWEPT_ADD, &q, err))
        return false;
    query_blob(&q, name_of(&ns));
    query_int(&q, clock_now_us());
    query_int(&q, -names);
    return query_run(&q, err);
}

bool unswept_find(struct sql *d, int64_t ns, int64_t *note, int64_t *names, struct err *err)
{
    AUTO(query_end) struct query q = {0};
    bool found;

    if (!query_begin(d, SQL_UNSWEPT_FIND, &q, err))
        return false;
    query_blob(&q, name_of(&ns));
    if (!query_step(&q, &found, err))
        return false;
    *note = found ? query_col_int(&q, 0) : 0;
    *names = found ? -query_col_int(&q, 1) : 0;
    return true;
}

/* The list itself serves as the names of its notes; each begins at a position in it. */
bool unswept_ask(struct sql *d, const int64_t *list, size_t n, struct arena *arena, struct query *q,
                 struct err *err)
{
    int64_t *places = arena_alloc(arena, (n + 1) * sizeof(*places));

    if (!places)
        return err_no_memory(err);
    for (size_t i = 0; i < n; i++)
        places[i] = (int64_t)(i * sizeof(*list)) + 1;
    if (!query_begin(d, SQL_UNSWEPT_SOME, q, err) || !load_bind_rows(q, places, n, 1, arena, err))
        return false;
    query_blob(q, (struct slice){(const char *)list, n * sizeof(*list)});
    return query_ask(q, err);
}

bool unswept_take(struct query *q, size_t *at, int64_t *note, bool *found, struct err *err)
{
    if (!query_step(q, found, err))
        return false;
    if (*found) {
        *at = (size_t)(query_col_int(q, 0) - 1) / sizeof(int64_t);
        *note = query_col_int(q, 1);
    }
    return true;
}

bool unswept_drop(struct sql *d, int64_t ns, struct err *err)
{
    struct query q;

    if (!query_begin(d, SQL_UNSWEPT_DROP, &q, err))
        return false;
    query_blob(&q, name_of(&ns));
    return query_run(&q, err);
}

bool unswept_next(struct query *q, int64_t *ns, int64_t *names, bool *found, struct err *err)
{
    struct slice name;

    if (!query_step(q, found, err))
        return false;
    if (!*found)
        return true;
    name = query_col(q, 0);
    if (name.len != sizeof(*ns))
        return err_set(err, ERR_DAMAGED, "store: a note of a namespace is damaged");
    memcpy(ns, name.at, sizeof(*ns));
    *names = -query_col_int(q, 1);
    return true;
}

/* Runs statements that each remove some rows, in one trip; *rows is increased by their number. */
static bool drop_some(struct sql *d, const enum sql_statement *which, size_t n, int64_t of,
                      size_t *rows, struct err *err)
{
    struct query q[DROPS] = {0};
    int64_t changes;
    bool ok = true;

    for (size_t i = 0; ok && i < n; i++) {
        ok = query_begin(d, which[i], &q[i], err);
        if (!ok)
            break;
        query_int(&q[i], of);
        query_int(&q[i], d->driver->distant ? PART_AT_ONCE : GARBAGE_ROWS);
        ok = query_ask(&q[i], err);
    }
    for (size_t i = 0; i < n; i++) {
        ok = ok && query_change(&q[i], &changes, err);
        if (ok)
            *rows += (size_t)changes;
        query_end(&q[i]);
    }
    return ok;
}

/* *rows stays 0 if the namespace was empty; then it is gone. */
static bool drop_from_namespace(struct sql *d, int64_t ns, size_t *rows, struct err *err)
{
    static const enum sql_statement drops[DROPS] = {SQL_GARBAGE_TASKS, SQL_GARBAGE_CHECKPOINTS,
                                                    SQL_GARBAGE_VALUES};

    return drop_some(d, drops, DROPS, ns, rows, err) &&
           (*rows > 0 || query_do(d, SQL_GARBAGE_NS_DROP, ns, 0, err));
}

static bool drop_from_session(struct sql *d, int64_t session, size_t *rows, struct err *err)
{
    static const enum sql_statement drops[] = {SQL_GARBAGE_MESSAGES, SQL_GARBAGE_CONTEXTS};

    return drop_some(d, drops, COUNT_OF(drops), session, rows, err) &&
           (*rows > 0 || query_do(d, SQL_GARBAGE_SESSION_DROP, session, 0, err));
}

/* Works on one kind of garbage until the part is full; *left if there is more of it. */
static bool collect_kind(struct sql *d, enum sql_statement find,
                         bool (*drop)(struct sql *d, int64_t id, size_t *rows, struct err *err),
                         size_t *steps, bool *left, struct err *err)
{
    int64_t id;

    for (;;) {
        size_t rows = 0;

        id = 0;
        if (!query_number(d, find, (int64_t[]){0, 0}, &id, err))
            return false;
        *left = id != 0;
        if (!*left || sql_part_full(d, *steps))
            return true;
        if (!drop(d, id, &rows, err))
            return false;
        *steps += rows + 1;
    }
}

bool garbage_collect(struct sql *d, bool *left, struct err *err)
{
    size_t steps = 0;

    return collect_kind(d, SQL_GARBAGE_NS, drop_from_namespace, &steps, left, err) &&
           (*left || collect_kind(d, SQL_GARBAGE_SESSION, drop_from_session, &steps, left, err));
}

bool garbage_finish(struct sql *d, struct op *op, struct err *err)
{
    if (!garbage_collect(d, &op->again, err))
        return false;
    op->progress = op; /* it has begun; there is nothing else to remember */
    return true;
}

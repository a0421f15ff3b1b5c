/* sqlite_garbage.c - see sqlite_garbage.h. */
#include "sqlite_garbage.h"

/* Rows that one statement removes. */
enum { GARBAGE_ROWS = 50 };

bool garbage_thread(struct sqlite *d, int64_t thread, struct err *err)
{
    return query_do(d, SQL_THREAD_DISCARD, thread, 0, err);
}

bool garbage_session(struct sqlite *d, int64_t session, struct err *err)
{
    return query_do(d, SQL_SESSION_DISCARD, session, 0, err);
}

bool garbage_worth(struct sqlite *d, int64_t session, bool *worth, struct err *err)
{
    int64_t found = 0;

    if (!query_number(d, SQL_SESSION_FULL, (int64_t[]){session, GARBAGE_ROWS}, &found, err))
        return false;
    *worth = found != 0;
    return true;
}

/* Runs a statement on at most GARBAGE_ROWS rows; *rows is how many there were. */
static bool drop_some(struct sqlite *d, enum sqlite_sql which, int64_t of, size_t *rows,
                      struct err *err)
{
    if (!query_do(d, which, of, GARBAGE_ROWS, err))
        return false;
    *rows += (size_t)sqlite3_changes64(d->db);
    return true;
}

/* *rows stays 0 when the namespace was empty, and is gone. */
static bool drop_from_namespace(struct sqlite *d, int64_t ns, size_t *rows, struct err *err)
{
    return drop_some(d, SQL_GARBAGE_TASKS, ns, rows, err) &&
           drop_some(d, SQL_GARBAGE_CHECKPOINTS, ns, rows, err) &&
           drop_some(d, SQL_GARBAGE_VALUES, ns, rows, err) &&
           (*rows > 0 || query_do(d, SQL_GARBAGE_NS_DROP, ns, 0, err));
}

static bool drop_from_session(struct sqlite *d, int64_t session, size_t *rows, struct err *err)
{
    return drop_some(d, SQL_GARBAGE_MESSAGES, session, rows, err) &&
           drop_some(d, SQL_GARBAGE_CONTEXTS, session, rows, err) &&
           (*rows > 0 || query_do(d, SQL_GARBAGE_SESSION_DROP, session, 0, err));
}

/* Works on one kind until the part is full; *left if it has not come to an end. */
static bool collect_kind(struct sqlite *d, enum sqlite_sql find,
                         bool (*drop)(struct sqlite *d, int64_t id, size_t *rows, struct err *err),
                         size_t *steps, bool *left, struct err *err)
{
    int64_t id;

    for (;;) {
        size_t rows = 0;

        id = 0;
        if (!query_number(d, find, (int64_t[]){0, 0}, &id, err))
            return false;
        *left = id != 0;
        if (!*left || sqlite_part_full(d, *steps))
            return true;
        if (!drop(d, id, &rows, err))
            return false;
        *steps += rows + 1;
    }
}

bool garbage_collect(struct sqlite *d, bool *left, struct err *err)
{
    size_t steps = 0;

    return collect_kind(d, SQL_GARBAGE_NS, drop_from_namespace, &steps, left, err) &&
           (*left || collect_kind(d, SQL_GARBAGE_SESSION, drop_from_session, &steps, left, err));
}

bool garbage_finish(struct sqlite *d, struct op *op, struct err *err)
{
    if (!garbage_collect(d, &op->again, err))
        return false;
    op->progress = op; /* it has begun; there is no more to remember */
    return true;
}

/* sql_threads.c - OP_THREAD_DELETE, also on behalf of other ops; see op_threads.h. */
#include "clock.h"
#include "copies.h"
#include "sql_garbage.h"
#include "sql_ns.h"
#include "sql_ops.h"

/* The highest stamp of a thread and its contents. */
static bool newest_stamp(struct sql *d, const struct thread_row *row, int64_t *stamp,
                         struct err *err)
{
    int64_t newest = 0;

    if (!query_number(d, SQL_THREAD_NEWEST, (int64_t[]){row->id, 0}, &newest, err))
        return false;
    *stamp = clock_later(newest, row->tomb);
    return true;
}

bool sql_thread_delete(struct sql *d, struct op *op, struct err *err)
{
    struct thread_row row;
    int64_t tenant, newest, stamp;

    if (op->progress)
        return garbage_finish(d, op, err);
    return sql_tenant(d, op->tenant, true, &tenant, err) &&
           thread_find(d, tenant, op->id, &row, err) && newest_stamp(d, &row, &newest, err) &&
           op_stamp_above(op, newest, &stamp, err) &&
           sql_thread_remove(d, op, op->id, stamp, err) && garbage_finish(d, op, err);
}

bool sql_thread_remove(struct sql *d, struct op *op, struct slice id, int64_t stamp,
                       struct err *err)
{
    int64_t newest, tenant;
    struct thread_row row;

    if (!sql_tenant(d, op->tenant, true, &tenant, err) || !thread_find(d, tenant, id, &row, err) ||
        !newest_stamp(d, &row, &newest, err) ||
        !op_fence_allows(op, newest, err)) /* the other store would keep it */
        return false;
    row.tomb = clock_later(stamp, newest);
    if (row.id ? !garbage_thread(d, row.id, err) ||
                     !query_do(d, SQL_THREAD_TOMB, row.id, row.tomb, err)
               : !thread_make(d, tenant, id, &row, err))
        return false;
    return copies_thread(op, id, row.tomb, row.updated_us, err);
}

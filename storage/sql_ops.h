/*
 * sql_ops.h - the op functions of the drivers that speak SQL: sql_session_put() etc., one per type but
 * the probe.
 *
 *     sql.c (batch) -> sql_<subject>.c -> sql_query.h
 *
 * Below them: helpers for tenants, and what the functions leave to the files for threads.
 *
 * Threads    the lane's.
 * Ownership  columns are copied into the op's arena before the statement moves on.
 * Units      *_us wall microseconds; stamps as in clock.h.
 * Errors     An op function returns true and fills `out`, or false and fills err:
 *            a kind that is the op's (err_is_of_op(); NO_SESSION, FORM, ...): nothing was changed,
 *            the op fails alone; any other kind: the transaction is lost.
 */
#ifndef SQL_OPS_H
#define SQL_OPS_H

#include "sql_query.h"

struct look;

#define X(type, member, flags) \
    bool sql_##member(struct sql *d, struct op *op, struct err *err) MUST_USE;
OP_DRIVER_TYPES(X)
#undef X

/* The row id of a tenant; 0 if it is unknown and not to be made. */
bool sql_tenant(struct sql *d, struct slice name, bool make, int64_t *tenant,
                struct err *err) MUST_USE;

/* Makes a thread of the op's tenant garbage (sql_garbage.h) and leaves a tombstone, also among the copies
 * (copies.h), with this stamp, or the highest in the thread if that is higher. */
bool sql_thread_remove(struct sql *d, struct op *op, struct slice id, int64_t stamp,
                       struct err *err) MUST_USE;

/*
 * The last step of OP_CLEANUP, done in parts: removes expired checkpoints and writes, what removals that were
 * interrupted before before_us have left, and garbage.
 */
bool sql_checkpoints_clean(struct sql *d, struct op *op, int64_t before_us,
                           struct err *err) MUST_USE;

/* OP_READ_RANGE for the kinds THREAD, VALUE, CHECKPOINT and TASK. */
bool sql_thread_records_read(struct sql *d, int64_t tenant, struct op *op,
                             struct err *err) MUST_USE;

/* The result of merging a record. */
struct sql_merged {
    bool applied;
    bool broken;    /* it was left out because it lacks something */
    int64_t newest; /* as in op_merge.out */
};

/* Merges the i-th record, which is of one of those kinds. */
bool sql_thread_record_merge(struct look *l, size_t i, struct sql_merged *out,
                             struct err *err) MUST_USE;

/* Handles the records that are `gone`: removes checkpoints and tasks, and values where that is asked for. */
bool sql_checkpoints_gone(struct sql *d, struct op *op, int64_t tenant, struct err *err) MUST_USE;

/* OP_RECORDS_GET of one name of those kinds, in two halves; *found is false if there is no such record. */
bool sql_thread_record_ask(struct sql *d, int64_t tenant, const struct record_name *name,
                           struct query *q, struct err *err) MUST_USE;
bool sql_thread_record_take(struct op *op, struct query *q, struct record *out, bool *found,
                            struct err *err) MUST_USE;

#endif

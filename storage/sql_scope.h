/*
 * sql_scope.h - lists rows of checkpoints, newest first, of a namespace, a thread or a tenant.
 *
 *     OP_CHECKPOINT_LIST -> scope_of() -> scope_begin() -> rows
 *
 * Threads    the lane's.
 * Ownership  slices are borrowed.
 * Units      *_us wall microseconds; stamps as in clock.h.
 * Errors     STORAGE, DAMAGED, UNAVAILABLE, NO_MEMORY.
 */
#ifndef SQL_SCOPE_H
#define SQL_SCOPE_H

#include "sql_query.h"

/* Which checkpoints to look at: the parameters of LIST_NAMESPACE_CHANNEL and similar statements. */
struct scope {
    enum sql_statement channel, document;
    int64_t id;      /* row id of the namespace, thread or tenant */
    struct slice ns; /* within a tenant; absent = all */
    int64_t expired_us;
    struct slice lowest, below; /* bounds of the checkpoint id; `below` is excluded */
    int64_t below_stamp;        /* document form: excluded bound of the write sequence */
};

/* Everything in a namespace, thread or tenant; `channel` tells which: SQL_LIST_NAMESPACE_CHANNEL etc. */
struct scope scope_of(enum sql_statement channel, int64_t id, int64_t expired_us) MUST_USE;

enum { SCOPE_CHECKPOINT_ID = 3 }; /* column of LIST_COLUMNS */

/* Begins a query of LIST_COLUMNS: at most `limit` rows of a form, after a position (NULL: the start). */
bool scope_begin(struct sql *d, const struct scope *s, enum form form,
                 const struct checkpoint_pos *after, int64_t limit, struct query *q,
                 struct err *err) MUST_USE;

/* Row id and write sequence of the newest checkpoint in a scope; 0 if there is none. */
bool scope_newest(struct sql *d, const struct scope *s, enum form form, int64_t *row,
                  int64_t *stamp, struct err *err) MUST_USE;

#endif

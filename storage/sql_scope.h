/*
 * sql_scope.h - rows of checkpoints, newest first, of a namespace, a thread or a tenant.
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

/* Which checkpoints are looked at: the parameters of LIST_NAMESPACE_CHANNEL and its like. */
struct scope {
    enum sql_statement channel, document;
    int64_t id;      /* of the namespace, the thread or the tenant */
    struct slice ns; /* of a tenant; absent = all */
    int64_t expired_us;
    struct slice lowest, below; /* bounds of the id */
    int64_t below_stamp;        /* document form */
};

/* All of what the id names; `channel` says what that is: SQL_LIST_NAMESPACE_CHANNEL and its like. */
struct scope scope_of(enum sql_statement channel, int64_t id, int64_t expired_us) MUST_USE;

enum { SCOPE_CHECKPOINT_ID = 3 }; /* of LIST_COLUMNS */

/* Begins a query of LIST_COLUMNS: at most `limit` rows of a form behind a place (NULL: from the start). */
bool scope_begin(struct sql *d, const struct scope *s, enum form form,
                 const struct checkpoint_pos *after, int64_t limit, struct query *q,
                 struct err *err) MUST_USE;

/* Row id and write sequence of the newest checkpoint in a scope; 0 when there is none. */
bool scope_newest(struct sql *d, const struct scope *s, enum form form, int64_t *row,
                  int64_t *stamp, struct err *err) MUST_USE;

#endif

/*
 * redis_checkpoint_order.h - the checkpoints of a thread, or of all threads of a tenant, in one order.
 *
 *     cp_order_find() -> for each form: cp_order_begin() -> cp_order_next() until nothing is found
 *
 * Newest first: channel form by (id, thread, namespace), document form by write sequence, both
 * descending. Each namespace has an index of its own; a few places of each are held at a time.
 *
 * Threads    the lane's.
 * Ownership  what it gives lives in the arena of the op.
 * Units      none.
 * Errors     those of redis.h; ERR_INVALID: `before` names no checkpoint (document form only).
 */
#ifndef REDIS_CHECKPOINT_ORDER_H
#define REDIS_CHECKPOINT_ORDER_H

#include "redis_call.h"

struct cp_order_scope;

struct cp_order {
    struct call *c;
    size_t wanted; /* so many may be needed; set by the caller */
    struct cp_order_scope *scopes;
    size_t n, cap;
    bool has[FORM_CHANNEL + 1]; /* namespaces of that form */
    int64_t below_stamp;
    enum form form; /* at hand */
    size_t *heap;   /* numbers of scopes that have a place, the newest first */
    size_t n_heap;
    size_t at, n_at; /* scopes that are asked together */
};

/* Finds the namespaces that the op lists. */
bool cp_order_find(struct cp_order *o, struct err *err) MUST_USE;

/* Turns to those of one form. */
bool cp_order_begin(struct cp_order *o, enum form form, struct err *err) MUST_USE;

/* The next place. */
bool cp_order_next(struct cp_order *o, struct checkpoint_pos *pos, bool *found,
                   struct err *err) MUST_USE;

#endif

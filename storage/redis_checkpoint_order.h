/*
 * redis_checkpoint_order.h - lists checkpoints of a thread, or of all threads of a tenant, in one order.
 *
 *     cp_order_find() -> for each form: cp_order_begin() -> cp_order_next() until nothing is found
 *
 * Newest first: channel form by (id, thread, namespace), document form by write sequence, both
 * descending. Each namespace has an index of its own; a heap merges them, holding a few places of each.
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
    size_t wanted; /* by the caller: about how many places will be taken */
    struct cp_order_scope *scopes;
    size_t n, cap;
    bool has[FORM_CHANNEL + 1]; /* by form: whether there are namespaces of it */
    /* document form: only places with a lower stamp */
    int64_t below_stamp;
    enum form form; /* the form being listed */
    size_t *heap;   /* numbers of scopes that have a place to give; heap[0] has the newest */
    size_t n_heap;
    size_t at, n_at; /* the scopes that are read together */
};

/* Names the checkpoint at this place in the error, if that is ERR_DAMAGED. Returns false. */
bool cp_order_damage(const struct checkpoint_pos *pos, struct err *err);

/* Finds the namespaces that the op lists, and in document form the stamp of `before`. */
bool cp_order_find(struct cp_order *o, struct err *err) MUST_USE;

/* Begins with the namespaces of one form. */
bool cp_order_begin(struct cp_order *o, enum form form, struct err *err) MUST_USE;

/* Gives the next place. *found is false at the end; *pos is untouched then. */
bool cp_order_next(struct cp_order *o, struct checkpoint_pos *pos, bool *found,
                   struct err *err) MUST_USE;

#endif

/*
 * redis_target.h - the checkpoint id that a change is about.
 *
 *     OP_CHECKPOINT_PUT, OP_WRITES_PUT -> redis_target_ask() + call_answers() + redis_target_take() -> change
 *
 * Threads    the lane's.
 * Ownership  slices are borrowed from the op.
 * Units      *_us wall microseconds; stamps as in clock.h.
 * Errors     FORM; those of redis.h.
 */
#ifndef REDIS_TARGET_H
#define REDIS_TARGET_H

#include "redis_threads.h"

struct target {
    struct slice ns, checkpoint_id;
    enum form form;
    struct thread_row thread;
    struct space *space;
    struct cp_row row;           /* found; stamp 0 = a place of writes */
    const struct reply *session; /* for redis_row_touch() */
};

enum { TARGET_REPLIES = 3 };

/* Turns to the thread op->id, and asks: TARGET_REPLIES. */
void redis_target_ask(struct call *c, const struct target *t);

/* What is stored there. What is expired under this id, or in the other form, is removed first, and the
 * op runs anew. */
bool redis_target_take(struct call *c, struct target *t, struct reply *const *replies,
                       struct err *err) MUST_USE;

/* Stores the thread and the namespace, after their counters were changed; moves the session. */
bool redis_target_store(struct call *c, struct target *t, int64_t stamp, struct err *err) MUST_USE;

/* The head of a checkpoint that goes: drops the value unless another is based on it. */
bool redis_target_drop_head(struct call *c, struct space *space, int64_t head,
                            const struct op_checkpoint_put *put, struct err *err) MUST_USE;

#endif

/*
 * redis_target.h - reads and updates what surrounds a change to one checkpoint id.
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
    struct cp_row row;           /* what is stored; stamp 0: nothing, or a place of writes */
    const struct reply *session; /* its row, for redis_row_touch() */
};

enum { TARGET_REPLIES = 3 };

/* Turns to the thread op->id and asks for thread, checkpoint and session: TARGET_REPLIES replies. */
void redis_target_ask(struct call *c, const struct target *t);

/* Takes these replies. If this id has expired, or what is in the other form has, that is removed first
 * and the op runs anew. */
bool redis_target_take(struct call *c, struct target *t, struct reply *const *replies,
                       struct err *err) MUST_USE;

/* Plans to store thread and namespace after their counters were changed, and touches the session. */
bool redis_target_store(struct call *c, struct target *t, int64_t stamp, struct err *err) MUST_USE;

/* Plans to remove the head of a checkpoint that goes or is replaced, unless a value, or this put, is
 * based on it. */
bool redis_target_drop_head(struct call *c, struct space *space, int64_t head,
                            const struct op_checkpoint_put *put, struct err *err) MUST_USE;

#endif

/*
 * redis_cells.h - what is in a namespace of a thread: checkpoints, tasks and values, each a field.
 *
 *     a reply -> redis_*_take() -> look, change -> redis_*_store() | redis_*_drop(): field and indexes
 *
 * What is past checkpoint_ttl is stored still, and absent to everybody.
 *
 * Threads    the lane's.
 * Ownership  texts live in the arena of the op, or are borrowed from it.
 * Units      *_us wall microseconds; stamps as in clock.h; bytes of payload.
 * Errors     those of redis.h.
 */
#ifndef REDIS_CELLS_H
#define REDIS_CELLS_H

#include "redis_call.h"

/* A namespace, and what all that is in it amounts to. */
struct space {
    bool stored;
    struct slice ns;
    enum form form;
    int64_t last_stamp; /* the highest one in it, ever */
    int64_t checkpoints, bytes;
};

/* A checkpoint; stamp 0: only the place of writes that came before it. */
struct cp_row {
    bool stored;
    struct slice id;
    int64_t stamp, created_us, head;
    enum form form;
    struct slice parent_id, run_id, refs, metadata;
};

/* The writes of a task. */
struct task_row {
    bool stored;
    struct slice id, task_path, body;
    int64_t seq, stamp;
};

/* What a member of the index of values says. */
struct value_name {
    struct slice member;
    bool head;
    struct slice channel, version;
    int64_t id, base, len;
    bool needed;
};

/* What was created at or before this is expired; INT64_MIN when nothing expires. */
int64_t redis_cp_expired_us(const struct redis *d, int64_t now_us) MUST_USE;

/* The row in the field of a checkpoint; not stored if the reply is none. */
bool redis_cp_take(struct slice id, const struct reply *reply, struct cp_row *row,
                   struct err *err) MUST_USE;

/* Writes a row that replaces another (or none) in the hash and all indexes. */
bool redis_cp_store(struct call *c, struct slice ns, const struct cp_row *old,
                    const struct cp_row *row, struct err *err) MUST_USE;

/* Removes a row from the hash and all indexes, with its writes. */
void redis_cp_drop(struct call *c, struct slice ns, const struct cp_row *row);

/* A row's place in the order of its namespace. */
struct slice redis_cp_place(struct call *c, const struct cp_row *row) MUST_USE;

/* A task from its field. */
bool redis_task_take(struct slice id, const struct reply *reply, struct task_row *task,
                     struct err *err) MUST_USE;

/* The tasks in an HGETALL, by (task_path, id), or (seq, id) in document form. */
bool redis_tasks_take(struct call *c, const struct reply *reply, enum form form,
                      struct task_row **tasks, size_t *n, struct err *err) MUST_USE;

/* Writes a task; `old` is what it replaces. The row of its checkpoint is not touched. */
bool redis_task_store(struct call *c, struct slice ns, struct slice cp, const struct task_row *old,
                      const struct task_row *task, struct err *err) MUST_USE;

/* Removes a task of a place without a checkpoint, and counts it out of its namespace. */
void redis_task_drop(struct call *c, struct space *space, struct slice cp,
                     const struct task_row *task);

/* Stores a value. of = NULL: a head. */
bool redis_value_store(struct call *c, struct slice ns, const struct blob *blob,
                       const struct channel_version *of, struct err *err) MUST_USE;

/* Reads a member. */
bool redis_value_name_take(struct call *c, struct slice member, struct value_name *out,
                           struct err *err) MUST_USE;

/* The member of a value. */
struct slice redis_value_member(struct call *c, const struct blob *blob,
                                const struct channel_version *of) MUST_USE;

/* Removes a value. */
void redis_value_drop(struct call *c, struct slice ns, const struct value_name *name);

#endif

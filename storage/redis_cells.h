/*
 * redis_cells.h - checkpoints, tasks and values of a namespace, each one field of a hash.
 *
 *     a reply -> redis_*_take() -> look, change -> redis_*_store() | redis_*_drop(): field and indexes
 *
 * What is past checkpoint_ttl may still be stored; callers treat it as absent.
 *
 * Threads    the lane's.
 * Ownership  texts live in the arena of the op, or are borrowed from it.
 * Units      *_us wall microseconds; stamps as in clock.h; bytes of payload.
 * Errors     those of redis.h.
 */
#ifndef REDIS_CELLS_H
#define REDIS_CELLS_H

#include "redis_call.h"

/* A namespace, with its totals. */
struct space {
    bool stored;
    struct slice ns;
    enum form form;
    int64_t last_stamp; /* the highest stamp that it ever had */
    /* how many; payload of checkpoints, values and writes */
    int64_t checkpoints, bytes;
};

/* A checkpoint. stamp 0: a place that holds only writes which came before their checkpoint. */
struct cp_row {
    bool stored;
    struct slice id;
    int64_t stamp, created_us, head;
    enum form form;
    struct slice parent_id, run_id, refs, metadata;
};

/* The writes of one task. */
struct task_row {
    bool stored;
    struct slice id, task_path, body;
    int64_t seq, stamp;
};

/* What goes from a namespace, gathered so that one command removes many members of a key. */
enum cp_index {
    IN_SEQUENCE,
    IN_AGES,
    IN_CREATED,
    IN_PLACES,
    IN_RUN,
    IN_CHECKPOINTS,
    IN_WEIGHTS,
    IN_WRITES,
    IN_VALUES,
    IN_NAMES,
    IN_BASES,
    CP_INDEXES
};

struct cp_drops {
    struct call *c;
    struct slice ns;
    bool whole; /* the keys of the namespace go as a whole: redis_thread_drop_space() */
    struct {
        struct slice key, *words;
        size_t n, cap;
    } of[CP_INDEXES];
};

/* A member of the index of values, taken apart. */
struct value_name {
    struct slice member;
    bool head;
    struct slice channel, version;
    int64_t id, base, len;
    bool needed;
};

/* Reads the field of a checkpoint. row->stored is false if there is no such field. */
bool redis_cp_take(struct slice id, const struct reply *reply, struct cp_row *row,
                   struct err *err) MUST_USE;

/* Plans to write `row` in place of `old` (old->stored false: of none), in the hash and all indexes. */
bool redis_cp_store(struct call *c, struct slice ns, const struct cp_row *old,
                    const struct cp_row *row, struct err *err) MUST_USE;

/* Adds a row with all that indexes say of it; its writes; a value that no value which stays is based on.
 * redis_cp_drops_end() plans the commands. Memory may end, as in call_change(). */
void redis_cp_drop(struct cp_drops *d, const struct cp_row *row);
void redis_cp_drop_writes(struct cp_drops *d, struct slice cp);
void redis_cp_drop_value(struct cp_drops *d, const struct value_name *name);
void redis_cp_drops_end(struct cp_drops *d);

/* Reads the field of a task. */
bool redis_task_take(struct slice id, const struct reply *reply, struct task_row *task,
                     struct err *err) MUST_USE;

/* Reads an HGETALL of tasks, sorted by (task_path, id), in document form by (seq, id). */
bool redis_tasks_take(struct call *c, const struct reply *reply, enum form form,
                      struct task_row **tasks, size_t *n, struct err *err) MUST_USE;

/* Plans to write a task in place of `old`. The row of its checkpoint is not touched. */
bool redis_task_store(struct call *c, struct slice ns, struct slice cp, const struct task_row *old,
                      const struct task_row *task, struct err *err) MUST_USE;

/* Plans to remove a task whose checkpoint never came; lowers space->bytes. */
void redis_task_drop(struct call *c, struct space *space, struct slice cp,
                     const struct task_row *task);

/* Plans to store a value. `of` is NULL for a head. */
bool redis_value_store(struct call *c, struct slice ns, const struct blob *blob,
                       const struct channel_version *of, struct err *err) MUST_USE;

/* Takes a member of the index of values apart. Its texts live in the arena of the call. */
bool redis_value_name_take(struct call *c, struct slice member, struct value_name *out,
                           struct err *err) MUST_USE;

/* The member for a value in that index. `of` is NULL for a head. */
struct slice redis_value_member(struct call *c, const struct blob *blob,
                                const struct channel_version *of) MUST_USE;

/* Plans to remove a value, and the count that it adds to its base. */
void redis_value_drop(struct call *c, struct slice ns, const struct value_name *name);

#endif

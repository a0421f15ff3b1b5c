/*
 * sql_target.h - finds and changes what is stored under the checkpoint id of an op.
 *
 *     OP_CHECKPOINT_PUT, OP_WRITES_PUT -> target_open() -> checks -> ns_make() -> change
 *     OP_WRITES_GET -> target_find()
 *
 * Threads    the lane's.
 * Ownership  slices are borrowed from the op.
 * Units      *_us wall microseconds; stamps as in clock.h.
 * Errors     FORM; STORAGE, DAMAGED, UNAVAILABLE, NO_MEMORY.
 */
#ifndef SQL_TARGET_H
#define SQL_TARGET_H

#include "sorted.h"
#include "sql_load.h"
#include "sql_ns.h"

/* The values that a new checkpoint rests on. */
struct target_values {
    const int64_t *bases; /* distinct */
    size_t n_bases;
    const struct channel_version *carried;
    size_t n_carried;
    struct wanted_list by_name; /* target_find()'s own: carried names, sorted */
    int64_t known;              /* result: how many of the bases exist */
    int64_t *newest; /* result: newest value of each carried name, 0 = none; room for all */
};

struct target {
    struct ns_key key;
    struct slice checkpoint_id;
    enum form form;
    struct slice task_id;         /* if present, the task is looked up */
    struct target_values *values; /* if not NULL, values are looked up */
    struct ns_row ns;             /* result */
    struct checkpoint_row row;    /* result; stamp 0 = an anchor of writes */
    struct task_row task;         /* result; its texts live in the op's arena */
    bool made;                    /* the row is new and queued; its id is not known yet */
};

/* The contents of a row of table checkpoint; an anchor has only created_us and form. */
struct checkpoint_cells {
    int64_t stamp, created_us;
    enum form form;
    struct slice parent_id, run_id, metadata;
    int64_t head;
    struct slice refs; /* packed */
};

/* Finds what is stored, expired or not, by statements that go together. */
bool target_find(struct sql *d, const struct op *op, struct target *t, struct err *err) MUST_USE;

/* When the op writes to the thread of a target that was found: record_thread_time(). */
int64_t target_written_us(const struct target *t, const struct op *op) MUST_USE;

/* Finds it for a change: removes first what has expired under this id. */
bool target_open(struct sql *d, const struct op *op, struct target *t, struct err *err) MUST_USE;

/* Writes the row of a target whose namespace exists; makes it if there is none. */
bool checkpoint_store(struct sql *d, struct target *t, const struct checkpoint_cells *cells,
                      struct err *err) MUST_USE;

/*
 * Writes the row of a task of a target whose namespace exists; makes it if it has no id, and an anchor if
 * there is no checkpoint. Waits for nothing.
 */
bool task_store(struct sql *d, struct target *t, struct slice task_id, const struct task_row *task,
                struct err *err) MUST_USE;

/* The key of a row of table value: the hash of its name; for a head, its base (0 = none). */
int64_t value_row_key(const struct blob *blob, const struct channel_version *of) MUST_USE;

/* Binds, as one parameter, the keys of values with these names. */
bool target_bind_names(struct query *q, const struct channel_version *names, size_t n,
                       struct arena *arena, struct err *err) MUST_USE;

/* Adds a new row of table value, without waiting; of = NULL: a head. */
bool value_add(struct sql *d, int64_t ns, const struct blob *blob, const struct channel_version *of,
               struct err *err) MUST_USE;

#endif

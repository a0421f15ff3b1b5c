/*
 * sql_target.h - the checkpoint id that an op is about.
 *
 *     OP_CHECKPOINT_PUT, OP_WRITES_PUT -> target_open() -> look -> ns_make() -> change
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

/* Values that a new checkpoint rests on. */
struct target_values {
    const int64_t *bases; /* all different */
    size_t n_bases;
    const struct channel_version *carried;
    size_t n_carried;
    struct wanted_list by_name; /* target_find's own: what is carried, sorted */
    int64_t known;              /* found: so many of the bases */
    int64_t *newest; /* found: the newest value of each that is carried, 0 = none; room for all */
};

struct target {
    struct ns_key key;
    struct slice checkpoint_id;
    enum form form;
    struct slice task_id;         /* present: a task is looked for */
    struct target_values *values; /* not NULL: values are */
    struct ns_row ns;             /* found */
    struct checkpoint_row row;    /* found; stamp 0 = an anchor of writes */
    struct task_row task;         /* found; its texts live in the op's arena */
    bool made;                    /* the row is new and queued: it has no id here */
};

/* What a row of table checkpoint holds; an anchor has nothing but created_us and form. */
struct checkpoint_cells {
    int64_t stamp, created_us;
    enum form form;
    struct slice parent_id, run_id, metadata;
    int64_t head;
    struct slice refs; /* packed */
};

/* Finds what is stored there, expired or not, all by statements that go together. */
bool target_find(struct sql *d, const struct op *op, struct target *t, struct err *err) MUST_USE;

/* The same for a change. What is expired under this id is removed first. */
bool target_open(struct sql *d, const struct op *op, struct target *t, struct err *err) MUST_USE;

/* Writes the row of a target whose namespace has been made; makes it if there is none. */
bool checkpoint_store(struct sql *d, struct target *t, const struct checkpoint_cells *cells,
                      struct err *err) MUST_USE;

/*
 * Writes the row of a task of a target whose namespace has been made; makes it if it has no id, and
 * an anchor if there is no checkpoint. Nothing of this is waited for.
 */
bool task_store(struct sql *d, struct target *t, struct slice task_id, const struct task_row *task,
                struct err *err) MUST_USE;

/* The key of a row of table value: the hash of its name; of a head its base, 0 = none. */
int64_t value_row_key(const struct blob *blob, const struct channel_version *of) MUST_USE;

/* Binds the keys under which values of these names are, as one parameter. */
bool target_bind_names(struct query *q, const struct channel_version *names, size_t n,
                       struct arena *arena, struct err *err) MUST_USE;

/* Adds a row of table value, which is new, without waiting; of = NULL: a head. */
bool value_add(struct sql *d, int64_t ns, const struct blob *blob, const struct channel_version *of,
               struct err *err) MUST_USE;

#endif

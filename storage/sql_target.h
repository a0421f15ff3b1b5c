/*
 * sql_target.h - the checkpoint id that a change is about.
 *
 *     OP_CHECKPOINT_PUT, OP_WRITES_PUT -> target_open() -> look -> ns_make() -> change
 *
 * Threads    the lane's.
 * Ownership  slices are borrowed from the op.
 * Units      *_us wall microseconds; stamps as in clock.h.
 * Errors     FORM; STORAGE, UNAVAILABLE, NO_MEMORY.
 */
#ifndef SQL_TARGET_H
#define SQL_TARGET_H

#include "sql_load.h"
#include "sql_ns.h"

struct target {
    struct ns_key key;
    struct slice checkpoint_id;
    enum form form;
    struct ns_row ns;          /* found */
    struct checkpoint_row row; /* found; stamp 0 = an anchor of writes */
};

/* What a row of table checkpoint holds; an anchor has nothing but created_us and form. */
struct checkpoint_cells {
    int64_t stamp, created_us;
    enum form form;
    struct slice parent_id, run_id, metadata;
    int64_t head;
    struct slice refs; /* packed */
};

/* Finds what is stored there. What is expired under this id is removed first. */
bool target_open(struct sql *d, const struct op *op, struct target *t, struct err *err) MUST_USE;

/* Writes the row of a target whose namespace has been made; makes it if there is none. */
bool checkpoint_store(struct sql *d, struct target *t, const struct checkpoint_cells *cells,
                      struct err *err) MUST_USE;

/*
 * Writes the row of a task of a target whose namespace has been made; makes it if it has no id, and
 * an anchor if there is no checkpoint.
 */
bool task_store(struct sql *d, struct target *t, struct slice task_id, const struct task_row *task,
                struct err *err) MUST_USE;

/* Adds a row of table value; of = NULL: a head. An id that is known stays (*added is false). */
bool value_put(struct sql *d, int64_t ns, const struct blob *blob, const struct channel_version *of,
               bool *added, struct err *err) MUST_USE;

#endif

/*
 * sql.h - the parts of the drivers that speak SQL, for each other.
 *
 *     sql.c (batch) -> sql_<subject>.c (one function per op) -> sql_query.c -> sqlite_query.c
 *
 * One connection per backend. The batch is one transaction; each op function runs inside it. What
 * differs from store to store, connections and statements, is behind struct sql_driver (sql_query.h).
 *
 * Threads    the lane's.
 * Ownership  rows are copied into the op's arena before the statement moves on.
 * Units      *_us wall microseconds.
 * Errors     An op function returns true and fills `out`, or false and fills err:
 *            a kind of the domain (NO_SESSION, NOT_FOUND, FORM, ...): nothing was changed, the op
 *            fails alone; any other kind: the transaction is lost.
 */
#ifndef SQL_H
#define SQL_H

#include "backend.h"
#include "sql_query.h"

struct look;
struct row_cache;
struct value_cache;

/* First in the struct of each driver. */
struct sql {
    struct backend base;
    const struct sql_driver *driver;
    struct row_cache *rows;    /* of the op that runs (sql_rows.h) */
    struct value_cache *cache; /* of the store; NULL: none */
    enum backend_role role;
    int64_t session_ttl_us, checkpoint_ttl_us, context_versions;
    int64_t part_end_ns;  /* when the parts in this transaction end */
    size_t part_steps;    /* tests: how many steps a part has; 0 = as time allows */
    int64_t strays;       /* changes, ever, whose stamps need not be above those that are stored */
    int64_t tenant;       /* of the last tenant asked for; 0 = none */
    char tenant_name[64]; /* longer names are looked up each time */
    size_t tenant_len;
};

/* Takes over the settings. */
void sql_init(struct sql *d, const struct sql_driver *driver, struct row_cache *rows,
              const struct backend_config *cfg);

/* Runs one op in the transaction, and sets its status. False: the transaction is lost. */
bool sql_run_op(struct sql *d, struct op *op) MUST_USE;

/* backend_ops.execute of all drivers. */
bool sql_execute(struct backend *self, struct op *const ops[], size_t n, struct err *err) MUST_USE;

/* Number of a tenant; 0 when unknown and not to be made. */
bool sql_tenant(struct sql *d, struct slice name, bool make, int64_t *tenant,
                struct err *err) MUST_USE;

/* Whether an op that has done so many steps in this transaction leaves the rest to its next part. */
bool sql_part_full(const struct sql *d, size_t steps) MUST_USE;

/* Moves the last activity of the session of this id to op->now_us if it lives; no error if not. */
bool sql_session_touch(struct sql *d, struct op *op, int64_t tenant, struct slice id,
                       struct err *err) MUST_USE;

/*
 * The same of the session op->id, in two halves: a copy of it is wanted by an op that is replicated, and
 * it is asked for ahead of what the op needs first.
 */
bool sql_touch_ask(struct sql *d, struct op *op, int64_t tenant, struct query *session,
                   struct err *err) MUST_USE;
bool sql_touch(struct sql *d, struct op *op, int64_t tenant, struct query *session,
               struct err *err) MUST_USE;

/* Makes a thread of the op's tenant garbage (sql_garbage.h), and leaves and copies (copies.h) a tombstone
 * with this stamp, or the highest of what is in the thread. */
bool sql_thread_remove(struct sql *d, struct op *op, struct slice id, int64_t stamp,
                       struct err *err) MUST_USE;

/*
 * Last of OP_CLEANUP: removes checkpoints and writes that have expired, what removals broken off
 * before before_us have left, and garbage, in parts.
 */
bool sql_checkpoints_clean(struct sql *d, struct op *op, int64_t before_us,
                           struct err *err) MUST_USE;

/* OP_READ_RANGE for the kinds THREAD, VALUE, CHECKPOINT and TASK. */
bool sql_thread_records_read(struct sql *d, int64_t tenant, struct op *op,
                             struct err *err) MUST_USE;

/* What became of a record that was merged. */
struct sql_merged {
    bool applied;
    int64_t newest; /* as op_merge.out */
};

/* OP_MERGE of the i-th record, of one of those kinds. */
bool sql_thread_record_merge(struct look *l, size_t i, struct sql_merged *out,
                             struct err *err) MUST_USE;

/* Removes the checkpoints among records that are gone. */
bool sql_checkpoints_gone(struct sql *d, struct op *op, int64_t tenant, struct err *err) MUST_USE;

/* OP_RECORDS_GET of one name of those kinds, in two halves; *found is false when there is none. */
bool sql_thread_record_ask(struct sql *d, int64_t tenant, const struct record_name *name,
                           struct query *q, struct err *err) MUST_USE;
bool sql_thread_record_take(struct op *op, struct query *q, struct record *out, bool *found,
                            struct err *err) MUST_USE;

/* The op functions: sql_session_put(), ... one per op type. */
#define X(type, member, flags) \
    bool sql_##member(struct sql *d, struct op *op, struct err *err) MUST_USE;
OP_TYPES(X)
#undef X

#endif

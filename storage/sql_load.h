/*
 * sql_load.h - builds checkpoints, values and writes from their rows.
 *
 *     op function -> load_checkpoint() -> load_contents(): values by id, each once an op; writes
 *
 * Values in the cache are not read again, but count in `bytes` with their whole length.
 *
 * Threads    the lane's.
 * Ownership  what is loaded lives in the arena of the op.
 * Units      *_us wall microseconds; stamps as in clock.h.
 * Errors     DAMAGED: also a row that refers to a missing one; STORAGE, UNAVAILABLE, NO_MEMORY.
 */
#ifndef SQL_LOAD_H
#define SQL_LOAD_H

#include "sql_query.h"
#include "value_map.h"

struct loader {
    struct sql *d;
    struct arena *arena;
    struct value_map values; /* already loaded */
    int64_t expired_us;      /* clock_expired_us() */
    size_t bytes;            /* of all that was loaded so far */
};

/* A checkpoint that is being loaded. */
struct loaded {
    struct checkpoint *checkpoint; /* thread and ns are not set */
    int64_t row, head;
    struct slice refs; /* packed */
};

/* The columns of table checkpoint that a change needs. */
struct checkpoint_row {
    int64_t id; /* 0 = it does not exist */
    int64_t stamp, created_us, head, metadata_len;
};

/* A row of table task. */
struct task_row {
    int64_t id; /* 0 = it does not exist */
    int64_t seq, stamp;
    struct slice task_path, body;
};

/* Makes a loader for one op. */
struct loader load_start(struct sql *d, const struct op *op) MUST_USE;

/*
 * Loads the values of n ids, each with its chain of bases, by one statement; id 0 gives NULL. A base that
 * does not exist is left out.
 */
bool load_values(struct loader *l, const int64_t *ids, size_t n, struct value **values,
                 struct err *err) MUST_USE;

/* Binds numbers as the one parameter of EACH_NUMBER(): "1,2,3"; the text lives in the arena. */
bool load_bind_numbers(struct query *q, const int64_t *numbers, size_t n, struct arena *arena,
                       struct err *err) MUST_USE;

/* Begins a statement whose first parameter is such a list. Failure ends the query. */
bool load_begin_among(struct sql *d, int which, const int64_t *numbers, size_t n,
                      struct arena *arena, struct query *q, struct err *err) MUST_USE;

/* Binds n rows of `width` numbers as the one parameter of EACH_ROW(): "[1,2],[3,4]". */
bool load_bind_rows(struct query *q, const int64_t *numbers, size_t n, size_t width,
                    struct arena *arena, struct err *err) MUST_USE;

/* Builds a value from the current row of a query, with columns VALUE_COLUMNS. */
bool load_take(struct loader *l, struct query *q, struct value **out, struct err *err) MUST_USE;

/* Reads a single value row, without its bases and past the cache. */
bool load_row(struct loader *l, int64_t id, struct value **out, struct err *err) MUST_USE;

/* Builds a checkpoint from the current row of a query, with columns CHECKPOINT_COLUMNS. */
bool load_checkpoint(struct loader *l, struct query *q, struct loaded *out,
                     struct err *err) MUST_USE;

enum load_what { LOAD_VALUES = 1, LOAD_WRITES = 2 };

/* Loads the heads of n checkpoints of one form, and what `what` names; the statements go together. */
bool load_contents(struct loader *l, struct loaded *items, size_t n, unsigned what,
                   struct err *err) MUST_USE;

/* Loads the writes of n checkpoints from a query like TASK_CHANNEL, in which those of each come together. */
bool load_tasks(struct loader *l, struct query *q, struct loaded *items, size_t n,
                struct err *err) MUST_USE;

/* Loads the writes of one row; on an anchor (no checkpoint yet) each task expires by itself. */
bool load_writes(struct loader *l, int64_t row, enum form form, bool anchor, struct checkpoint *out,
                 struct err *err) MUST_USE;

/* Finds the row of a checkpoint id, even if it has expired. */
bool checkpoint_find(struct sql *d, int64_t ns, struct slice id, struct checkpoint_row *row,
                     struct err *err) MUST_USE;

/* Reads the only row of such a query. */
bool checkpoint_take(struct query *q, struct checkpoint_row *row, struct err *err) MUST_USE;

/* The slice, but empty instead of absent: for columns that must not be NULL. */
struct slice load_text(struct slice s) MUST_USE;

#endif

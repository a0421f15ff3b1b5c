/*
 * sql_load.h - checkpoints, values and writes from their rows.
 *
 *     op function -> load_checkpoint() -> load_contents(): values by id, each once an op; writes
 *
 * What the cache of values knows is not read; whole values count as what was loaded.
 *
 * Threads    the lane's.
 * Ownership  what is loaded lives in the arena of the op.
 * Units      *_us wall microseconds; stamps as in clock.h.
 * Errors     DAMAGED: also a row that refers to one that is not there; STORAGE, UNAVAILABLE, NO_MEMORY.
 */
#ifndef SQL_LOAD_H
#define SQL_LOAD_H

#include "sql_query.h"
#include "value_map.h"

struct loader {
    struct sql *d;
    struct arena *arena;
    struct value_map values; /* already loaded */
    int64_t expired_us;      /* ns_expired_us() */
    size_t bytes;            /* of all that was loaded so far */
};

/* A checkpoint that is being loaded. */
struct loaded {
    struct checkpoint *checkpoint; /* thread and ns are not set */
    int64_t row, head;
    struct slice refs; /* packed */
};

/* A row of table checkpoint, as far as a change needs it. */
struct checkpoint_row {
    int64_t id; /* 0 = there is none yet */
    int64_t stamp, created_us, head, metadata_len;
};

/* A row of table task. */
struct task_row {
    int64_t id; /* 0 = there is none yet */
    int64_t seq, stamp;
    struct slice task_path, body;
};

/* A loader for one op. */
struct loader load_start(struct sql *d, const struct op *op) MUST_USE;

/*
 * The values of n ids, each with its chain of bases, by one statement; 0 gives NULL. A base that is
 * not there is left out.
 */
bool load_values(struct loader *l, const int64_t *ids, size_t n, struct value **values,
                 struct err *err) MUST_USE;

/* Binds numbers as the one parameter of EACH_NUMBER(): "1,2,3", which lives in the arena. */
bool load_bind_numbers(struct query *q, const int64_t *numbers, size_t n, struct arena *arena,
                       struct err *err) MUST_USE;

/* Begins a statement whose first parameter is such a list. Failure ends the query. */
bool load_begin_among(struct sql *d, int which, const int64_t *numbers, size_t n,
                      struct arena *arena, struct query *q, struct err *err) MUST_USE;

/* Binds n rows of so many numbers as the one parameter of EACH_ROW(): "[1,2],[3,4]". */
bool load_bind_rows(struct query *q, const int64_t *numbers, size_t n, size_t width,
                    struct arena *arena, struct err *err) MUST_USE;

/* The row of columns VALUE_COLUMNS that q stands on. */
bool load_take(struct loader *l, struct query *q, struct value **out, struct err *err) MUST_USE;

/* The row of a value by itself, read each time. */
bool load_row(struct loader *l, int64_t id, struct value **out, struct err *err) MUST_USE;

/* The row of columns CHECKPOINT_COLUMNS that q stands on. */
bool load_checkpoint(struct loader *l, struct query *q, struct loaded *out,
                     struct err *err) MUST_USE;

enum load_what { LOAD_VALUES = 1, LOAD_WRITES = 2 };

/* The heads of checkpoints of one form, and what else is asked for: by statements that go together. */
bool load_contents(struct loader *l, struct loaded *items, size_t n, unsigned what,
                   struct err *err) MUST_USE;

/* The writes of n checkpoints, by a statement of columns as TASK_CHANNEL; those of one come together. */
bool load_tasks(struct loader *l, struct query *q, struct loaded *items, size_t n,
                struct err *err) MUST_USE;

/* The writes on a row of table checkpoint; those on an anchor (no checkpoint yet) age singly. */
bool load_writes(struct loader *l, int64_t row, enum form form, bool anchor, struct checkpoint *out,
                 struct err *err) MUST_USE;

/* Finds the row of a checkpoint id; expired ones too. */
bool checkpoint_find(struct sql *d, int64_t ns, struct slice id, struct checkpoint_row *row,
                     struct err *err) MUST_USE;

/* The only row of a query of such columns. */
bool checkpoint_take(struct query *q, struct checkpoint_row *row, struct err *err) MUST_USE;

/* query_copy() into the arena of the loader, counted. */
bool load_copy(struct loader *l, struct query *q, int column, struct slice *out,
               struct err *err) MUST_USE;

/* A slice that may be bound where NULL is not allowed. */
struct slice load_text(struct slice s) MUST_USE;

#endif

/*
 * sql_rows.h - the row of a session, which is also an anchor and a tombstone.
 *
 *     op function -> row_find() -> session_state_*() -> row_store() | row_advance() | row_remove()
 *
 * What it says is a struct session_state, which has the rules; here is how it is stored.
 *
 * Threads    the lane's.
 * Ownership  texts live in the arena of the op, or are borrowed from it.
 * Units      *_us wall microseconds; stamps as in clock.h.
 * Errors     STORAGE, DAMAGED, UNAVAILABLE, NO_MEMORY; row_begin() also FENCED.
 */
#ifndef SQL_ROWS_H
#define SQL_ROWS_H

#include "session_state.h"
#include "sql_query.h"

struct session_row {
    int64_t id; /* 0 = there is no row yet */
    int64_t tenant;
    int64_t active_min; /* as stored */
    struct session_state s;
};

/* The row that was read or written last in this transaction, for the next op on its session. */
struct row_cache {
    struct session_row row; /* id 0 = none; its slices belong to ops of the same batch */
    bool texts;             /* they were read, too */
};

/* What is remembered may have changed, or the transaction is over. */
void rows_forget(struct row_cache *rows);

enum { ROW_ID = 16, ROW_TENANT, ROW_TENANT_NAME }; /* columns behind SESSION_NUMBERS */

/* The row of a session id, without its texts. */
bool row_find(struct sql *d, int64_t tenant, struct slice id, struct session_row *row,
              struct err *err) MUST_USE;

/*
 * The two halves of that, for who asks for more in between; with `texts` all of the row is read, into an
 * arena. Nothing is asked (q stays as it is) when the row is known: then it is found without a question.
 */
bool row_ask(struct sql *d, const struct session_row *row, bool texts, struct query *q,
             struct err *err) MUST_USE;
bool row_take(struct query *q, struct arena *arena, struct session_row *row,
              struct err *err) MUST_USE;

/* The row of the session op->id with its texts. */
bool row_read(struct sql *d, const struct op *op, int64_t tenant, struct session_row *row,
              struct err *err) MUST_USE;

/* A message for the end of its session, in the time of which the session was active last. */
struct row_message {
    struct slice session, id, role, content, metadata;
    int64_t seq, stamp;
    int64_t expired_us;   /* sessions that were active by then are not there */
    bool require_session; /* one that was made */
    bool look;            /* tell what waits in the outbox */
    struct slice tenant;  /* its name, where there is an entry */
    struct slice entry;   /* goes into the outbox with the change; absent: none */
    struct {
        bool done;
        bool waits; /* something does */
    } out;
};

/* Whether row_next() may do anything: each answer is waited for, and the row is not known. */
bool row_may_next(const struct sql *d, int64_t tenant, struct slice session) MUST_USE;

/*
 * Adds it without reading the row first. out.done is false unless that is all there is to do: the row
 * is there, has been active in this minute and has no later seq, and no message has this id. Then whoever
 * goes on finds at most that the session was active.
 */
bool row_next(struct sql *d, int64_t tenant, struct row_message *m, struct err *err) MUST_USE;

/* Reads the texts of a row that row_find() has found. */
bool row_complete(struct sql *d, struct arena *arena, struct session_row *row,
                  struct err *err) MUST_USE;

/* The numbers of a row from columns SESSION_NUMBERS. */
void row_numbers(struct query *q, struct session_row *row);

/* The id and the texts of a row from columns SESSION_TEXTS behind the numbers. */
bool row_texts(struct query *q, struct arena *arena, struct session_row *row,
               struct err *err) MUST_USE;

/* The minute of a time: active_min of a row with this active_us. */
int64_t row_minute(int64_t active_us) MUST_USE;

/* The same of a tombstone: it stands apart from what is active, and by its age. */
int64_t row_tomb_minute(int64_t stamp) MUST_USE;

/*
 * Before a change: its stamp, above `stored`. Removes first what is expired, which then does not
 * count. ERR_FENCED.
 */
bool row_begin(struct sql *d, struct op *op, int64_t stored, struct session_row *row,
               int64_t *stamp, struct err *err) MUST_USE;

/* Writes all of a row that has its texts; makes it if it has no id. */
bool row_store(struct sql *d, struct session_row *row, struct err *err) MUST_USE;

/* Writes active_us, last_seq and last_context; makes the row if it has no id. */
bool row_advance(struct sql *d, struct session_row *row, struct err *err) MUST_USE;

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

/* A context to store. */
struct row_context {
    int64_t stamp, updated_us;
    struct slice body;
};

/* Stores a context of the session under row->last_context. */
bool row_put_context(struct sql *d, const struct session_row *row,
                     const struct row_context *context, struct err *err) MUST_USE;

/* Adds it to the copies of the op. */
bool row_copy_context(struct op *op, const struct session_row *row,
                      const struct row_context *context, struct err *err) MUST_USE;

/* Adds the session to the copies of the op: a row of which perhaps not all is known. */
bool row_copy(struct sql *d, struct op *op, struct session_row *row, struct err *err) MUST_USE;

/*
 * Removes messages and contexts, and leaves a tombstone of this stamp, perhaps in another row. It
 * keeps the highest seq and versions, which are never given again. Many messages are garbage then
 * (sql_garbage.h).
 */
bool row_remove(struct sql *d, struct session_row *row, int64_t stamp, struct err *err) MUST_USE;

/* The highest stamp of the messages and contexts of a row. */
bool row_content_stamp(struct sql *d, const struct session_row *row, int64_t *stamp,
                       struct err *err) MUST_USE;

#endif

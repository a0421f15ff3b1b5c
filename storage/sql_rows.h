/*
 * sql_rows.h - the row of a session, which is also an anchor and a tombstone.
 *
 *     op function -> row_find() -> session_state_*() -> row_store() | row_advance() | row_remove()
 *
 * What it holds is a struct session_state, which has the rules; this module stores it.
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
    int64_t id; /* 0 = it does not exist */
    int64_t tenant;
    int64_t active_min; /* as it is stored */
    struct session_state s;
};

/* The row that this transaction read or wrote last, for the next op on the same session. */
struct row_cache {
    struct session_row row; /* id 0 = none; its slices belong to ops of the same batch */
    bool texts;             /* its texts are known, too */
};

/* Empties the cache: the row may have changed, or the transaction is over. */
void rows_forget(struct row_cache *rows);

/* Finds the row of a session id, without its texts. */
bool row_find(struct sql *d, int64_t tenant, struct slice id, struct session_row *row,
              struct err *err) MUST_USE;

/*
 * The two halves of that, for callers that ask for more in between. `texts`: the whole row is read, into an
 * arena. Nothing is asked (q stays unset) if the row is cached: row_find() then needs no question.
 */
bool row_ask(struct sql *d, const struct session_row *row, bool texts, struct query *q,
             struct err *err) MUST_USE;
bool row_take(struct query *q, struct arena *arena, struct session_row *row,
              struct err *err) MUST_USE;

/* Finds the row of the session op->id, with its texts. */
bool row_read(struct sql *d, const struct op *op, int64_t tenant, struct session_row *row,
              struct err *err) MUST_USE;

/* A message to add at the end of its session. */
struct row_message {
    struct slice session, id, role, content, metadata;
    int64_t seq, stamp;
    int64_t expired_us;   /* sessions last active at or before this do not exist any more */
    bool require_session; /* only to a session that was put, not to a mere anchor */
    bool look;            /* tell whether the outbox has entries */
    struct slice tenant;  /* name of the tenant, if there is an entry */
    struct slice entry;   /* outbox entry that goes with the change; absent: none */
    struct {
        bool done;
        bool waits; /* the outbox has entries */
    } out;
};

/* Whether row_next() is worth trying: the store is distant, and the row is not cached. */
bool row_may_next(const struct sql *d, int64_t tenant, struct slice session) MUST_USE;

/*
 * Adds the message without reading the row first. out.done is false unless nothing else has to be done: the
 * row exists, was active in the same minute and has no later seq, and no message has this id. If not done, the
 * usual way finds at most that the session was active.
 */
bool row_next(struct sql *d, int64_t tenant, struct row_message *m, struct err *err) MUST_USE;

/* Reads the texts of a row that row_find() has found. */
bool row_complete(struct sql *d, struct arena *arena, struct session_row *row,
                  struct err *err) MUST_USE;

/* Reads the numbers of a row from columns SESSION_NUMBERS. */
void row_numbers(struct query *q, struct session_row *row);

/* Reads id and texts of a row from columns SESSION_TEXTS, which follow the numbers. */
bool row_texts(struct query *q, struct arena *arena, struct session_row *row,
               struct err *err) MUST_USE;

/* The minute of a time: active_min of a row with this active_us. */
int64_t row_minute(int64_t active_us) MUST_USE;

/* active_min of a tombstone: negative, apart from active sessions, and ordered by age. */
int64_t row_tomb_minute(int64_t stamp) MUST_USE;

/*
 * Chooses the stamp of a change, above `stored`. An expired session is removed first, and what it had does
 * not count. ERR_FENCED.
 */
bool row_begin(struct sql *d, struct op *op, int64_t stored, struct session_row *row,
               int64_t *stamp, struct err *err) MUST_USE;

/* Writes a whole row, whose texts are known; makes it if it has no id. */
bool row_store(struct sql *d, struct session_row *row, struct err *err) MUST_USE;

/* Writes active_us, last_seq and last_context; makes the row if it has no id. */
bool row_advance(struct sql *d, struct session_row *row, struct err *err) MUST_USE;

/* Sets the last activity of a session to op->now_us if it lives; otherwise does nothing. */
bool sql_session_touch(struct sql *d, struct op *op, int64_t tenant, struct slice id,
                       struct err *err) MUST_USE;

/*
 * The same for the session op->id, in two halves: an op that is replicated wants a copy of it, and asks for
 * the row before anything else.
 */
bool sql_touch_ask(struct sql *d, struct op *op, int64_t tenant, struct query *session,
                   struct err *err) MUST_USE;
bool sql_touch(struct sql *d, struct op *op, int64_t tenant, struct query *session,
               struct err *err) MUST_USE;

/* A context to store. */
struct row_context {
    int64_t number, stamp, updated_us;
    struct slice body;
};

/* Stores a context of the session; removes the oldest above the number that is kept. */
bool row_put_context(struct sql *d, const struct session_row *row,
                     const struct row_context *context, struct err *err) MUST_USE;
bool row_trim_contexts(struct sql *d, const struct session_row *row, struct err *err) MUST_USE;

/* Adds this context to the copies of the op. */
bool row_copy_context(struct op *op, const struct row_context *context, struct err *err) MUST_USE;

/* Adds the session to the copies of the op; reads what is not known of the row. */
bool row_copy(struct sql *d, struct op *op, struct session_row *row, struct err *err) MUST_USE;

/*
 * Removes messages and contexts, and leaves a tombstone with this stamp, perhaps in another row. It keeps
 * the highest seq and versions, which are never given again. Many messages become garbage (sql_garbage.h).
 */
bool row_remove(struct sql *d, struct session_row *row, int64_t stamp, struct err *err) MUST_USE;

/* The highest stamp of the messages and contexts of a session. */
bool row_content_stamp(struct sql *d, const struct session_row *row, int64_t *stamp,
                       struct err *err) MUST_USE;

#endif

/*
 * redis_rows.h - reads and writes the hash of a session, which is also an anchor and a tombstone.
 *
 *     op function -> redis_row_ask() + call_answers() + redis_row_take() -> session_state_*()
 *                 -> redis_row_store() -> commit
 *
 * The rules are those of struct session_state; here is how it is stored.
 *
 * Threads    the lane's.
 * Ownership  texts live in the arena of the op, or are borrowed from it.
 * Units      *_us wall microseconds; stamps as in clock.h.
 * Errors     those of redis.h; redis_row_begin() also FENCED.
 */
#ifndef REDIS_ROWS_H
#define REDIS_ROWS_H

#include "clock.h"
#include "redis_call.h"
#include "session_state.h"

enum row_state { ROW_NONE, ROW_LIVE, ROW_LOOSE, ROW_HOLLOW };

/* One stored context. */
struct row_context {
    int64_t number; /* as its store gave it; two may be equal */
    int64_t stamp, updated_us, len;
};

struct session_row {
    struct session_state s;
    struct slice rev;
    int64_t content_stamp; /* no message or context has a higher one; 0: there never was one */
    bool has_metadata;     /* metadata was asked for, so the whole row is known */
    struct row_context *contexts; /* oldest stamp first */
    size_t n_contexts;
    struct { /* as it is stored: what the indexes say */
        enum row_state state;
        int64_t active_us;
        struct slice user_id;
        bool counted_active;
    } old;
};

/* Asks for the row of the session at hand, with its metadata if wanted. One reply. */
void redis_row_ask(struct call *c, bool metadata);

/* Takes the row from that reply; row->s.stored is false if there is none. */
bool redis_row_take(struct call *c, const struct reply *reply, struct session_row *row,
                    struct err *err) MUST_USE;

/* Turns to the session op->id, asks for its row and takes it. */
bool redis_row_read(struct call *c, const struct op *op, bool metadata, struct session_row *row,
                    struct err *err) MUST_USE;

/*
 * Begins a change: gives its stamp, above `stored`. A session that has expired is removed first, and then
 * no longer counts. ERR_FENCED.
 */
bool redis_row_begin(struct call *c, int64_t stored, struct session_row *row, int64_t *stamp,
                     struct err *err) MUST_USE;

/* Plans to write the row and its indexes, guarded by its rev. If metadata was not read, only the fields
 * that a message, a context or a touch moves. Where there was no row, what Redis' own expiry may have left
 * of an earlier session goes first. */
bool redis_row_store(struct call *c, struct session_row *row, struct err *err) MUST_USE;

/* The field of a context in the hash. When memory ends, commits and answers fail. */
struct slice redis_row_context_field(struct call *c, const struct row_context *context) MUST_USE;

/* Plans to add a context at its place by stamp, and to remove the oldest above the number that is kept. */
bool redis_row_add_context(struct call *c, struct session_row *row,
                           const struct row_context *context, struct slice body,
                           struct err *err) MUST_USE;

/* Adds a context to the copies of the op. */
bool redis_row_copy_context(struct call *c, const struct row_context *context, struct slice body,
                            struct err *err) MUST_USE;

/* Plans to remove the contexts whose stamp is not above `tomb`. */
void redis_row_kill_contexts(struct call *c, struct session_row *row, int64_t tomb);

/* Plans to remove the messages and contexts of the session, which the totals then lack. Reads how many there are. */
bool redis_row_empty(struct call *c, struct err *err) MUST_USE;

/*
 * Does so, and turns the row into a tombstone with this stamp. It keeps the highest seq and versions, since these
 * are never given twice.
 */
bool redis_row_remove(struct call *c, struct session_row *row, int64_t stamp,
                      struct err *err) MUST_USE;

/* Asks for what redis_row_touch() needs. One reply. */
#define redis_row_touch_ask(c) redis_row_ask((c), (c)->op->replicate)

/* Plans to move the last activity of a live session to now_us; does nothing if it is not live. */
bool redis_row_touch(struct call *c, const struct reply *reply, int64_t now_us,
                     struct err *err) MUST_USE;

#endif

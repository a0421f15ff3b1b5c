/*
 * sql_garbage.h - what is gone for everybody at once, and removed by and by.
 *
 *     deletion -> garbage_thread() | garbage_session() -> (same op, clean-up) garbage_collect()
 *
 * All is found by way of its thread or session. A namespace whose thread is below 0, and a session
 * whose tenant is, belong to nobody: what is in them is no longer there, and no later change can
 * touch it. It is removed in parts, by the op that has made it or, if that was broken off, by the
 * next clean-up.
 *
 * Threads    the lane's.
 * Ownership  none.
 * Units      none.
 * Errors     STORAGE, DAMAGED, UNAVAILABLE, NO_MEMORY.
 */
#ifndef SQL_GARBAGE_H
#define SQL_GARBAGE_H

#include "sql_query.h"

/* Whose threads are seen by nobody: copies that are not complete. */
enum { GARBAGE_TENANT = -1 };

/*
 * Namespaces that have lost checkpoints, and are not yet looked through for what only those needed:
 * a removal keeps a note of the one that it is at. It is a thread of the tenant -2, named by their id.
 */
bool unswept_add(struct sql *d, int64_t ns, struct err *err) MUST_USE;
bool unswept_drop(struct sql *d, int64_t ns, struct err *err) MUST_USE;

/* The row of the note; 0 when there is none. */
bool unswept_find(struct sql *d, int64_t ns, int64_t *note, struct err *err) MUST_USE;

/*
 * Asks which of n namespaces have a note, each in a row of the query then: *at is its place in the list, which
 * must live as long. `arena` is for the question.
 */
bool unswept_ask(struct sql *d, const int64_t *list, size_t n, struct arena *arena, struct query *q,
                 struct err *err) MUST_USE;
bool unswept_take(struct query *q, size_t *at, int64_t *note, bool *found,
                  struct err *err) MUST_USE;

/* The namespace of the next row of UNSWEPT_LIST. */
bool unswept_next(struct query *q, int64_t *ns, bool *found, struct err *err) MUST_USE;

/* Rows that one statement removes; a session with more messages goes this way. */
enum { GARBAGE_ROWS = 50 };

/* Takes everything out of a thread; its row stays. */
bool garbage_thread(struct sql *d, int64_t thread, struct err *err) MUST_USE;

/* Takes the row of a session away, with its messages and contexts. */
bool garbage_session(struct sql *d, int64_t session, struct err *err) MUST_USE;

/* Whether a session has so many messages that it should go this way. */
bool garbage_worth(struct sql *d, int64_t session, bool *worth, struct err *err) MUST_USE;

/* Removes one part of what there is; *left if there may be more. */
bool garbage_collect(struct sql *d, bool *left, struct err *err) MUST_USE;

/* The same as the last parts of an op, which comes here again while any is left. */
bool garbage_finish(struct sql *d, struct op *op, struct err *err) MUST_USE;

#endif

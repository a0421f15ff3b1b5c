/*
 * sql_garbage.h - data that is invisible at once and removed bit by bit.
 *
 *     deletion -> garbage_thread() | garbage_session() -> (same op, clean-up) garbage_collect()
 *
 * All data is found by way of its thread or session. A namespace whose thread id is below 0, and a session
 * whose tenant id is, belong to nobody: their contents are no longer visible, and no later change can reach
 * them. They are removed in parts, by the op that discarded them or, if that was interrupted, by the next
 * clean-up.
 *
 * Threads    the lane's.
 * Ownership  none.
 * Units      none.
 * Errors     STORAGE, DAMAGED, UNAVAILABLE, NO_MEMORY.
 */
#ifndef SQL_GARBAGE_H
#define SQL_GARBAGE_H

#include "sql_query.h"

/* The tenant of threads that nobody sees: copies that are not complete. */
enum { GARBAGE_TENANT = -1 };

/*
 * Notes of namespaces that have lost checkpoints but were not yet searched for what only those needed. A
 * removal keeps a note of the one it works on. A note is a thread of tenant -2, named by the namespace id; its
 * tomb is minus `names`: checkpoints up to that stamp lose the names of parents that are gone (0 = none does).
 * A second note of a namespace raises the first.
 */
bool unswept_add(struct sql *d, int64_t ns, int64_t names, struct err *err) MUST_USE;
bool unswept_drop(struct sql *d, int64_t ns, struct err *err) MUST_USE;

/* Finds the row of the note, 0 = none, and its `names`. */
bool unswept_find(struct sql *d, int64_t ns, int64_t *note, int64_t *names,
                  struct err *err) MUST_USE;

/*
 * Asks which of n namespaces have a note; unswept_take() reads one from each row: *at is its index in the
 * list, which must live as long as the query. `arena` holds the parameters.
 */
bool unswept_ask(struct sql *d, const int64_t *list, size_t n, struct arena *arena, struct query *q,
                 struct err *err) MUST_USE;
bool unswept_take(struct query *q, size_t *at, int64_t *note, bool *found,
                  struct err *err) MUST_USE;

/* Reads the namespace and `names` of the next row of UNSWEPT_LIST. */
bool unswept_next(struct query *q, int64_t *ns, int64_t *names, bool *found,
                  struct err *err) MUST_USE;

/* Rows that one statement removes; a session with more messages becomes garbage. */
enum { GARBAGE_ROWS = 50 };

/* Turns the contents of a thread into garbage; its row stays. */
bool garbage_thread(struct sql *d, int64_t thread, struct err *err) MUST_USE;

/* Turns the row of a session into garbage, with its messages and contexts. */
bool garbage_session(struct sql *d, int64_t session, struct err *err) MUST_USE;

/* Whether a session has so many messages that it should become garbage. */
bool garbage_worth(struct sql *d, int64_t session, bool *worth, struct err *err) MUST_USE;

/* Removes one part of all garbage; *left if there may be more. */
bool garbage_collect(struct sql *d, bool *left, struct err *err) MUST_USE;

/* The last parts of an op, which is run again while garbage is left. */
bool garbage_finish(struct sql *d, struct op *op, struct err *err) MUST_USE;

#endif

/*
 * sql_look.h - reads what a store has of the records that are about to be merged.
 *
 *     OP_MERGE -> look_ahead(): asks about some records of one id -> for each: look_*(), then its change
 *
 * On a distant store the questions about all these records take one round trip. After a change that goes
 * beyond its own record, look_forget() makes the others be asked about again.
 *
 * Threads    the lane's.
 * Ownership  lists live in the arena of the op; what is read, in that of the caller.
 * Units      stamps as in clock.h.
 * Errors     STORAGE, DAMAGED, UNAVAILABLE, NO_MEMORY.
 */
#ifndef SQL_LOOK_H
#define SQL_LOOK_H

#include "sql_load.h"
#include "sql_ns.h"
#include "sql_rows.h"

enum { LOOK_SPACES = 8 };

/* A namespace of these records. */
struct look_space {
    struct slice ns;
    struct query q;
    bool taken; /* row is known */
    struct ns_row row;
};

/* A record that was asked about. */
struct look_item {
    struct query q;
    struct query needed; /* of a checkpoint: question about `ids` */
    int64_t *ids;        /* values that it needs and that do not come with these records */
    size_t n_ids;
    struct look_space *space;
    bool broken; /* a value that was left out */
    bool made;   /* the row of its checkpoint is queued, its id not known yet */
};

struct look {
    struct sql *d;
    struct op *op; /* OP_MERGE */
    int64_t tenant;
    size_t first, end; /* records that were asked about */
    bool stale;        /* these answers may be outdated */
    struct query session;
    bool texts;     /* `session` asks for texts, too */
    int64_t thread; /* a row of the thread made since; 0 = none */
    int64_t tomb;   /* its tomb */
    struct look_item *items;
    struct look_space spaces[LOOK_SPACES];
    size_t n_spaces;
};

/* The answer about a context. */
struct look_context {
    bool trimmed;   /* so many newer ones exist that it is not kept */
    int64_t number; /* under which the context of this stamp is stored; 0: it is not */
};

/* The answer about a value: its namespace and that of its base; 0 = not stored. */
struct look_value {
    int64_t ns, base_ns;
};

/* Asks about record `first` and some behind it, up to look->end. */
bool look_ahead(struct look *l, size_t first, struct err *err) MUST_USE;

/* Whether the answers about record i are there and still valid. */
bool look_holds(const struct look *l, size_t i) MUST_USE;

/* Invalidates the answers, after a change that went beyond its own record. */
void look_forget(struct look *l);

/* Ends the questions without an answer. */
void look_end(struct look *l);

/* Reads the row of the session of a record. */
bool look_session(struct look *l, size_t i, struct session_row *row, struct err *err) MUST_USE;

/* Reads seq and stamp of a message; *known: it is stored. */
bool look_message(struct look *l, size_t i, struct record_message *out, bool *known,
                  struct err *err) MUST_USE;

/* Tells under which number a context is stored, and whether it would not be kept. */
bool look_context(struct look *l, size_t i, struct look_context *out, struct err *err) MUST_USE;

/* Reads the row of a thread. */
bool look_thread(struct look *l, size_t i, struct thread_row *row, struct err *err) MUST_USE;

/* Reads the rows of the namespace of a record and of its thread. */
bool look_space(struct look *l, size_t i, struct ns_row *row, struct err *err) MUST_USE;

/* Finds the namespace of a value and of its base, which may come with these records. */
bool look_value(struct look *l, size_t i, struct look_value *out, struct err *err) MUST_USE;

/* *whole: all values that a checkpoint refers to are in namespace `ns`, or come with these records. */
bool look_needed(struct look *l, size_t i, int64_t ns, bool *whole, struct err *err) MUST_USE;

/* Notes that a value was left out. */
void look_broken(struct look *l, size_t i);

/* Reads the row of a checkpoint. *child: it names a parent. */
bool look_checkpoint(struct look *l, size_t i, struct checkpoint_row *row, bool *child,
                     struct err *err) MUST_USE;

/* Reads the row of a task, and id and stamp of its checkpoint. */
bool look_task(struct look *l, size_t i, struct arena *arena, struct checkpoint_row *row,
               struct task_row *task, struct err *err) MUST_USE;

/* Whether a request is known, and whether an addition of it is pending. */
bool look_repeat(struct look *l, size_t i, bool *known, bool *pending, struct err *err) MUST_USE;

/* Whether an addition is counted already: with its request, or by the op in this store's outbox. */
bool look_pending(struct look *l, size_t i, bool *counted, struct err *err) MUST_USE;

/* Notes that the row of the thread was made. */
void look_made_thread(struct look *l, int64_t id, int64_t tomb);

/* Updates the row of the namespace of a record. */
void look_keep_space(struct look *l, size_t i, const struct ns_row *row);

/* Notes that a row for the checkpoint of a record was queued, and tells whether one was. */
void look_made(struct look *l, size_t i);
bool look_is_made(const struct look *l, size_t i) MUST_USE;

#endif

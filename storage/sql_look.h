/*
 * sql_look.h - what a store has of the records that are merged into it.
 *
 *     OP_MERGE -> look_ahead(): some records of one id -> for each of them: look_*(), its change
 *
 * Where each answer is a way to a server and back, what is asked of those records is answered by one. A
 * change that goes beyond its own record is followed by look_forget(): the others are asked about again.
 *
 * Threads    the lane's.
 * Ownership  lists live in the arena of the op, what is read in that of the caller.
 * Units      stamps as in clock.h.
 * Errors     STORAGE, DAMAGED, UNAVAILABLE, NO_MEMORY.
 */
#ifndef SQL_LOOK_H
#define SQL_LOOK_H

#include "sql_load.h"
#include "sql_ns.h"
#include "sql_rows.h"

enum { LOOK_SPACES = 8 };

/* A namespace that records are in. */
struct look_space {
    struct slice ns;
    struct query q;
    bool taken; /* its row is known */
    struct ns_row row;
};

/* A record that was asked about. */
struct look_item {
    struct query q;
    struct query needed; /* of a checkpoint: these */
    int64_t *ids;        /* values that are not among those records */
    size_t n_ids;
    struct look_space *space;
    bool broken; /* a value that was left out */
    bool made;   /* a row of its checkpoint was queued, and has no id here */
};

struct look {
    struct sql *d;
    struct op *op; /* OP_MERGE */
    int64_t tenant;
    size_t first, end; /* what was asked about */
    bool stale;        /* ... and may be otherwise by now */
    struct query session;
    bool texts;     /* ... with these */
    int64_t thread; /* a row of it that was made since; 0 = none */
    int64_t tomb;   /* its tomb */
    struct look_item *items;
    struct look_space spaces[LOOK_SPACES];
    size_t n_spaces;
};

/* What is known of a context. */
struct look_context {
    bool trimmed; /* as many newer ones are kept */
    bool known;
};

/* What is known of a value: the namespaces that it is in, and what it is based on; 0 = none. */
struct look_value {
    int64_t ns, base_ns;
};

/* Asks about record `first` and those behind it: up to look->end. */
bool look_ahead(struct look *l, size_t first, struct err *err) MUST_USE;

/* Whether those up to look->end may be merged still. */
bool look_holds(const struct look *l, size_t i) MUST_USE;

/* After a change beyond its own record. */
void look_forget(struct look *l);

/* Ends what was asked and not answered. */
void look_end(struct look *l);

/* The row of the session of a record. */
bool look_session(struct look *l, size_t i, struct session_row *row, struct err *err) MUST_USE;

/* The seq and the stamp of a message; *known: it is there. */
bool look_message(struct look *l, size_t i, struct record_message *out, bool *known,
                  struct err *err) MUST_USE;

/* Whether a context is there, or would not be kept. */
bool look_context(struct look *l, size_t i, struct look_context *out, struct err *err) MUST_USE;

/* The row of a thread. */
bool look_thread(struct look *l, size_t i, struct thread_row *row, struct err *err) MUST_USE;

/* The rows of the namespace of a record. */
bool look_space(struct look *l, size_t i, struct ns_row *row, struct err *err) MUST_USE;

/* Where a value is. Its base may have come with it, just before. */
bool look_value(struct look *l, size_t i, struct look_value *out, struct err *err) MUST_USE;

/* Of a checkpoint: whether all values that it refers to are in namespace `ns`, or came just before. */
bool look_needed(struct look *l, size_t i, int64_t ns, bool *whole, struct err *err) MUST_USE;

/* A value was left out. */
void look_broken(struct look *l, size_t i);

/* The row of a checkpoint. */
bool look_checkpoint(struct look *l, size_t i, struct checkpoint_row *row,
                     struct err *err) MUST_USE;

/* The row of a task, and the id and the stamp of its checkpoint. */
bool look_task(struct look *l, size_t i, struct arena *arena, struct checkpoint_row *row,
               struct task_row *task, struct err *err) MUST_USE;

/* Whether a request is known, and whether an addition of it is pending. */
bool look_repeat(struct look *l, size_t i, bool *known, bool *pending, struct err *err) MUST_USE;

/* Whether an addition is counted already: by its request, or by the operation in the outbox here. */
bool look_pending(struct look *l, size_t i, bool *counted, struct err *err) MUST_USE;

/* A row of a thread was made. */
void look_made_thread(struct look *l, int64_t id, int64_t tomb);

/* The namespace of a record is like this now. */
void look_keep_space(struct look *l, size_t i, const struct ns_row *row);

/* A row for the checkpoint of a record was queued; whether one was. */
void look_made(struct look *l, size_t i);
bool look_is_made(const struct look *l, size_t i) MUST_USE;

#endif

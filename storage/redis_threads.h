/*
 * redis_threads.h - the hash of a thread, with its namespaces; what is in one: redis_cells.h.
 *
 *     op function -> redis_thread_ask() + call_answers() + redis_thread_take() -> look, change -> redis_thread_store()
 *
 * A namespace is a field of the thread while there is something in it; the hash of a thread stays as
 * the tombstone of a deleted one.
 *
 * Threads    the lane's.
 * Ownership  texts live in the arena of the op, or are borrowed from it.
 * Units      *_us wall microseconds; stamps as in clock.h; bytes of payload.
 * Errors     those of redis.h.
 */
#ifndef REDIS_THREADS_H
#define REDIS_THREADS_H

#include "redis_cells.h"

/* The hash of a thread. */
struct thread_row {
    bool stored;
    struct slice rev;
    int64_t tomb, updated_us;
    bool old_tomb;        /* it is among the tombstones */
    struct space *spaces; /* those that were asked for, by name */
    size_t n;
};

/* Asks for the thread at hand: with one namespace, or with all (absent). One reply. */
void redis_thread_ask(struct call *c, struct slice ns);

/* The thread in that reply. */
bool redis_thread_take(struct call *c, struct slice ns, const struct reply *reply,
                       struct thread_row *thread, struct err *err) MUST_USE;

/* Both, for the thread at hand with all its namespaces. */
bool redis_thread_read(struct call *c, struct thread_row *thread, struct err *err) MUST_USE;

/* Guards the thread, and stores what it says of itself and of one namespace (NULL: none). */
bool redis_thread_store(struct call *c, const struct thread_row *thread, const struct space *space,
                        struct err *err) MUST_USE;

/* Removes the field of a namespace, and with `last` the thread unless it is a tombstone. */
void redis_thread_drop_space(struct call *c, const struct thread_row *thread,
                             const struct space *space, bool last);

/* The highest stamp of a thread and what is in it. */
int64_t redis_thread_newest(const struct thread_row *thread) MUST_USE;

/* Removes all of the thread at hand; its tombstone, which is copied (copies.h), has this stamp, or the
 * highest of what is in the thread. Not yet committed. */
bool redis_thread_remove(struct call *c, int64_t stamp, struct err *err) MUST_USE;

/* The same for a thread that has been read, without its tombstone. */
bool redis_thread_clear(struct call *c, const struct thread_row *thread, struct err *err) MUST_USE;

#endif

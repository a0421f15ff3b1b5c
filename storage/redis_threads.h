/*
 * redis_threads.h - the hash of a thread and its namespaces, whose contents are in redis_cells.h.
 *
 *     op function -> redis_thread_ask() + call_answers() + redis_thread_take()
 *                 -> look, change -> redis_thread_store()
 *
 * A namespace has a field in the hash while something is in it. The hash of a deleted thread stays as its
 * tombstone.
 *
 * Threads    the lane's.
 * Ownership  texts live in the arena of the op, or are borrowed from it.
 * Units      *_us wall microseconds; stamps as in clock.h; bytes of payload.
 * Errors     those of redis.h.
 */
#ifndef REDIS_THREADS_H
#define REDIS_THREADS_H

#include "redis_cells.h"

/* The hash of one thread. */
struct thread_row {
    bool stored;
    struct slice rev;
    int64_t tomb, updated_us;
    bool old_tomb;        /* it had a tomb when it was read, so it is in the index of tombstones */
    struct space *spaces; /* those that were asked for, sorted by name */
    size_t n;
};

/* Asks for the thread at hand, with one namespace, or with all (ns absent). One reply. */
void redis_thread_ask(struct call *c, struct slice ns);

/* Takes the thread from that reply. */
bool redis_thread_take(struct call *c, struct slice ns, const struct reply *reply,
                       struct thread_row *thread, struct err *err) MUST_USE;

/* Asks for the thread at hand with all its namespaces, and takes it. */
bool redis_thread_read(struct call *c, struct thread_row *thread, struct err *err) MUST_USE;

/* Notes that the thread is written to: record_thread_time(). */
void redis_thread_touch(struct thread_row *thread, int64_t now_us);

/* Plans to write the thread, and one namespace (NULL: none); guarded by the rev of the thread. */
bool redis_thread_store(struct call *c, const struct thread_row *thread, const struct space *space,
                        struct err *err) MUST_USE;

/* Plans to remove a namespace. If it was the `last`, the thread goes too, unless it is a tombstone. */
void redis_thread_drop_space(struct call *c, const struct thread_row *thread,
                             const struct space *space, bool last);

/* The highest stamp of the thread and its namespaces, its tomb included. */
int64_t redis_thread_newest(const struct thread_row *thread) MUST_USE;

/* Plans to remove all of the thread at hand, and to leave a tombstone, which is added to the copies. Its
 * stamp is this one, or the highest in the thread if that is higher. ERR_FENCED, as op_fence_allows(). */
bool redis_thread_remove(struct call *c, int64_t stamp, struct err *err) MUST_USE;

/* Plans to remove the contents of a thread that was read; leaves it without a tombstone. */
bool redis_thread_clear(struct call *c, const struct thread_row *thread, struct err *err) MUST_USE;

#endif

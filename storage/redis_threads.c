/* redis_threads.c - the hash of a thread; see redis_threads.h. */
#include "redis_threads.h"

#include <stdlib.h>

#include "clock.h"
#include "copies.h"
#include "record_fields.h"

static const struct slice none = {NULL, 0};

static struct slice space_field(struct call *c, struct slice ns)
{
    return call_concat(c, SLICE("n:"), ns);
}

void redis_thread_ask(struct call *c, struct slice ns)
{
    if (slice_present(ns))
        ASK(c, SLICE("HMGET"), call_key(c, "thread"), SLICE("rev"), SLICE("tomb"),
            SLICE("updated_us"), space_field(c, ns));
    else
        ASK(c, SLICE("HGETALL"), call_key(c, "thread"));
}

static bool take_space(struct slice ns, struct slice field, struct space *space, struct err *err)
{
    int64_t n[4];

    *space = (struct space){.ns = ns};
    if (!slice_present(field))
        return true;
    if (!redis_unpack(field, &(struct packed){.numbers = n, .n_numbers = COUNT_OF(n)}, err))
        return false;
    space->stored = true;
    space->form = (enum form)n[0];
    space->last_stamp = n[1];
    space->checkpoints = n[2];
    space->bytes = n[3];
    return true;
}

static int order_spaces(const void *a, const void *b)
{
    const struct space *x = a, *y = b;

    return slice_compare(x->ns, y->ns);
}

static bool take_all(const struct reply *reply, struct thread_row *thread, struct err *err)
{
    for (size_t i = 0; i + 1 < reply->n; i += 2) {
        struct slice name = reply->items[i]->text, text = reply->items[i + 1]->text;

        if (slice_equal(name, SLICE("rev")))
            thread->rev = text;
        else if (slice_equal(name, SLICE("tomb")))
            thread->tomb = redis_number(text);
        else if (slice_equal(name, SLICE("updated_us")))
            thread->updated_us = redis_number(text);
        else if (slice_starts(name, SLICE("n:")) &&
                 !take_space((struct slice){name.at + 2, name.len - 2}, text,
                             &thread->spaces[thread->n++], err))
            return false;
    }
    if (thread->n > 1)
        qsort(thread->spaces, thread->n, sizeof(*thread->spaces), order_spaces);
    return true;
}

bool redis_thread_take(struct call *c, struct slice ns, const struct reply *reply,
                       struct thread_row *thread, struct err *err)
{
    *thread = (struct thread_row){0};
    thread->spaces = arena_zalloc(c->arena, reply->n / 2 + 1, sizeof(*thread->spaces));
    if (!thread->spaces)
        return err_no_memory(err);
    if (!slice_present(ns)) {
        if (!take_all(reply, thread, err))
            return false;
    } else {
        thread->rev = reply->items[0]->text;
        thread->tomb = redis_number(reply->items[1]->text);
        thread->updated_us = redis_number(reply->items[2]->text);
        thread->n = 1;
        if (!take_space(ns, reply->items[3]->text, &thread->spaces[0], err))
            return false;
    }
    thread->stored = slice_present(thread->rev);
    thread->old_tomb = thread->tomb > 0;
    return true;
}

bool redis_thread_read(struct call *c, struct thread_row *thread, struct err *err)
{
    struct reply **replies;

    redis_thread_ask(c, none);
    return call_answers(c, &replies, err) && redis_thread_take(c, none, replies[0], thread, err);
}

void redis_thread_touch(struct thread_row *thread, int64_t now_us)
{
    thread->updated_us = clock_later(thread->updated_us, record_thread_time(thread->tomb, now_us));
}

bool redis_thread_store(struct call *c, const struct thread_row *thread, const struct space *space,
                        struct err *err)
{
    struct slice key = call_key(c, "thread"), field;

    call_guard(c, key, thread->rev);
    CHANGE(c, SLICE("HSET"), key, SLICE("rev"), call_number(c, stamp_next()), SLICE("tomb"),
           call_number(c, thread->tomb), SLICE("updated_us"), call_number(c, thread->updated_us));
    if (space) {
        if (!redis_pack(&(struct packed){.numbers = (int64_t[]){space->form, space->last_stamp,
                                                                space->checkpoints, space->bytes},
                                         .n_numbers = 4},
                        c->arena, &field, err))
            return false;
        CHANGE(c, SLICE("HSET"), key, space_field(c, space->ns), field);
    }
    if (!thread->stored)
        CHANGE(c, SLICE("ZADD"), call_index(c, "threads"), SLICE("0"), c->id);
    if (thread->tomb > 0)
        CHANGE(c, SLICE("ZADD"), call_index(c, "thread-tombs"),
               call_number(c, stamp_us(thread->tomb)), c->id);
    else if (thread->old_tomb)
        CHANGE(c, SLICE("ZREM"), call_index(c, "thread-tombs"), c->id);
    return true;
}

void redis_thread_drop_space(struct call *c, const struct thread_row *thread,
                             const struct space *space, bool last)
{
    static const char *const kinds[] = {"checkpoints", "sequence", "ages", "values",
                                        "names",       "weights",  "bases"};

    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        CHANGE(c, SLICE("UNLINK"), call_key_ns(c, kinds[i], space->ns));
    CHANGE(c, SLICE("HDEL"), call_key(c, "thread"), space_field(c, space->ns));
    if (last && thread->tomb == 0) {
        CHANGE(c, SLICE("DEL"), call_key(c, "thread"));
        CHANGE(c, SLICE("ZREM"), call_index(c, "threads"), c->id);
    }
}

int64_t redis_thread_newest(const struct thread_row *thread)
{
    int64_t newest = thread->tomb;

    for (size_t i = 0; i < thread->n; i++)
        if (thread->spaces[i].last_stamp > newest)
            newest = thread->spaces[i].last_stamp;
    return newest;
}

static int order_runs(const void *a, const void *b)
{
    const struct cp_row *x = a, *y = b;

    return slice_compare(x->run_id, y->run_id);
}

/* Plans to remove every key of a namespace, and what the indexes say of its rows: one run after the other,
 * so that a command removes many. */
static bool clear_space(struct call *c, const struct thread_row *thread, const struct space *space,
                        const struct reply *const *replies, struct err *err)
{
    const struct reply *rows = replies[0], *weights = replies[1];
    struct cp_drops drops = {.c = c, .ns = space->ns, .whole = true};
    struct cp_row *list = arena_zalloc(c->arena, rows->n / 2 + 1, sizeof(*list));

    if (!list)
        return err_no_memory(err);
    for (size_t i = 0; i < rows->n / 2; i++)
        if (!redis_cp_take(rows->items[2 * i]->text, rows->items[2 * i + 1], &list[i], err))
            return false;
    if (rows->n > 2)
        qsort(list, rows->n / 2, sizeof(*list), order_runs);
    for (size_t i = 0; i < rows->n / 2; i++)
        redis_cp_drop(&drops, &list[i]);
    for (size_t i = 0; i < weights->n; i++)
        redis_cp_drop_writes(&drops, weights->items[i]->text);
    redis_cp_drops_end(&drops);
    redis_thread_drop_space(c, thread, space, false);
    return true;
}

bool redis_thread_clear(struct call *c, const struct thread_row *thread, struct err *err)
{
    struct reply **replies;

    for (size_t i = 0; i < thread->n; i++) {
        ASK(c, SLICE("HGETALL"), call_key_ns(c, "checkpoints", thread->spaces[i].ns));
        ASK(c, SLICE("HKEYS"), call_key_ns(c, "weights", thread->spaces[i].ns));
    }
    if (!call_answers(c, &replies, err))
        return false;
    for (size_t i = 0; i < thread->n; i++)
        if (!clear_space(c, thread, &thread->spaces[i],
                         (const struct reply *const[]){replies[2 * i], replies[2 * i + 1]}, err))
            return false;
    return true;
}

bool redis_thread_remove(struct call *c, int64_t stamp, struct err *err)
{
    struct thread_row thread;
    int64_t newest;

    if (!redis_thread_read(c, &thread, err) || !redis_thread_clear(c, &thread, err))
        return false;
    newest = redis_thread_newest(&thread);
    if (!op_fence_allows(c->op, newest, err)) /* the other store would keep the newer */
        return false;
    thread.tomb = clock_later(stamp, newest);
    return redis_thread_store(c, &thread, NULL, err) &&
           copies_thread(c->op, c->id, thread.tomb, thread.updated_us, err);
}

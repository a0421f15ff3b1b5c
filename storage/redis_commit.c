/* redis_commit.c - collects what an op changes, and makes it with one script; see call_guard() in redis_call.h. */
#include "redis_entry.h"
#include "redis_used.h"

static void push(struct call *c, struct slice **list, size_t *n, size_t *cap, struct slice s)
{
    void *grown;

    if (c->failure.kind != ERR_OK)
        return;
    grown = arena_grow(c->arena, *list, *n, sizeof(s), cap);
    if (!grown) {
        call_no_memory(c);
        return;
    }
    *list = grown;
    (*list)[(*n)++] = slice_present(s) ? s : SLICE("");
}

void call_guard(struct call *c, struct slice key, struct slice rev)
{
    push(c, &c->guards, &c->n_guards, &c->guards_cap, key);
    push(c, &c->guards, &c->n_guards, &c->guards_cap, rev);
}

void call_change(struct call *c, const struct slice *args, size_t n)
{
    push(c, &c->changes, &c->n_changes, &c->changes_cap, call_number(c, (int64_t)n));
    for (size_t i = 0; i < n; i++)
        push(c, &c->changes, &c->n_changes, &c->changes_cap, args[i]);
}

void call_change_first(struct call *c, const struct slice *args, size_t n)
{
    size_t others = c->n_changes;

    call_change(c, args, n);
    if (c->failure.kind != ERR_OK || others == 0)
        return;
    memmove(c->changes + n + 1, c->changes, others * sizeof(*c->changes));
    c->changes[0] = call_number(c, (int64_t)n);
    memcpy(c->changes + 1, args, n * sizeof(*args));
}

/* Whether all changes stay in the bucket of the first guard: on a cluster a script may touch one hash
 * slot only. All keys begin with the tag of their bucket. */
static bool in_one_bucket(const struct call *c)
{
    struct slice key = c->guards[0];
    const char *end = memchr(key.at, '}', key.len);
    struct slice tag = {key.at, end ? (size_t)(end - key.at) : key.len};

    for (size_t i = 0; i < c->n_changes; i += 1 + (size_t)redis_number(c->changes[i]))
        if (!slice_starts(c->changes[i + 2], tag))
            return false;
    return true;
}

/* Arguments of the script: number of guards, their keys, the rev of each, then each command behind the
 * number of its words. */
static bool run_commit(struct call *c, struct err *err)
{
    size_t n_guards = c->n_guards / 2, n = 0;
    struct slice *args = arena_alloc(c->arena, (1 + c->n_guards + c->n_changes) * sizeof(*args));
    struct reply *reply;

    if (!args)
        return err_no_memory(err);
    if (n_guards == 0 || !in_one_bucket(c))
        return err_set(err, ERR_INTERNAL, "redis: a change leaves its bucket");
    args[n++] = call_number(c, (int64_t)n_guards);
    for (size_t i = 0; i < n_guards; i++)
        args[n++] = c->guards[2 * i];
    for (size_t i = 0; i < n_guards; i++)
        args[n++] = c->guards[2 * i + 1];
    memcpy(args + n, c->changes, c->n_changes * sizeof(*args));
    if (!call_script(c, REDIS_COMMIT, args, n + c->n_changes, &reply, err))
        return false;
    if (reply->number == 0)
        return call_torn(c, err);
    c->changed = true;
    return true;
}

static bool add_entry(struct call *c, struct err *err)
{
    struct slice entry;

    if (!redis_entry_new(c->op, c->tenant, c->id, c->entered, &entry, err))
        return false;
    CHANGE(c, SLICE("ZADD"), call_shared(c, "outbox"), SLICE("0"), entry);
    return true;
}

/* While this store stands in for the primary, the commit fails if the id has meanwhile been noted as
 * missing. */
static void guard_alone(struct call *c)
{
    if (c->op->alone && slice_present(c->op->id))
        call_guard(c, call_key(c, "missing"), (struct slice){NULL, 0});
}

bool call_commit(struct call *c, struct err *err)
{
    if (c->op->n_copies > c->entered && !add_entry(c, err))
        return false;
    if (c->n_changes > 0)
        guard_alone(c);
    if (c->failure.kind != ERR_OK) {
        *err = c->failure;
        return false;
    }
    if (c->n_changes > 0 && (!used_mark(c, err) || !run_commit(c, err)))
        return false;
    if (c->n_changes > 0)
        c->entered = c->op->n_copies;
    c->n_guards = c->n_changes = 0;
    return true;
}

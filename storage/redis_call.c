/* redis_call.c - see redis_call.h. */
#include "redis_call.h"

#include "clock.h"
#include "redis_scripts.h"

void call_no_memory(struct call *c)
{
    if (c->failure.kind == ERR_OK)
        (void)err_no_memory(&c->failure);
}

void call_at(struct call *c, struct slice tenant, struct slice id)
{
    c->tenant = tenant;
    c->id = id;
    c->bucket = redis_bucket(tenant, id);
}

static struct slice key_of(struct call *c, const struct redis_key *key)
{
    struct slice text = redis_key_text(key, c->arena);

    if (!text.at)
        call_no_memory(c);
    return text;
}

struct slice call_key(struct call *c, const char *kind)
{
    return key_of(c, &(struct redis_key){c->d->prefix, kind, c->bucket, {c->tenant, c->id}});
}

struct slice call_key_ns(struct call *c, const char *kind, struct slice ns)
{
    return key_of(c, &(struct redis_key){c->d->prefix, kind, c->bucket, {c->tenant, c->id, ns}});
}

struct slice call_writes_key(struct call *c, struct slice ns, struct slice id)
{
    return key_of(
        c, &(struct redis_key){c->d->prefix, "writes", c->bucket, {c->tenant, c->id, ns, id}});
}

struct slice call_index_at(struct call *c, const char *kind, unsigned bucket)
{
    return key_of(c, &(struct redis_key){c->d->prefix, kind, bucket, {c->tenant}});
}

struct slice call_index(struct call *c, const char *kind)
{
    return call_index_at(c, kind, c->bucket);
}

struct slice call_shared_at(struct call *c, const char *kind, unsigned bucket)
{
    return key_of(c, &(struct redis_key){c->d->prefix, kind, bucket, {{NULL, 0}}});
}

struct slice call_shared(struct call *c, const char *kind)
{
    return call_shared_at(c, kind, c->bucket);
}

struct slice call_index_of(struct call *c, const char *kind, struct slice part)
{
    return key_of(c, &(struct redis_key){c->d->prefix, kind, c->bucket, {c->tenant, part}});
}

struct slice call_single(struct call *c, const char *kind, struct slice part)
{
    struct slice key = redis_key_single(c->d->prefix, kind, part, c->arena);

    if (!key.at)
        call_no_memory(c);
    return key;
}

struct slice call_number(struct call *c, int64_t n)
{
    struct slice text = redis_decimal(n, c->arena);

    if (!text.at)
        call_no_memory(c);
    return text;
}

struct slice call_concat(struct call *c, struct slice a, struct slice b)
{
    char *at = arena_alloc(c->arena, a.len + b.len + 1);

    if (!at) {
        call_no_memory(c);
        return SLICE("");
    }
    if (a.len)
        memcpy(at, a.at, a.len);
    if (b.len)
        memcpy(at + a.len, b.at, b.len);
    return (struct slice){at, a.len + b.len};
}

void call_ask(struct call *c, const struct slice *args, size_t n)
{
    if (c->failure.kind != ERR_OK)
        return;
    if (!c->d->conn.redis)
        c->failure = c->d->conn.why;
    else if (conn_put(&c->d->conn, args, n, &c->failure))
        c->asked++;
}

/* Sends what was asked and waits for the replies, into c->replies; some may be errors. */
static bool wait_for(struct call *c, struct err *err)
{
    size_t n = c->asked;

    if (c->failure.kind != ERR_OK) {
        *err = c->failure;
        return false;
    }
    c->replies = arena_alloc(c->arena, (n + 1) * sizeof(struct reply *));
    if (!c->replies)
        return err_no_memory(err);
    if (n == 0)
        return true;
    if (c->wait)
        return c->wait(c, err);
    if (!conn_send(&c->d->conn, err))
        return false;
    return call_take(c, err);
}

bool call_take(struct call *c, struct err *err)
{
    size_t n = c->asked;
    bool ok = true;

    c->asked = 0;
    for (size_t i = 0; i < n && c->d->conn.redis; i++)
        ok &= conn_take(&c->d->conn, c->arena, &c->replies[i], err);
    return ok;
}

static bool refused(struct call *c, const struct reply *reply, struct err *err)
{
    (void)conn_refused(reply, err);
    c->d->denied |= err->kind == ERR_CONFIG;
    return false;
}

bool call_answers(struct call *c, struct reply ***replies, struct err *err)
{
    size_t n = c->asked;

    if (!wait_for(c, err))
        return false;
    for (size_t i = 0; i < n; i++)
        if (c->replies[i]->type == REPLY_ERROR)
            return refused(c, c->replies[i], err);
    *replies = c->replies;
    return true;
}

void call_drain(struct call *c)
{
    struct err ignored;

    while (c->asked > 0 && c->d->conn.redis) {
        c->failure.kind = ERR_OK;
        c->replies = arena_alloc(c->arena, c->asked * sizeof(struct reply *));
        if (!c->replies) {
            err_fill(&ignored, ERR_UNAVAILABLE, "redis: out of memory");
            conn_drop(&c->d->conn, &ignored);
            break;
        }
        if (c->wait ? !c->wait(c, &ignored)
                    : !conn_send(&c->d->conn, &ignored) || !call_take(c, &ignored))
            break;
    }
    c->asked = 0;
}

bool call_apart(struct call *c, call_part *part, void *arg, struct err *err)
{
    struct arena own = {0}, *arena = c->arena;
    bool ok;

    c->arena = &own;
    ok = part(c, arg, err);
    c->arena = arena;
    arena_done(&own);
    return ok;
}

/* One EVALSHA; its reply may be an error. If contact is lost, the script may have run. */
static bool try_script(struct call *c, const struct slice *args, size_t n, struct reply **reply,
                       struct err *err)
{
    struct err dropped;

    call_ask(c, args, n);
    if (!wait_for(c, err)) {
        bool no_room = err->kind == ERR_NO_MEMORY && c->asked == 0; /* for the reply */

        if ((err->kind == ERR_UNAVAILABLE || no_room) && c->failure.kind == ERR_OK) {
            c->changed = true;
            err_fill(err, ERR_IN_DOUBT, "%s", err->text);
        }
        if (err->kind == ERR_NO_MEMORY && c->d->conn.redis) { /* what was put must not be sent */
            err_fill(&dropped, ERR_UNAVAILABLE, "redis: %s", err->text);
            conn_drop(&c->d->conn, &dropped);
        }
        return false;
    }
    *reply = c->replies[0];
    return true;
}

bool call_script(struct call *c, enum redis_script which, const struct slice *args, size_t n,
                 struct reply **reply, struct err *err)
{
    struct slice *all = arena_alloc(c->arena, (n + 2) * sizeof(*all));
    struct reply **loaded;

    if (!all)
        return err_no_memory(err);
    all[0] = SLICE("EVALSHA");
    all[1] = slice_of(c->d->sha[which]);
    memcpy(all + 2, args, n * sizeof(*all));
    if (!try_script(c, all, n + 2, reply, err))
        return false;
    if (conn_unknown_script(*reply)) { /* the server has restarted: nothing was done */
        ASK(c, SLICE("SCRIPT"), SLICE("LOAD"), slice_of(redis_scripts[which]));
        if (!call_answers(c, &loaded, err) || !try_script(c, all, n + 2, reply, err))
            return false;
        if (conn_unknown_script(*reply))
            return err_set(err, ERR_UNAVAILABLE, "redis: it does not keep scripts");
    }
    c->changed |= conn_denied_within(*reply);
    return (*reply)->type != REPLY_ERROR || refused(c, *reply, err);
}

bool call_torn(struct call *c, struct err *err)
{
    c->conflict = true;
    return err_set(err, ERR_UNAVAILABLE, "redis: too many changes to one record at once");
}

bool call_lost(struct call *c, const char *part, struct err *err)
{
    c->conflict = true;
    c->lost++;
    return err_set(err, ERR_DAMAGED, "redis: %s is not there", part);
}

bool call_again(struct call *c, int *tries)
{
    if (!c->conflict || c->lost == REDIS_TRIES_LOST || ++*tries == REDIS_TRIES)
        return false;
    c->conflict = false;
    c->n_guards = c->n_changes = 0;
    c->op->n_copies = c->entered;
    return true;
}

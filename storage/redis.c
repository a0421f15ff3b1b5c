/* redis.c - opens a Redis, runs batches; see redis.h. */
#include "redis.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "clock.h"
#include "copies.h"
#include "redis_node.h"
#include "redis_ops.h"
#include "redis_pair.h"
#include "redis_scripts.h"
#include "redis_turns.h"
#include "redis_used.h"

#define TIMEOUT_DEFAULT_US S_US
#define USED_NS (60 * S_NS) /* for so long marks of used buckets are trusted */

/* Runs the function of the op. It may be called again after a conflict, so it starts from the op alone. */
static bool run_once(struct call *c, struct err *err)
{
    switch (c->op->type) {
#define X(type, member, flags) \
    case OP_##type:            \
        return redis_##member(c, c->op, err);
        OP_DRIVER_TYPES(X)
#undef X
    case OP_PROBE:
    case OP_TYPE_COUNT:
        break;
    }
    return err_set(err, ERR_INTERNAL, "there is no such operation");
}

/* A wrong password or a missing permission ends the start. Once the service runs it may be put right. */
static void soften(struct err *err)
{
    if (err->kind == ERR_CONFIG)
        err->kind = ERR_UNAVAILABLE;
}

static void run(struct call *c)
{
    struct op *op = c->op;
    struct err err = {0};
    int tries = 0;
    bool ok;

    if (c->d->unkept.kind != ERR_OK && op_writes(op)) {
        op->status = c->d->unkept;
        return;
    }
    copies_reset(op);
    do {
        c->failure.kind = ERR_OK;
        ok = (!op->alone || redis_pair_admits(c, &err)) && run_once(c, &err);
        call_drain(c);
    } while (!ok && call_again(c, &tries));
    if (!ok) {
        allowance_explain(op->arena->allowance, &err);
        soften(&err);
    }
    op->status = ok ? (struct err){.kind = ERR_OK} : err;
    if (!ok && c->changed && (err.kind == ERR_UNAVAILABLE || err.kind == ERR_NO_MEMORY))
        op->status.kind = ERR_IN_DOUBT;
    if (!ok)
        op->again = false;
}

/* This may be another store than before, or one that has lost its data. */
static void distrust(struct redis *d)
{
    used_distrust(d);
    d->used_until_ns = d->lasting_ns = 0;
}

/* Looks at the marks of used buckets, once a minute and when a look at the pair has found another store: the
 * server may have been emptied. */
static void recheck_used(struct redis *d)
{
    unsigned generation = acquaintance_generation(d->acquaintance);
    int64_t now_ns = clock_now_ns();

    if (now_ns < d->used_until_ns && generation == d->used_generation)
        return;
    if (generation != d->used_generation)
        distrust(d);
    d->used_generation = generation;
    d->used_until_ns = now_ns + USED_NS;
    used_recheck(d);
}

/* How often this process was refused something for lack of rights: by a primary, by a fallback. */
static atomic_uint denials[2];

static void note_denied(struct redis *d, bool denied)
{
    if (denied)
        atomic_fetch_add(&denials[d->fallback], 1);
    d->denied = false;
}

/* After a refusal each connection is made anew, for its beginning tells what this user may do. */
static void close_denied(struct redis *d)
{
    struct err why = {.kind = ERR_UNAVAILABLE, .text = "redis: permissions have changed"};
    unsigned now = atomic_load(&denials[d->fallback]);

    if (d->denials != now && d->conn.redis)
        conn_drop(&d->conn, &why);
    d->denials = now;
}

/*
 * Keeps number and clock of this process. A server that refuses that because it is full can still be read; one of a
 * pair cannot, so that the other store serves. A replica may be a former primary, and the name may lead to the new one
 * by now.
 */
static bool keep(struct redis *d, struct err *err)
{
    struct err why;

    d->unkept.kind = ERR_OK;
    if (redis_node_keep(d, err))
        return true;
    if (d->conn.replica && d->conn.redis) {
        why = *err;
        conn_leave(&d->conn, &why);
    }
    if (!d->conn.only_reads || d->acquaintance || !d->conn.redis)
        return false;
    d->unkept = *err;
    return true;
}

/* Opens the connection if it is closed, and keeps number and clock of this process. */
static bool ready(struct redis *d, struct err *err)
{
    bool fresh;

    if (!conn_ready(&d->conn, &fresh, err))
        return false;
    if (fresh) { /* perhaps another server, or one that has lost its data */
        distrust(d);
        if (!redis_greet(d, err)) {
            struct err why = *err;

            conn_drop(&d->conn, &why);
            return false;
        }
    }
    return keep(d, err);
}

/* Collects the ops that changed nothing because the server closed the connection: it may be back already.
 * None if it was silent, for it may hang still. */
static size_t lost(const struct redis *d, struct op *const ops[], size_t n, struct op **again)
{
    size_t found = 0;

    if (d->conn.redis || d->conn.silent)
        return 0;
    for (size_t i = 0; i < n; i++)
        if (ops[i]->status.kind == ERR_UNAVAILABLE)
            again[found++] = ops[i];
    return found;
}

/* ready(), as an op sees it. */
static bool up(struct redis *d, struct err *err)
{
    close_denied(d);
    if (ready(d, err))
        return true;
    note_denied(d, err->kind == ERR_CONFIG && d->conn.redis);
    soften(err);
    return false;
}

static void run_admitted(struct redis *d, struct op *const ops[], size_t n)
{
    struct op *allowed[BATCH_MAX];
    struct err err;

    recheck_used(d);
    /* the store may have been given its pair id since the connection was made */
    if (!acquaintance_admits(d->acquaintance, &d->met, &err) && !redis_meet(d, &err))
        conn_drop(&d->conn, &err);
    n = acquaintance_sort(d->acquaintance, &d->met, ops, n, allowed);
    if (n > 0)
        turns_run(d, allowed, n, run);
    note_denied(d, d->denied);
}

static bool execute(struct backend *self, struct op *const ops[], size_t n, struct err *err)
{
    struct redis *d = (struct redis *)self;
    struct op *again[BATCH_MAX];
    size_t n_again;

    if (!up(d, err))
        return false;
    run_admitted(d, ops, n);
    close_denied(d);
    n_again = lost(d, ops, n, again);
    if (n_again == 0)
        return true;
    if (up(d, err))
        run_admitted(d, again, n_again);
    else
        for (size_t i = 0; i < n_again; i++)
            again[i]->status = *err;
    return true;
}

static bool probe(struct backend *self, int64_t deadline_ns UNUSED, struct err *err)
{
    struct redis *d = (struct redis *)self;

    if (!up(d, err))
        return false;
    if (redis_alive(d, err))
        return true;
    note_denied(d, err->kind == ERR_CONFIG);
    soften(err);
    return false;
}

static void close_redis(struct backend *self)
{
    struct redis *d = (struct redis *)self;

    redis_node_leave(d);
    conn_close(&d->conn);
    used_free(d);
    turns_free(d);
    free(d);
}

static const struct backend_ops redis_ops = {
    .name = "redis",
    .execute = execute,
    .probe = probe,
    .close = close_redis,
};

static bool take_names(struct redis *d, const struct backend_config *cfg, struct err *err)
{
    const char *prefix = cfg->redis_prefix ? cfg->redis_prefix : "aiecs:";

    if (!redis_url_parse(cfg->url, &d->conn.url, err))
        return false;
    if (strlen(prefix) >= sizeof(d->prefix) || strpbrk(prefix, "{}"))
        return err_set(err, ERR_CONFIG, "redis-prefix has at most %zu characters and no braces",
                       sizeof(d->prefix) - 1);
    strcpy(d->prefix, prefix);
    return true;
}

bool redis_check(const struct backend_config *cfg, struct err *err)
{
    struct redis d = {.fallback = false};

    return take_names(&d, cfg, err) && (!d.conn.url.tls || tls_check(&d.conn.url, err));
}

static bool open_redis(struct redis *d, const struct backend_config *cfg, struct err *err)
{
    bool done;

    if (!take_names(d, cfg, err))
        return false;
    d->conn.timeout_us = cfg->store_timeout_ms > 0 ? cfg->store_timeout_ms * 1000
                                                   : TIMEOUT_DEFAULT_US;
    d->session_ttl_us = cfg->session_ttl_us;
    d->checkpoint_ttl_us = cfg->checkpoint_ttl_us;
    d->context_versions = cfg->context_versions > 0 ? cfg->context_versions : 1;
    d->numbered = cfg->instance > 0;
    d->acquaintance = cfg->acquaintance;
    for (int i = 0; i < REDIS_SCRIPTS; i++)
        redis_script_sha((enum redis_script)i, d->sha[i]);
    d->conn.patient = true;
    done = ready(d, err);
    d->conn.patient = false;
    return done || err->kind != ERR_CONFIG;
}

struct backend *redis_open(const struct backend_config *cfg, struct err *err)
{
    struct redis *d = calloc(1, sizeof(*d));

    if (!d) {
        (void)err_no_memory(err);
        return NULL;
    }
    d->base = (struct backend){.ops = &redis_ops, .caps = BACKEND_SHARED};
    redis_node_enter(cfg->fallback);
    d->fallback = cfg->fallback;
    if (!open_redis(d, cfg, err)) {
        close_redis(&d->base);
        return NULL;
    }
    return &d->base;
}

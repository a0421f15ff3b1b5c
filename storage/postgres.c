/* postgres.c - opens a PostgreSQL store, runs batches, closes it; see postgres.h. */
#include "postgres.h"

#include <ctype.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "postgres_connect.h"
#include "postgres_gather.h"
#include "postgres_pipe.h"
#include "postgres_rounds.h"
#include "postgres_transaction.h"
#include "sql.h"

enum { DEFAULT_TIMEOUT_MS = 1000, SCHEMA_MAX = 63 };

/* A batch that writes locks all it reads, so reads run apart unless a write to the same record precedes. */
static size_t take_reads(struct op *const ops[], size_t n, struct op *reads[], struct op *rest[])
{
    uint64_t written = 0;
    bool any = false;
    size_t n_reads = 0, n_rest = 0;

    for (size_t i = 0; i < n; i++) {
        uint64_t hash = op_lane_hash(ops[i]);
        bool keyed = slice_present(ops[i]->id);

        if (!op_writes(ops[i]) && (!keyed || !any || hash != written)) {
            reads[n_reads++] = ops[i];
            continue;
        }
        rest[n_rest++] = ops[i];
        written = hash;
        any = true;
    }
    return n_reads;
}

static bool execute_admitted(struct backend *self, struct op *const ops[], size_t n,
                             struct err *err)
{
    struct op *reads[BATCH_MAX], *rest[BATCH_MAX];
    size_t n_reads = take_reads(ops, n, reads, rest);

    if (n_reads > 0 && !sql_execute(self, reads, n_reads, err))
        return false;
    return n_reads == n || sql_execute(self, rest, n - n_reads, err);
}

static bool execute(struct backend *self, struct op *const ops[], size_t n, struct err *err)
{
    struct postgres *d = (struct postgres *)self;
    struct op *allowed[BATCH_MAX];
    bool ok;

    if (!d->acquaintance)
        return execute_admitted(self, ops, n, err);
    if (!postgres_connect(d, err))
        return false;
    /* The store may have got the name of its pair since. */
    if (!acquaintance_admits(d->acquaintance, &d->met, err)) {
        pipe_lose(d, err->text, false);
        d->retry_ns = 0;
        if (!postgres_connect(d, err))
            return false;
    }
    n = acquaintance_sort(d->acquaintance, &d->met, ops, n, allowed);
    d->moved = false;
    d->busy = true;
    ok = n == 0 || execute_admitted(self, allowed, n, err);
    d->busy = false;
    return ok;
}

static bool probe(struct backend *self, int64_t deadline_ns UNUSED, struct err *err)
{
    struct postgres *d = (struct postgres *)self;
    AUTO(query_end) struct query q = {0};
    bool found, lost;

    if (!postgres_begin(&d->sql, false, err) || !query_begin(&d->sql, POSTGRES_ALIVE, &q, err))
        return false;
    if (!query_step(&q, &found, err)) {
        postgres_roll_back(&d->sql);
        return false;
    }
    postgres_set_caps(d, found && query_col_int(&q, 0));
    return postgres_commit(&d->sql, false, &lost, err);
}

/* The process ends here: the stored clock no longer needs to run ahead of the real one. */
static void settle_clock(struct postgres *d)
{
    struct err ignored;
    bool lost;

    if (d->stamp_high == 0 || !d->ready || !postgres_begin(&d->sql, true, &ignored))
        return;
    d->settling = true;
    if (!postgres_commit(&d->sql, true, &lost, &ignored))
        postgres_roll_back(&d->sql); /* then it stays ahead */
}

static void close_backend(struct backend *self)
{
    struct postgres *d = (struct postgres *)self;

    settle_clock(d);
    pipe_lose(d, "closed", false);
    gather_done(d);
    while (d->free) {
        struct use *use = d->free;

        d->free = use->next;
        free(use);
    }
    rounds_free(d);
    free(d->url);
    free(d->schema);
    free(d);
}

static const struct backend_ops postgres_backend_ops = {
    .name = "postgres",
    .execute = execute,
    .probe = probe,
    .close = close_backend,
};

static bool is_name(const char *s)
{
    size_t len = strlen(s);

    if (len == 0 || len > SCHEMA_MAX || isdigit((unsigned char)*s))
        return false;
    return strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_") == len;
}

static const char *schema_of(const struct backend_config *cfg)
{
    return cfg->postgres_schema ? cfg->postgres_schema : "stateward";
}

bool postgres_check(const struct backend_config *cfg, struct err *err)
{
    if (!is_name(schema_of(cfg)))
        return err_set(err, ERR_CONFIG,
                       "postgres: postgres-schema: a schema is named by a-z, 0-9 and _");
    return connect_check(cfg->url, err);
}

struct backend *postgres_open(const struct backend_config *cfg, struct err *err)
{
    static _Atomic int64_t lanes;
    struct postgres *d;

    if (!postgres_check(cfg, err))
        return NULL;
    d = calloc(1, sizeof(*d));
    if (!d) {
        (void)err_no_memory(err);
        return NULL;
    }
    sql_init(&d->sql, &postgres_driver, &d->rows, cfg);
    d->sql.base.ops = &postgres_backend_ops;
    d->url = strdup(cfg->url);
    d->schema = strdup(schema_of(cfg));
    d->timeout_ms = cfg->store_timeout_ms > 0 ? cfg->store_timeout_ms : DEFAULT_TIMEOUT_MS;
    d->wanted_instance = cfg->instance;
    d->fallback = cfg->fallback;
    d->migrated = cfg->migrated;
    d->existing = cfg->existing;
    d->as_is = cfg->as_is;
    d->acquaintance = cfg->acquaintance;
    d->lane = atomic_fetch_add(&lanes, 1);
    if (!d->url || !d->schema)
        (void)err_no_memory(err);
    else {
        bool done;

        d->patient = true;
        done = postgres_connect(d, err);
        d->patient = false;
        if (done)
            return &d->sql.base;
    }
    backend_close(&d->sql.base);
    return NULL;
}

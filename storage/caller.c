/* caller.c - see caller.h. */
#include "caller.h"

#include <time.h>

#include "clock.h"
#include "drivers.h"
#include "lazy.h"

enum { LANES = 4, READERS = 1, QUEUE_MAX = 10000 };

#define PATIENCE_NS (10 * S_NS)
#define PAUSE_MIN_NS (20 * MS_NS)
#define PAUSE_MAX_NS S_NS

struct opening {
    const struct backend_config *cfg;
    enum {
        UNKNOWN,
        FOUND,
        MISSING
    } store;        /* what the first lane found; the others open after it */
    struct err why; /* why it is missing */
};

/* A Redis lane opens without a connection as well, so only a probe shows whether the store is there. */
static bool is_missing(struct backend *chain, struct err *err)
{
    if (chain && (!(chain->caps & BACKEND_SHARED) || backend_probe(chain, INT64_MAX, err)))
        return false;
    return err->kind == ERR_UNAVAILABLE;
}

/*
 * If the store is missing when the first lane opens, it may come later: all lanes are lazy then, for one
 * that hangs would cost each lane its timeout. A store that took the first lane but refuses others has
 * too few connections: that is a failure.
 */
static struct backend *open_chain(void *ctx, enum backend_role role, struct err *err)
{
    struct opening *opening = ctx;
    struct backend_config cfg = *opening->cfg;
    struct backend *chain = NULL;

    cfg.role = role;
    if (opening->store != MISSING)
        chain = chain_open(&cfg, err);
    if (opening->store == UNKNOWN) {
        opening->store = is_missing(chain, err) ? MISSING : FOUND;
        opening->why = *err;
    }
    if (chain || opening->store != MISSING)
        return chain;
    *err = opening->why;
    return lazy_open(&cfg, err);
}

struct lanes *caller_lanes(const struct backend_config *cfg, struct lanes_config lanes,
                           const char **type, struct err *err)
{
    const struct backend_driver *driver = driver_find(cfg->url, err);
    struct opening opening = {.cfg = cfg};
    struct lanes *opened;

    if (!driver)
        return NULL;
    if (cfg->instance)
        stamp_set_node((unsigned)cfg->instance);
    lanes.layout = driver->layout;
    if (!lanes.gather)
        lanes.gather = driver->gather;
    if (lanes.layout != LANES_BY_KEY || lanes.n_lanes > 2) /* with more nothing was measured */
        lanes.gather = 0;
    lanes.open = open_chain;
    lanes.ctx = &opening; /* lanes_open() returns when all chains are open */
    *type = driver->scheme;
    opened = lanes_open(&lanes, err);
    if (!opened && err->kind == ERR_CONFIG) /* the URL was accepted by driver_find(): the store is
                                               at fault */
        err->kind = ERR_STORAGE;
    return opened;
}

bool caller_open(const struct backend_config *cfg, struct caller *out, struct err *err)
{
    struct lanes_config lanes = {
        .n_readers = READERS,
        .n_lanes = LANES,
        .batch_max_ops = BATCH_MAX,
        .queue_max = QUEUE_MAX,
    };
    struct op probe = {.type = OP_PROBE, .tenant = SLICE("default")};

    *out = (struct caller){.patience_ns = 0};
    if (!inbox_init(&out->inbox, err))
        return false;
    out->lanes = caller_lanes(cfg, lanes, &out->type, err);
    if (!out->lanes || !caller_run(out, &probe, err)) {
        lanes_close(out->lanes);
        inbox_done(&out->inbox);
        out->lanes = NULL;
        return false;
    }
    out->patience_ns = PATIENCE_NS;
    return true;
}

void caller_close(struct caller *c)
{
    if (!c->lanes)
        return;
    lanes_close(c->lanes);
    inbox_done(&c->inbox);
    c->lanes = NULL;
}

void caller_send(struct caller *c, struct inbox *home, struct op *const ops[], size_t n)
{
    struct err err;

    for (size_t i = 0; i < n; i++) {
        ops[i]->home = home;
        ops[i]->next = i + 1 < n ? ops[i + 1] : NULL;
        ops[i]->again = false;
    }
    if (n == 0)
        return;
    if (lanes_admit(c->lanes, n, &err)) {
        lanes_submit(c->lanes, ops[0]);
        return;
    }
    for (size_t i = 0; i < n; i++)
        ops[i]->status = err;
    inbox_post(home, ops[0], ops[n - 1]);
}

/* Whether a failed op may be sent again. */
static bool may_repeat(const struct op *op)
{
    enum err_retry retry = err_retry(op->status.kind);

    return retry == RETRY_ALWAYS || (retry == RETRY_IF_IDEMPOTENT && op_is_idempotent(op));
}

void caller_wait(struct caller *c, struct inbox *home, struct op *const ops[], size_t n)
{
    int64_t end_ns = clock_now_ns() + c->patience_ns, pause_ns = PAUSE_MIN_NS;
    size_t out = n;

    for (;;) {
        struct timespec pause = {pause_ns / S_NS, pause_ns % S_NS};
        bool more = clock_now_ns() < end_ns;

        inbox_wait_for(home, out);
        out = 0;
        for (size_t i = 0; i < n && more && out == 0; i++)
            out += may_repeat(ops[i]);
        if (out == 0)
            return;
        nanosleep(&pause, NULL);
        pause_ns = pause_ns * 2 < PAUSE_MAX_NS ? pause_ns * 2 : PAUSE_MAX_NS;
        out = 0;
        for (size_t i = 0; i < n; i++)
            if (may_repeat(ops[i])) {
                caller_send(c, home, &ops[i], 1);
                out++;
            }
    }
}

bool caller_run(struct caller *c, struct op *op, struct err *err)
{
    caller_send(c, &c->inbox, &op, 1);
    caller_wait(c, &c->inbox, &op, 1);
    if (op->status.kind == ERR_OK)
        return true;
    *err = op->status;
    return false;
}

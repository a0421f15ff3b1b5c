/* backend.c - see backend.h. */
#include "backend.h"

#include <assert.h>

#include "clock.h"

const struct instance_range *instance_range(bool fallback)
{
    enum { HALF = 1 << (STAMP_NODE_BITS - 1) };
    static const struct instance_range ranges[] = {{1, HALF - 1}, {HALF, HALF}};

    return &ranges[fallback];
}

static bool expired(const struct op *op, int64_t now_ns)
{
    return !op->again && op->deadline_ns && op->deadline_ns < now_ns;
}

static void answer_probe(struct backend *b, struct op *op, struct err *err)
{
    if (b->ops->probe(b, op->deadline_ns, err))
        op->probe.out.caps = b->caps;
    else
        op->status = *err;
}

/* An op that has failed does not continue. */
static bool fail(struct op *const ops[], size_t n)
{
    for (size_t i = 0; i < n; i++)
        ops[i]->again = false;
    return false;
}

bool backend_execute(struct backend *b, struct op *const ops[], size_t n, struct err *err)
{
    struct op *run[BATCH_MAX];
    int64_t now_ns = clock_now_ns();
    size_t n_run = 0;

    assert(n <= BATCH_MAX);
    for (size_t i = 0; i < n; i++) {
        struct op *op = ops[i];

        op->status.kind = ERR_OK;
        if (expired(op, now_ns))
            err_fill(&op->status, ERR_UNAVAILABLE, "the store did not get to it in time");
        else if (op->type != OP_PROBE)
            run[n_run++] = op;
        else
            answer_probe(b, op, err);
        if (!op->again)
            op->progress = NULL;
        op->again = false;
    }
    return n_run == 0 || b->ops->execute(b, run, n_run, err) || fail(run, n_run);
}

bool backend_run(struct backend *b, struct op *op, struct err *err)
{
    if (!backend_execute(b, &op, 1, err))
        return false;
    if (op->status.kind == ERR_OK)
        return true;
    *err = op->status;
    return false;
}

bool backend_probe(struct backend *b, int64_t deadline_ns, struct err *err)
{
    return b->ops->probe(b, deadline_ns, err);
}

void backend_close(struct backend *b)
{
    if (b)
        b->ops->close(b);
}

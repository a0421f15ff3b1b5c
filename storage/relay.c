/* relay.c - see relay.h. */
#include "relay.h"

#include <stdlib.h>

#include "inbox.h"

struct relay {
    struct backend base;
    struct lanes *lanes;
    struct inbox inbox;
};

/* What the lanes of the caller keep in an op; restored before it goes back. */
struct address {
    struct op *next;
    struct inbox *home;
};

static bool execute(struct backend *self, struct op *const ops[], size_t n, struct err *err)
{
    struct relay *r = (struct relay *)self;
    struct address addresses[BATCH_MAX];

    if (!lanes_admit(r->lanes, n, err)) {
        for (size_t i = 0; i < n; i++)
            ops[i]->status = *err;
        return true;
    }
    for (size_t i = 0; i < n; i++) {
        addresses[i] = (struct address){ops[i]->next, ops[i]->home};
        ops[i]->home = &r->inbox;
        ops[i]->next = i + 1 < n ? ops[i + 1] : NULL;
    }
    inbox_wait_for(&r->inbox, n - op_count(lanes_run(r->lanes, ops[0], true)));
    for (size_t i = 0; i < n; i++) {
        ops[i]->next = addresses[i].next;
        ops[i]->home = addresses[i].home;
    }
    return true;
}

static bool probe(struct backend *self, int64_t deadline_ns, struct err *err)
{
    struct arena arena = {0};
    struct op op = {
        .type = OP_PROBE, .tenant = SLICE("default"), .deadline_ns = deadline_ns, .arena = &arena};
    struct op *ops[] = {&op};

    if (!execute(self, ops, 1, err))
        return false;
    *err = op.status;
    if (op.status.kind == ERR_OK)
        self->caps = op.probe.out.caps;
    return op.status.kind == ERR_OK;
}

static void close_relay(struct backend *self)
{
    struct relay *r = (struct relay *)self;

    inbox_done(&r->inbox);
    free(r);
}

static const struct backend_ops relay_ops = {
    .name = "relay",
    .execute = execute,
    .probe = probe,
    .close = close_relay,
};

struct backend *relay_open(struct lanes *lanes, struct err *err)
{
    struct relay *r = malloc(sizeof(*r));

    if (!r) {
        (void)err_no_memory(err);
        return NULL;
    }
    *r = (struct relay){.base = {.ops = &relay_ops}, .lanes = lanes};
    if (inbox_init(&r->inbox, err))
        return &r->base;
    free(r);
    return NULL;
}

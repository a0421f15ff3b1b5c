/* fault.c - see fault.h. */
#include "fault.h"

#include <stdlib.h>

#include "backend_over.h"
#include "op_copy.h"

/* A batch on its way whose sender has given it up. */
struct late {
    struct arena arena; /* of all that the ops point to */
    struct op ops[BATCH_MAX];
    size_t n;
    size_t call; /* number of the call that finds it done */
};

struct fault {
    struct backend_over over;
    struct fault_plan *plan;
    struct late *late; /* NULL: there is none */
};

static bool strikes(struct fault_plan *plan, size_t call)
{
    size_t at = atomic_load(&plan->at);

    return at && (plan->persistent ? call >= at : call == at);
}

static bool fail_op(struct fault *f, struct op *const ops[], size_t n, struct err *err)
{
    struct op *others[BATCH_MAX];
    size_t n_others = 0;

    for (size_t i = 0; i < n; i++)
        if (i != f->plan->op)
            others[n_others++] = ops[i];
    if (!backend_pass(f->over.below, others, n_others, err))
        return false;
    if (f->plan->op < n)
        err_fill(&ops[f->plan->op]->status, f->plan->kind ? f->plan->kind : ERR_STORAGE,
                 "fault: this op fails");
    return true;
}

static void forget(struct fault *f)
{
    if (f->late)
        arena_done(&f->late->arena);
    free(f->late);
    f->late = NULL;
}

/* The batch reaches the store. Nobody learns what becomes of it. */
static void arrive(struct fault *f)
{
    struct op *ops[BATCH_MAX];
    struct err err;

    for (size_t i = 0; i < f->late->n; i++)
        ops[i] = &f->late->ops[i];
    (void)!backend_pass(f->over.below, ops, f->late->n, &err);
    forget(f);
}

/* Keeps a copy of the ops that change something. One that is still on its way is not overtaken by it. */
static bool delay(struct fault *f, struct op *const ops[], size_t n, size_t call, struct err *err)
{
    if (f->late)
        arrive(f);
    f->late = calloc(1, sizeof(*f->late));
    if (!f->late)
        return err_no_memory(err);
    f->late->call = call + f->plan->overtakes + 1;
    for (size_t i = 0; i < n; i++)
        if (op_writes(ops[i])) {
            struct op *op = &f->late->ops[f->late->n++];

            *op = op_copy(ops[i], &f->late->arena);
            op->progress = NULL; /* it lies in the sender's memory */
        }
    return err_set(err, ERR_IN_DOUBT, "fault: the call is delayed");
}

static bool execute(struct backend *self, struct op *const ops[], size_t n, struct err *err)
{
    struct fault *f = (struct fault *)self;
    size_t call = atomic_fetch_add(&f->plan->calls, 1) + 1;

    if (f->late && call >= f->late->call)
        arrive(f);
    if (!strikes(f->plan, call))
        return backend_pass(f->over.below, ops, n, err);
    switch (f->plan->mode) {
    case FAULT_BEFORE:
        return err_set(err, ERR_UNAVAILABLE, "fault: before the call");
    case FAULT_AFTER:
        return backend_pass(f->over.below, ops, n, err) &&
               err_set(err, ERR_IN_DOUBT, "fault: after the call");
    case FAULT_LOST:
        return err_set(err, ERR_IN_DOUBT, "fault: instead of the call");
    case FAULT_DELAYED:
        return delay(f, ops, n, call, err);
    case FAULT_OP:
        return fail_op(f, ops, n, err);
    case FAULT_MODE_COUNT:
        break;
    }
    return err_set(err, ERR_INTERNAL, "fault: no such mode");
}

static bool probe(struct backend *self, int64_t deadline_ns, struct err *err)
{
    struct fault *f = (struct fault *)self;

    if (f->plan->persistent && f->plan->mode != FAULT_OP &&
        strikes(f->plan, atomic_load(&f->plan->calls) + 1))
        return err_set(err, ERR_UNAVAILABLE, "fault: the store is down");
    return backend_over_probe(self, deadline_ns, err);
}

static void close_fault(struct backend *self)
{
    forget((struct fault *)self);
    backend_over_close(self);
}

static const struct backend_ops fault_ops = {
    .name = "fault",
    .execute = execute,
    .probe = probe,
    .close = close_fault,
};

struct backend *fault_open(struct backend *below, struct fault_plan *plan, struct err *err)
{
    struct fault *f = malloc(sizeof(*f));

    if (!f) {
        backend_close(below);
        (void)err_no_memory(err);
        return NULL;
    }
    *f = (struct fault){.over = {{.ops = &fault_ops, .caps = below->caps}, below}, .plan = plan};
    return &f->over.base;
}

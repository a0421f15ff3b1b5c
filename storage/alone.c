/* alone.c - see alone.h. */
#include "alone.h"

#include <stdlib.h>

#include "clock.h"
#include "pair_notes.h"

#define AGAIN_NS INT64_C(60000000000)

struct alone {
    struct backend base;
    struct backend *below;
    bool looked;
    int64_t looked_ns;
};

/* Notes it in a store that is of a pair. */
static bool note(struct backend *below, struct err *err)
{
    struct pair_note alone = {.name = SLICE("alone"), .text = SLICE("1")};
    struct arena arena = {0};
    struct op read = {.type = OP_PAIR_READ,
                      .tenant = SLICE("default"),
                      .now_us = clock_now_us(),
                      .stamp = stamp_next(),
                      .arena = &arena,
                      .pair_read = {.limit = 1}};
    bool ok = backend_run(below, &read, err);

    if (ok && slice_present(pair_note_text(&read.pair_read, "pair")) &&
        !slice_present(pair_note_text(&read.pair_read, "alone")))
        ok = pair_change_run(below, (struct op_pair_change){.notes = &alone, .n_notes = 1}, err);
    arena_done(&arena);
    return ok;
}

static bool is_due(const struct alone *a)
{
    return !a->looked ||
           ((a->below->caps & BACKEND_SHARED) && clock_now_ns() - a->looked_ns > AGAIN_NS);
}

static bool changes_any(struct op *const ops[], size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (op_writes(ops[i]) && ops[i]->type != OP_PAIR_CHANGE)
            return true;
    return false;
}

static bool execute(struct backend *self, struct op *const ops[], size_t n, struct err *err)
{
    struct alone *a = (struct alone *)self;

    if (changes_any(ops, n) && is_due(a)) {
        if (!note(a->below, err)) {
            err->kind = err->kind == ERR_IN_DOUBT ? ERR_UNAVAILABLE : err->kind;
            return false;
        }
        a->looked = true;
        a->looked_ns = clock_now_ns();
    }
    return a->below->ops->execute(a->below, ops, n, err);
}

static bool probe(struct backend *self, int64_t deadline_ns, struct err *err)
{
    struct alone *a = (struct alone *)self;

    if (!backend_probe(a->below, deadline_ns, err))
        return false;
    a->base.caps = a->below->caps;
    return true;
}

static void close_both(struct backend *self)
{
    struct alone *a = (struct alone *)self;

    backend_close(a->below);
    free(a);
}

static const struct backend_ops alone_ops = {
    .name = "alone",
    .execute = execute,
    .probe = probe,
    .close = close_both,
};

struct backend *alone_open(struct backend *below, struct err *err)
{
    struct alone *a = malloc(sizeof(*a));

    if (!a) {
        backend_close(below);
        err_fill(err, ERR_NO_MEMORY, "out of memory");
        return NULL;
    }
    *a = (struct alone){.base = {.ops = &alone_ops, .caps = below->caps}, .below = below};
    return &a->base;
}

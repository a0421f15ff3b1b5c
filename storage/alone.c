/* alone.c - see alone.h. */
#include "alone.h"

#include <stdlib.h>

#include "backend_over.h"
#include "clock.h"
#include "pair_notes.h"
#include "settle.h"

#define AGAIN_NS (60 * S_NS)

struct alone {
    struct backend_over over;
    bool looked, settled;
    int64_t looked_ns;
};

static const struct pair_note alone = {.name = SLICE("alone"), .text = SLICE("1")};

/* A store that was the fallback of a pair counts the additions that it has kept for the primary. */
static bool settle(struct backend *below, const struct op_pair_read *read, struct err *err)
{
    struct slice sits = pair_note_text(read, "seat");

    return slice_equal(sits, SEAT_PRIMARY) || slice_equal(sits, SEAT_ALONE) ||
           settle_pending(below, &alone, SEAT_ALONE, err);
}

/* Prepares a store that may be one of a pair: with `change` it notes that it is used alone, and it
 * settles what is pending. */
static bool prepare(struct backend *below, bool change, struct err *err)
{
    struct arena arena = {0};
    struct op_pair_read read;
    bool ok = pair_read_run(below, 0, 1, &arena, &read, err);

    if (ok && slice_present(pair_note_text(&read, "pair"))) {
        if (change && !slice_present(pair_note_text(&read, "alone")))
            ok = pair_notes_run(below, &alone, 1, err);
        ok = ok && settle(below, &read, err);
    }
    arena_done(&arena);
    return ok;
}

static bool is_due(const struct alone *a)
{
    return !a->looked ||
           ((a->over.below->caps & BACKEND_SHARED) && clock_now_ns() - a->looked_ns > AGAIN_NS);
}

static bool changes_any(struct op *const ops[], size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (op_writes(ops[i]) && ops[i]->type != OP_PAIR_CHANGE)
            return true;
    return false;
}

/* Settles once before reads. A failure is ignored: a store that cannot be changed can still be read. */
static void settle_before_reads(struct alone *a)
{
    struct err ignored;

    if (!a->settled)
        (void)prepare(a->over.below, false, &ignored);
    a->settled = true;
}

static bool execute(struct backend *self, struct op *const ops[], size_t n, struct err *err)
{
    struct alone *a = (struct alone *)self;

    if (changes_any(ops, n) && is_due(a)) {
        if (!prepare(a->over.below, true, err)) {
            err->kind = err->kind == ERR_IN_DOUBT ? ERR_UNAVAILABLE : err->kind;
            return false;
        }
        a->looked = a->settled = true;
        a->looked_ns = clock_now_ns();
    } else {
        settle_before_reads(a);
    }
    return backend_pass(a->over.below, ops, n, err);
}

static const struct backend_ops alone_ops = {
    .name = "alone",
    .execute = execute,
    .probe = backend_over_probe,
    .close = backend_over_close,
};

struct backend *alone_open(struct backend *below, const struct backend_config *cfg, struct err *err)
{
    struct alone *a = malloc(sizeof(*a));

    if (!a) {
        backend_close(below);
        (void)err_no_memory(err);
        return NULL;
    }
    *a = (struct alone){.over = {{.ops = &alone_ops, .caps = below->caps}, below},
                        .settled = cfg->existing || cfg->role == BACKEND_READER};
    if (!(below->caps & BACKEND_SHARED)) /* the lanes that read open after this one, and must see it
                                            settled */
        settle_before_reads(a);
    return &a->over.base;
}

/*
 * failover_copy.c - copies what the primary has changed into the fallback; see failover_run.h.
 *
 *     (a repeat: fetched from the primary) -> merged into the fallback -> done
 *                                                `- it is down: flagged, and checked again
 */
#include "failover_run.h"

#include "acquaintance.h"
#include "clock.h"

/* The change was made, but is not known to stand. */
static void lose(struct item *i)
{
    i->doubt = true;
    run_refuse(i, "the change is in a store that was lost since");
}

static void take_from_fetch(struct item *i)
{
    const struct op_records_get *got = &i->copy.records_get;

    if (i->copy.status.kind != ERR_OK) {
        lose(i);
        return;
    }
    i->op->copies = got->out.items;
    i->op->n_copies = got->out.n;
    i->stage = got->out.n > 0 ? TO_COPY : DONE;
}

void run_fetch(struct run *r)
{
    struct item *items[BATCH_MAX] = {NULL};
    struct op *ops[BATCH_MAX] = {NULL};
    size_t n = run_gather(r, TO_FETCH, items, ops);

    if (n == 0)
        return;
    run_call(r, PRIMARY, ops, n);
    for (size_t i = 0; i < n; i++)
        take_from_fetch(items[i]);
}

/* The change was made, but something newer in the other store would undo it: it is made once more with a
 * newer stamp. */
static void make_again(struct item *i, int64_t newest)
{
    if (++i->tries >= PRIMARY_TRIES || !ops_make_again(i->op, &i->created, i->rerun)) {
        i->doubt = true;
        run_refuse(i, "a newer change was made elsewhere at the same time");
        return;
    }
    i->rerun = i->doubt = true;
    run_stamp(i->op, newest);
    i->stage = AT_PRIMARY;
}

/* Whether the store that was asked holds something newer. A repeat does not count: it had its place in
 * the order before. */
static bool is_overruled(const struct run *r, const struct item *i)
{
    return i->copy.type == OP_MERGE && i->copy.merge.out.newest > 0 && !i->repeated &&
           KEEPS(r->f, RULE_CHECK);
}

/* Whether the fallback left something out, since what it rests on is not there: then it is copied later,
 * with all that it needs. */
static bool is_left_out(const struct op *copy)
{
    return copy->type == OP_MERGE && copy->merge.out.broken > 0;
}

/* Only the primary has the change. This instance remembers it at once; the primary notes it before the
 * change is acknowledged. */
static void keep_alone(struct run *r, struct item *i)
{
    state_unsynced(r->f, i->op);
    i->stage = TO_CHECK;
}

static void take_from_copy(struct run *r, struct item *i)
{
    struct op *copy = &i->copy;

    if (copy->status.kind != ERR_OK) {
        keep_alone(r, i);
        return;
    }
    if (copy->type == OP_MERGE && copy->merge.out.outbox) {
        state_fell_behind(r->f, false);
        if (run_needs_both(r, i->op)) {
            i->doubt = true;
            run_refuse(i, "the fallback was used by another instance meanwhile");
            return;
        }
    }
    if (is_overruled(r, i)) {
        make_again(i, copy->merge.out.newest);
    } else if (is_left_out(copy)) {
        keep_alone(r, i);
    } else {
        state_copied(r->f, i->op);
        i->stage = DONE;
    }
}

/* Runs the copies; those that are done in parts, until all parts are done. */
static void run_copies(struct run *r, struct op **ops, size_t n)
{
    while (n > 0) {
        size_t left = 0;

        run_call(r, FALLBACK, ops, n);
        for (size_t i = 0; i < n; i++)
            if (ops[i]->status.kind == ERR_OK && ops[i]->again)
                ops[left++] = ops[i];
        n = left;
    }
}

void run_copy(struct run *r)
{
    struct item *items[BATCH_MAX] = {NULL};
    struct op *ops[BATCH_MAX] = {NULL};
    size_t n = run_gather(r, TO_COPY, items, ops), left = 0;
    bool up = state_is_up(r->f, FALLBACK) && state_usable(r->f);

    for (size_t i = 0; i < n; i++) {
        if (!ops_copy(items[i]->op, &items[i]->copy) || !up) {
            keep_alone(r, items[i]);
            continue;
        }
        items[left] = items[i];
        ops[left++] = &items[i]->copy;
    }
    run_copies(r, ops, left);
    for (size_t i = 0; i < left; i++)
        take_from_copy(r, items[i]);
}

/* Makes the op which notes in the primary what the fallback is missing. False: all of it was noted
 * before, or memory ran out. */
static bool flag(struct run *r, struct item *i)
{
    size_t max = i->op->n_copies + 1;
    struct pair_id *ids = arena_alloc(i->op->arena, max * sizeof(*ids));
    size_t n = ids ? state_unflagged(r->f, i->op, ids, max) : 0;

    i->flag = (struct op){
        .type = OP_PAIR_CHANGE,
        .tenant = i->op->tenant,
        .now_us = i->op->now_us,
        .stamp = i->op->stamp,
        .arena = &i->flag_arena,
        .pair_change = {.missing = ids, .n_missing = n},
    };
    if (!ids) {
        i->doubt = true;
        run_refuse(i, "out of memory");
    }
    return n > 0;
}

/* `asked_ns`: when the primary was asked, of what only it has (`flagged`) and whether the change stands (`checked`). */
static void take_from_check(struct run *r, struct item *i, bool flagged, bool checked,
                            int64_t asked_ns)
{
    const struct op_pair_change *flag = &i->flag.pair_change;

    if (flagged && i->flag.status.kind == ERR_OK)
        state_flagged(r->f, flag->missing, flag->n_missing, asked_ns);
    if ((flagged && i->flag.status.kind != ERR_OK) || (checked && i->copy.status.kind != ERR_OK)) {
        lose(i);
    } else if (checked && is_overruled(r, i)) {
        make_again(i, i->copy.merge.out.newest);
    } else {
        i->stage = DONE;
    }
}

/* Whether the primary is asked if the change still stands. It is not if the fallback was down before the
 * change was made. */
static bool is_checked(const struct item *i)
{
    return !i->sole && i->copy.type == OP_MERGE;
}

void run_check(struct run *r)
{
    struct item *items[BATCH_MAX] = {NULL};
    struct op *ops[BATCH_MAX] = {NULL};
    bool flagged[BATCH_MAX] = {false}, checked[BATCH_MAX] = {false};
    unsigned generation = acquaintance_generation(r->f->cfg.stores[PRIMARY]);
    size_t n = run_gather(r, TO_CHECK, items, ops), n_ops = 0;
    int64_t asked_ns = clock_now_ns();

    if (n > BATCH_MAX / 2) /* an item may have two ops; the rest comes in the next round */
        n = BATCH_MAX / 2;
    for (size_t i = 0; i < n; i++) {
        /* A look has found since that the primary has forgotten something: the check itself could make the change
         * there, without an entry. */
        if (items[i]->op->generation != generation) {
            lose(items[i]);
            continue;
        }
        flagged[i] = flag(r, items[i]);
        if (flagged[i])
            ops[n_ops++] = &items[i]->flag;
        checked[i] = items[i]->stage == TO_CHECK && is_checked(items[i]);
        if (checked[i])
            ops[n_ops++] = &items[i]->copy;
    }
    if (n_ops > 0)
        run_call(r, PRIMARY, ops, n_ops);
    for (size_t i = 0; i < n; i++) {
        if (items[i]->stage == TO_CHECK)
            take_from_check(r, items[i], flagged[i], checked[i], asked_ns);
        arena_done(&items[i]->flag_arena);
    }
}

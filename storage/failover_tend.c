/*
 * failover_tend.c - looks at both stores once a second (7, 8), and does what follows from it.
 *
 *     failover_tend() -> the outbox of the fallback, of the primary -> state_look() -> fill, drain
 */
#include "failover_tend.h"

#include <stdlib.h>

#include "clock.h"
#include "failover_drain.h"
#include "failover_fill.h"
#include "failover_look.h"
#include "pair_notes.h"

/* DRAIN_MAX: entries that are copied before the next look. HOLD_AT: few enough to be copied at once. */
enum { CLEAR_MS = 100, FILL_PAGES = 4, DRAIN_MAX = 1000, HOLD_AT = 200 };

struct failover_keeper {
    struct fill fill;
    int64_t next_ns; /* when the next look is due */
};

struct look {
    struct failover *f;
    struct backend *stores[2];
    struct arena arenas[2];
    struct op_pair_read said[2];
    const struct op_pair_read *reads[2]; /* of these; NULL: the store did not answer */
    struct err trouble;                  /* why something cannot be copied */
};

/* Looks at a store. False: it did not answer, or its breaker is open. */
static bool read_store(struct look *l, enum side side)
{
    int64_t began_ns = clock_now_ns();
    struct op_pair_read *read = &l->said[side];
    int64_t limit = side == PRIMARY ? LOOK_MAX : DRAIN_MAX;
    struct err err;

    if (!state_allows(l->f, side))
        return false;
    if (!backend_probe(l->stores[side], 0, &err) ||
        !pair_read_run(l->stores[side], 0, limit, &l->arenas[side], read, &err)) {
        state_lost(l->f, side, true, err.text);
        return false;
    }
    state_look(l->f, side, read, began_ns); /* before the breaker lets lanes use what is outdated */
    state_answered(l->f, side);
    state_measured(l->f, side, clock_now_ns() - began_ns, l->stores[side]->caps);
    l->reads[side] = read;
    return true;
}

/* Leaves out entries that a lane is about to copy: they are in the primary's outbox for a moment only. */
static void leave_young(struct look *l)
{
    struct op_pair_read *read = &l->said[PRIMARY];
    size_t n = 0;

    for (size_t i = 0; i < read->out.n && !read->out.more; i++)
        if (state_is_late(l->f, read->out.entries[i].number))
            read->out.entries[n++] = read->out.entries[i];
    if (!read->out.more)
        read->out.n = n;
}

/* Drains the outbox of a store into the other one. *busy is set if entries were cleared: there may be
 * more. */
static bool drain(struct look *l, enum side from, bool *busy, struct err *err)
{
    const struct op_pair_read *read = l->reads[from];
    struct drain d = {.f = l->f, .from = l->stores[from], .to = l->stores[!from], .side = from};
    size_t n = read->out.n < DRAIN_MAX ? read->out.n : DRAIN_MAX;

    if (n == 0)
        return true;
    if (!failover_drain(&d, read->out.entries, n, err))
        return false;
    *busy |= d.cleared > 0;
    if (d.why.kind != ERR_OK)
        l->trouble = d.why;
    return true;
}

/* Tells a store that it is no longer missing the ids of which nothing waits in the primary. */
static bool admit(struct look *l, enum side side, struct err *err)
{
    const struct op_pair_read *read = l->reads[side];
    struct id_set waiting;
    struct pair_id *found;
    size_t n = 0;
    bool ok;

    if (read->out.n_missing == 0 || l->reads[PRIMARY]->out.more)
        return true;
    found = arena_alloc(&l->arenas[side], read->out.n_missing * sizeof(*found));
    if (!found)
        return err_no_memory(err);
    id_set_init(&waiting, SIZE_MAX);
    state_waiting(l->reads[PRIMARY], &waiting);
    for (size_t i = 0; i < read->out.n_missing; i++)
        if (!id_set_has(&waiting, read->out.missing[i]))
            found[n++] = read->out.missing[i];
    id_set_clear(&waiting);
    if (n == 0)
        return true;
    ok = pair_change_run(l->stores[side], (struct op_pair_change){.found = found, .n_found = n},
                         err);
    if (side == PRIMARY) /* even if this is in doubt */
        state_unflag(l->f, found, n);
    return ok;
}

/* Makes the stores equal, when both answer. *busy: there is more to do than was done now. */
static bool equalise(struct look *l, struct fill *fill, bool *busy, struct err *err)
{
    const struct op_pair_read *read = l->reads[PRIMARY];
    bool more = true, cleared = false, filled = state_filled(l->f, PRIMARY);

    if (!admit(l, FALLBACK, err) || !admit(l, PRIMARY, err))
        return false;
    /* A primary that has forgotten its counters is filled first, and then gets what must be added to
     * them. What it has removed goes from the fallback before, or the fill would bring it back. */
    if (filled)
        leave_young(l);
    if ((filled && !drain(l, FALLBACK, busy, err)) || !drain(l, PRIMARY, &cleared, err))
        return false;
    *busy |= cleared;
    if (!filled && cleared && (read->out.more || read->out.n > DRAIN_MAX))
        return true; /* the next look goes on */
    for (int i = 0; i < FILL_PAGES && more; i++)
        if (!fill_step(l->f, fill, l->stores, &more, err))
            return false;
    *busy |= more;
    return true;
}

/* When little is left of what the primary lacks, lanes wait for that. */
static void hold(struct look *l)
{
    const struct op_pair_read *read = l->reads[FALLBACK];

    if (!read || !l->reads[PRIMARY] || !state_behind(l->f))
        hold_end(&l->f->hold);
    else if (l->f->cfg.holds && state_filled(l->f, PRIMARY) && read->out.n <= HOLD_AT)
        hold_begin(&l->f->hold);
}

static void look(struct failover *f, struct failover_keeper *k, struct backend *const stores[2],
                 bool *busy)
{
    struct look l = {.f = f, .stores = {stores[PRIMARY], stores[FALLBACK]}};
    struct err err = {.kind = ERR_OK};
    bool ok, both;

    /* The fallback first: the changes that it knows to be missing are in the primary's outbox by the time
     * that is read. */
    (void)read_store(&l, FALLBACK);
    (void)read_store(&l, PRIMARY);
    both = l.reads[PRIMARY] && l.reads[FALLBACK];
    hold(&l);
    ok = fill_judge(f, &k->fill, l.reads, l.stores, &err);
    if (ok && both)
        ok = equalise(&l, &k->fill, busy, &err);
    else if (ok && l.reads[FALLBACK])
        ok = failover_tell(f, stores[FALLBACK], &err);
    if (ok && l.trouble.kind == ERR_OK)
        l.trouble = k->fill.left_out;
    state_trouble(f, ok ? l.trouble.text : err.text);
    arena_done(&l.arenas[PRIMARY]);
    arena_done(&l.arenas[FALLBACK]);
}

int64_t failover_tend(struct failover *f, struct backend *primary, struct backend *fallback)
{
    struct backend *stores[] = {primary, fallback};
    int64_t now_ns = clock_now_ns(), left_ms;
    bool busy = false;
    struct err err;

    if (!f->keeper)
        f->keeper = calloc(1, sizeof(*f->keeper));
    if (!f->keeper)
        return f->cfg.poll_ms;
    if (state_is_up(f, PRIMARY) && !failover_clear(f, primary, &err))
        state_lost(f, PRIMARY, false, err.text);
    if (now_ns >= f->keeper->next_ns) {
        look(f, f->keeper, stores, &busy);
        f->keeper->next_ns = clock_now_ns() + (busy ? 0 : f->cfg.poll_ms * MS_NS);
    }
    left_ms = (f->keeper->next_ns - clock_now_ns()) / MS_NS;
    return left_ms < 0 ? 0 : left_ms < CLEAR_MS ? left_ms : CLEAR_MS;
}

void failover_keeper_free(struct failover_keeper *k)
{
    if (k)
        fill_done(&k->fill);
    free(k);
}

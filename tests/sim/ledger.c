/* ledger.c - see ledger.h. */
#include "ledger.h"

#include "acts.h"
#include "instance.h"
#include "store.h"

/* A change, and since when each store has it; NEVER: it has not. */
struct change {
    struct change *next;
    int64_t number, asked_us;
    enum op_type type;
    struct slice id;
    int64_t since_us[STORES];
    bool lost; /* neither store had it for a while; until both have it */
};

/* When a store has forgotten something, and what time it has gone back to. */
struct loss {
    struct loss *next;
    int side;
    int64_t at_us, saved_us;
    int64_t found_us; /* when a fill was begun because of it */
};

struct ledger {
    struct change *changes;
    struct loss *losses;
};

#define NEVER INT64_MAX

/* Each instance looks at both stores about so often. */
#define LOOKS_US (1500 * MS)

struct ledger *ledger_new(struct world *w)
{
    return world_alloc(w, sizeof(struct ledger));
}

static struct change *find(const struct world *w, int64_t number)
{
    struct change *c = w->ledger->changes;

    while (c && c->number != number)
        c = c->next;
    return c;
}

static void enter(struct change *c, int side, int64_t now_us)
{
    if (!c)
        return;
    if (c->since_us[side] == NEVER)
        c->since_us[side] = now_us;
    c->lost &= c->since_us[!side] == NEVER;
}

static void leave(struct change *c, int side)
{
    c->since_us[side] = NEVER;
    c->lost |= c->since_us[!side] == NEVER;
}

static struct change *add(struct world *w, const struct op *op)
{
    struct change *c = world_alloc(w, sizeof(*c));

    *c = (struct change){.next = w->ledger->changes,
                         .number = op->stamp,
                         .asked_us = op->now_us,
                         .type = op->type,
                         .id = op->id,
                         .since_us = {NEVER, NEVER}};
    w->ledger->changes = c;
    return c;
}

/* Whether this is the note that a fill has come to its end. */
static bool is_filled(const struct op_pair_change *change)
{
    return change->n_notes == 1 && slice_equal(change->notes[0].name, SLICE("filled")) &&
           slice_present(change->notes[0].text);
}

/* Whether this is the note that a fill begins. */
static bool is_unfilled(const struct op_pair_change *change)
{
    return change->n_notes == 3 && slice_equal(change->notes[1].name, SLICE("filled")) &&
           !slice_present(change->notes[1].text);
}

static void note_found(struct world *w, int side)
{
    for (struct loss *l = w->ledger->losses; l; l = l->next)
        if (l->side == side && l->found_us == NEVER)
            l->found_us = w->schedule.now_us;
}

/* The store has all that the other one has, but for what waits in the outbox there. */
static void fill(struct world *w, int side)
{
    for (struct change *c = w->ledger->changes; c; c = c->next)
        if (c->since_us[!side] != NEVER && !store_keeps_alone(w->stores[!side], c->number))
            enter(c, side, w->schedule.now_us);
}

void ledger_follow(struct world *w, int side, const struct op *op)
{
    struct change *c;

    if (!w->ledger || !op_writes(op))
        return;
    if (op->type == OP_PAIR_CHANGE) {
        for (size_t i = 0; i < op->pair_change.n_clear; i++)
            enter(find(w, op->pair_change.clear[i].number), !side, w->schedule.now_us);
        if (is_filled(&op->pair_change))
            fill(w, side);
        if (is_unfilled(&op->pair_change))
            note_found(w, side);
        return;
    }
    c = find(w, op->stamp);
    if (!c && op->replicate && op->n_copies > 0)
        c = add(w, op);
    enter(c, side, w->schedule.now_us);
}

void ledger_late(struct world *w, int side, const struct op *op)
{
    struct change *c = w->ledger && op->type == OP_MERGE ? find(w, op->stamp) : NULL;

    if (c && c->since_us[!side] == NEVER && c->since_us[side] == w->schedule.now_us)
        leave(c, side);
}

bool ledger_is_older(const struct world *w, int side)
{
    for (const struct loss *l = w->ledger ? w->ledger->losses : NULL; l; l = l->next)
        if (l->side == side && l->found_us == NEVER)
            return true;
    return false;
}

void ledger_forget(struct world *w, int side, int64_t saved_us)
{
    struct loss *loss = world_alloc(w, sizeof(*loss));

    *loss = (struct loss){w->ledger->losses, side, w->schedule.now_us, saved_us, NEVER};
    w->ledger->losses = loss;
    for (struct change *c = w->ledger->changes; c; c = c->next)
        if (c->since_us[side] > saved_us && c->since_us[side] != NEVER)
            leave(c, side);
}

bool ledger_forgot_since(const struct world *w, int side, int64_t since_us)
{
    for (const struct loss *l = w->ledger ? w->ledger->losses : NULL; l; l = l->next)
        if (l->side == side && l->at_us >= since_us)
            return true;
    return false;
}

bool ledger_holds(const struct world *w, int side, int64_t number)
{
    const struct change *c = find(w, number);

    return c && c->since_us[side] != NEVER;
}

/* Whether it was made by a try of this entry. */
static bool is_of(const struct change *c, const struct entry *e)
{
    bool asked = false;

    for (int i = 0; i < e->tries && i < TRIES; i++)
        asked |= e->asked_us[i] == c->asked_us;
    return asked && c->type == acts_type(e->act) &&
           (!slice_present(c->id) || slice_equal(c->id, slice_of(world_ids[e->id])));
}

bool ledger_lost(const struct world *w, const struct entry *e)
{
    for (const struct change *c = w->ledger ? w->ledger->changes : NULL; c; c = c->next)
        if (c->lost && is_of(c, e))
            return true;
    return false;
}

bool ledger_spans(const struct world *w, const struct entry *e, int side)
{
    for (const struct loss *l = w->ledger ? w->ledger->losses : NULL; l; l = l->next)
        if (l->side == side && e->begun_us <= l->at_us && l->at_us <= e->ended_us)
            return true;
    return false;
}

bool ledger_hides_loss(const struct world *w)
{
    return ledger_is_older(w, 0) || ledger_is_older(w, 1) || ledger_found_lately(w);
}

bool ledger_found_lately(const struct world *w)
{
    for (const struct loss *l = w->ledger ? w->ledger->losses : NULL; l; l = l->next)
        if (w->n_instances > 1 && l->found_us != NEVER &&
            l->found_us > w->schedule.now_us - LOOKS_US)
            return true;
    return false;
}

bool ledger_returns(const struct world *w, int side, int64_t stamp)
{
    int64_t made_us = stamp_us(stamp) - world_wall_us(w, 0);

    for (const struct loss *l = w->ledger ? w->ledger->losses : NULL; l; l = l->next)
        if (l->side == side && made_us <= l->saved_us + world_skew_us(w))
            return true;
    return false;
}

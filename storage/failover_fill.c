/* failover_fill.c - see failover_fill.h. */
#include "failover_fill.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "acquaintance.h"
#include "clock.h"
#include "failover_said.h"
#include "pair_notes.h"
#include "settle.h"

/* An instance that has not raised the beat for the time of so many looks has ended. */
enum { QUIET_LOOKS = 5 };

static const char elsewhere[] = "another instance looks at both stores; once more";

/* Whether a beat may come over a later one: instances write theirs side by side, and one that was in doubt may
 * come late. */
static bool beats_cross(const struct failover *f, const struct fill *fill)
{
    return !f->cfg.single_instance ||
           (fill->doubt_ns && clock_now_ns() - fill->doubt_ns < BEAT_SLACK_US * 1000);
}

/* Gives the pair an id that no other has. If several instances do so at once, the first one counts. */
static bool name_pair(struct backend *primary, struct err *err)
{
    char name[17];
    struct pair_note notes[] = {{.name = SLICE("pair"), .text = {name, 16}, .once = true},
                                {.name = SLICE("filled"), .text = SLICE("1")}};

    snprintf(name, sizeof(name), "%016" PRIx64, (uint64_t)stamp_next());
    return pair_notes_run(primary, notes, COUNT_OF(notes), err);
}

/* Notes in a store that it is not filled. */
static bool unfill(struct backend *store, struct slice pair, int64_t number, struct err *err)
{
    char text[24];
    struct pair_note notes[] = {
        {.name = SLICE("pair"), .text = pair}, {.name = SLICE("filled")}, {.name = SLICE("fill")}};

    snprintf(text, sizeof(text), "%" PRId64, number);
    notes[2].text = slice_of(text);
    return pair_notes_run(store, notes, COUNT_OF(notes), err);
}

/* A fill brings no ids of requests: until those that came before it are forgotten, the fallback is asked (13). */
static void note_fill(struct failover *f, int64_t number)
{
    atomic_store(&f->recall_until_us, number ? stamp_us(number) + REPEAT_WINDOW_US : 0);
}

/* The number of the fill that a store is in, perhaps by another instance; 0: none. */
static int64_t under_way(const struct said *said)
{
    return said->filled ? 0 : said->fill;
}

/*
 * Begins to fill a store from the start. `number`: the fill that it is in; 0: a new one. By its number the other
 * instances know that the store has forgotten what they have filled it with.
 */
static bool begin_fill(struct failover *f, struct fill *fill, enum side to, struct slice pair,
                       int64_t number, struct backend *const stores[2], struct err *err)
{
    int64_t next = number ? number : stamp_next();

    state_set_filled(f, to, false);
    if (!number && !unfill(stores[to], pair, next, err))
        return false;
    fill_done(fill);
    fill->left_out = (struct err){.kind = ERR_OK};
    fill->active = true;
    fill->to = to;
    fill->number = fill->newest[to] = next;
    if (to == PRIMARY)
        note_fill(f, next);
    return true;
}

/* Whether a store holds any data. */
static bool holds(struct backend *store, bool *any, struct err *err)
{
    struct arena arena = {0};
    struct op op = pair_op(OP_TENANT_LIST, SLICE("default"), (struct slice){NULL, 0}, &arena);
    bool ok;

    op.tenant_list.limit = 1;
    ok = backend_run(store, &op, err);
    *any = ok && op.tenant_list.out.n > 0;
    arena_done(&arena);
    return ok;
}

/* A primary without a pair id, and a fallback that has one: the primary was emptied, or is another store. */
static bool judge_nameless(struct failover *f, struct fill *fill, const struct said *fallback,
                           struct backend *const stores[2], bool *foreign, struct err *err)
{
    if (!fallback->filled)
        return name_pair(stores[PRIMARY], err);
    if (!fill->met && !holds(stores[PRIMARY], foreign, err))
        return false;
    return *foreign || begin_fill(f, fill, PRIMARY, fallback->pair, 0, stores, err);
}

/* Whether a fallback without a pair id holds data. The id comes before the data, so one that has it by now
 * was given both by another instance. */
static bool holds_own(struct backend *fallback, bool *own, struct err *err)
{
    struct arena arena = {0};
    struct op_pair_read read;
    bool ok = holds(fallback, own, err);

    if (ok && *own) {
        ok = pair_read_run(fallback, 0, 1, &arena, &read, err);
        if (ok && slice_present(pair_note_text(&read, "pair")))
            ok = err_set(err, ERR_UNAVAILABLE, "%s", elsewhere);
        arena_done(&arena);
    }
    return ok;
}

/* Gives a fallback the pair id of the primary, before anything is copied into it. */
static bool name_fallback(struct backend *const stores[2], struct err *err)
{
    struct pair_note pair = {.name = SLICE("pair")};
    struct arena arena = {0};
    struct op_pair_read read;
    bool ok = pair_read_run(stores[PRIMARY], 0, 1, &arena, &read, err);

    if (ok) {
        pair.text = pair_note_text(&read, "pair");
        ok = pair_notes_run(stores[FALLBACK], &pair, 1, err);
    }
    arena_done(&arena);
    return ok;
}

/* Refuses the fallback: the primary serves by itself. */
static bool refuse(struct failover *f, struct fill *fill, const char *why, struct err *err)
{
    state_judged(f, true);
    state_set_filled(f, FALLBACK, false);
    if (fill->reset)
        state_set_filled(f, PRIMARY, true);
    fill->reset = false;
    return err_set(err, ERR_CONFIG, "%s", why);
}

/*
 * Whether both are one store under two names: then a note that is written through one is read through the
 * other. `before`: the echo that the primary had when it was looked at.
 */
static bool is_one_store(struct backend *const stores[2], int64_t before, bool *one,
                         struct err *err)
{
    int64_t mark = stamp_next(); /* above all that were noted before */
    char text[24];
    struct pair_note note = {.name = SLICE("echo")};
    struct arena arena = {0};
    struct op_pair_read read;
    int64_t echo;
    bool ok;

    snprintf(text, sizeof(text), "%" PRId64, mark);
    note.text = slice_of(text);
    ok = pair_notes_run(stores[FALLBACK], &note, 1, err) &&
         pair_read_run(stores[PRIMARY], 0, 1, &arena, &read, err);
    echo = ok ? said_number(pair_note_text(&read, "echo")) : 0;
    *one = echo == mark;
    arena_done(&arena);
    /* The echo has changed by another hand: that of an instance to which this primary is the fallback, or
     * of one that tests the same. */
    return ok && (*one || echo == before || err_set(err, ERR_UNAVAILABLE, "%s", elsewhere));
}

/* Lets lanes use a store as what it is now. */
static void tell_lanes_of(struct failover *f, enum side side, const struct said *said,
                          struct slice pair, bool forgot)
{
    if (slice_present(pair) && KEEPS(f, RULE_MEET))
        acquaintance_learn(f->cfg.stores[side],
                           &(struct learnt){said->incarnation, pair, said->position, forgot});
}

/* Compares the two stores, once both answer: whether they are a pair, and whether one must be filled. */
static bool compare(struct failover *f, struct fill *fill, const struct said said[2],
                    struct backend *const stores[2], struct err *err)
{
    bool met[2] = {slice_present(said[PRIMARY].pair), slice_present(said[FALLBACK].pair)};
    bool forgot[2] = {said_forgot(&said[PRIMARY], &said[FALLBACK]),
                      said_forgot(&said[FALLBACK], &said[PRIMARY])};
    bool one = false, own = false, foreign = false;

    if (said_sound(said)) { /* this is known even if no note can be written now */
        state_compared(f);
        tell_lanes_of(f, PRIMARY, &said[PRIMARY], said[PRIMARY].pair, false);
    }
    if (!fill->met && !said_seated(said) && !is_one_store(stores, said[PRIMARY].echo, &one, err))
        return false;
    if (one)
        return refuse(f, fill,
                      "the fallback is the primary itself, by another name; name another store",
                      err);
    if (!fill->met && !met[FALLBACK] && !holds_own(stores[FALLBACK], &own, err))
        return false;
    if (own)
        return refuse(
            f, fill,
            "the fallback holds data of its own; migrate what you need to the primary, and "
            "empty it, or name another",
            err);
    if (met[PRIMARY] && met[FALLBACK])
        foreign = !slice_equal(said[PRIMARY].pair, said[FALLBACK].pair);
    if (!met[PRIMARY] && !judge_nameless(f, fill, &said[FALLBACK], stores, &foreign, err))
        return false;
    if (foreign)
        return refuse(
            f, fill, "the fallback holds the data of another pair; empty it, or name another", err);
    if (!met[FALLBACK] && !name_fallback(stores, err))
        return false;
    fill->met = true;
    /* Lanes may write to it from now on, even if a note fails: but to no other store, and they do not read it if it
     * lacks something. */
    if (said_lacks(&said[FALLBACK], &said[PRIMARY]))
        state_set_filled(f, FALLBACK, false);
    tell_lanes_of(f, FALLBACK, &said[FALLBACK], said[met[PRIMARY] ? PRIMARY : FALLBACK].pair,
                  false);
    state_judged(f, false);
    if (!met[PRIMARY])
        return true; /* the next look goes on */
    if (said_must_fill(said))
        return (!forgot[FALLBACK] ||
                unfill(stores[FALLBACK], said[PRIMARY].pair, stamp_next(), err)) &&
               begin_fill(f, fill, PRIMARY, said[PRIMARY].pair,
                          forgot[PRIMARY] ? 0 : under_way(&said[PRIMARY]), stores, err);
    if (said_lacks(&said[FALLBACK], &said[PRIMARY]))
        return begin_fill(f, fill, FALLBACK, said[PRIMARY].pair,
                          forgot[FALLBACK] ? 0 : under_way(&said[FALLBACK]), stores, err);
    state_set_filled(f, PRIMARY, true);
    state_set_filled(f, FALLBACK, true);
    return true;
}

/* Notes in each store its own beat and what the other one is now, and in the fallback its seat. The seat
 * of the primary was noted by settle_primary(). */
static bool remember(struct fill *fill, const struct said said[2], struct backend *const stores[2],
                     struct err *err)
{
    char beat[24], peer[2][160], peer_beat[2][24];
    struct pair_note notes[] = {{.name = SLICE("beat")},
                                {.name = SLICE("peer")},
                                {.name = SLICE("peer beat")},
                                {.name = SLICE("seat"), .text = SEAT_FALLBACK}};

    snprintf(beat, sizeof(beat), "%" PRId64, stamp_next());
    notes[0].text = slice_of(beat);
    for (int i = 0; i < 2; i++) {
        const struct said *other = &said[!i];

        snprintf(peer[i], sizeof(peer[i]), "%" PRId64 " %.*s", other->position,
                 (int)(other->incarnation.len < 128 ? other->incarnation.len : 128),
                 other->incarnation.at ? other->incarnation.at : "");
        snprintf(peer_beat[i], sizeof(peer_beat[i]), "%" PRId64, other->beat);
        notes[1].text = slice_of(peer[i]);
        notes[2].text = slice_of(peer_beat[i]);
        if (!pair_notes_run(stores[i], notes, COUNT_OF(notes) - (i == PRIMARY), err)) {
            if (err->kind == ERR_IN_DOUBT)
                fill->doubt_ns = clock_now_ns();
            return false;
        }
    }
    return true;
}

/* Whether the beat of the rival has risen lately. */
static bool rival_lives(const struct failover *f, const struct fill *fill)
{
    return fill->rival_ns && clock_now_ns() - fill->rival_ns < QUIET_LOOKS * f->cfg.poll_ms * MS_NS;
}

/*
 * Whether the primary is the fallback of an instance that runs and names the stores the other way round. Each
 * would count in its own primary, and of two counts the higher one stays.
 */
static bool has_rival(const struct failover *f, struct fill *fill, const struct said *primary)
{
    int64_t now_ns = clock_now_ns();

    if (f->cfg.single_instance || !slice_equal(primary->seat, SEAT_FALLBACK)) {
        fill->rival_ns = 0;
        return false;
    }
    if (!fill->rival_ns || primary->beat != fill->rival_beat) {
        fill->rival_beat = primary->beat;
        fill->rival_ns = now_ns;
    }
    return rival_lives(f, fill);
}

/* Uses neither store until the other instance has ended; then this process begins anew. */
static bool stand_aside(struct failover *f, struct fill *fill, struct err *err)
{
    fill_done(fill);
    fill->reset = true;
    fill->known = false;
    state_stand_aside(f);
    return err_set(
        err, ERR_CONFIG,
        "another instance has the primary as its fallback; this one serves when that has ended");
}

/* A primary that was the fallback counts, once, the additions that it has kept. */
static bool settle_primary(struct backend *primary, const struct said *said, struct err *err)
{
    const struct pair_note settling = {.name = SLICE("seat"), .text = SEAT_SETTLING};

    return slice_equal(said->seat, SEAT_PRIMARY) ||
           settle_pending(primary, &settling, SEAT_PRIMARY, err);
}

/* A fallback that serves while the primary is away keeps additions. Its seat says that whoever uses it
 * alone, or as the primary, must count them. */
static bool serve_again(struct backend *fallback, const struct said *said, struct err *err)
{
    const struct pair_note again = {.name = SLICE("seat"), .text = SEAT_AGAIN};

    return (!slice_equal(said->seat, SEAT_PRIMARY) && !slice_equal(said->seat, SEAT_ALONE)) ||
           pair_notes_run(fallback, &again, 1, err);
}

/* Lets lanes use both. A primary that was emptied has its pair id since this look. */
static void tell_lanes(struct failover *f, const struct fill *fill, const struct said said[2])
{
    struct slice pair = said[PRIMARY].pair;

    if (!slice_present(pair) && fill->active)
        pair = said[FALLBACK].pair;
    for (int i = 0; i < 2; i++)
        tell_lanes_of(f, (enum side)i, &said[i], pair, fill->active && (int)fill->to == i);
}

/*
 * A fallback that fills the primary serves meanwhile if it lacks nothing itself. This is known only at the look that
 * begins the fill: after it each store remembers what the other one is now.
 */
static void let_serve(struct failover *f, const struct fill *fill, const struct said said[2])
{
    if (fill->active && fill->to == PRIMARY)
        state_set_filled(f, FALLBACK, !said_lacks(&said[FALLBACK], &said[PRIMARY]));
}

/* Whether a fill must begin anew: one of the two has forgotten something since, or another instance has found that. */
static bool is_outdated(const struct fill *fill, const struct said said[2])
{
    enum side to = fill->to;

    return !slice_present(said[to].pair) || said[to].fill != fill->number ||
           said_forgot(&said[to], &said[!to]) || said_forgot(&said[!to], &said[to]) ||
           (to == FALLBACK && !said[PRIMARY].filled);
}

/* Tells lanes what a look has found, even if it judges nothing. */
static void see(const struct failover *f, enum side side, const struct said *said)
{
    if (KEEPS(f, RULE_MEET))
        acquaintance_see(f->cfg.stores[side], &(struct learnt){.incarnation = said->incarnation,
                                                               .pair = said->pair,
                                                               .position = said->position});
}

/* Another instance has found that a store has forgotten something, and fills it, or goes on with that; this one reaches
 * no other store. */
static void follow(struct failover *f, struct fill *fill, enum side side, const struct said *said)
{
    bool fills = fill->others[side] || (fill->active && fill->to == side);

    if (!said->filled && (fills || state_filled(f, side))) {
        fill->others[side] = said->fill;
        state_set_filled(f, side, false);
    } else if (said->filled && said->fill && said->fill == fill->others[side]) {
        fill->others[side] = 0;
        state_set_filled(f, side, true);
    }
}

bool fill_judge(struct failover *f, struct fill *fill, const struct op_pair_read *reads[2],
                struct backend *const stores[2], struct err *err)
{
    struct said said[2];
    bool begins;

    for (int i = 0; i < 2; i++) {
        if (!reads[i])
            continue;
        said[i] = said_in(f, beats_cross(f, fill), reads[i]);
        said[i].older = KEEPS(f, RULE_FORGOT) && said[i].fill < fill->newest[i];
        if (!reads[!i] || fill->met)
            see(f, (enum side)i, &said[i]);
    }
    if (reads[PRIMARY])
        note_fill(f, said[PRIMARY].fill);
    /* A primary that does not answer just now is no end of the rival. */
    if (reads[PRIMARY] ? has_rival(f, fill, &said[PRIMARY]) : rival_lives(f, fill))
        return stand_aside(f, fill, err);
    if (reads[PRIMARY] && !settle_primary(stores[PRIMARY], &said[PRIMARY], err))
        return false;
    if (reads[FALLBACK] && !reads[PRIMARY]) {
        if (!serve_again(stores[FALLBACK], &said[FALLBACK], err))
            return false;
        if (!fill->known)
            state_set_filled(f, FALLBACK, said[FALLBACK].filled);
    }
    if (reads[PRIMARY] && !reads[FALLBACK] && fill->reset)
        state_set_filled(f, PRIMARY, said[PRIMARY].filled);
    if (!reads[PRIMARY] || !reads[FALLBACK]) {
        for (int i = 0; i < 2; i++)
            if (reads[i] && slice_present(said[i].pair))
                follow(f, fill, (enum side)i, &said[i]);
        fill->reset &= reads[PRIMARY] == NULL;
        fill->known &= reads[FALLBACK] != NULL;
        return true;
    }
    if (fill->active && is_outdated(fill, said))
        fill_done(fill);
    begins = !fill->active;
    if (begins && !compare(f, fill, said, stores, err))
        return false;
    state_compared(f);
    fill->reset = false;
    fill->known = true;
    fill->others[PRIMARY] = fill->others[FALLBACK] = 0;
    if (begins)
        let_serve(f, fill, said);
    tell_lanes(f, fill, said);
    return remember(fill, said, stores, err);
}

void fill_done(struct fill *fill)
{
    arena_done(&fill->arenas[0]);
    arena_done(&fill->arenas[1]);
    fill->active = false;
    fill->number = 0;
    fill->place = (struct fill_place){.in_tenant = false};
}

/* failover_state.c - see failover_state.h. */
#include "failover_state.h"

#include <stdio.h>
#include <stdlib.h>

#include "clock.h"
#include "failover_ops.h"

enum { COPIED_MAX = 10000 };

/* Nothing may wait for longer than this while a clean-up runs, and in the state that is called normal. */
#define SWEEP_WAITS_US (COLLECT_AFTER_US / 2)
#define NORMAL_WAITS_US (10 * S_US)

struct failover_store *state_report_of(struct failover *f, enum side side)
{
    return side == PRIMARY ? &f->report.primary : &f->report.fallback;
}

void state_set_filled(struct failover *f, enum side side, bool filled)
{
    pthread_mutex_lock(&f->lock);
    f->filled[side] = filled;
    f->aside &= !filled;
    pthread_mutex_unlock(&f->lock);
}

bool state_filled(struct failover *f, enum side side)
{
    bool filled;

    pthread_mutex_lock(&f->lock);
    filled = f->filled[side];
    pthread_mutex_unlock(&f->lock);
    return filled;
}

bool state_allows(struct failover *f, enum side side)
{
    bool allows;

    pthread_mutex_lock(&f->lock);
    allows = breaker_allows(&f->breakers[side], clock_now_ns());
    pthread_mutex_unlock(&f->lock);
    return allows;
}

void state_answered(struct failover *f, enum side side)
{
    pthread_mutex_lock(&f->lock);
    (void)breaker_succeeded(&f->breakers[side]);
    state_report_of(f, side)->problem[0] = '\0';
    pthread_mutex_unlock(&f->lock);
}

void state_lost(struct failover *f, enum side side, bool probe, const char *why)
{
    struct failover_store *report = state_report_of(f, side);

    pthread_mutex_lock(&f->lock);
    if (probe)
        (void)breaker_tripped(&f->breakers[side], clock_now_ns());
    else
        (void)breaker_failed(&f->breakers[side], clock_now_ns());
    snprintf(report->problem, sizeof(report->problem), "%s", why);
    pthread_mutex_unlock(&f->lock);
}

bool state_is_up(struct failover *f, enum side side)
{
    bool up;

    pthread_mutex_lock(&f->lock);
    up = breaker_closed(&f->breakers[side]);
    pthread_mutex_unlock(&f->lock);
    return up;
}

void state_judged(struct failover *f, bool foreign)
{
    pthread_mutex_lock(&f->lock);
    f->foreign = foreign;
    f->usable = !foreign;
    f->behind &= !foreign;
    pthread_mutex_unlock(&f->lock);
}

void state_stand_aside(struct failover *f)
{
    pthread_mutex_lock(&f->lock);
    f->aside = true;
    f->born_ns = clock_now_ns();
    f->compared = false;
    for (int i = 0; i < 2; i++)
        f->seen[i] = f->filled[i] = false;
    pthread_mutex_unlock(&f->lock);
}

void state_compared(struct failover *f)
{
    pthread_mutex_lock(&f->lock);
    f->compared = true;
    pthread_mutex_unlock(&f->lock);
}

bool state_usable(struct failover *f)
{
    bool usable;

    pthread_mutex_lock(&f->lock);
    usable = f->usable;
    pthread_mutex_unlock(&f->lock);
    return usable;
}

static bool is_behind(const struct failover *f)
{
    return f->behind || !f->filled[PRIMARY];
}

bool state_behind(struct failover *f)
{
    bool behind;

    pthread_mutex_lock(&f->lock);
    behind = is_behind(f);
    pthread_mutex_unlock(&f->lock);
    return behind;
}

static bool waited(const struct failover *f)
{
    return clock_now_ns() - f->born_ns > f->cfg.start_wait_ms * MS_NS;
}

/* Whether this process has seen enough for this store to serve (11). */
static bool seen_enough(const struct failover *f, enum side side)
{
    if (f->aside)
        return false;
    if (!KEEPS(f, RULE_START) || waited(f))
        return true;
    if (side == PRIMARY) /* the fallback says whether it is behind, or has forgotten something */
        return f->seen[FALLBACK] && (f->compared || f->foreign);
    /* The primary's outbox says what the fallback lacks. If the fallback has entries of its own, it has
     * been taken over already. */
    return f->seen[FALLBACK] && (f->seen[PRIMARY] || f->behind);
}

bool state_ready(struct failover *f, enum side side)
{
    bool ready;

    pthread_mutex_lock(&f->lock);
    ready = seen_enough(f, side) && f->filled[side];
    pthread_mutex_unlock(&f->lock);
    return ready;
}

/* Whether both serve, and it is known of which ids they may differ. */
static bool both_serve(const struct failover *f)
{
    return !f->unsynced.full && !f->more_unsynced && f->seen[PRIMARY] && f->seen[FALLBACK] &&
           !is_behind(f) && f->filled[FALLBACK] && breaker_closed(&f->breakers[PRIMARY]) &&
           breaker_closed(&f->breakers[FALLBACK]);
}

/* Whether what an op is about is the same in both stores. Without an id it is about all of them. */
static bool is_equal_in_both(const struct failover *f, const struct op *op)
{
    struct slice ids[2];
    size_t n = op_ids(op, ids);
    bool equal = true;

    for (size_t i = 0; i < n; i++)
        equal &= !id_set_has(&f->unsynced, (struct pair_id){op->tenant, ids[i]});
    return equal;
}

/* Whether nothing waits in the primary's outbox for as long as that. */
static bool waits_less(const struct failover *f, int64_t us)
{
    const struct sighting *last = &f->sightings[1];

    return last->n == 0 || stamp_us(last->numbers[0]) > clock_now_us() - us;
}

/*
 * With a steady flow of changes that are brought over later (trims, prunes) some id always waits. A clean-up runs
 * all the same: both stores have the tombstones that it collects, which are older than what waits (12), and what is
 * idle is known to the primary, which serves.
 */
static bool is_settled(const struct failover *f, const struct op *op)
{
    if (ops_is_sweep(op) && !KEEPS(f, RULE_COLLECT))
        return true;
    if (!both_serve(f))
        return false;
    return op->type == OP_CLEANUP ? waits_less(f, SWEEP_WAITS_US) : is_equal_in_both(f, op);
}

bool state_settled(struct failover *f, const struct op *op)
{
    bool settled;

    pthread_mutex_lock(&f->lock);
    settled = is_settled(f, op);
    pthread_mutex_unlock(&f->lock);
    return settled;
}

void state_fell_behind(struct failover *f, bool own)
{
    if (!KEEPS(f, RULE_OWN))
        return;
    pthread_mutex_lock(&f->lock);
    f->behind = true;
    if (own)
        f->own_fallback_ns = clock_now_ns();
    pthread_mutex_unlock(&f->lock);
}

void state_unsynced(struct failover *f, const struct op *op)
{
    pthread_mutex_lock(&f->lock);
    if (slice_present(op->id))
        id_set_add(&f->unsynced, (struct pair_id){op->tenant, op->id}, clock_now_ns());
    for (size_t i = 0; i < op->n_copies; i++)
        if (slice_present(op->copies[i].key.id))
            id_set_add(&f->unsynced, (struct pair_id){op->tenant, op->copies[i].key.id},
                       clock_now_ns());
    pthread_mutex_unlock(&f->lock);
}

bool state_lacks(struct failover *f, const struct op *op)
{
    bool lacks;

    if (!KEEPS(f, RULE_OWN))
        return false;
    pthread_mutex_lock(&f->lock);
    lacks = f->more_unsynced || !is_equal_in_both(f, op);
    pthread_mutex_unlock(&f->lock);
    return lacks;
}

static bool copy_id(struct arena *arena, const struct pair_id *id, struct pair_id *copy)
{
    *copy = (struct pair_id){arena_copy(arena, id->tenant), arena_copy(arena, id->id)};
    return slice_present(copy->tenant) && slice_present(copy->id);
}

bool state_untold(struct failover *f, struct arena *arena, struct pair_id *ids, size_t max,
                  size_t *n)
{
    const struct id_entry **entries = arena_alloc(arena, max * sizeof(*entries));
    bool ok = entries != NULL;

    *n = 0;
    if (!ok || !KEEPS(f, RULE_MISSING))
        return ok;
    pthread_mutex_lock(&f->lock);
    *n = id_set_untold(&f->unsynced, entries, max);
    for (size_t i = 0; ok && i < *n; i++)
        ok = copy_id(arena, &entries[i]->key, &ids[i]);
    pthread_mutex_unlock(&f->lock);
    return ok;
}

void state_told(struct failover *f, const struct pair_id *ids, size_t n, int64_t asked_ns)
{
    pthread_mutex_lock(&f->lock);
    for (size_t i = 0; i < n; i++)
        id_set_tell(&f->unsynced, ids[i], asked_ns);
    pthread_mutex_unlock(&f->lock);
}

/* The ids of which an op has changed something. */
static size_t ids_of(const struct op *op, struct pair_id *ids, size_t max)
{
    size_t n = 0;

    if (slice_present(op->id) && n < max)
        ids[n++] = (struct pair_id){op->tenant, op->id};
    for (size_t i = 0; i < op->n_copies && n < max; i++)
        if (slice_present(op->copies[i].key.id) && !slice_equal(op->copies[i].key.id, op->id))
            ids[n++] = (struct pair_id){op->tenant, op->copies[i].key.id};
    return n;
}

size_t state_unflagged(struct failover *f, const struct op *op, struct pair_id *ids, size_t max)
{
    size_t all = ids_of(op, ids, max), n = 0;

    if (!KEEPS(f, RULE_MISSING))
        return 0;
    pthread_mutex_lock(&f->lock);
    for (size_t i = 0; i < all; i++)
        if (!id_set_flagged(&f->unsynced, ids[i]))
            ids[n++] = ids[i];
    pthread_mutex_unlock(&f->lock);
    return n;
}

void state_flagged(struct failover *f, const struct pair_id *ids, size_t n, int64_t asked_ns)
{
    pthread_mutex_lock(&f->lock);
    for (size_t i = 0; i < n; i++)
        id_set_flag(&f->unsynced, ids[i], asked_ns);
    pthread_mutex_unlock(&f->lock);
}

void state_unflag(struct failover *f, const struct pair_id *ids, size_t n)
{
    pthread_mutex_lock(&f->lock);
    for (size_t i = 0; i < n; i++)
        id_set_unflag(&f->unsynced, ids[i], clock_now_ns());
    pthread_mutex_unlock(&f->lock);
}

void state_retell(struct failover *f)
{
    pthread_mutex_lock(&f->lock);
    id_set_retell(&f->unsynced);
    pthread_mutex_unlock(&f->lock);
}

/* Without memory for it the entry stays in the outbox, and is copied once more. */
void state_copied(struct failover *f, const struct op *op)
{
    size_t id_len = op->id.at ? op->id.len : 0;
    struct copied *c;

    pthread_mutex_lock(&f->lock);
    c = f->n_copied < COPIED_MAX ? malloc(sizeof(*c) + op->tenant.len + id_len) : NULL;
    if (c) {
        memcpy(c->texts, op->tenant.at, op->tenant.len);
        if (id_len)
            memcpy(c->texts + op->tenant.len, op->id.at, id_len);
        c->entry = (struct outbox_entry){
            .number = op->stamp,
            .tenant = {c->texts, op->tenant.len},
            .id = {op->id.at ? c->texts + op->tenant.len : NULL, id_len},
        };
        c->next = f->copied;
        f->copied = c;
        f->n_copied++;
    }
    pthread_mutex_unlock(&f->lock);
}

struct copied *state_take_copied(struct failover *f)
{
    struct copied *list;

    pthread_mutex_lock(&f->lock);
    list = f->copied;
    f->copied = NULL;
    f->n_copied = 0;
    pthread_mutex_unlock(&f->lock);
    return list;
}

void state_put_back(struct failover *f, struct copied *list)
{
    while (list) {
        struct copied *next = list->next;

        pthread_mutex_lock(&f->lock);
        if (f->n_copied < COPIED_MAX) {
            list->next = f->copied;
            f->copied = list;
            f->n_copied++;
            list = NULL;
        }
        pthread_mutex_unlock(&f->lock);
        free(list);
        list = next;
    }
}

void state_measured(struct failover *f, enum side side, int64_t took_ns, unsigned caps)
{
    struct failover_store *report = state_report_of(f, side);

    pthread_mutex_lock(&f->lock);
    report->latency_s = (double)took_ns * 1e-9;
    report->caps = caps;
    report->measured = true;
    pthread_mutex_unlock(&f->lock);
}

void state_trouble(struct failover *f, const char *text)
{
    pthread_mutex_lock(&f->lock);
    snprintf(f->report.trouble, sizeof(f->report.trouble), "%s", text);
    pthread_mutex_unlock(&f->lock);
}

void state_count(struct failover *f, size_t records)
{
    pthread_mutex_lock(&f->lock);
    f->report.copied += (int64_t)records;
    pthread_mutex_unlock(&f->lock);
}

static enum failover_state state_of(const struct failover *f)
{
    bool primary = breaker_closed(&f->breakers[PRIMARY]);
    bool fallback = breaker_closed(&f->breakers[FALLBACK]);
    enum side serves = primary && !is_behind(f) ? PRIMARY : FALLBACK;

    if (!fallback && (!primary || is_behind(f)) && !f->aside)
        return FAILOVER_BOTH_DOWN;
    if (!seen_enough(f, serves))
        return FAILOVER_STARTING;
    if (serves == PRIMARY && !f->seen[PRIMARY] && !waited(f)) /* no look has shown yet that the
                                                                 primary answers */
        return FAILOVER_STARTING;
    if (serves == FALLBACK && !f->filled[FALLBACK])
        return FAILOVER_BOTH_DOWN;
    if (!primary)
        return FAILOVER_ON_FALLBACK;
    if (!fallback)
        return FAILOVER_FALLBACK_DOWN;
    if (is_behind(f))
        return FAILOVER_RECOVERING;
    return both_serve(f) && waits_less(f, NORMAL_WAITS_US) ? FAILOVER_NORMAL : FAILOVER_FILLING;
}

void state_report(struct failover *f, struct failover_report *out)
{
    pthread_mutex_lock(&f->lock);
    *out = f->report;
    out->state = state_of(f);
    out->primary.up = breaker_closed(&f->breakers[PRIMARY]);
    out->fallback.up = breaker_closed(&f->breakers[FALLBACK]);
    out->unsynced = (int64_t)(f->unsynced.n > f->missing ? f->unsynced.n : f->missing);
    out->unseen = waited(f) && !(f->seen[PRIMARY] && f->seen[FALLBACK]);
    if (out->state == FAILOVER_BOTH_DOWN && out->primary.up != out->fallback.up)
        snprintf(out->trouble, sizeof(out->trouble), "%s",
                 out->primary.up
                     ? "the primary lacks changes that only the fallback has, which cannot be had"
                     : "the fallback was not filled yet, and the primary cannot be had");
    pthread_mutex_unlock(&f->lock);
}

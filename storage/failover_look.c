/* failover_look.c - takes in what a look at a store has shown; see failover_state.h. */
#include "failover_state.h"

#include <stdlib.h>

#include "clock.h"

/* An entry that two looks so far apart have seen is not being copied by the lane that wrote it. */
#define LATE_NS (INT64_C(300) * 1000000)

struct look {
    const struct op_pair_read *primary;
    int64_t asked_ns;
};

static bool is_about(const struct outbox_entry *e, const struct pair_id *id)
{
    if (!slice_equal(e->tenant, id->tenant))
        return false;
    if (slice_equal(e->id, id->id))
        return true;
    for (size_t i = 0; i < e->n_names; i++)
        if (slice_equal(e->names[i].key.id, id->id))
            return true;
    return false;
}

bool state_waits(const struct op_pair_read *read, const struct pair_id *id)
{
    for (size_t i = 0; i < read->out.n; i++)
        if (is_about(&read->out.entries[i], id))
            return true;
    return false;
}

/* Whether only the primary still has an id: what has left the outbox is in both stores. An id that was
 * added after the look was asked for stays. */
static bool still_waits(struct id_entry *e, void *ctx)
{
    const struct look *look = ctx;

    if (e->added_ns >= look->asked_ns)
        return true;
    return state_waits(look->primary, &e->key);
}

static int by_number(const void *left, const void *right)
{
    int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;

    return (a > b) - (a < b);
}

static bool is_late(const struct failover *f, int64_t number)
{
    const struct sighting *s = &f->sightings[0];

    return s->n > 0 && bsearch(&number, s->numbers, s->n, sizeof(number), by_number);
}

bool state_is_late(struct failover *f, int64_t number)
{
    bool late;

    pthread_mutex_lock(&f->lock);
    late = is_late(f, number);
    pthread_mutex_unlock(&f->lock);
    return late;
}

/* Remembers the numbers of this look, at most one in LATE_NS. Entries come sorted by number. */
static void sight(struct failover *f, const struct op_pair_read *primary)
{
    struct sighting *last = &f->sightings[1];
    int64_t now_ns = clock_now_ns();

    if (last->at_ns && now_ns - last->at_ns < LATE_NS)
        return;
    f->sightings[0] = *last;
    last->at_ns = now_ns;
    for (last->n = 0; last->n < primary->out.n && last->n < LOOK_MAX; last->n++)
        last->numbers[last->n] = primary->out.entries[last->n].number;
}

/*
 * Adds the ids that only the primary has: those that it notes as such (5), and those of entries that no
 * lane has copied for a while (7).
 */
static void add_waiting(struct failover *f, const struct op_pair_read *primary)
{
    for (size_t i = 0; i < primary->out.n_missing; i++)
        id_set_add(&f->unsynced, primary->out.missing[i], 0);
    for (size_t i = 0; i < primary->out.n; i++) {
        const struct outbox_entry *e = &primary->out.entries[i];

        if (!is_late(f, e->number))
            continue;
        if (slice_present(e->id))
            id_set_add(&f->unsynced, (struct pair_id){e->tenant, e->id}, 0);
        for (size_t k = 0; k < e->n_names; k++)
            if (slice_present(e->names[k].key.id))
                id_set_add(&f->unsynced, (struct pair_id){e->tenant, e->names[k].key.id}, 0);
    }
}

static void look_at_primary(struct failover *f, const struct op_pair_read *primary,
                            int64_t asked_ns)
{
    struct look look = {primary, asked_ns};

    f->more_unsynced = primary->out.more;
    if (!primary->out.more) {
        id_set_filter(&f->unsynced, still_waits, &look);
        if (primary->out.n == 0 && f->unsynced.full)
            id_set_clear(&f->unsynced);
    }
    sight(f, primary);
    if (KEEPS(f, RULE_MISSING))
        add_waiting(f, primary);
    f->seen[PRIMARY] = true;
}

static void look_at_fallback(struct failover *f, const struct op_pair_read *fallback,
                             int64_t asked_ns)
{
    if (fallback->out.n > 0 && !f->foreign)
        f->behind = true;
    else if (asked_ns > f->own_fallback_ns || !KEEPS(f, RULE_ORDER))
        f->behind = false;
    f->seen[FALLBACK] = true;
}

static void report_outbox(struct failover_store *store, const struct op_pair_read *read)
{
    store->outbox = (int64_t)read->out.n;
    store->more = read->out.more;
    store->behind_us = read->out.n ? clock_now_us() - stamp_us(read->out.entries[0].number) : 0;
}

void state_look(struct failover *f, enum side side, const struct op_pair_read *read,
                int64_t asked_ns)
{
    pthread_mutex_lock(&f->lock);
    if (side == PRIMARY)
        look_at_primary(f, read, asked_ns);
    else
        look_at_fallback(f, read, asked_ns);
    report_outbox(state_report_of(f, side), read);
    pthread_mutex_unlock(&f->lock);
}

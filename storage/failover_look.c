/* failover_look.c - see failover_look.h. */
#include "failover_look.h"

#include <stdlib.h>

#include "clock.h"
#include "sorted.h"

/* An entry that two looks so far apart have seen is not being copied by the lane that wrote it. */
#define LATE_NS (300 * MS_NS)

/* So many ids are added or removed at once: lanes wait for the lock meanwhile. */
enum { AT_ONCE = 1000, REMOVED_AT_ONCE = 10000 };

struct look {
    const struct op_pair_read *primary;
    int64_t asked_ns;
    int64_t *copied; /* numbers of entries whose changes are in both stores, sorted */
    size_t n_copied;
    struct id_set waits; /* the ids that the other entries are about */
};

/* Whether the primary only has not been able to clear an entry yet. */
static bool is_copied(const struct look *look, const struct outbox_entry *e)
{
    return sorted_number(look->copied, look->n_copied, e->number) != NULL;
}

/* Adds the ids that an entry is about. */
static void add_ids(struct id_set *ids, const struct outbox_entry *e)
{
    if (slice_present(e->id))
        id_set_add(ids, (struct pair_id){e->tenant, e->id}, 0);
    for (size_t i = 0; i < e->n_names; i++)
        if (slice_present(e->names[i].key.id))
            id_set_add(ids, (struct pair_id){e->tenant, e->names[i].key.id}, 0);
}

void state_waiting(const struct op_pair_read *read, struct id_set *ids)
{
    for (size_t i = 0; i < read->out.n; i++)
        add_ids(ids, &read->out.entries[i]);
}

/* Whether only the primary still has an id: what has left the outbox is in both stores. An id that was
 * added after the look was asked for stays. */
static bool still_waits(const struct id_entry *e, void *ctx)
{
    const struct look *look = ctx;

    return e->added_ns >= look->asked_ns || id_set_has(&look->waits, e->key);
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

/* Adds some of the ids which the primary notes as those that only it has (5). Lanes need not note them again. */
static void add_noted(struct failover *f, const struct look *look, size_t from, size_t to)
{
    for (size_t i = from; i < to && KEEPS(f, RULE_MISSING); i++) {
        id_set_add(&f->unsynced, look->primary->out.missing[i], look->asked_ns);
        id_set_flag(&f->unsynced, look->primary->out.missing[i], look->asked_ns);
    }
}

/* Adds those of entries that no lane has copied although they are there for a while (7). At its first look a process
 * does not know for how long they are. */
static void add_late(struct failover *f, const struct look *look)
{
    const struct op_pair_read *read = look->primary;
    bool first = !f->seen[PRIMARY];

    for (size_t i = 0; i < read->out.n && KEEPS(f, RULE_MISSING); i++)
        if ((first || is_late(f, read->out.entries[i].number)) &&
            !is_copied(look, &read->out.entries[i]))
            add_ids(&f->unsynced, &read->out.entries[i]);
}

/* Adds the ids of all entries that no lane has copied. */
static void add_waiting(const struct look *look, struct id_set *ids)
{
    for (size_t i = 0; i < look->primary->out.n; i++)
        if (!is_copied(look, &look->primary->out.entries[i]))
            add_ids(ids, &look->primary->out.entries[i]);
}

/* Without memory for them all entries count as not copied. */
static void list_copied(struct failover *f, struct look *look)
{
    size_t n = 0;

    pthread_mutex_lock(&f->lock);
    look->copied = malloc((f->n_copied + 1) * sizeof(*look->copied));
    for (const struct copied *c = f->copied; look->copied && c; c = c->next)
        look->copied[n++] = c->entry.number;
    pthread_mutex_unlock(&f->lock);
    look->n_copied = sorted_numbers(look->copied, n);
}

/* Drops the ids that do not wait any more, unless the rest of the outbox may name them. */
static void drop(struct failover *f, struct look *look)
{
    size_t n = look->primary->out.more ? 0 : REMOVED_AT_ONCE;

    while (n == REMOVED_AT_ONCE) {
        pthread_mutex_lock(&f->lock);
        n = id_set_filter(&f->unsynced, REMOVED_AT_ONCE, still_waits, look);
        pthread_mutex_unlock(&f->lock);
    }
}

/* Takes in, bit by bit, what may be much. */
static void take_in(struct failover *f, struct look *look)
{
    const struct op_pair_read *read = look->primary;
    size_t n = read->out.n_missing;

    list_copied(f, look);
    pthread_mutex_lock(&f->lock);
    /* another instance may have taken a note back */
    id_set_unflag_all(&f->unsynced, look->asked_ns);
    pthread_mutex_unlock(&f->lock);
    add_waiting(look, &look->waits);
    for (size_t from = 0; from < n; from += AT_ONCE) {
        pthread_mutex_lock(&f->lock);
        add_noted(f, look, from, from + AT_ONCE < n ? from + AT_ONCE : n);
        pthread_mutex_unlock(&f->lock);
    }
    drop(f, look);
}

static void look_at_primary(struct failover *f, struct look *look)
{
    const struct op_pair_read *read = look->primary;

    f->more_unsynced = read->out.more;
    if (!read->out.more && f->unsynced.full && f->unsynced.added_ns <= look->asked_ns) {
        id_set_clear(&f->unsynced);
        add_noted(f, look, 0, read->out.n_missing);
        add_waiting(look, &f->unsynced);
    }
    sight(f, read);
    add_late(f, look);
    f->seen[PRIMARY] = true;
}

static void look_at_fallback(struct failover *f, const struct op_pair_read *fallback,
                             int64_t asked_ns)
{
    if (fallback->out.n > 0 && !f->foreign)
        f->behind = true;
    else if (asked_ns > f->own_fallback_ns || !KEEPS(f, RULE_ORDER))
        f->behind = false;
    f->missing = fallback->out.n_missing;
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
    struct look look = {.primary = read, .asked_ns = asked_ns};

    id_set_init(&look.waits, SIZE_MAX);
    if (side == PRIMARY)
        take_in(f, &look);
    pthread_mutex_lock(&f->lock);
    if (side == PRIMARY)
        look_at_primary(f, &look);
    else
        look_at_fallback(f, read, asked_ns);
    report_outbox(state_report_of(f, side), read);
    pthread_mutex_unlock(&f->lock);
    id_set_clear(&look.waits);
    free(look.copied);
}

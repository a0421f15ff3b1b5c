/* failover_drain.c - see failover_drain.h. */
#include "failover_drain.h"

#include <stdlib.h>

#include "clock.h"
#include "closure.h"
#include "failover_place.h"
#include "pair_notes.h"
#include "record_fields.h"

enum { TOGETHER = 64, NAMES_MAX = 1000, TELL_MAX = 200 };

/* A name of an outbox entry, with the session or thread that it is grouped by. */
struct waiting {
    struct pair_id of;
    struct record_name name;
    int64_t number; /* of its entry */
};

/* The names of one session or thread, copied together. */
struct parcel {
    struct arena arena;
    struct op op;
    const struct waiting *first;
    size_t n;
    bool failed;
};

static int by_id(const struct pair_id *a, const struct pair_id *b)
{
    int order = slice_compare(a->tenant, b->tenant);

    return order ? order : slice_compare(a->id, b->id);
}

static int by_name(const void *left, const void *right)
{
    const struct waiting *a = left, *b = right;
    int order = by_id(&a->of, &b->of);

    if (order == 0)
        order = (a->name.kind > b->name.kind) - (a->name.kind < b->name.kind);
    if (order == 0)
        order = record_key_compare(&a->name.key, &b->name.key);
    return order ? order : (a->number > b->number) - (a->number < b->number);
}

static bool same_name(const struct waiting *a, const struct waiting *b)
{
    return by_id(&a->of, &b->of) == 0 && a->name.kind == b->name.kind &&
           record_key_compare(&a->name.key, &b->name.key) == 0;
}

/* Lists all names, sorted by id; a name that several entries have comes once, with the highest number. */
static struct waiting *sort_names(const struct outbox_entry *entries, size_t n_entries,
                                  struct arena *arena, size_t *n)
{
    struct waiting *all;
    size_t most = 0, at = 0;

    for (size_t i = 0; i < n_entries; i++)
        most += entries[i].n_names;
    all = arena_alloc(arena, (most + 1) * sizeof(*all));
    if (!all)
        return NULL;
    for (size_t i = 0; i < n_entries; i++)
        for (size_t k = 0; k < entries[i].n_names; k++) {
            const struct record_name *name = &entries[i].names[k];

            all[at++] = (struct waiting){
                {entries[i].tenant, name->key.id.at ? name->key.id : entries[i].id},
                *name,
                entries[i].number};
        }
    qsort(all, most, sizeof(*all), by_name);
    at = 0;
    for (size_t i = 0; i < most; i++)
        if (i + 1 == most || !same_name(&all[i], &all[i + 1]))
            all[at++] = all[i];
    *n = at;
    return all;
}

static struct op make_op(struct parcel *p, enum op_type type)
{
    return pair_op(type, p->first->of.tenant, p->first->of.id, &p->arena);
}

static struct record_name session_of(const struct parcel *p)
{
    return (struct record_name){.kind = RECORD_SESSION, .key = {.id = p->first->of.id}};
}

/* Makes p->op read these names. Without memory for them the parcel has failed, and its entries stay. */
static bool ask_for(struct parcel *p, const struct record_name *names, size_t n)
{
    p->failed = !names;
    p->op = make_op(p, OP_RECORDS_GET);
    p->op.records_get.names = names;
    p->op.records_get.n = n;
    return n > 0;
}

/*
 * Asks for the names of a parcel that stand for a record. A message or a context moves counters of its
 * session that outlive it, so the session is read with them even if they are gone.
 */
static bool ask_changed(struct parcel *p)
{
    struct record_name *names = arena_alloc(&p->arena, (p->n + 2) * sizeof(*names));
    bool session = false, content = false;
    size_t n = 0;

    for (size_t i = 0; names && i < p->n; i++) {
        enum record_kind kind = p->first[i].name.kind;

        session |= kind == RECORD_SESSION;
        content |= kind == RECORD_MESSAGE || kind == RECORD_CONTEXT;
        if (kind < RECORD_MESSAGES)
            names[n++] = p->first[i].name;
    }
    if (names && content && !session)
        names[n++] = session_of(p);
    return ask_for(p, names, n);
}

/* Asks for the requests whose additions were pending, and for the session that has counted them. */
static bool ask_counted(struct parcel *p)
{
    struct record_name *names = arena_alloc(&p->arena, (p->n + 1) * sizeof(*names));
    size_t n = 0;

    for (size_t i = 0; names && i < p->n; i++)
        if (p->first[i].name.kind == RECORD_PENDING)
            names[n++] = (struct record_name){.kind = RECORD_REPEAT, .key = p->first[i].name.key};
    if (n > 0)
        names[n++] = session_of(p);
    return ask_for(p, names, n);
}

static int by_record(const void *left, const void *right)
{
    const struct record *a = left, *b = right;

    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1;
    return record_key_compare(&a->key, &b->key);
}

/* Turns what was read into a merge for the other store. False: there is nothing to merge. */
static bool turn(struct parcel *p)
{
    struct record *items = p->op.records_get.out.items;
    size_t n = p->op.records_get.out.n;

    if (n > 1)
        qsort(items, n, sizeof(*items), by_record);
    p->op = make_op(p, OP_MERGE);
    p->op.merge.items = items;
    p->op.merge.n = n;
    return n > 0;
}

/* Runs the ops of the parcels that have one. False: the store is lost. A failure that a repeat would not
 * mend fails its parcel alone. */
static bool run(struct drain *d, struct backend *store, struct parcel *parcels, const bool *has,
                size_t n, struct err *err)
{
    struct op *ops[TOGETHER];
    size_t n_ops = 0;

    for (size_t i = 0; i < n; i++)
        if (has[i])
            ops[n_ops++] = &parcels[i].op;
    if (n_ops > 0 && !backend_execute(store, ops, n_ops, err))
        return false;
    for (size_t i = 0; i < n; i++) {
        const struct err *status = &parcels[i].op.status;

        if (!has[i] || status->kind == ERR_OK)
            continue;
        *err = *status;
        if (err_retry(status->kind) != RETRY_NEVER)
            return false;
        parcels[i].failed = true; /* a damaged row */
        d->why = *err;
    }
    return true;
}

/* Brings over what the names without a record stand for: removals, and copies of threads. */
static bool run_names(struct drain *d, struct parcel *p, struct err *err)
{
    for (size_t i = 0; i < p->n && !p->failed; i++) {
        const struct waiting *w = &p->first[i];

        if (w->name.kind < RECORD_MESSAGES)
            continue;
        if (!failover_place(d->from, d->to, &(struct place_change){w->of, w->name, w->number},
                            err)) {
            if (err_retry(err->kind) != RETRY_NEVER)
                return false;
            p->failed = true;
            d->why = *err;
        }
    }
    return true;
}

/* Checkpoints that a merge left out are brought with all that they need. */
static bool bring(struct drain *d, struct parcel *parcels, const bool *has, size_t n,
                  struct err *err)
{
    for (size_t i = 0; i < n; i++) {
        const struct op_merge *merged = &parcels[i].op.merge;
        struct closure c = closure_between(d->from, d->to, parcels[i].first->of.tenant);

        if (!has[i] || parcels[i].failed || merged->out.broken == 0 ||
            closure_bring_all(&c, merged->items, merged->n, NULL, err))
            continue;
        if (err_retry(err->kind) != RETRY_NEVER)
            return false;
        parcels[i].failed = true;
        d->why = *err;
    }
    return true;
}

/* Reads what `ask` asks for, parcel by parcel, from one store, and merges it into the other. */
static bool carry(struct drain *d, struct parcel *parcels, size_t n, bool (*ask)(struct parcel *),
                  struct err *err)
{
    bool has[TOGETHER] = {false};
    size_t records = 0;

    for (size_t i = 0; i < n; i++) {
        if (parcels[i].failed)
            continue;
        has[i] = ask(&parcels[i]);
        if (parcels[i].failed)
            (void)err_no_memory(&d->why);
    }
    if (!run(d, d->from, parcels, has, n, err))
        return false;
    for (size_t i = 0; i < n; i++) {
        has[i] = has[i] && !parcels[i].failed && turn(&parcels[i]);
        records += has[i] ? parcels[i].op.merge.n : 0;
    }
    if (!run(d, d->to, parcels, has, n, err) || !bring(d, parcels, has, n, err))
        return false;
    state_count(d->f, records);
    return true;
}

/*
 * The fallback learns what the primary has counted of its additions before their entry is cleared: until
 * then the entry is all there is of them if the primary forgets.
 */
static bool learn(struct drain *d, struct parcel *parcels, size_t n, struct err *err)
{
    struct drain back = {.f = d->f, .from = d->to, .to = d->from, .side = PRIMARY};
    bool ok = carry(&back, parcels, n, ask_counted, err);

    if (back.why.kind != ERR_OK)
        d->why = back.why;
    return ok;
}

static bool move(struct drain *d, struct parcel *parcels, size_t n, struct err *err)
{
    if (!carry(d, parcels, n, ask_changed, err) ||
        (d->side == FALLBACK && !learn(d, parcels, n, err)))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!run_names(d, &parcels[i], err))
            return false;
    return true;
}

/* Whether an entry names an id that could not be copied. */
static bool has_failed(const struct outbox_entry *e, const struct pair_id *failed, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!slice_equal(failed[i].tenant, e->tenant))
            continue;
        if (slice_equal(failed[i].id, e->id))
            return true;
        for (size_t k = 0; k < e->n_names; k++)
            if (slice_equal(failed[i].id, e->names[k].key.id))
                return true;
    }
    return false;
}

/* Clears the entries of which everything was copied. */
static bool clear(struct drain *d, const struct outbox_entry *entries, size_t n,
                  const struct pair_id *failed, size_t n_failed, struct arena *arena,
                  struct err *err)
{
    struct outbox_entry *gone = arena_alloc(arena, (n + 1) * sizeof(*gone));
    size_t n_gone = 0;

    if (!gone)
        return err_no_memory(err);
    for (size_t i = 0; i < n; i++)
        if (!has_failed(&entries[i], failed, n_failed))
            gone[n_gone++] = entries[i];
    d->cleared = n_gone;
    return n_gone == 0 ||
           pair_change_run(d->from, (struct op_pair_change){.clear = gone, .n_clear = n_gone}, err);
}

/* Moves all names, TOGETHER ids at a time. Ids that fail by themselves are added to `failed`. */
static bool move_all(struct drain *d, const struct waiting *all, size_t n, struct pair_id *failed,
                     size_t *n_failed, struct err *err)
{
    struct parcel *parcels = calloc(TOGETHER, sizeof(*parcels));
    bool ok = parcels != NULL || err_no_memory(err);

    for (size_t at = 0; ok && at < n;) {
        size_t count = 0;

        for (; at < n && count < TOGETHER; count++) {
            struct parcel *p = &parcels[count];

            *p = (struct parcel){.first = &all[at]};
            while (at < n && p->n < NAMES_MAX && by_id(&all[at].of, &p->first->of) == 0) {
                p->n++;
                at++;
            }
        }
        ok = move(d, parcels, count, err);
        for (size_t i = 0; i < count; i++) {
            if (parcels[i].failed)
                failed[(*n_failed)++] = parcels[i].first->of;
            arena_done(&parcels[i].arena);
        }
    }
    free(parcels);
    return ok;
}

bool failover_drain(struct drain *d, const struct outbox_entry *entries, size_t n, struct err *err)
{
    struct arena arena = {0};
    struct pair_id *failed;
    struct waiting *all;
    size_t n_all, n_failed = 0;
    bool ok;

    all = sort_names(entries, n, &arena, &n_all);
    failed = all ? arena_alloc(&arena, (n_all + 1) * sizeof(*failed)) : NULL;
    if (!failed) {
        arena_done(&arena);
        return err_no_memory(err);
    }
    ok = move_all(d, all, n_all, failed, &n_failed, err);
    if (ok || !KEEPS(d->f, RULE_CLEAR))
        ok = clear(d, entries, n, failed, n_failed, &arena, err);
    arena_done(&arena);
    return ok;
}

bool failover_clear(struct failover *f, struct backend *primary, struct err *err)
{
    struct copied *list = state_take_copied(f);
    struct outbox_entry *entries;
    struct arena arena = {0};
    size_t n = 0;
    bool ok;

    for (struct copied *c = list; c; c = c->next)
        n++;
    if (n == 0)
        return true;
    entries = arena_alloc(&arena, n * sizeof(*entries));
    n = 0;
    for (struct copied *c = list; entries && c; c = c->next)
        entries[n++] = c->entry;
    ok = !entries ||
         pair_change_run(primary, (struct op_pair_change){.clear = entries, .n_clear = n}, err);
    if (!entries || !ok) {
        state_put_back(f, list);
        list = NULL;
    }
    while (list) {
        struct copied *next = list->next;

        free(list);
        list = next;
    }
    arena_done(&arena);
    return ok;
}

bool failover_tell(struct failover *f, struct backend *fallback, struct err *err)
{
    struct pair_id ids[TELL_MAX];
    struct arena arena = {0};
    size_t n;
    bool ok;

    do {
        int64_t asked_ns = clock_now_ns();

        arena_reset(&arena);
        ok = state_untold(f, &arena, ids, TELL_MAX, &n) || err_no_memory(err);
        if (!ok || n == 0)
            break;
        ok = pair_change_run(fallback, (struct op_pair_change){.missing = ids, .n_missing = n},
                             err);
        if (ok)
            state_told(f, ids, n, asked_ns);
        else
            state_retell(f);
    } while (ok);
    arena_done(&arena);
    return ok;
}

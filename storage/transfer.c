/* transfer.c - see transfer.h. */
#include "transfer.h"

#include <stdlib.h>

#include "clock.h"
#include "closure.h"
#include "record_fields.h"
#include "record_reader.h"
#include "record_writer.h"

/* What reads from, and merges into, one side. */
struct side {
    struct run *run;
    enum transfer_side which;
    struct record_reader reader;
    struct record_writer writer;
};

struct run {
    struct transfer *t;
    struct side sides[2];
    struct slice tenant;
    enum record_kind kind;
    bool broken; /* a side cannot read on in this kind */
};

static void fail(struct run *r, const struct transfer_failure *f)
{
    r->t->counts[f->kind].failed++;
    if (r->t->failure)
        r->t->failure(r->t->ctx, f);
}

static void merge_failed(void *ctx, struct slice tenant, const struct record *record,
                         const struct err *why)
{
    struct side *side = ctx;

    fail(side->run, &(struct transfer_failure){.side = side->which,
                                               .tenant = tenant,
                                               .kind = record->kind,
                                               .key = &record->key,
                                               .why = why});
}

static bool run_caller(void *store, struct op *op, struct err *err)
{
    return caller_run(store, op, err);
}

static bool bring(void *ctx, struct slice tenant, const struct record *record, bool *applied,
                  struct err *err)
{
    struct side *side = ctx;
    struct caller **stores = side->run->t->stores;
    const struct closure c = {stores[!side->which], stores[side->which], run_caller, tenant};

    return closure_bring(&c, &record->key, applied, err);
}

static bool open_side(struct run *r, enum transfer_side which, struct err *err)
{
    struct side *side = &r->sides[which];
    struct caller *store = r->t->stores[which];

    side->run = r;
    side->which = which;
    if (!store)
        return true;
    side->writer.store = store;
    side->writer.failed = merge_failed;
    side->writer.bring = bring;
    side->writer.ctx = side;
    return reader_open(&side->reader, store, err) && writer_open(&side->writer, err);
}

/* The record at hand of a side. One that cannot be read ends the kind; false only if the store is lost. */
static bool peek(struct run *r, enum transfer_side which, const struct record **record,
                 struct err *err)
{
    *record = NULL;
    if (!r->t->stores[which] || reader_peek(&r->sides[which].reader, record, err))
        return true;
    if (err_retry(err->kind) != RETRY_NEVER || err->kind == ERR_NO_MEMORY)
        return false;
    r->broken = true;
    fail(r, &(struct transfer_failure){
                .side = which, .reading = true, .tenant = r->tenant, .kind = r->kind, .why = err});
    return true;
}

static bool flush(struct run *r, struct err *err)
{
    for (int i = 0; i < 2; i++)
        if (r->t->into[i] && !writer_flush(&r->sides[i].writer, err))
            return false;
    return true;
}

/* Merges what waits before a page is turned: those records live in it. */
static bool flush_before_turn(struct run *r, struct err *err)
{
    bool turns = false;

    for (int i = 0; i < 2; i++)
        turns |= r->t->stores[i] && reader_turns(&r->sides[i].reader);
    if (!turns)
        return true;
    if (r->t->advance)
        r->t->advance(r->t->ctx, r->kind);
    return flush(r, err);
}

static bool merge(struct run *r, enum transfer_side into, const struct record *record,
                  struct err *err)
{
    return !record || !r->t->into[into] ||
           writer_put(&r->sides[into].writer, r->tenant, record, err);
}

/* Counts a record of each side with the same key; one may be absent. Reports and merges a difference. */
static bool compare(struct run *r, const struct record *left, const struct record *right,
                    struct err *err)
{
    struct transfer_counts *counts = &r->t->counts[r->kind];
    struct transfer_difference d = {.tenant = r->tenant, .left = left, .right = right};

    if (left && right)
        d.member = record_difference(left, right);
    counts->seen[LEFT] += left != NULL;
    counts->seen[RIGHT] += right != NULL;
    if (left && right && !d.member)
        return true;
    if (left && right)
        counts->differ++;
    else
        counts->only[left ? LEFT : RIGHT]++;
    return (!r->t->difference || r->t->difference(r->t->ctx, &d, err)) &&
           merge(r, RIGHT, left, err) && merge(r, LEFT, right, err);
}

static int order(const struct record *left, const struct record *right)
{
    if (!left || !right)
        return left ? -1 : 1;
    return record_key_compare(&left->key, &right->key);
}

static bool run_kind(struct run *r, struct err *err)
{
    const struct record *records[2];

    r->broken = false;
    for (int i = 0; i < 2; i++)
        if (r->t->stores[i])
            reader_begin(&r->sides[i].reader, r->tenant, r->kind, i == LEFT && r->t->pending,
                         r->t->strict);
    for (;;) {
        int by;

        if (!flush_before_turn(r, err) || !peek(r, LEFT, &records[LEFT], err) ||
            !peek(r, RIGHT, &records[RIGHT], err))
            return false;
        if (r->broken || (!records[LEFT] && !records[RIGHT]))
            return flush(r, err);
        by = order(records[LEFT], records[RIGHT]);
        if (!compare(r, by <= 0 ? records[LEFT] : NULL, by >= 0 ? records[RIGHT] : NULL, err))
            return false;
        if (by <= 0)
            reader_next(&r->sides[LEFT].reader);
        if (by >= 0)
            reader_next(&r->sides[RIGHT].reader);
    }
}

/* The first tenant of a store after `after`; absent if there is none. */
static bool next_of(struct caller *store, struct slice after, struct arena *arena,
                    struct slice *next, struct err *err)
{
    struct op op = {
        .type = OP_TENANT_LIST,
        .tenant = SLICE("default"),
        .arena = arena,
        .tenant_list = {.after = after, .limit = 1},
    };

    *next = (struct slice){NULL, 0};
    if (!store)
        return true;
    if (!caller_run(store, &op, err))
        return false;
    if (op.tenant_list.out.n > 0)
        *next = op.tenant_list.out.items[0];
    return true;
}

static bool next_tenant(struct run *r, struct arena *arena, bool *found, struct err *err)
{
    struct slice left, right;

    if (!next_of(r->t->stores[LEFT], r->tenant, arena, &left, err) ||
        !next_of(r->t->stores[RIGHT], r->tenant, arena, &right, err))
        return false;
    if (!slice_present(left) || (slice_present(right) && slice_compare(right, left) < 0))
        left = right;
    *found = slice_present(left);
    r->tenant = left;
    return true;
}

static bool run_tenants(struct run *r, struct arena *arena, struct err *err)
{
    bool found;

    for (;;) {
        if (!next_tenant(r, arena, &found, err))
            return false;
        if (!found)
            return true;
        for (int kind = 0; kind < RECORD_KIND_COUNT; kind++) {
            r->kind = (enum record_kind)kind;
            if (!run_kind(r, err))
                return false;
            if (r->t->advance)
                r->t->advance(r->t->ctx, r->kind);
        }
    }
}

bool transfer_size(struct caller *store, int64_t *n, struct err *err)
{
    struct arena arena = {0};
    struct slice tenant = {NULL, 0};
    int64_t found = 0;
    bool ok;

    while ((ok = next_of(store, tenant, &arena, &tenant, err)) && slice_present(tenant)) {
        struct op op = {
            .type = OP_STATS, .tenant = tenant, .now_us = clock_now_us(), .arena = &arena};

        ok = caller_run(store, &op, err);
        if (!ok)
            break;
        found += op.stats.out.sessions + op.stats.out.messages + op.stats.out.checkpoints;
    }
    arena_done(&arena);
    if (ok)
        *n = found;
    return ok;
}

bool transfer_run(struct transfer *t, struct err *err)
{
    struct run *r = calloc(1, sizeof(*r));
    struct arena arena = {0};
    bool ok;

    if (!r)
        return err_no_memory(err);
    memset(t->counts, 0, sizeof(t->counts));
    r->t = t;
    ok = open_side(r, LEFT, err) && open_side(r, RIGHT, err) && run_tenants(r, &arena, err);
    for (int i = 0; i < 2; i++) {
        for (int kind = 0; kind < RECORD_KIND_COUNT; kind++)
            t->counts[kind].merged[i] = r->sides[i].writer.applied[kind];
        reader_close(&r->sides[i].reader);
        writer_close(&r->sides[i].writer);
    }
    arena_done(&arena);
    free(r);
    return ok;
}

struct transfer_counts transfer_total(const struct transfer *t)
{
    struct transfer_counts all = {.failed = 0};

    for (int kind = 0; kind < RECORD_KIND_COUNT; kind++) {
        const struct transfer_counts *one = &t->counts[kind];

        for (int i = 0; i < 2; i++) {
            all.seen[i] += one->seen[i];
            all.only[i] += one->only[i];
            all.merged[i] += one->merged[i];
        }
        all.differ += one->differ;
        all.failed += one->failed;
    }
    return all;
}

/* redis_pair.c - the outbox, and what a store knows of its peer; see redis_pair.h. */
#include "redis_pair.h"

#include <stdlib.h>

#include "redis_entry.h"
#include "redis_node.h"
#include "redis_ops.h"
#include "redis_used.h"

enum { PER_BUCKET_MIN = 16 };

bool redis_pair_admits(struct call *c, struct err *err)
{
    struct reply **replies;
    unsigned *buckets;
    struct slice ids[2];
    size_t n = op_ids(c->op, ids);

    c->op->missing = false;
    if (op_as_held(c->op))
        return true;
    if (slice_present(c->op->id)) {
        for (size_t i = 0; i < n; i++) {
            call_at(c, c->op->tenant, ids[i]);
            ASK(c, SLICE("EXISTS"), call_key(c, "missing"));
        }
    } else {
        c->tenant = c->op->tenant;
        if (!used_buckets(c, c->tenant, &buckets, &n, err))
            return false;
        for (size_t i = 0; i < n; i++)
            ASK(c, SLICE("EXISTS"), call_shared_at(c, "missing-ids", buckets[i]));
    }
    if (!call_answers(c, &replies, err))
        return false;
    for (size_t i = 0; i < n; i++)
        c->op->missing |= replies[i]->number != 0;
    return op_not_missing(c->op, err);
}

static int by_number(const void *left, const void *right)
{
    const struct outbox_entry *a = left, *b = right;

    return (a->number > b->number) - (a->number < b->number);
}

/* What has been read so far, of all buckets. */
struct reading {
    struct call *c;
    struct outbox_entry *entries;
    size_t n, cap;
    int64_t all;     /* how many wanted entries there are, read or not */
    int64_t through; /* up to this number all have been read */
    struct pair_id *missing;
    size_t n_missing, missing_cap;
};

static bool add_entries(struct reading *r, const struct reply *reply, struct err *err)
{
    for (size_t i = 0; i < reply->n; i++) {
        struct outbox_entry *grown = arena_grow(r->c->arena, r->entries, r->n, sizeof(*grown),
                                                &r->cap);

        if (!grown)
            return err_no_memory(err);
        r->entries = grown;
        if (!redis_entry_take(reply->items[i]->text, r->c->arena, &grown[r->n], err))
            return false;
        r->n++;
    }
    return true;
}

static bool add_missing(struct reading *r, const struct reply *reply, struct err *err)
{
    for (size_t i = 0; i < reply->n; i++) {
        struct pair_id *grown = arena_grow(r->c->arena, r->missing, r->n_missing, sizeof(*grown),
                                           &r->missing_cap);
        struct slice parts[2];

        if (!grown || !redis_split(reply->items[i]->text, parts, 2, r->c->arena))
            return err_no_memory(err);
        r->missing = grown;
        grown[r->n_missing++] = (struct pair_id){parts[0], parts[1]};
    }
    return true;
}

/* Where the wanted entries begin, as a bound of ZRANGEBYLEX. */
static struct slice from(struct call *c)
{
    return redis_outbox_bounds(c, c->op->pair_read.after + 1).from;
}

/* Reads the wanted entries of each bucket that has any: if they are too many, the oldest. */
static bool read_entries(struct reading *r, const unsigned *buckets, size_t n, struct err *err)
{
    int64_t limit = r->c->op->pair_read.limit, each = limit;
    struct reply **replies;

    if (n > 1 && r->all > limit)
        each = 2 * limit / (int64_t)n + PER_BUCKET_MIN;
    for (size_t i = 0; i < n; i++)
        ASK(r->c, SLICE("ZRANGEBYLEX"), call_shared_at(r->c, "outbox", buckets[i]), from(r->c),
            SLICE("+"), SLICE("LIMIT"), SLICE("0"), call_number(r->c, each));
    if (!call_answers(r->c, &replies, err))
        return false;
    for (size_t i = 0; i < n; i++) {
        if (!add_entries(r, replies[i], err))
            return false;
        if ((int64_t)replies[i]->n == each && r->entries[r->n - 1].number < r->through)
            r->through = r->entries[r->n - 1].number;
    }
    return true;
}

/* Asks every bucket: a list of the filled ones lies in another bucket, so no script could change both. */
static bool read_buckets(struct reading *r, struct err *err)
{
    unsigned filled[REDIS_BUCKETS];
    struct call *c = r->c;
    struct reply **replies;
    size_t n = 0;

    for (unsigned i = 0; i < REDIS_BUCKETS; i++) {
        if (c->op->pair_read.after) /* a Redis user of no pair need not be allowed ZLEXCOUNT */
            ASK(c, SLICE("ZLEXCOUNT"), call_shared_at(c, "outbox", i), from(c), SLICE("+"));
        else
            ASK(c, SLICE("ZCARD"), call_shared_at(c, "outbox", i));
        ASK(c, SLICE("SMEMBERS"), call_shared_at(c, "missing-ids", i));
    }
    if (!call_answers(c, &replies, err))
        return false;
    for (unsigned i = 0; i < REDIS_BUCKETS; i++) {
        r->all += replies[2 * i]->number;
        if (!add_missing(r, replies[2 * i + 1], err))
            return false;
        if (replies[2 * i]->number > 0)
            filled[n++] = i;
    }
    return n == 0 || read_entries(r, filled, n, err);
}

static bool read_notes(struct call *c, const struct reply *reply, struct err *err)
{
    struct op_pair_read *read = &c->op->pair_read;

    read->out.notes = arena_alloc(c->arena, (reply->n / 2 + 1) * sizeof(*read->out.notes));
    if (!read->out.notes)
        return err_no_memory(err);
    for (size_t i = 0; i + 1 < reply->n; i += 2) {
        struct pair_note note = {.name = reply->items[i]->text, .text = reply->items[i + 1]->text};

        if (slice_equal(note.name, REDIS_POSITION))
            read->out.position = redis_number(note.text);
        else
            read->out.notes[read->out.n_notes++] = note;
    }
    return true;
}

static struct slice note_key(struct call *c)
{
    return call_single(c, "note", (struct slice){NULL, 0});
}

/* Reads what concerns the server as a whole: notes and incarnation. A Redis of no pair need not let us run INFO, and
 * nobody asks for its incarnation. */
static bool read_single(struct call *c, struct err *err)
{
    struct slice server = SLICE(""), replication = SLICE("");
    bool paired = c->d->acquaintance != NULL;
    struct reply **replies;

    ASK(c, SLICE("HGETALL"), note_key(c));
    if (paired) {
        ASK(c, SLICE("INFO"), SLICE("server"));
        ASK(c, SLICE("INFO"), SLICE("replication"));
    }
    if (!call_answers(c, &replies, err) || !read_notes(c, replies[0], err))
        return false;
    if (paired) {
        server = replies[1]->text;
        replication = replies[2]->text;
    }
    c->op->pair_read.out.incarnation = redis_incarnation(c->d, server, replication, c->arena);
    return slice_present(c->op->pair_read.out.incarnation) || err_no_memory(err);
}

bool redis_pair_read(struct call *c, struct op *op, struct err *err)
{
    struct op_pair_read *read = &op->pair_read;
    struct reading r = {.c = c, .through = INT64_MAX};

    memset(&read->out, 0, sizeof(read->out));
    if (!read_buckets(&r, err))
        return false;
    if (r.n > 1)
        qsort(r.entries, r.n, sizeof(*r.entries), by_number);
    read->out.entries = r.entries;
    read->out.n = r.n < (size_t)read->limit ? r.n : (size_t)read->limit;
    read->out.more = r.all > read->limit || r.n > read->out.n;
    if (read->out.n > 0 && r.entries[read->out.n - 1].number < r.through)
        r.through = r.entries[read->out.n - 1].number;
    read->out.through = r.through;
    read->out.missing = r.missing;
    read->out.n_missing = r.n_missing;
    return read_single(c, err);
}

struct redis_bounds redis_outbox_bounds(struct call *c, int64_t number)
{
    return (struct redis_bounds){
        .from = call_concat(c, SLICE("["), redis_digits(number, c->arena)),
        .to = call_concat(c, SLICE("("), redis_digits(number + 1, c->arena)),
    };
}

/*
 * Asks to remove an entry that was read, but none that another part of the same change has added since.
 * Without names the change is known to be complete: all entries of its number in the bucket of its id go.
 * Those in other buckets go when they have been read.
 */
static bool ask_clear(struct call *c, const struct outbox_entry *e, struct err *err)
{
    struct redis_bounds bounds;
    struct slice entry;

    if (!slice_present(e->id))
        return true;
    call_at(c, e->tenant, e->id);
    if (e->n_names == 0) {
        bounds = redis_outbox_bounds(c, e->number);
        ASK(c, SLICE("ZREMRANGEBYLEX"), call_shared(c, "outbox"), bounds.from, bounds.to);
        return true;
    }
    if (!redis_entry_text(e, c->arena, &entry, err))
        return false;
    ASK(c, SLICE("ZREM"), call_shared(c, "outbox"), entry);
    return true;
}

static void ask_missing(struct call *c, const struct pair_id *id, bool missing)
{
    struct slice member = redis_join((struct slice[]){id->tenant, id->id}, 2, c->arena);

    if (!member.at)
        call_no_memory(c);
    call_at(c, id->tenant, id->id);
    if (missing) {
        ASK(c, SLICE("HSET"), call_key(c, "missing"), SLICE("rev"), SLICE("1"));
        ASK(c, SLICE("SADD"), call_shared(c, "missing-ids"), member);
    } else {
        ASK(c, SLICE("SREM"), call_shared(c, "missing-ids"), member);
        ASK(c, SLICE("DEL"), call_key(c, "missing"));
    }
}

static void ask_note(struct call *c, const struct pair_note *note)
{
    if (slice_present(note->text))
        ASK(c, note->once ? SLICE("HSETNX") : SLICE("HSET"), note_key(c), note->name, note->text);
    else
        ASK(c, SLICE("HDEL"), note_key(c), note->name);
}

bool redis_pair_change(struct call *c, struct op *op, struct err *err)
{
    const struct op_pair_change *change = &op->pair_change;
    struct reply **replies;

    for (size_t i = 0; i < change->n_missing; i++) {
        call_at(c, change->missing[i].tenant, change->missing[i].id);
        if (!used_mark(c, err))
            return false;
    }
    for (size_t i = 0; i < change->n_clear; i++)
        if (!ask_clear(c, &change->clear[i], err))
            return false;
    for (size_t i = 0; i < change->n_missing; i++)
        ask_missing(c, &change->missing[i], true);
    for (size_t i = 0; i < change->n_found; i++)
        ask_missing(c, &change->found[i], false);
    for (size_t i = 0; i < change->n_notes; i++)
        ask_note(c, &change->notes[i]);
    if (change->n_notes > 0)
        ASK(c, SLICE("HINCRBY"), note_key(c), REDIS_POSITION, SLICE("1"));
    return call_answers(c, &replies, err);
}

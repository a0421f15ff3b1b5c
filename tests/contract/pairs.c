/* pairs.c - see pairs.h. */
#include "pairs.h"

void pair_open(void)
{
    store_open(&here, store_config(), 0);
    store_open(&there, store_config(), 1);
}

void pair_close(void)
{
    store_close(&here);
    store_close(&there);
}

struct op_pair_read pair_read(struct store *s, int64_t limit)
{
    struct op op = store_op(s, OP_PAIR_READ, NULL);

    op.pair_read.limit = limit;
    store_ok(s, &op);
    ck_assert(slice_present(op.pair_read.out.incarnation));
    for (size_t i = 1; i < op.pair_read.out.n; i++)
        ck_assert_int_le(op.pair_read.out.entries[i - 1].number,
                         op.pair_read.out.entries[i].number);
    return op.pair_read;
}

void pair_change(struct store *s, struct op_pair_change change)
{
    struct op op = store_op(s, OP_PAIR_CHANGE, NULL);

    op.pair_change = change;
    store_ok(s, &op);
}

struct op pair_merge_op(struct store *s, struct slice id, const struct record *records, size_t n)
{
    struct record *items = arena_alloc(&s->arena, (n + 1) * sizeof(*items));
    struct op op = store_op(s, OP_MERGE, NULL);

    ck_assert_ptr_nonnull(items);
    op.id = id;
    op.merge.items = items;
    for (int kind = 0; kind < RECORD_MESSAGES; kind++)
        for (size_t i = 0; i < n; i++)
            if ((int)records[i].kind == kind)
                items[op.merge.n++] = records[i];
    ck_assert_uint_eq(op.merge.n, n);
    return op;
}

struct op_merge pair_merge(struct store *s, struct slice id, const struct record *records, size_t n)
{
    struct op op = pair_merge_op(s, id, records, n);

    store_ok(s, &op);
    return op.merge;
}

struct op_records_get pair_get(struct store *s, struct slice id, const struct record_name *names,
                               size_t n)
{
    struct record_name *some = arena_alloc(&s->arena, (n + 1) * sizeof(*some));
    struct op op = store_op(s, OP_RECORDS_GET, NULL);

    ck_assert_ptr_nonnull(some);
    op.id = id;
    op.records_get.names = some;
    for (size_t i = 0; i < n; i++)
        if (slice_equal(names[i].key.id, id))
            some[op.records_get.n++] = names[i];
    store_ok(s, &op);
    return op.records_get;
}

/* Copies what an entry names; an id is done when its first name comes. */
static void copy_entry(struct store *from, struct store *to, const struct outbox_entry *e)
{
    for (size_t i = 0; i < e->n_names; i++) {
        struct slice id = e->names[i].key.id;
        struct op_records_get got;
        bool done = false;

        for (size_t k = 0; k < i; k++)
            done |= slice_equal(e->names[k].key.id, id);
        if (done)
            continue;
        got = pair_get(from, id, e->names, e->n_names);
        pair_merge(to, id, got.out.items, got.out.n);
    }
}

size_t pair_drain(struct store *from, struct store *to, int64_t limit)
{
    int64_t last = 0;
    size_t n = 0;
    bool more = true;

    while (more) {
        struct op_pair_read waiting = pair_read(from, limit);

        ck_assert_uint_le(waiting.out.n, (size_t)limit);
        ck_assert(waiting.out.n > 0 || !waiting.out.more);
        for (size_t i = 0; i < waiting.out.n; i++) {
            copy_entry(from, to, &waiting.out.entries[i]);
            n += waiting.out.entries[i].number != last;
            last = waiting.out.entries[i].number;
        }
        pair_change(
            from, (struct op_pair_change){.clear = waiting.out.entries, .n_clear = waiting.out.n});
        more = waiting.out.more;
    }
    return n;
}

struct op_repeat pair_request(int64_t number)
{
    struct op_repeat repeat = {.present = true};

    memcpy(repeat.op_id, &number, sizeof(number));
    return repeat;
}

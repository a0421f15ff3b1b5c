/*
 * contract_random.c - random states, merged in the same way into the target and into memory:.
 *
 * Two sources change at random, and now and then all their records are kept. These are then merged into both
 * in random order, whole or in part, at once or id by id. Both must hold the same after each merge, and give
 * it in the same order.
 */
#include <stdlib.h>

#include "random.h"
#include "record_fields.h"
#include "threads.h"

enum { SEEDS = 8, STEPS = 60, EVERY = 6, KEPT = STEPS / EVERY, MERGES = 24, INLINE_MAX = 1024 };

struct kept {
    struct record *records;
    size_t n;
};

static struct store sources[2], reference, target;
static struct kept kept[KEPT];

static void open_stores(size_t inline_max)
{
    struct backend_config cfg = store_config();

    cfg.inline_max = inline_max;
    store_open(&target, cfg, 0);
    memory_open(&reference, &target, cfg);
    memory_open(&sources[0], &target, cfg);
    memory_open(&sources[1], &target, cfg);
}

static void close_stores(void)
{
    store_close(&target);
    store_close(&reference);
    store_close(&sources[0]);
    store_close(&sources[1]);
}

static void change_session(struct store *s)
{
    struct op op = store_op(s, OP_SESSION_PATCH, random_text(s, "s", 3));

    op.session_patch.status = slice_of(random_text(s, "status", 3));
    op.session_patch.metadata_merge = slice_of(random_below(2) ? "{\"a\":1}" : "{\"b\":[2]}");
    op.session_patch.increment_requests = random_below(2);
    op.session_patch.add_processing_time = 0.5;
    store_run(s, &op);
}

static void change_thread(struct store *s)
{
    const char *id = random_text(s, "c", 4), *values = random_text(s, "a=1:v", 9),
               *head = random_text(s, "1", 9);

    switch (random_below(3)) {
    case 0:
        put(s,
            (struct checkpoint_in){.thread = random_text(s, "t", 2), .id = id, .values = values});
        break;
    case 1:
        put(s, (struct checkpoint_in){.thread = random_text(s, "t", 2),
                                      .ns = "doc",
                                      .id = id,
                                      .form = FORM_DOCUMENT,
                                      .head = head});
        break;
    default:
        put_writes(s, (struct writes_in){.thread = random_text(s, "t", 2),
                                         .checkpoint = id,
                                         .task = random_text(s, "task", 2),
                                         .mode = (enum writes_mode)random_below(3),
                                         .writes = random_below(2) ? "0:a=b 1:c=d" : "1:c=e"});
    }
}

static void change(struct store *s)
{
    struct op op;

    s->now_us += (int64_t)random_below(3) * SECOND;
    switch (random_below(10)) {
    case 0:
    case 1:
        store_session(s, random_text(s, "s", 3));
        break;
    case 2:
        change_session(s);
        break;
    case 3:
    case 4:
        store_message(s, random_text(s, "s", 3), random_text(s, "m", 6));
        break;
    case 5:
        store_context(s, random_text(s, "s", 3), random_text(s, "1", 9));
        break;
    case 6:
        op = store_op(s, random_below(2) ? OP_SESSION_DELETE : OP_THREAD_DELETE,
                      random_text(s, random_below(2) ? "s" : "t", 2));
        store_run(s, &op);
        break;
    default:
        change_thread(s);
    }
}

/* All records of a source, in an order in which they may be merged. */
static struct kept keep(struct store *s)
{
    struct kept all = {NULL, 0};

    for (enum record_kind kind = RECORD_SESSION; kind < RECORD_KIND_COUNT; kind++) {
        size_t more;
        struct record *records = store_records(s, kind, 7, &more);

        all.records = arena_resize(&s->arena, all.records, all.n * sizeof(*records),
                                   (all.n + more) * sizeof(*records) + 1);
        ck_assert_ptr_nonnull(all.records);
        if (more)
            memcpy(all.records + all.n, records, more * sizeof(*records));
        all.n += more;
    }
    return all;
}

/* Some of the records. A value stays, for others refer to it. */
static struct kept choose(const struct kept *from, struct arena *arena)
{
    uint64_t one_of = random_below(3) + 1; /* 1: all */
    struct kept some = {arena_zalloc(arena, from->n + 1, sizeof(*some.records)), 0};

    ck_assert_ptr_nonnull(some.records);
    for (size_t i = 0; i < from->n; i++)
        if (from->records[i].kind == RECORD_VALUE || random_below(one_of) == 0)
            some.records[some.n++] = from->records[i];
    return some;
}

static struct op read_page(struct store *s, struct arena *arena, enum record_kind kind,
                           struct record_key after, int64_t limit)
{
    struct op op = store_op(s, OP_READ_RANGE, NULL);

    op.arena = arena;
    op.read_range.kind = kind;
    op.read_range.after = after;
    op.read_range.limit = limit;
    store_ok(s, &op);
    return op;
}

static bool same_key(const struct record_key *a, const struct record_key *b)
{
    return slice_equal(a->id, b->id) && slice_equal(a->ns, b->ns) && slice_equal(a->sub, b->sub) &&
           slice_equal(a->task, b->task) && a->number == b->number && a->stamp == b->stamp;
}

/* Both give the same records in the same order, in pages of random length. */
static void compare_pages(int step, enum record_kind kind)
{
    struct record_key after = {.number = 0};
    struct arena arena = {0};
    bool more = true;

    while (more) {
        int64_t limit = (int64_t)random_below(7) + 1;
        struct op want = read_page(&reference, &arena, kind, after, limit);
        struct op got = read_page(&target, &arena, kind, after, limit);
        size_t n = want.read_range.out.n;

        ck_assert_msg(got.read_range.out.n == n, "merge %d, kind %d: %zu instead of %zu", step,
                      (int)kind, got.read_range.out.n, n);
        for (size_t i = 0; i < n; i++)
            ck_assert_msg(
                same_key(&got.read_range.out.items[i].key, &want.read_range.out.items[i].key),
                "merge %d, kind %d: another order", step, (int)kind);
        more = want.read_range.out.more;
        ck_assert(got.read_range.out.more == more && (n > 0 || !more));
        if (more)
            after = want.read_range.out.items[n - 1].key;
    }
    arena_done(&arena);
}

static int by_id(const void *left, const void *right)
{
    const struct record *a = left, *b = right;
    int order = slice_compare(a->key.id, b->key.id);

    if (order == 0)
        order = (a->kind > b->kind) - (a->kind < b->kind);
    return order ? order : record_key_compare(&a->key, &b->key);
}

/* As a pair does it: all records of one id together, whatever their kind. */
static size_t merge_ids(struct store *s, const struct kept *some)
{
    size_t applied = 0, end;

    for (size_t i = 0; i < some->n; i = end) {
        struct op op = store_op(s, OP_MERGE, NULL);

        end = i + 1;
        while (end < some->n && slice_equal(some->records[end].key.id, some->records[i].key.id))
            end++;
        op.id = some->records[i].key.id;
        op.merge.items = &some->records[i];
        op.merge.n = end - i;
        store_ok(s, &op);
        applied += op.merge.out.applied;
    }
    return applied;
}

START_TEST(merges_alike)
{
    open_stores(_i < SEEDS ? 0 : INLINE_MAX);
    random_start(_i % SEEDS);
    for (int i = 0; i < STEPS; i++) {
        struct store *s = &sources[random_below(2)];

        change(s);
        if (i % EVERY == EVERY - 1)
            kept[i / EVERY] = keep(s);
    }
    for (int i = 0; i < MERGES; i++) {
        struct kept some = choose(&kept[random_below(KEPT)], &reference.arena);
        size_t applied;

        if (random_below(2)) {
            qsort(some.records, some.n, sizeof(*some.records), by_id);
            applied = merge_ids(&target, &some);
        } else {
            applied = store_merge(&target, some.records, some.n);
        }
        ck_assert_uint_eq(applied, store_merge(&reference, some.records, some.n));
        same_state(&target, &reference, STATE_EXACT, arena_printf(&target.arena, "merge %d", i).at);
        compare_pages(i, (enum record_kind)random_below(RECORD_KIND_COUNT));
    }
    close_stores();
}
END_TEST

TCase *contract_random_case(void)
{
    TCase *tc = tcase_create("random");

    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, merges_alike, 0, 2 * SEEDS);
    return tc;
}

/* contract_deltas.c - threads that grow: values based on values, whatever is removed, copied or merged. */
#include "blob_hash.h"
#include "clock.h"
#include "threads.h"

/* Past several blocks of a chain (storage/delta.h). */
enum { STEPS = 105, MORE = 40, MESSAGE = 120 };

/* The text of message i, which no other message resembles. */
static struct slice message(struct store *s, int i)
{
    char *at = arena_alloc(&s->arena, MESSAGE);
    uint32_t x = (uint32_t)i * 2654435761u + 1;

    ck_assert_ptr_nonnull(at);
    for (int k = 0; k < MESSAGE; k++) {
        x = x * 1664525 + 1013904223;
        at[k] = (char)('a' + (x >> 24) % 26);
    }
    return (struct slice){at, MESSAGE};
}

/* The value of step n: its number, then all messages up to it. */
static struct slice grown(struct store *s, int n)
{
    struct slice text = arena_printf(&s->arena, "%05d", n);

    for (int i = 0; i <= n; i++) {
        struct slice more = message(s, i);

        text = arena_printf(&s->arena, "%.*s%.*s", SLICE_ARGS(text), SLICE_ARGS(more));
    }
    ck_assert_ptr_nonnull(text.at);
    return text;
}

static const char *id_of(struct store *s, int n)
{
    return arena_printf(&s->arena, "c%04d", n).at;
}

static const char *head_of(struct store *s, int n)
{
    return arena_printf(
               &s->arena,
               "{\"v\":4,\"id\":\"c%04d\",\"ts\":\"2026-01-01T00:00:%05d\",\"seen\":{\"agent\":"
               "{\"messages\":\"0000000000000000000000%d\",\"route\":\"%d\"}},\"of\":[%d]}",
               n, n, n - 1, n * 7919, n * 104729)
        .at;
}

static struct op step_op(struct store *s, const char *thread, int n)
{
    struct op op = put_op(
        s, (struct checkpoint_in){.thread = thread,
                                  .id = id_of(s, n),
                                  .parent = n ? id_of(s, n - 1) : NULL,
                                  .head = head_of(s, n),
                                  .run = arena_printf(&s->arena, "run%d", n % 3).at,
                                  .values = arena_printf(&s->arena, "m=%d:x", n).at});

    op.checkpoint_put.values[0].blob.bytes = grown(s, n);
    return op;
}

static void grow(struct store *s, const char *thread, int from, int to)
{
    for (int n = from; n < to; n++) {
        struct op op = step_op(s, thread, n);

        store_ok(s, &op);
        ck_assert(
            slice_equal(op.checkpoint_put.values[0].blob.bytes, grown(s, n))); /* the op is not
                                                                                  changed */
    }
}

static void check(struct store *s, const char *thread, int n)
{
    struct checkpoint *c = get(s, thread, "", id_of(s, n));

    ck_assert_msg(c != NULL, "%s %d is not there", thread, n);
    ck_assert_slice(c->head.bytes, head_of(s, n));
    ck_assert_uint_eq(c->n_values, 1);
    ck_assert_msg(slice_equal(c->values[0]->blob.bytes, grown(s, n)), "%s %d is another", thread,
                  n);
}

static void check_all(struct store *s, const char *thread, int from, int to)
{
    for (int n = from; n < to; n++)
        check(s, thread, n);
}

static void prune(const char *thread, int64_t keep_last)
{
    struct op op = store_op(&here, OP_THREAD_PRUNE, thread);

    op.thread_prune.keep_last = keep_last;
    store_ok(&here, &op);
}

static int64_t bytes_of(const char *thread)
{
    struct op op = store_op(&here, OP_THREAD_GET, thread);

    store_ok(&here, &op);
    return op.thread_get.out.thread.bytes;
}

START_TEST(growth_is_linear)
{
    int64_t half;

    grow(&here, "t", 0, STEPS / 2);
    half = bytes_of("t");
    grow(&here, "t", STEPS / 2, STEPS);
    ck_assert_int_lt(bytes_of("t"), half * 5 / 2);
    ck_assert_int_lt(bytes_of("t"), STEPS * MESSAGE * 5);
    check_all(&here, "t", 0, STEPS);
    ck_assert_slice(get(&here, "t", "", NULL)->id, id_of(&here, STEPS - 1));
}
END_TEST

START_TEST(list_of_what_has_grown)
{
    struct op op;

    grow(&here, "t", 0, STEPS);
    op = list_op(&here, "t", "");
    store_ok(&here, &op);
    ck_assert_uint_eq(op.checkpoint_list.out.n, STEPS);
    for (int n = 0; n < STEPS; n++) {
        const struct checkpoint *c = op.checkpoint_list.out.items[STEPS - 1 - n];

        ck_assert_slice(c->head.bytes, head_of(&here, n));
        ck_assert(slice_equal(c->values[0]->blob.bytes, grown(&here, n)));
    }
}
END_TEST

START_TEST(pruned_chains_stay_whole)
{
    grow(&here, "t", 0, STEPS);
    prune("t", 3);
    check_all(&here, "t", STEPS - 3, STEPS);
    ck_assert_ptr_null(get(&here, "t", "", id_of(&here, STEPS - 4)));
    ck_assert_uint_lt(count_records(&here, RECORD_VALUE), 2 * STEPS);
    grow(&here, "t", STEPS, STEPS + MORE);
    check_all(&here, "t", STEPS - 3, STEPS + MORE);
    prune("t", 1);
    check(&here, "t", STEPS + MORE - 1);
    ck_assert_uint_le(count_records(&here, RECORD_VALUE), 2 * 64);
}
END_TEST

START_TEST(copied_chains_stay_whole)
{
    struct op op;

    grow(&here, "t", 0, STEPS);
    op = store_op(&here, OP_THREAD_COPY, "t");
    op.thread_copy.to = SLICE("u");
    store_ok(&here, &op);
    delete_thread(&here, "t");
    check_all(&here, "u", 0, STEPS);
    grow(&here, "u", STEPS, STEPS + MORE);
    check_all(&here, "u", STEPS - 1, STEPS + MORE);
    grow(&here, "t", 0, MORE); /* what was known of the thread is gone */
    check_all(&here, "t", 0, MORE);
}
END_TEST

START_TEST(deleted_runs_leave_chains_whole)
{
    struct slice run = SLICE("run1");
    struct op op;

    grow(&here, "t", 0, STEPS);
    op = store_op(&here, OP_RUNS_DELETE, NULL);
    op.runs_delete.run_ids = &run;
    op.runs_delete.n = 1;
    store_ok(&here, &op);
    for (int n = 0; n < STEPS; n++)
        if (n % 3 != 1)
            check(&here, "t", n);
    grow(&here, "t", STEPS, STEPS + MORE);
    check_all(&here, "t", STEPS, STEPS + MORE);
}
END_TEST

START_TEST(replaced_checkpoints_leave_chains_whole)
{
    grow(&here, "t", 0, MORE);
    for (int n = 0; n < MORE; n += 3) {
        struct op op = step_op(&here, "t", n);

        store_ok(&here, &op);
    }
    check_all(&here, "t", 0, MORE);
    grow(&here, "t", MORE, STEPS);
    check_all(&here, "t", 0, STEPS);
}
END_TEST

static void put_document(const char *id, int n)
{
    put(&here, (struct checkpoint_in){
                   .thread = "d", .id = id, .form = FORM_DOCUMENT, .head = grown(&here, n).at});
}

START_TEST(documents_grow_and_are_replaced)
{
    for (int n = 0; n < MORE; n++)
        put_document(id_of(&here, n), n);
    for (int n = 0; n < MORE; n++)
        put_document(n % 2 ? "even" : "odd", n);
    for (int n = 0; n < MORE; n++)
        ck_assert(slice_equal(get(&here, "d", "", id_of(&here, n))->head.bytes, grown(&here, n)));
    ck_assert(slice_equal(get(&here, "d", "", "odd")->head.bytes, grown(&here, MORE - 2)));
    ck_assert(slice_equal(get(&here, "d", "", "even")->head.bytes, grown(&here, MORE - 1)));
    ck_assert_int_lt(bytes_of("d"), MORE * MESSAGE * 6);
}
END_TEST

/* With two ids in turns, a replaced head is a base; it goes when nothing needs it. */
START_TEST(replaced_heads_are_collected)
{
    struct op op;

    for (int n = 0; n < 10 * MORE; n++)
        put_document(n % 2 ? "even" : "odd", n % MORE);
    op = store_op(&here, OP_CLEANUP, NULL);
    op.now_us += 2 * HOUR;
    op.cleanup.expired = true;
    op.cleanup.limit = 1000;
    store_ok(&here, &op);
    ck_assert_uint_le(count_records(&here, RECORD_VALUE), 2 * 64);
    ck_assert(slice_equal(get(&here, "d", "", "odd")->head.bytes, grown(&here, MORE - 2)));
    ck_assert(slice_equal(get(&here, "d", "", "even")->head.bytes, grown(&here, MORE - 1)));
}
END_TEST

/* Replacing the same id again and again takes no more room than once. */
START_TEST(one_document_again_and_again)
{
    for (int n = 0; n < MORE; n++)
        put_document("d", n);
    ck_assert_uint_eq(count_records(&here, RECORD_VALUE), 1);
    ck_assert(slice_equal(get(&here, "d", "", "d")->head.bytes, grown(&here, MORE - 1)));
}
END_TEST

START_TEST(merged_chains_stay_whole)
{
    grow(&here, "t", 0, STEPS);
    for (enum record_kind kind = RECORD_THREAD; kind < RECORD_KIND_COUNT; kind++) {
        size_t n;
        struct record *records = store_records(&here, kind, 50, &n);

        store_merge(&there, records, n);
    }
    check_all(&there, "t", 0, STEPS);
    grow(&there, "t", STEPS, STEPS + MORE);
    check_all(&there, "t", STEPS, STEPS + MORE);
}
END_TEST

START_TEST(expired_checkpoints_leave_chains_whole)
{
    struct store s;
    struct op op;

    store_open_ageing(&s);
    grow(&s, "t", 0, MORE);
    s.now_us += HOUR / 2;
    clock_fake(1, s.now_us);
    grow(&s, "t", MORE, 2 * MORE);
    s.now_us += HOUR / 2 + SECOND;
    clock_fake(1, s.now_us);
    check_all(&s, "t", MORE, 2 * MORE);
    op = store_op(&s, OP_CLEANUP, NULL);
    op.cleanup.expired = true;
    op.cleanup.limit = 1000;
    store_ok(&s, &op);
    check_all(&s, "t", MORE, 2 * MORE);
    ck_assert_ptr_null(get(&s, "t", "", id_of(&s, MORE - 1)));
    grow(&s, "t", 2 * MORE, 2 * MORE + 5);
    check_all(&s, "t", MORE, 2 * MORE + 5);
    store_close(&s);
    clock_fake(0, 0);
}
END_TEST

static const struct value *value_of(const char *thread, int version)
{
    struct value_ask ask = {.of = {SLICE("m"), arena_printf(&here.arena, "%d", version)}};
    struct op op = store_op(&here, OP_VALUES_GET, thread);

    op.values_get.ns = SLICE("");
    op.values_get.asks = &ask;
    op.values_get.n = 1;
    store_ok(&here, &op);
    return op.values_get.out.items[0];
}

/* Puts step n as a patch of the value of the step before. */
static struct op patched_op(const char *thread, int n, const struct value *base)
{
    struct op op = step_op(&here, thread, n);
    struct patch *patch = arena_zalloc(&here.arena, 1, sizeof(*patch));
    struct patch_part *parts = arena_zalloc(&here.arena, 3, sizeof(*parts));
    struct slice whole = op.checkpoint_put.values[0].blob.bytes, text = message(&here, n);

    ck_assert(patch && parts);
    ck_assert(patch_add(patch, parts, &(struct patch_part){{whole.at, 5}, 0, 5}));
    ck_assert(
        patch_add(patch, parts, &(struct patch_part){{NULL, 0}, 5, base->blob.bytes.len - 5}));
    ck_assert(patch_add(patch, parts, &(struct patch_part){text, 0, text.len}));
    ck_assert_uint_eq(patch->len, whole.len);
    patch->base = base->blob.bytes;
    patch->base_id = base->blob.id;
    patch->anchor_id = base->blob.anchor_id;
    patch->place = base->blob.place;
    op.checkpoint_put.values[0].blob.patch = patch;
    return op;
}

START_TEST(patches_are_stored_as_such)
{
    const struct value *base;
    struct op op;

    grow(&here, "t", 0, 1);
    for (int n = 1; n < STEPS; n++) {
        op = patched_op("t", n, value_of("t", n - 1));
        store_ok(&here, &op);
    }
    check_all(&here, "t", 0, STEPS);
    ck_assert_int_lt(bytes_of("t"), STEPS * MESSAGE * 5);
    base = value_of("t", STEPS - 1);
    ck_assert_uint_gt(base->blob.place, 32);
    op = patched_op("u", STEPS, base); /* not in this thread: it stands by itself */
    store_ok(&here, &op);
    check(&here, "u", STEPS);
    delete_thread(&here, "t");
    op = patched_op("t", STEPS, base);
    store_ok(&here, &op);
    check(&here, "t", STEPS);
}
END_TEST

void contract_deltas_add(TCase *tc)
{
    tcase_add_test(tc, growth_is_linear);
    tcase_add_test(tc, list_of_what_has_grown);
    tcase_add_test(tc, pruned_chains_stay_whole);
    tcase_add_test(tc, copied_chains_stay_whole);
    tcase_add_test(tc, deleted_runs_leave_chains_whole);
    tcase_add_test(tc, replaced_checkpoints_leave_chains_whole);
    tcase_add_test(tc, documents_grow_and_are_replaced);
    tcase_add_test(tc, one_document_again_and_again);
    tcase_add_test(tc, replaced_heads_are_collected);
    tcase_add_test(tc, merged_chains_stay_whole);
    tcase_add_test(tc, expired_checkpoints_leave_chains_whole);
    tcase_add_test(tc, patches_are_stored_as_such);
}

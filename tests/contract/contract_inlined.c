/* contract_inlined.c - small values, which the heads of checkpoints hold: how they come back, and are
 * found. */
#include "inlined.h"

#include <stdlib.h>

#include "blob_hash.h"
#include "value_cache.h"

enum { CACHE_BYTES = 1 << 24, LONG = 2000 };

static bool cached;

void inlined_open(struct store *s, int number, size_t inline_max)
{
    struct backend_config cfg = store_config();

    cfg.inline_max = inline_max;
    cfg.cache = cached ? value_cache_new(CACHE_BYTES) : NULL;
    ck_assert(!cached || cfg.cache);
    store_open(s, cfg, number);
    s->cache = cfg.cache;
}

static void open_stores(void)
{
    inlined_open(&here, 0, INLINE_MAX);
    inlined_open(&there, 1, INLINE_MAX);
}

static void open_cached(void)
{
    cached = true;
    open_stores();
}

static void close_stores(void)
{
    store_close(&here);
    store_close(&there);
    cached = false;
}

static int order_values(const void *left, const void *right)
{
    const struct value *a = *(const struct value *const *)left,
                       *b = *(const struct value *const *)right;
    int order = slice_compare(a->of.channel, b->of.channel);

    return order ? order : slice_compare(a->of.version, b->of.version);
}

const char *sorted_text(struct store *s, const struct checkpoint *checkpoint)
{
    size_t n = checkpoint->n_values;
    struct checkpoint sorted = {.values = arena_alloc(&s->arena, (n + 1) * sizeof(*sorted.values)),
                                .n_values = n};

    ck_assert_ptr_nonnull(sorted.values);
    if (n > 0) {
        memcpy(sorted.values, checkpoint->values, n * sizeof(*sorted.values));
        qsort(sorted.values, n, sizeof(*sorted.values), order_values);
    }
    return values_text(s, &sorted);
}

/* The checkpoint with this id in a list. */
static const struct checkpoint *listed(struct store *s, struct op *op, const char *id)
{
    store_ok(s, op);
    for (size_t i = 0; i < op->checkpoint_list.out.n; i++)
        if (slice_equal(op->checkpoint_list.out.items[i]->id, slice_of(id)))
            return op->checkpoint_list.out.items[i];
    ck_abort_msg("%s is not in the list", id);
}

void check_values(struct store *s, const char *thread, const char *id, const char *want)
{
    const struct checkpoint *got = get(s, thread, "", id), *latest = get(s, thread, "", NULL);
    struct op op = list_op(s, thread, "");
    struct slice head;

    ck_assert_msg(got != NULL, "%s is not there", id);
    head = got->head.bytes;
    ck_assert_msg(strcmp(sorted_text(s, got), want) == 0, "%s: %s, not %s", id, sorted_text(s, got),
                  want);
    if (slice_equal(latest->id, got->id))
        ck_assert_str_eq(sorted_text(s, latest), want);
    got = listed(s, &op, id);
    ck_assert_str_eq(sorted_text(s, got), want);
    ck_assert(slice_equal(got->head.bytes, head));
    op.checkpoint_list.values = false;
    ck_assert(slice_equal(listed(s, &op, id)->head.bytes, head));
}

void copy_thread(struct store *s, const char *from, const char *to)
{
    struct op op = store_op(s, OP_THREAD_COPY, from);

    op.thread_copy.to = slice_of(to);
    store_ok(s, &op);
}

static const char *long_text(char letter)
{
    char *text = arena_alloc(&here.arena, LONG + 1);

    ck_assert_ptr_nonnull(text);
    memset(text, letter, LONG);
    text[LONG] = '\0';
    return text;
}

static void check_bytes(const struct checkpoint *c, const struct op_checkpoint_put *put)
{
    ck_assert_uint_eq(c->n_values, put->n_values);
    for (size_t i = 0; i < put->n_values; i++) {
        const struct value *want = &put->values[i], *got = NULL;

        for (size_t k = 0; k < c->n_values; k++)
            if (slice_equal(c->values[k]->of.channel, want->of.channel))
                got = c->values[k];
        ck_assert_ptr_nonnull(got);
        ck_assert(slice_equal(got->of.version, want->of.version));
        ck_assert(slice_equal(got->blob.type, want->blob.type));
        ck_assert(slice_equal(got->blob.bytes, want->blob.bytes));
    }
}

START_TEST(bytes_come_back_as_sent)
{
    struct op op = put_op(
        &here,
        (struct checkpoint_in){.thread = "t", .id = "c1", .values = "a=1: b=2:x c=3:x d=4:x"});
    struct op_checkpoint_put sent = op.checkpoint_put;
    struct op all;

    sent.values[1].of.version = SLICE("\"00000000000000000000000000000002.0.5\"");
    sent.values[1].blob.bytes = SLICE("\0a\0");
    sent.values[2].of.version = SLICE("1.50");
    sent.values[2].blob.type = SLICE("");
    sent.values[2].blob.bytes = SLICE("\1\377");
    sent.values[3].blob.type = SLICE("null");
    sent.values[3].blob.bytes = SLICE("");
    store_ok(&here, &op);
    ck_assert_ptr_eq(op.checkpoint_put.values, sent.values);
    ck_assert_uint_eq(count_records(&here, RECORD_VALUE), 1); /* the head */
    check_bytes(get(&here, "t", "", "c1"), &sent);
    check_bytes(get(&here, "t", "", NULL), &sent);
    all = list_op(&here, "t", NULL);
    check_bytes(listed(&here, &all, "c1"), &sent);
    op = put_op(&here, (struct checkpoint_in){.thread = "t", .id = "c2", .parent = "c1"});
    op.checkpoint_put.carried = arena_zalloc(&here.arena, sent.n_values,
                                             sizeof(*op.checkpoint_put.carried));
    ck_assert_ptr_nonnull(op.checkpoint_put.carried);
    op.checkpoint_put.n_carried = sent.n_values;
    for (size_t i = 0; i < sent.n_values; i++)
        op.checkpoint_put.carried[i] = sent.values[i].of;
    store_ok(&here, &op);
    check_bytes(get(&here, "t", "", "c2"), &sent);
    check_bytes(get(&here, "t", "", "c1"), &sent);
    ck_assert_uint_eq(count_records(&here, RECORD_VALUE), 2);
}
END_TEST

START_TEST(long_ones_have_rows)
{
    const char *most = long_text('x') + LONG - INLINE_MAX;
    const char *more = long_text('y') + LONG - INLINE_MAX - 1;
    const char *values = arena_printf(&here.arena, "a=1:%s b=1:%s c=1:z", most, more).at;

    put(&here, (struct checkpoint_in){.thread = "t", .id = "c1", .values = values});
    ck_assert_uint_eq(count_records(&here, RECORD_VALUE), 2);
    put(&here, (struct checkpoint_in){
                   .thread = "t", .id = "c2", .parent = "c1", .carried = "b=1 c=1 a=1"});
    ck_assert_uint_eq(count_records(&here, RECORD_VALUE), 3);
    check_values(&here, "t", "c1", values);
    check_values(&here, "t", "c2", values);
    put(&here, (struct checkpoint_in){.thread = "t", .ns = "n", .id = "c1", .carried = "a=1 b=1"});
    ck_assert_str_eq(values_text(&here, get(&here, "t", "n", "c1")), "");
}
END_TEST

/* Step n of a thread: one new value, now and then a long one; the others are carried. */
static void step(int n)
{
    int last = n / 10 * 10;
    bool is_long = n == last;
    const char *anew = arena_printf(&here.arena, "n=%d:step%d", n, n).at;
    const char *all = arena_printf(&here.arena, "m=%d:%s%d ", n, long_text('m'), n).at;
    const char *carried = arena_printf(&here.arena, "a=1 b=\"02\"%s",
                                       is_long ? "" : arena_printf(&here.arena, " m=%d", last).at)
                              .at;
    const char *values = is_long ? arena_printf(&here.arena, "%s%s", all, anew).at : anew;

    put(&here,
        (struct checkpoint_in){
            .thread = "t",
            .id = arena_printf(&here.arena, "c%03d", n).at,
            .parent = n ? arena_printf(&here.arena, "c%03d", n - 1).at : NULL,
            .values = n ? values : arena_printf(&here.arena, "a=1:first b=\"02\": %s", values).at,
            .carried = n ? carried : NULL});
}

START_TEST(carried_over_many)
{
    enum { STEPS = 105 };
    struct op op;

    for (int n = 0; n < STEPS; n++)
        step(n);
    ck_assert_uint_eq(count_records(&here, RECORD_VALUE), STEPS + STEPS / 10 + 1);
    op = list_op(&here, "t", "");
    store_ok(&here, &op);
    ck_assert_uint_eq(op.checkpoint_list.out.n, STEPS);
    for (int n = 0; n < STEPS; n++) {
        const char *id = arena_printf(&here.arena, "c%03d", n).at;
        const char *want = arena_printf(&here.arena, "a=1:first b=\"02\": m=%d:%s%d n=%d:step%d",
                                        n / 10 * 10, long_text('m'), n / 10 * 10, n, n)
                               .at;

        ck_assert_str_eq(sorted_text(&here, get(&here, "t", "", id)), want);
        ck_assert_str_eq(sorted_text(&here, op.checkpoint_list.out.items[STEPS - 1 - n]), want);
    }
}
END_TEST

START_TEST(a_head_has_room_for_so_much)
{
    enum { CHANNELS = 200, EACH = 200, ROOM = 16 << 10 };
    const char *values = "", *names = "";
    size_t n;

    for (int i = 0; i < CHANNELS; i++) {
        values = arena_printf(&here.arena, "%s%sc%03d=1:%s%03d", values, i ? " " : "", i,
                              long_text('x') + LONG - EACH + 3, i)
                     .at;
        names = arena_printf(&here.arena, "%s%sc%03d=1", names, i ? " " : "", i).at;
    }
    put(&here, (struct checkpoint_in){.thread = "t", .id = "c1", .values = values});
    n = count_records(&here, RECORD_VALUE);
    ck_assert_uint_eq(n, 1 + CHANNELS - ROOM / EACH);
    check_values(&here, "t", "c1", values);
    put(&here, (struct checkpoint_in){
                   .thread = "t", .id = "c2", .parent = "c1", .values = "d=1:x", .carried = names});
    ck_assert_uint_eq(count_records(&here, RECORD_VALUE), n + 1);
    check_values(&here, "t", "c2", arena_printf(&here.arena, "%s d=1:x", values).at);
    put(&here, (struct checkpoint_in){
                   .thread = "t", .id = "c3", .parent = "c1", .carried = names, .values = "d=1:y"});
    check_values(&here, "t", "c3", arena_printf(&here.arena, "%s d=1:y", values).at);
}
END_TEST

START_TEST(found_in_a_parent_that_is_not_the_newest)
{
    put(&here, (struct checkpoint_in){.thread = "t", .id = "c1", .values = "a=1:x b=1:y"});
    put(&here, (struct checkpoint_in){
                   .thread = "t", .id = "c2", .parent = "c1", .values = "a=2:z", .carried = "b=1"});
    put(&here, (struct checkpoint_in){
                   .thread = "t", .id = "c3", .parent = "c1", .values = "c=3:w", .carried = "a=1"});
    check_values(&here, "t", "c3", "a=1:x c=3:w");
    put(&here,
        (struct checkpoint_in){.thread = "t", .id = "c4", .parent = "c2", .carried = "a=2 b=1"});
    check_values(&here, "t", "c4", "a=2:z b=1:y");
    put(&here,
        (struct checkpoint_in){.thread = "t", .id = "c0", .parent = "c1", .carried = "a=1 b=1"});
    check_values(&here, "t", "c0", "a=1:x b=1:y");
}
END_TEST

/* LangGraph puts a copy beside a checkpoint, with a parent that the store does not know. */
START_TEST(found_in_a_sibling)
{
    put(&here, (struct checkpoint_in){.thread = "t", .id = "c1", .values = "a=1:x b=1:y"});
    put(&here, (struct checkpoint_in){
                   .thread = "t", .id = "c2", .parent = "c1", .values = "a=2:z", .carried = "b=1"});
    put(&here, (struct checkpoint_in){.thread = "t", .id = "c3", .carried = "a=1 b=1"});
    check_values(&here, "t", "c3", "a=1:x b=1:y");
    put(&here,
        (struct checkpoint_in){.thread = "t", .id = "c4", .parent = "none", .carried = "b=1 a=2"});
    check_values(&here, "t", "c4", "a=2:z b=1:y");
}
END_TEST

/* Two versions of one channel come from different checkpoints. */
START_TEST(found_by_version)
{
    put(&here, (struct checkpoint_in){.thread = "t", .id = "c1", .values = "a=1:x"});
    put(&here, (struct checkpoint_in){.thread = "t", .id = "c2", .values = "a=2:y"});
    put(&here, (struct checkpoint_in){.thread = "t", .id = "c3", .carried = "a=1"});
    put(&here, (struct checkpoint_in){.thread = "t", .id = "c4", .carried = "a=2"});
    put(&here, (struct checkpoint_in){.thread = "t", .id = "c5", .carried = "a=2 a=1 a=\"1\""});
    check_values(&here, "t", "c3", "a=1:x");
    check_values(&here, "t", "c4", "a=2:y");
    check_values(&here, "t", "c5", "a=1:x a=2:y");
}
END_TEST

START_TEST(found_in_an_old_one)
{
    enum { BETWEEN = 230 };

    put(&here, (struct checkpoint_in){.thread = "t", .id = "c", .values = "a=1:x b=1:y"});
    for (int i = 0; i < BETWEEN; i++)
        put(&here, (struct checkpoint_in){.thread = "t",
                                          .id = arena_printf(&here.arena, "d%03d", i).at,
                                          .values = "a=2:z"});
    put(&here, (struct checkpoint_in){.thread = "t", .id = "e1", .carried = "a=1 c=1"});
    ck_assert_str_eq(values_text(&here, get(&here, "t", "", "e1")), "a=1:x");
    put(&here, (struct checkpoint_in){.thread = "t", .id = "e2", .parent = "c", .carried = "b=1"});
    ck_assert_str_eq(values_text(&here, get(&here, "t", "", "e2")), "b=1:y");
}
END_TEST

START_TEST(what_is_nowhere_is_absent)
{
    struct channel_version none = {SLICE("a"), SLICE("2")};
    struct op op;

    put(&here, (struct checkpoint_in){.thread = "t", .id = "c0", .carried = "a=1 b=1"});
    check_values(&here, "t", "c0", "");
    put(&here, (struct checkpoint_in){.thread = "t", .id = "c1", .values = "a=1:x b=1:y"});
    op = put_op(&here, (struct checkpoint_in){
                           .thread = "t", .id = "c2", .parent = "c1", .carried = "b=1 z=1 b=2"});
    op.checkpoint_put.removed = &none;
    op.checkpoint_put.n_removed = 1;
    store_ok(&here, &op);
    ck_assert_uint_eq(op.checkpoint_put.n_removed, 1);
    check_values(&here, "t", "c2", "b=1:y");
    put(&here, (struct checkpoint_in){
                   .thread = "t", .id = "c3", .parent = "c2", .carried = "a=2 b=1 z=1"});
    check_values(&here, "t", "c3", "b=1:y");
    put(&here, (struct checkpoint_in){
                   .thread = "t", .id = "c4", .parent = "c3", .values = "z=1:z", .carried = "b=1"});
    put(&here, (struct checkpoint_in){
                   .thread = "t", .id = "c5", .parent = "c4", .carried = "a=1 b=1 z=1"});
    check_values(&here, "t", "c5", "a=1:x b=1:y z=1:z");
    put(&here, (struct checkpoint_in){.thread = "u", .id = "c6", .carried = "a=1 b=1"});
    check_values(&here, "u", "c6", "");
    here.tenant = SLICE("other");
    put(&here, (struct checkpoint_in){.thread = "t", .id = "c6", .carried = "a=1 b=1"});
    check_values(&here, "t", "c6", "");
}
END_TEST

/* Another process has stored something newer than what is known here. */
START_TEST(found_in_what_others_have_stored)
{
    struct store other;

    inlined_open(&other, 0, INLINE_MAX);
    put(&here,
        (struct checkpoint_in){.thread = "t", .id = "c1", .values = "a=1:x", .carried = "z=1"});
    put(&other,
        (struct checkpoint_in){
            .thread = "t", .id = "c2", .parent = "c1", .values = "z=1:z", .carried = "a=1"});
    check_values(&other, "t", "c2", "a=1:x z=1:z");
    put(&here,
        (struct checkpoint_in){.thread = "t", .id = "c3", .parent = "c2", .carried = "a=1 z=1"});
    check_values(&here, "t", "c3", "a=1:x z=1:z");
    check_values(&other, "t", "c3", "a=1:x z=1:z");
    store_close(&other);
}
END_TEST

/* The value of a name, and if given of these bytes; NULL: there is none. */
static const struct value *value_of(const char *thread, const char *channel, const char *version,
                                    const char *bytes)
{
    struct value_ask ask = {.of = {slice_of(channel), slice_of(version)}};
    struct op op = store_op(&here, OP_VALUES_GET, thread);
    uint8_t hash[BLOB_HASH_LEN];

    if (bytes)
        blob_hash(SLICE("msgpack"), slice_of(bytes), hash);
    ask.hash = bytes ? hash : NULL;
    op.values_get.ns = SLICE("");
    op.values_get.asks = &ask;
    op.values_get.n = 1;
    store_ok(&here, &op);
    return op.values_get.out.items[0];
}

static void check_base(const char *channel, const char *version, const char *bytes)
{
    const struct value *found[] = {value_of("t", channel, version, bytes),
                                   value_of("t", channel, version, NULL)};

    for (size_t i = 0; i < COUNT_OF(found); i++) {
        ck_assert_msg(found[i] != NULL, "%s=%s is not found", channel, version);
        ck_assert_slice(found[i]->of.channel, channel);
        ck_assert_slice(found[i]->of.version, version);
        ck_assert_slice(found[i]->blob.type, "msgpack");
        ck_assert_slice(found[i]->blob.bytes, bytes);
    }
}

START_TEST(bases_are_found_in_heads)
{
    const char *row = long_text('r');
    const char *values = arena_printf(&here.arena, "a=1:x b=1: r=1:%s", row).at;

    ck_assert_ptr_null(value_of("t", "a", "1", NULL));
    put(&here, (struct checkpoint_in){.thread = "t", .id = "c1", .values = values});
    put(&here,
        (struct checkpoint_in){
            .thread = "t", .id = "c2", .parent = "c1", .values = "a=2:y", .carried = "r=1 z=1"});
    check_base("a", "1", "x");
    check_base("a", "2", "y");
    check_base("b", "1", "");
    check_base("r", "1", row);
    ck_assert_ptr_null(value_of("t", "a", "3", NULL));
    ck_assert_ptr_null(value_of("t", "z", "1", "z"));
    ck_assert_ptr_null(value_of("u", "a", "1", "x"));
    here.tenant = SLICE("other");
    ck_assert_ptr_null(value_of("t", "a", "1", "x"));
}
END_TEST

/* A long value is a patch of a short one, which has no row. */
START_TEST(a_patch_of_what_stands_in_a_head)
{
    const struct value *base;
    struct patch_part parts[2];
    struct patch patch = {0};
    struct op op;

    put(&here, (struct checkpoint_in){.thread = "t", .id = "c1", .values = "a=1:short"});
    base = value_of("t", "a", "1", "short");
    ck_assert_ptr_nonnull(base);
    ck_assert(patch_add(&patch, parts, &(struct patch_part){{NULL, 0}, 0, 5}));
    ck_assert(patch_add(&patch, parts, &(struct patch_part){{long_text('z'), LONG}, 0, LONG}));
    op = put_op(&here, (struct checkpoint_in){
                           .thread = "t", .id = "c2", .parent = "c1", .values = "a=2:x"});
    op.checkpoint_put.values[0].blob.bytes = arena_printf(&here.arena, "short%s", long_text('z'));
    patch.base = base->blob.bytes;
    patch.base_id = base->blob.id;
    patch.anchor_id = base->blob.anchor_id;
    patch.place = base->blob.place;
    op.checkpoint_put.values[0].blob.patch = &patch;
    store_ok(&here, &op);
    check_values(&here, "t", "c2", arena_printf(&here.arena, "a=2:short%s", long_text('z')).at);
}
END_TEST

static TCase *make_case(const char *name, void (*open)(void))
{
    TCase *tc = tcase_create(name);

    tcase_add_checked_fixture(tc, open, close_stores);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, bytes_come_back_as_sent);
    tcase_add_test(tc, long_ones_have_rows);
    tcase_add_test(tc, carried_over_many);
    tcase_add_test(tc, a_head_has_room_for_so_much);
    tcase_add_test(tc, found_in_a_parent_that_is_not_the_newest);
    tcase_add_test(tc, found_in_a_sibling);
    tcase_add_test(tc, found_by_version);
    tcase_add_test(tc, found_in_an_old_one);
    tcase_add_test(tc, what_is_nowhere_is_absent);
    if (contract_target->shared)
        tcase_add_test(tc, found_in_what_others_have_stored);
    tcase_add_test(tc, bases_are_found_in_heads);
    tcase_add_test(tc, a_patch_of_what_stands_in_a_head);
    contract_inlined_kept_add(tc);
    return tc;
}

TCase *contract_inlined_case(void)
{
    return make_case("inlined", open_stores);
}

TCase *contract_inlined_cached_case(void)
{
    return make_case("inlined, cached", open_cached);
}

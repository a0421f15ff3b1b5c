/* Which value is based on which: the newest, a patch, the checkpoint before, anchors; and what is cached. */
#include <check.h>

#include "blob_hash.h"
#include "clock.h"
#include "delta.h"
#include "encode.h"
#include "oom.h"

static struct arena arena;
static struct err err;
static struct value_cache *cache;
static struct value values[1];
static const struct blob *row; /* the row of the value, as the driver gets it */

static void setup(void)
{
    arena_init(&arena, NULL, 0);
    cache = value_cache_new(1 << 24);
}

static void teardown(void)
{
    value_cache_free(cache);
    arena_done(&arena);
}

/* Text that nothing else resembles: the same for the same n, up to len. */
static struct slice text(size_t len, uint32_t n)
{
    char *at = arena_alloc(&arena, len);

    ck_assert_ptr_nonnull(at);
    for (size_t i = 0; i < len; i++) {
        n = n * 1664525 + 1013904223;
        at[i] = (char)('a' + (n >> 24) % 26);
    }
    return (struct slice){at, len};
}

/* A put of checkpoint `id` whose value and head have this length. */
static struct op put_of(const char *id, size_t len)
{
    struct op op = {
        .type = OP_CHECKPOINT_PUT, .tenant = SLICE("t"), .id = SLICE("thread"), .arena = &arena};

    values[0] = (struct value){.of = {SLICE("ch"), SLICE("1")},
                               .blob = {.type = SLICE("msgpack"), .bytes = text(len, 1)}};
    op.checkpoint_put = (struct op_checkpoint_put){
        .ns = SLICE(""),
        .checkpoint_id = slice_of(id),
        .form = FORM_CHANNEL,
        .head = {.type = SLICE(""), .bytes = text(len, 2)},
        .metadata = SLICE("{}"),
        .values = values,
        .n_values = 1,
    };
    return op;
}

static struct encoder encoded(struct op *op, struct value_cache *with, bool alone)
{
    struct encoder e;

    ck_assert(encode_start(&e, &(struct encoding_rules){.cache = with}, op, alone, &err));
    ck_assert_ptr_null(e.latest);
    ck_assert(encode_choose(&e, &err));
    ck_assert_ptr_null(e.anchors);
    ck_assert(encode_values(&e, &err));
    row = &e.rows[0].blob;
    return e;
}

START_TEST(encode_first_stands_alone)
{
    struct op op = put_of("c1", 500);
    struct encoder e = encoded(&op, cache, false);
    uint8_t hash[BLOB_HASH_LEN];

    ck_assert_int_eq(row->base_id, 0);
    ck_assert(!delta_has_base(row->encoding));
    ck_assert_int_eq(row->anchor_id, row->id);
    ck_assert_int_gt(op.checkpoint_put.head.id, row->id);
    ck_assert_int_gt(stamp_next(), op.checkpoint_put.head.id);
    blob_hash(SLICE("msgpack"), text(500, 1), hash);
    ck_assert_mem_eq(row->hash, hash, sizeof(hash));
    encode_done(&e);
    ck_assert(slice_equal(op.checkpoint_put.values[0].blob.bytes, text(500, 1)));
    ck_assert_int_eq(op.checkpoint_put.values[0].blob.encoding, BLOB_WHOLE);
    ck_assert(slice_equal(op.checkpoint_put.head.bytes, text(500, 2)));
}
END_TEST

START_TEST(encode_on_the_newest)
{
    struct op op = put_of("c1", 500);
    struct encoder e = encoded(&op, cache, false);
    int64_t first = row->id, head = op.checkpoint_put.head.id;

    encode_done(&e);
    op = put_of("c2", 600);
    e = encoded(&op, cache, false);
    ck_assert_int_eq(row->base_id, first);
    ck_assert_int_eq(op.checkpoint_put.head.base_id, head);
    ck_assert_uint_eq(row->place, 1);
    ck_assert_int_eq(row->anchor_id, first);
    ck_assert_uint_lt(row->bytes.len, 120);
    encode_done(&e);
    e = encoded(&op, cache, true);
    ck_assert_int_eq(row->base_id, 0);
    encode_done(&e);
    op = put_of("c3", 600);
    e = encoded(&op, cache, false);
    first = row->id;
    encode_done(&e);
    op = put_of("c4", 20); /* too short to be based on anything, or to be a base */
    e = encoded(&op, cache, false);
    ck_assert_int_eq(row->base_id, 0);
    encode_done(&e);
    op = put_of("c5", 600);
    e = encoded(&op, cache, false);
    ck_assert_int_eq(row->base_id, first);
    encode_done(&e);
}
END_TEST

enum { MANY = 3000 };

/* Without a cache the bases are values of the checkpoint before, which has the channels in another order. */
START_TEST(encode_many_values_on_the_checkpoint_before)
{
    struct op op = put_of("c2", 2000);
    struct value *sent = arena_zalloc(&arena, MANY, sizeof(*sent));
    struct value *stored = arena_zalloc(&arena, MANY, sizeof(*stored));
    const struct value **items = arena_zalloc(&arena, MANY, sizeof(*items));
    struct checkpoint before = {.id = SLICE("c1"), .values = items, .n_values = MANY};
    struct slice known = text(1900, 1);
    struct encoder e;

    for (size_t i = 0; i < MANY; i++) {
        size_t other = i * 7 % MANY;

        sent[i] = values[0];
        sent[i].of.channel = arena_printf(&arena, "ch%zu", i);
        stored[i] = values[0];
        stored[i].of.channel = arena_printf(&arena, "ch%zu", other + 1); /* ch0 is missing there */
        stored[i].blob.bytes = known;
        stored[i].blob.id = (int64_t)other + 2;
        items[i] = &stored[i];
    }
    op.checkpoint_put.parent_id = SLICE("c1");
    op.checkpoint_put.values = sent;
    op.checkpoint_put.n_values = MANY;
    before.head = (struct blob){.id = 1};
    before.packed = text(1900, 2);
    ck_assert(encode_start(&e, &(struct encoding_rules){0}, &op, false, &err));
    ck_assert_ptr_nonnull(e.latest);
    e.latest->checkpoint_get.out.checkpoint = &before;
    ck_assert(encode_choose(&e, &err));
    ck_assert(encode_values(&e, &err));
    for (size_t i = 0; i < MANY; i++)
        ck_assert_int_eq(e.rows[i].blob.base_id, i ? (int64_t)i + 1 : 0);
    ck_assert_int_eq(op.checkpoint_put.head.base_id, 1);
    encode_done(&e);
}
END_TEST

/* A head that is replaced goes, so the new one is based on its base. */
START_TEST(encode_the_same_checkpoint_again)
{
    struct op op = put_of("c1", 500);
    struct encoder e = encoded(&op, cache, false);
    int64_t head = op.checkpoint_put.head.id;

    encode_done(&e);
    op = put_of("c1", 510);
    e = encoded(&op, cache, false);
    ck_assert_int_eq(op.checkpoint_put.head.base_id, 0);
    head = op.checkpoint_put.head.id;
    encode_done(&e);
    for (int i = 0; i < 2; i++) {
        op = put_of("c2", 520);
        e = encoded(&op, cache, false);
        ck_assert_int_eq(op.checkpoint_put.head.base_id, head);
        encode_done(&e);
    }
}
END_TEST

/* Documents that are replaced in turns would leave a trail of bases. */
START_TEST(encode_documents_in_turns)
{
    int64_t based = 0;

    for (int i = 0; i < 8; i++) {
        struct op op = put_of(i % 2 ? "c1" : "c2", 500);
        struct encoder e;

        op.checkpoint_put.form = FORM_DOCUMENT;
        op.checkpoint_put.n_values = 0;
        op.checkpoint_put.out.created = i < 2;
        e = encoded(&op, cache, false);
        based += op.checkpoint_put.head.base_id != 0;
        encode_done(&e);
    }
    ck_assert_int_eq(based, 2); /* the first of each */
}
END_TEST

START_TEST(encode_failed_puts_are_not_kept)
{
    struct op op = put_of("c1", 500);
    struct encoder e = encoded(&op, cache, false);

    op.status.kind = ERR_FORM;
    encode_done(&e);
    op = put_of("c2", 500);
    e = encoded(&op, cache, false);
    ck_assert_int_eq(row->base_id, 0);
    encode_done(&e);
    op = put_of("c3", 500);
    e = encoded(&op, cache, false);
    ck_assert_int_ne(row->base_id, 0);
    op.status.kind = ERR_NO_BASE;
    encode_done(&e);
    op = put_of("c4", 500);
    e = encoded(&op, cache, false);
    ck_assert_int_eq(row->base_id, 0);
    encode_done(&e);
}
END_TEST

START_TEST(encode_seeks_what_the_cache_has_not)
{
    struct op op = put_of("c2", 2000);
    struct value stored = {.of = {SLICE("ch"), SLICE("0")},
                           .blob = {.id = 7, .anchor_id = 3, .place = 4, .bytes = text(1900, 1)}};
    const struct value *list[] = {&stored};
    struct checkpoint before = {.id = SLICE("c1"),
                                .values = list,
                                .n_values = 1,
                                .head = {.id = 8, .anchor_id = 8},
                                .packed = text(1900, 2)};
    struct encoder e;

    op.checkpoint_put.parent_id = SLICE("c1");
    ck_assert(encode_start(&e, &(struct encoding_rules){0}, &op, false, &err));
    ck_assert_ptr_nonnull(e.latest);
    ck_assert_int_eq(e.latest->type, OP_CHECKPOINT_GET);
    ck_assert(slice_equal(e.latest->checkpoint_get.checkpoint_id, SLICE("c1")));
    e.latest->checkpoint_get.out.checkpoint = &before;
    ck_assert(encode_choose(&e, &err) && encode_values(&e, &err));
    row = &e.rows[0].blob;
    ck_assert_int_eq(row->base_id, 7);
    ck_assert_uint_eq(row->place, 5);
    ck_assert_int_eq(row->anchor_id, 3);
    ck_assert_int_eq(op.checkpoint_put.head.base_id, 8);
    ck_assert_int_gt(row->id, 8);
    encode_done(&e);
    ck_assert(encode_start(&e, &(struct encoding_rules){0}, &op, false, &err));
    e.latest->status.kind = ERR_NOT_FOUND;
    ck_assert(encode_choose(&e, &err) && encode_values(&e, &err));
    row = &e.rows[0].blob;
    ck_assert_int_eq(row->base_id, 0);
    encode_done(&e);
}
END_TEST

/* The 32nd value is based on the one 32 before it, which is read if need be. */
START_TEST(encode_anchors)
{
    struct value stored = {.blob = {.id = 3, .anchor_id = 3, .place = 32, .bytes = text(900, 1)}};
    struct op op = put_of("c2", 1000);
    struct patch_part parts[] = {{{NULL, 0}, 0, 990}, {text(10, 5), 0, 10}};
    struct patch patch = {.parts = parts,
                          .n = 2,
                          .len = 1000,
                          .base = text(990, 1),
                          .base_id = 34,
                          .anchor_id = 3,
                          .place = 63};
    const struct value *list[] = {&stored};
    struct encoder e;

    values[0].blob.patch = &patch;
    ck_assert(encode_start(&e, &(struct encoding_rules){.cache = cache}, &op, false, &err) &&
              encode_choose(&e, &err));
    ck_assert_ptr_nonnull(e.anchors);
    ck_assert_uint_eq(e.anchors->values_get.n, 1);
    ck_assert_int_eq(e.anchors->values_get.asks[0].id, 3);
    e.anchors->values_get.out.items = list;
    ck_assert(encode_values(&e, &err));
    row = &e.rows[0].blob;
    ck_assert_int_eq(row->base_id, 3);
    ck_assert_int_eq(row->encoding, BLOB_DELTA);
    ck_assert_uint_eq(row->place, 64);
    ck_assert_int_eq(row->anchor_id, row->id);
    encode_done(&e);
    patch.place = 64; /* the next one is a patch */
    e = encoded(&op, cache, false);
    ck_assert_int_eq(row->base_id, 34);
    ck_assert_int_eq(row->encoding, BLOB_PATCH);
    ck_assert_uint_eq(row->place, 65);
    encode_done(&e);
    patch.place = DELTA_CHAIN - 1; /* the last one ends the chain */
    e = encoded(&op, cache, false);
    ck_assert_int_eq(row->base_id, 0);
    encode_done(&e);
}
END_TEST

START_TEST(encode_memory_ends)
{
    struct op op = put_of("c1", 300);
    struct encoder e = encoded(&op, cache, false);
    bool done, struck;
    size_t n = 0;

    encode_done(&e);
    do {
        struct arena own = {0};

        op = put_of("c2", 400);
        op.arena = &own;
        oom_at(++n);
        done = encode_start(&e, &(struct encoding_rules){0}, &op, false, &err) &&
               encode_choose(&e, &err) && encode_values(&e, &err);
        struck = oom_end();
        ck_assert(done || err.kind == ERR_NO_MEMORY);
        op.status.kind = done ? ERR_OK : ERR_NO_MEMORY;
        encode_done(&e);
        ck_assert(slice_equal(op.checkpoint_put.head.bytes, text(400, 2)));
        arena_done(&own);
    } while (struck);
    ck_assert(done);
}
END_TEST

Suite *suite_encode(void);

Suite *suite_encode(void)
{
    Suite *suite = suite_create("encode");
    TCase *tc = tcase_create("encode");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, encode_first_stands_alone);
    tcase_add_test(tc, encode_on_the_newest);
    tcase_add_test(tc, encode_many_values_on_the_checkpoint_before);
    tcase_add_test(tc, encode_the_same_checkpoint_again);
    tcase_add_test(tc, encode_documents_in_turns);
    tcase_add_test(tc, encode_failed_puts_are_not_kept);
    tcase_add_test(tc, encode_seeks_what_the_cache_has_not);
    tcase_add_test(tc, encode_anchors);
    tcase_add_test(tc, encode_memory_ends);
    suite_add_tcase(suite, tc);
    return suite;
}

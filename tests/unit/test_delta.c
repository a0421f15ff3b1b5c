/* Values as deltas: sizes, places, all encodings, and damage. */
#include <check.h>
#include <stdio.h>

#include "delta.h"
#include "oom.h"

static struct arena arena;
static struct err err;

static void setup(void)
{
    arena_init(&arena, NULL, 0);
}

static void teardown(void)
{
    arena_done(&arena);
}

/* A list of n messages with a text each. */
static struct slice list(int n)
{
    size_t cap = (size_t)n * 200 + 100, len = 0;
    char *at = arena_alloc(&arena, cap);
    uint32_t x = 1;

    ck_assert_ptr_nonnull(at);
    len += (size_t)snprintf(at, cap, "%05d", n);
    for (int i = 0; i < n; i++) {
        len += (size_t)snprintf(at + len, cap - len, "{\"id\": %d, \"content\": \"", i);
        for (int k = 0; k < 100; k++) {
            x = x * 1664525 + 1013904223;
            at[len++] = (char)('a' + (x >> 24) % 26);
        }
        len += (size_t)snprintf(at + len, cap - len, "\"}");
    }
    return (struct slice){at, len};
}

static struct delta encoded(struct delta_input in)
{
    struct delta out = {0};

    ck_assert(delta_encode(&in, &arena, &out, &err));
    return out;
}

static void decodes_to(struct delta d, struct slice base, struct slice whole)
{
    struct slice back = {NULL, 0};

    ck_assert_msg(delta_decode(&d, base, &arena, &back, &err), "%s", err.text);
    ck_assert(slice_equal(back, whole));
}

#define NONE ((struct slice){NULL, 0})

START_TEST(delta_alone)
{
    struct slice whole = list(20);
    struct delta d = encoded((struct delta_input){.whole = whole});
    uint32_t place = 7;

    ck_assert_int_eq(d.encoding, BLOB_ZIPPED);
    ck_assert_uint_lt(d.bytes.len, whole.len * 3 / 4);
    decodes_to(d, NONE, whole);
    ck_assert(delta_place(d.encoding, d.bytes, &place, &err));
    ck_assert_uint_eq(place, 0);
    d = encoded((struct delta_input){.whole = SLICE("short")});
    ck_assert_int_eq(d.encoding, BLOB_WHOLE);
    decodes_to(d, NONE, SLICE("short"));
    d = encoded((struct delta_input){.whole = SLICE("")});
    decodes_to(d, NONE, SLICE(""));
}
END_TEST

START_TEST(delta_of_a_base)
{
    struct slice base = list(300), whole = list(301);
    struct delta d = encoded((struct delta_input){.whole = whole, .base = base, .place = 1023});
    uint32_t place;

    ck_assert_int_eq(d.encoding, BLOB_DELTA);
    ck_assert_uint_lt(d.bytes.len, 130);
    ck_assert(delta_place(d.encoding, d.bytes, &place, &err));
    ck_assert_uint_eq(place, 1023);
    decodes_to(d, base, whole);
}
END_TEST

/* Two texts have nothing in common: the value stands by itself. */
START_TEST(delta_that_gains_nothing)
{
    struct slice base = SLICE("0123456789abcdefghijklmnopqrstuvwxyz");
    struct slice whole = SLICE("{\"v\":4,\"id\":\"1f0\",\"channel_versions\":{\"__start__\":"
                               "\"00000000000000000000000000000001.0\"}}");
    struct delta d = encoded((struct delta_input){.whole = whole, .base = base, .place = 1});

    ck_assert_int_eq(d.encoding, BLOB_ZIPPED);
    decodes_to(d, NONE, whole);
}
END_TEST

static struct patch_part room[4];

static struct patch appended(struct slice base, struct slice fresh)
{
    struct patch p = {0};

    ck_assert(patch_add(&p, room, &(struct patch_part){SLICE("00"), 0, 2}) &&
              patch_add(&p, room, &(struct patch_part){NONE, 2, base.len - 2}) &&
              patch_add(&p, room, &(struct patch_part){fresh, 0, fresh.len}) &&
              patch_add(&p, room, &(struct patch_part){NONE, 0, 5}));
    return p;
}

static struct slice applied(const struct patch *p, struct slice base)
{
    char *at = arena_alloc(&arena, p->len);

    ck_assert_ptr_nonnull(at);
    patch_apply(p, base, at);
    return (struct slice){at, p->len};
}

START_TEST(delta_of_a_patch)
{
    struct slice base = list(300), fresh = {list(301).at + base.len, 120};
    struct patch p = appended(base, fresh);
    struct slice whole = applied(&p, base);
    struct delta d = encoded(
        (struct delta_input){.whole = whole, .base = base, .patch = &p, .place = 5});
    uint32_t place;

    ck_assert_int_eq(d.encoding, BLOB_PATCH);
    ck_assert_uint_lt(d.bytes.len, 130);
    ck_assert(delta_place(d.encoding, d.bytes, &place, &err));
    ck_assert_uint_eq(place, 5);
    decodes_to(d, base, whole);
    p = appended(base, SLICE("x"));
    whole = applied(&p, base);
    decodes_to(encoded((struct delta_input){.whole = whole, .base = base, .patch = &p, .place = 5}),
               base, whole);
}
END_TEST

static struct slice joined(struct slice a, struct slice b, struct slice c)
{
    return arena_printf(&arena, "%.*s%.*s%.*s", SLICE_ARGS(a), SLICE_ARGS(b), SLICE_ARGS(c));
}

/* A change in one place gives a patch that nobody had to send: at the front, within, at the end, or no
 * change; longer, shorter, and where the new text resembles the old. */
START_TEST(delta_of_a_change_in_one_place)
{
    static const struct {
        size_t from, to; /* what is replaced, in thirds of the base */
        const char *by;
    } cases[] = {
        {0, 0, "new"}, {0, 1, "new"}, {1, 1, "new"}, {1, 2, "new"},
        {2, 3, ""},    {3, 3, "new"}, {1, 1, ""},    {3, 3, "}}}}}}}}"},
    };
    struct slice base = list(300);
    size_t from = base.len / 3 * cases[_i].from, to = base.len / 3 * cases[_i].to;
    struct slice whole, end = {base.at + to, base.len - to};
    struct delta d;

    whole = joined((struct slice){base.at, from}, slice_of(cases[_i].by), end);
    d = encoded((struct delta_input){.whole = whole, .base = base, .place = 1});
    ck_assert_int_eq(d.encoding, BLOB_PATCH);
    ck_assert_uint_lt(d.bytes.len, 40);
    decodes_to(d, base, whole);
}
END_TEST

/* Whatever is done to the bytes, decoding ends in an error or in some value, never in a crash. */
START_TEST(delta_damaged)
{
    struct slice base = list(30), whole = list(31);
    struct patch p = appended(base, SLICE("some new bytes, and then some more of them"));
    struct delta made[] = {
        encoded((struct delta_input){.whole = whole}),
        encoded((struct delta_input){.whole = whole, .base = base, .place = 1}),
        encoded((struct delta_input){
            .whole = applied(&p, base), .base = base, .patch = &p, .place = 1}),
    };

    for (size_t i = 0; i < COUNT_OF(made); i++) {
        struct slice of = delta_has_base(made[i].encoding) ? base : NONE, out;
        char *bytes = arena_alloc(&arena, made[i].bytes.len);

        ck_assert_ptr_nonnull(bytes);
        for (size_t n = 0; n < made[i].bytes.len; n++) {
            struct delta cut = {made[i].encoding, {made[i].bytes.at, n}};
            struct delta changed = {made[i].encoding, {bytes, made[i].bytes.len}};

            ck_assert(!delta_decode(&cut, of, &arena, &out, &err));
            ck_assert_int_eq(err.kind, ERR_DAMAGED);
            memcpy(bytes, made[i].bytes.at, made[i].bytes.len);
            bytes[n] ^= 0x40;
            if (!delta_decode(&changed, of, &arena, &out, &err))
                ck_assert_int_eq(err.kind, ERR_DAMAGED);
        }
    }
}
END_TEST

static const struct {
    int encoding;
    struct {
        const char *at;
        size_t len;
    } bytes;
    bool based;
} bad[] = {
    {BLOB_DELTA, {"\x01", 1}, false}, /* without its base */
    {BLOB_WHOLE, {"a", 1}, true},     /* with a base */
    {4, {"a", 1}, false},             /* of a newer version */
    {-1, {"a", 1}, false},
    {BLOB_PATCH, {"\x01\x01\x08\x00", 4}, true}, /* copies 4 of 3 bytes */
    {BLOB_PATCH, {"\x01\x01\x02\x08", 4}, true}, /* copies from behind the end */
    {BLOB_PATCH, {"\x01\x01\x02\x01", 4}, true}, /* copies from before the start */
    {BLOB_PATCH,
     {"\x01\x01\x05"
      "a",
      4},
     true}, /* a byte short */
    {BLOB_PATCH, {"\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11}, true},
    {BLOB_PATCH, {"\x01\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 12}, true},
    {BLOB_PATCH, {"\x01\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 13}, true},
};

START_TEST(delta_refused)
{
    struct delta in = {(enum blob_encoding)bad[_i].encoding, {bad[_i].bytes.at, bad[_i].bytes.len}};
    struct slice out;

    ck_assert(!delta_decode(&in, bad[_i].based ? SLICE("abc") : NONE, &arena, &out, &err));
    ck_assert_int_eq(err.kind, ERR_DAMAGED);
}
END_TEST

START_TEST(delta_places_out_of_range)
{
    uint32_t place;

    ck_assert(!delta_place(BLOB_DELTA, SLICE(""), &place, &err));
    ck_assert(!delta_place(BLOB_DELTA, SLICE("\x00"), &place, &err));
    ck_assert(!delta_place(BLOB_PATCH, SLICE("\x80\x08"), &place, &err));
    ck_assert_int_eq(err.kind, ERR_DAMAGED);
}
END_TEST

static bool all_ways(struct arena *a, struct err *e)
{
    struct slice base = SLICE("0000 a base of some length, so that it is worth the while");
    struct patch_part parts[] = {{{NULL, 0}, 0, base.len},
                                 {SLICE("new bytes, more than a few"), 0, 26}};
    struct patch p = {.parts = parts, .n = 2, .len = base.len + 26};
    char whole[256];
    struct delta_input in = {.whole = {whole, p.len}, .base = base, .place = 1};
    struct delta d;
    struct slice out;

    patch_apply(&p, base, whole);
    if (!delta_encode(&in, a, &d, e) ||
        !delta_decode(&d, delta_has_base(d.encoding) ? base : NONE, a, &out, e))
        return false;
    in.patch = &p;
    return delta_encode(&in, a, &d, e) &&
           delta_decode(&d, delta_has_base(d.encoding) ? base : NONE, a, &out, e);
}

START_TEST(delta_memory_ends)
{
    ck_assert(all_ways(&arena, &err)); /* the thread keeps its compressor from here on */
    oom_sweep(all_ways);
}
END_TEST

Suite *suite_delta(void);

Suite *suite_delta(void)
{
    Suite *suite = suite_create("delta");
    TCase *tc = tcase_create("delta");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, delta_alone);
    tcase_add_test(tc, delta_of_a_base);
    tcase_add_loop_test(tc, delta_of_a_change_in_one_place, 0, 8);
    tcase_add_test(tc, delta_that_gains_nothing);
    tcase_add_test(tc, delta_of_a_patch);
    tcase_add_test(tc, delta_damaged);
    tcase_add_loop_test(tc, delta_refused, 0, COUNT_OF(bad));
    tcase_add_test(tc, delta_places_out_of_range);
    tcase_add_test(tc, delta_memory_ends);
    suite_add_tcase(suite, tc);
    return suite;
}

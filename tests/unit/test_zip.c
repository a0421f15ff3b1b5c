/* Packed texts: prefixes, sizes that lie, damage, memory. */
#include <check.h>
#include <stdlib.h>

#include "oom.h"
#include "zip.h"

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

/* Text that does not repeat itself. */
static struct slice noise(size_t len)
{
    char *at = arena_alloc(&arena, len + 1);
    uint32_t x = 7;

    ck_assert_ptr_nonnull(at);
    for (size_t i = 0; i < len; i++) {
        x = x * 1664525 + 1013904223;
        at[i] = (char)(x >> 24);
    }
    return (struct slice){at, len};
}

/* A copy elsewhere in memory: a prefix must not be the text itself. */
static struct slice copied(struct slice text, size_t len)
{
    struct slice copy = arena_copy(&arena, (struct slice){text.at, len});

    ck_assert_ptr_nonnull(copy.at);
    return copy;
}

static struct slice packed(struct slice prefix, struct slice plain)
{
    struct slice out;

    ck_assert(zip_pack(prefix, plain, &arena, &out, &err));
    return out;
}

static void comes_back(struct slice prefix, struct slice plain)
{
    struct slice in = packed(prefix, plain);
    uint64_t size = 1;
    char *out;

    ck_assert(zip_size(in, &size, &err));
    ck_assert_uint_eq(size, plain.len);
    out = arena_alloc(&arena, size + 1);
    ck_assert(zip_unpack(prefix, in, &arena, out, &err));
    ck_assert(slice_equal(plain, (struct slice){out, size}));
}

START_TEST(zip_and_back)
{
    static const size_t lens[] = {0, 1, 255, 256, 65791, 65792, 3000000};
    struct slice none = {NULL, 0};

    for (size_t i = 0; i < COUNT_OF(lens); i++) {
        struct slice text = noise(lens[i]);

        comes_back(none, text);
        comes_back(SLICE("a prefix"), text);
        comes_back(copied(text, text.len), text);
    }
}
END_TEST

START_TEST(zip_prefix_costs_nothing)
{
    struct slice all = noise(2000000), base = copied(all, 1999000);

    ck_assert_uint_gt(packed((struct slice){NULL, 0}, all).len, 1999000);
    ck_assert_uint_lt(packed(base, all).len, 1300);
    ck_assert_uint_lt(packed(copied(all, 5000), (struct slice){all.at, 5010}).len, 60);
}
END_TEST

START_TEST(zip_cut)
{
    struct slice all = packed(SLICE("some prefix"),
                              SLICE("some prefix, and some more of the same"));
    char out[64];

    for (size_t n = 0; n < all.len; n++) {
        struct slice cut = {all.at, n};

        ck_assert(!zip_unpack(SLICE("some prefix"), cut, &arena, out, &err));
        ck_assert_int_eq(err.kind, ERR_DAMAGED);
    }
}
END_TEST

START_TEST(zip_other_prefix_is_no_crash)
{
    struct slice text = noise(3000), in = packed(copied(text, text.len), text);
    char out[3000];

    ck_assert(!zip_unpack((struct slice){NULL, 0}, in, &arena, out, &err));
    ck_assert_int_eq(err.kind, ERR_DAMAGED);
}
END_TEST

/* A frame of a few bytes claims to hold 4 GiB: it is refused before room is made for any of it. */
START_TEST(zip_bomb)
{
    static const unsigned char said[] = {0xE0, 0, 0, 0, 0, 1, 0, 0, 0, 0x01, 0, 0};
    struct slice in = {(const char *)said, sizeof(said)};
    uint64_t size;

    ck_assert(!zip_size(in, &size, &err));
    ck_assert_int_eq(err.kind, ERR_DAMAGED);
}
END_TEST

static bool there_and_back(struct arena *a, struct err *e)
{
    struct slice out;
    char back[64];

    return zip_pack(SLICE("prefix"), SLICE("prefix and text"), a, &out, e) &&
           zip_unpack(SLICE("prefix"), out, a, back, e);
}

START_TEST(zip_memory_ends)
{
    struct arena a = {0};
    size_t n = 0;
    bool struck, done;

    do {
        oom_at(++n);
        done = there_and_back(&a, &err);
        struck = oom_end();
        ck_assert(done || err.kind == ERR_NO_MEMORY);
    } while (struck);
    ck_assert(done);
    arena_done(&a);
    oom_sweep(there_and_back);
}
END_TEST

Suite *suite_zip(void);

Suite *suite_zip(void)
{
    Suite *suite = suite_create("zip");
    TCase *tc = tcase_create("zip");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, zip_and_back);
    tcase_add_test(tc, zip_prefix_costs_nothing);
    tcase_add_test(tc, zip_cut);
    tcase_add_test(tc, zip_other_prefix_is_no_crash);
    tcase_add_test(tc, zip_bomb);
    tcase_add_test(tc, zip_memory_ends);
    suite_add_tcase(suite, tc);
    return suite;
}

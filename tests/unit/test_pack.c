/* test_pack.c - packed lists: round trips, and damage of every kind. */
#include <check.h>
#include <stdlib.h>

#include "oom.h"
#include "pack.h"

Suite *suite_pack(void);

static struct arena arena;
static struct err err;

static void clear(void)
{
    arena_done(&arena);
}

static const struct write samples[] = {
    {.idx = 0, .channel = {"ch", 2}, .blob = {.type = {"msgpack", 7}, .bytes = {"a\0b", 3}}},
    {.idx = -4, .channel = {"c", 1}, .blob = {.type = {"", 0}, .bytes = {"1", 1}}},
    {.idx = 5, .channel = {"c", 1}, .blob = {.type = {"t", 1}, .bytes = {NULL, 0}}},
    {.idx = INT64_MAX, .channel = {"x", 1}, .blob = {.type = {"t", 1}, .bytes = {"", 0}}},
    {.idx = INT64_MIN, .channel = {"x", 1}, .blob = {.type = {"t", 1}, .bytes = {"yy", 2}}},
};

static struct slice packed_samples(void)
{
    struct slice packed;

    ck_assert(pack_writes(samples, COUNT_OF(samples), &arena, &packed, &err));
    return packed;
}

START_TEST(whole_refs)
{
    static const int64_t ids[] = {1, INT64_MAX, INT64_MIN, -1, 0, 0x0102030405060708};
    struct slice packed;
    int64_t *back;
    size_t n;

    ck_assert(pack_refs(ids, COUNT_OF(ids), &arena, &packed, &err));
    ck_assert_uint_eq(packed.len, 1 + 8 * COUNT_OF(ids));
    ck_assert_mem_eq(packed.at + 1 + 40, "\x08\x07\x06\x05\x04\x03\x02\x01", 8);
    ck_assert(unpack_refs(packed, &arena, &back, &n, &err));
    ck_assert_uint_eq(n, COUNT_OF(ids));
    ck_assert_mem_eq(back, ids, sizeof(ids));
    ck_assert(pack_refs(NULL, 0, &arena, &packed, &err));
    ck_assert(!slice_present(packed));
    ck_assert(unpack_refs(packed, &arena, &back, &n, &err));
    ck_assert_uint_eq(n, 0);
}
END_TEST

START_TEST(damaged_refs)
{
    static const struct slice damaged[] = {
        {"", 0},
        {"\x01 2345678 2345678", 16},
        {"\x02 2345678", 9},
        {"\x01 2345678x", 10},
    };
    int64_t *back;
    size_t n;

    for (size_t i = 0; i < COUNT_OF(damaged); i++) {
        ck_assert(!unpack_refs(damaged[i], &arena, &back, &n, &err));
        ck_assert_int_eq(err.kind, ERR_DAMAGED);
    }
}
END_TEST

START_TEST(whole_writes)
{
    struct slice packed = packed_samples();
    struct write *back;
    size_t n, count;

    ck_assert(unpack_count(packed, &count, &err));
    ck_assert_uint_eq(count, COUNT_OF(samples));
    ck_assert(unpack_writes(packed, &arena, &back, &n, &err));
    ck_assert_uint_eq(n, COUNT_OF(samples));
    for (size_t i = 0; i < n; i++) {
        ck_assert_int_eq(back[i].idx, samples[i].idx);
        ck_assert(slice_equal(back[i].channel, samples[i].channel));
        ck_assert(slice_equal(back[i].blob.type, samples[i].blob.type));
        ck_assert(slice_equal(back[i].blob.bytes, samples[i].blob.bytes));
        ck_assert(slice_present(back[i].blob.bytes));
    }
    ck_assert(pack_writes(NULL, 0, &arena, &packed, &err));
    ck_assert(unpack_writes(packed, &arena, &back, &n, &err));
    ck_assert_uint_eq(n, 0);
}
END_TEST

static bool unpacks(struct slice packed)
{
    struct write *back;
    size_t n;
    bool ok = unpack_writes(packed, &arena, &back, &n, &err);

    ck_assert(ok || err.kind == ERR_DAMAGED);
    return ok;
}

START_TEST(cut_writes)
{
    struct slice whole = packed_samples();

    for (size_t len = 0; len < whole.len; len++) {
        char *bytes = malloc(len ? len : 1); /* of this size, so that a sanitizer sees reads beyond
                                                it */

        ck_assert_ptr_nonnull(bytes);
        memcpy(bytes, whole.at, len);
        ck_assert(!unpacks((struct slice){bytes, len}));
        free(bytes);
    }
}
END_TEST

/* Each byte is replaced by every other: the result may be a list, but never more than there is. */
START_TEST(changed_writes)
{
    struct slice whole = packed_samples();
    char *bytes = malloc(whole.len);

    ck_assert_ptr_nonnull(bytes);
    for (size_t at = 0; at < whole.len; at++)
        for (int byte = 0; byte < 256; byte++) {
            memcpy(bytes, whole.at, whole.len);
            bytes[at] = (char)byte;
            (void)unpacks((struct slice){bytes, whole.len});
            arena_reset(&arena);
            whole = packed_samples();
        }
    free(bytes);
}
END_TEST

START_TEST(damaged_writes)
{
    static const struct slice damaged[] = {
        {"\x02\x00", 2},                                              /* another format */
        {"\x01\x00x", 3},                                             /* something behind it */
        {"\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11},         /* a huge count */
        {"\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 11},         /* beyond 64 bits */
        {"\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 12},     /* beyond that */
        {"\x01\x01\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 13}, /* a huge length */
        {"\x01\x01\x00\x00\x01t\x01x", 8},                            /* no channel */
        {"\x01\x01\x00\x02ch\x00\x00", 8},                            /* neither type nor bytes */
    };

    for (size_t i = 0; i < COUNT_OF(damaged); i++)
        ck_assert(!unpacks(damaged[i]));
}
END_TEST

/* A short row could stand for very many. */
START_TEST(writes_without_end)
{
    size_t n = TASK_WRITES_MAX, count;
    struct write *all = arena_alloc(&arena, (n + 1) * sizeof(*all)), *back;
    struct slice packed, more;
    char *changed;

    ck_assert_ptr_nonnull(all);
    for (size_t i = 0; i <= n; i++)
        all[i] = samples[0];
    ck_assert(pack_writes(all, n, &arena, &packed, &err));
    ck_assert(unpack_writes(packed, &arena, &back, &count, &err));
    ck_assert_uint_eq(count, n);
    ck_assert(!pack_writes(all, n + 1, &arena, &more, &err));
    ck_assert_int_eq(err.kind, ERR_INVALID);
    changed = arena_alloc(&arena, packed.len);
    ck_assert_ptr_nonnull(changed);
    memcpy(changed, packed.at, packed.len);
    changed[1] |= 1; /* the lowest bit of the count */
    packed.at = changed;
    ck_assert(!unpacks(packed));
    ck_assert(!unpack_count(packed, &count, &err));
    ck_assert_int_eq(err.kind, ERR_DAMAGED);
}
END_TEST

#define LONG_TEXT                                                                     \
    "langchain_core.messages.human HumanMessage additional_kwargs response_metadata " \
    "model_validate_json tool_calls invalid_tool_calls usage_metadata"

START_TEST(zipped_writes)
{
    static const struct write big[] = {
        {.idx = 3,
         .channel = {"ch", 2},
         .blob = {.type = {"t", 1}, .bytes = {LONG_TEXT, sizeof(LONG_TEXT) - 1}}},
        {.idx = 4,
         .channel = {"ch", 2},
         .blob = {.type = {"t", 1}, .bytes = {LONG_TEXT, sizeof(LONG_TEXT) - 1}}},
    };
    struct slice packed, cut;
    struct write *back;
    char *changed;
    size_t n;

    ck_assert(pack_writes(big, COUNT_OF(big), &arena, &packed, &err));
    ck_assert_uint_lt(packed.len, sizeof(LONG_TEXT) / 2);
    ck_assert(unpack_count(packed, &n, &err));
    ck_assert_uint_eq(n, 2);
    ck_assert(unpack_writes(packed, &arena, &back, &n, &err));
    ck_assert_uint_eq(n, 2);
    ck_assert_int_eq(back[1].idx, 4);
    ck_assert(slice_equal(back[1].blob.bytes, big[1].blob.bytes));
    changed = arena_alloc(&arena, packed.len);
    ck_assert_ptr_nonnull(changed);
    for (size_t i = 0; i < packed.len; i++) {
        cut = (struct slice){packed.at, i};
        ck_assert(!unpack_writes(cut, &arena, &back, &n, &err));
        ck_assert_int_eq(err.kind, ERR_DAMAGED);
        memcpy(changed, packed.at, packed.len);
        changed[i] ^= 0x11;
        cut = (struct slice){changed, packed.len};
        if (!unpack_writes(cut, &arena, &back, &n, &err))
            ck_assert_int_eq(err.kind, ERR_DAMAGED);
    }
}
END_TEST

static const struct {
    const char *version;
    size_t len; /* packed length */
} versions[] = {
    {"\"00000000000000000000000000000003.0123456789012345\"", 20},
    {"\"0000\"", 2},
    {"\"000\"", 5},
    {"1", 1},
    {"1.5e3", 5},
    {"\"\"", 2},
    {"\"a0000\"", 7},
    {"\"00000\\u0000\"", 8},
};

START_TEST(version_without_zeros)
{
    struct slice version = slice_of(versions[_i].version), back;
    char room[PACKED_VERSION_MAX];
    struct slice packed = pack_version(version, room);

    ck_assert_uint_eq(packed.len, versions[_i].len);
    ck_assert(unpack_version(packed, &arena, &back, &err));
    ck_assert(slice_equal(back, version));
}
END_TEST

START_TEST(version_of_many_zeros)
{
    char text[300], room[PACKED_VERSION_MAX];
    struct slice version = {text, sizeof(text)}, back;

    memset(text, '0', sizeof(text));
    text[0] = text[sizeof(text) - 1] = '"';
    ck_assert(unpack_version(pack_version(version, room), &arena, &back, &err));
    ck_assert(slice_equal(back, version));
    ck_assert(unpack_version((struct slice){NULL, 0}, &arena, &back, &err));
    ck_assert(!slice_present(back));
}
END_TEST

static bool both_ways(struct arena *a, struct err *e)
{
    int64_t ids[] = {1, 2, 3}, *refs;
    struct slice packed;
    struct write *back;
    size_t n;

    return pack_refs(ids, 3, a, &packed, e) && unpack_refs(packed, a, &refs, &n, e) &&
           pack_writes(samples, COUNT_OF(samples), a, &packed, e) &&
           unpack_writes(packed, a, &back, &n, e);
}

START_TEST(memory_may_end_anywhere)
{
    oom_sweep(both_ways);
}
END_TEST

Suite *suite_pack(void)
{
    Suite *suite = suite_create("pack");
    TCase *tc = tcase_create("pack");

    tcase_add_checked_fixture(tc, NULL, clear);
    tcase_add_test(tc, whole_refs);
    tcase_add_test(tc, damaged_refs);
    tcase_add_test(tc, whole_writes);
    tcase_add_test(tc, cut_writes);
    tcase_add_test(tc, changed_writes);
    tcase_add_test(tc, damaged_writes);
    tcase_add_test(tc, writes_without_end);
    tcase_add_test(tc, zipped_writes);
    tcase_add_loop_test(tc, version_without_zeros, 0, COUNT_OF(versions));
    tcase_add_test(tc, version_of_many_zeros);
    tcase_add_test(tc, memory_may_end_anywhere);
    suite_add_tcase(suite, tc);
    return suite;
}

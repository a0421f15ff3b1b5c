/* test_pack_names.c - the names in an outbox: round trips, and damage of every kind. */
#include <check.h>
#include <stdlib.h>

#include "oom.h"
#include "pack.h"

Suite *suite_pack_names(void);

static struct arena arena;
static struct err err;

static void clear(void)
{
    arena_done(&arena);
}

/* Each kind, and each way in which a part may be present. */
static const struct record_name samples[] = {
    {RECORD_SESSION, {.id = {"s", 1}}},
    {RECORD_MESSAGE, {.id = {"s", 1}, .sub = {"a\0b", 3}}},
    {RECORD_CONTEXT, {.id = {"s", 1}, .number = INT64_MAX, .stamp = INT64_MIN}},
    {RECORD_THREAD, {.id = {"", 0}}},
    {RECORD_VALUE, {.id = {"t", 1}, .ns = {"", 0}, .number = -1}},
    {RECORD_CHECKPOINT, {.id = {"t", 1}, .ns = {"n", 1}, .sub = {"c", 1}}},
    {RECORD_TASK, {.id = {"t", 1}, .ns = {"n", 1}, .sub = {"c", 1}, .task = {"k", 1}}},
    {RECORD_REPEAT, {.id = {"s", 1}, .sub = {"\xff\x00\x80", 3}}},
    {RECORD_PENDING, {.id = {"s", 1}, .sub = {"0123456789abcdef", 16}}},
    {RECORD_MESSAGES, {.id = {"s", 1}}},
    {RECORD_CHECKPOINTS, {.id = {"t", 1}}},
    {RECORD_CONTENTS, {.id = {NULL, 0}, .stamp = 1}},
};

static bool same(struct slice a, struct slice b)
{
    return slice_present(a) == slice_present(b) && (!slice_present(a) || slice_equal(a, b));
}

static struct slice packed_samples(void)
{
    struct slice packed;

    ck_assert(pack_names(samples, COUNT_OF(samples), &arena, &packed, &err));
    return packed;
}

START_TEST(whole_names)
{
    struct slice packed = packed_samples();
    struct record_name *back;
    size_t n;

    ck_assert(unpack_names(packed, &arena, &back, &n, &err));
    ck_assert_uint_eq(n, COUNT_OF(samples));
    for (size_t i = 0; i < n; i++) {
        ck_assert_int_eq(back[i].kind, samples[i].kind);
        ck_assert(same(back[i].key.id, samples[i].key.id));
        ck_assert(same(back[i].key.ns, samples[i].key.ns));
        ck_assert(same(back[i].key.sub, samples[i].key.sub));
        ck_assert(same(back[i].key.task, samples[i].key.task));
        ck_assert(back[i].key.number == samples[i].key.number);
        ck_assert(back[i].key.stamp == samples[i].key.stamp);
    }
    ck_assert(pack_names(NULL, 0, &arena, &packed, &err));
    ck_assert_uint_eq(packed.len, 1);
    ck_assert(unpack_names(packed, &arena, &back, &n, &err));
    ck_assert_uint_eq(n, 0);
}
END_TEST

/* Whether the bytes are a list of names; if so, each text lies within them. */
static bool unpacks(struct slice packed, size_t *n)
{
    struct record_name *back;
    bool ok = unpack_names(packed, &arena, &back, n, &err);

    if (!ok) {
        ck_assert_int_eq(err.kind, ERR_DAMAGED);
        return false;
    }
    for (size_t i = 0; i < *n; i++) {
        const struct slice texts[] = {back[i].key.id, back[i].key.ns, back[i].key.sub,
                                      back[i].key.task};

        ck_assert_int_le(back[i].kind, RECORD_CONTENTS);
        for (size_t k = 0; k < COUNT_OF(texts); k++)
            ck_assert(
                !slice_present(texts[k]) ||
                (texts[k].at >= packed.at && texts[k].at + texts[k].len <= packed.at + packed.len));
    }
    return true;
}

/* Cut between two names it is a shorter list; cut anywhere else it is damaged. */
START_TEST(cut_names)
{
    struct slice whole = packed_samples();
    size_t lists = 0, n;

    for (size_t len = 0; len < whole.len; len++) {
        char *bytes = malloc(len ? len : 1); /* of this size, so that a sanitizer sees reads beyond
                                                it */

        ck_assert_ptr_nonnull(bytes);
        memcpy(bytes, whole.at, len);
        if (unpacks((struct slice){bytes, len}, &n))
            ck_assert_uint_eq(n, lists++);
        free(bytes);
    }
    ck_assert_uint_eq(lists, COUNT_OF(samples));
}
END_TEST

START_TEST(changed_names)
{
    struct slice whole = packed_samples();
    char *bytes = malloc(whole.len);
    size_t n, damaged = 0;

    ck_assert_ptr_nonnull(bytes);
    for (size_t at = 0; at < whole.len; at++)
        for (int byte = 0; byte < 256; byte++) {
            memcpy(bytes, whole.at, whole.len);
            bytes[at] = (char)byte;
            damaged += !unpacks((struct slice){bytes, whole.len}, &n);
            arena_reset(&arena);
            whole = packed_samples();
        }
    ck_assert_uint_ge(damaged, 255); /* at least every other format */
    free(bytes);
}
END_TEST

START_TEST(damaged_names)
{
    static const struct slice damaged[] = {
        {NULL, 0},
        {"", 0},
        {"\x02", 1},                                              /* another format */
        {"\x01\x0c\x00\x00\x00\x00\x00\x00", 8},                  /* no such kind */
        {"\x01\x00\x03s\x00\x00\x00\x00\x00", 9},                 /* no end: an id of two bytes */
        {"\x01\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 12}, /* a huge length */
        {"\x01\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 12}, /* beyond 64 bits */
        {"\x01\x00\x09\x00\x00\x00", 6},                          /* one byte more than there is */
    };
    size_t n;

    for (size_t i = 0; i < COUNT_OF(damaged); i++)
        ck_assert(!unpacks(damaged[i], &n));
}
END_TEST

static bool both_ways(struct arena *a, struct err *e)
{
    struct record_name *back;
    struct slice packed;
    size_t n;

    return pack_names(samples, COUNT_OF(samples), a, &packed, e) &&
           unpack_names(packed, a, &back, &n, e);
}

START_TEST(memory_may_end_anywhere)
{
    oom_sweep(both_ways);
}
END_TEST

Suite *suite_pack_names(void)
{
    Suite *s = suite_create("pack_names");
    TCase *tc = tcase_create("pack_names");

    tcase_add_checked_fixture(tc, NULL, clear);
    tcase_add_test(tc, whole_names);
    tcase_add_test(tc, cut_names);
    tcase_add_test(tc, changed_names);
    tcase_add_test(tc, damaged_names);
    tcase_add_test(tc, memory_may_end_anywhere);
    suite_add_tcase(s, tc);
    return s;
}

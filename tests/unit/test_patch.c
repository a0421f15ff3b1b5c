/* Patches: what they make, and what is out of range. */
#include <check.h>

#include "patch.h"

#define IS(slice, text) ck_assert(slice_equal(slice, SLICE(text)))

static struct patch_part room[8];

static struct patch_part copy(uint64_t offset, uint64_t len)
{
    return (struct patch_part){{NULL, 0}, offset, len};
}

static struct patch_part fresh(struct slice bytes)
{
    return (struct patch_part){bytes, 0, bytes.len};
}

static struct patch made(const struct patch_part *parts, size_t n)
{
    struct patch p = {0};

    for (size_t i = 0; i < n; i++)
        ck_assert(patch_add(&p, room, &parts[i]));
    return p;
}

START_TEST(patch_makes_the_whole)
{
    struct patch p = made((struct patch_part[]){copy(4, 2), fresh(SLICE("new")), copy(0, 3),
                                                copy(6, 0), fresh(SLICE(""))},
                          5);
    char out[16];

    ck_assert_uint_eq(p.len, 8);
    ck_assert_uint_eq(patch_beyond(&p, 6), p.n);
    patch_apply(&p, SLICE("abcdef"), out);
    IS(((struct slice){out, p.len}), "efnewabc");
}
END_TEST

START_TEST(patch_of_nothing_is_empty)
{
    struct patch p = made(NULL, 0);
    char out = 'x';

    ck_assert_uint_eq(patch_beyond(&p, 0), 0);
    patch_apply(&p, SLICE(""), &out);
    ck_assert_int_eq(out, 'x');
}
END_TEST

START_TEST(patch_beyond_the_base)
{
    struct patch p = made((struct patch_part[]){copy(0, 6), copy(3, 3), copy(4, 3)}, 3);

    ck_assert_uint_eq(patch_beyond(&p, 7), 3);
    ck_assert_uint_eq(patch_beyond(&p, 6), 2);
    ck_assert_uint_eq(patch_beyond(&p, 5), 0);
    p = made((struct patch_part[]){copy(UINT64_MAX, 2), copy(7, 0)}, 2);
    ck_assert_uint_eq(patch_beyond(&p, 6), 0);
    p = made((struct patch_part[]){copy(7, 0)}, 1);
    ck_assert_uint_eq(patch_beyond(&p, 6), 0);
}
END_TEST

START_TEST(patch_that_makes_too_much)
{
    struct patch p = made((struct patch_part[]){copy(0, SIZE_MAX / 2 - 1)}, 1);
    struct patch_part one = copy(0, 1), two = copy(0, 2);

    ck_assert(!patch_add(&p, room, &two));
    ck_assert_uint_eq(p.n, 1);
    ck_assert(patch_add(&p, room, &one));
    ck_assert(!patch_add(&p, room, &one));
}
END_TEST

Suite *suite_patch(void);

Suite *suite_patch(void)
{
    Suite *s = suite_create("patch");
    TCase *tc = tcase_create("patch");

    tcase_add_test(tc, patch_makes_the_whole);
    tcase_add_test(tc, patch_of_nothing_is_empty);
    tcase_add_test(tc, patch_beyond_the_base);
    tcase_add_test(tc, patch_that_makes_too_much);
    suite_add_tcase(s, tc);
    return s;
}

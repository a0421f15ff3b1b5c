#include <check.h>

#include "arena.h"
#include "oom.h"

static void check_aligned(const void *p)
{
    ck_assert_ptr_nonnull(p);
    ck_assert_uint_eq((uintptr_t)p % 16, 0);
}

START_TEST(uses_the_first_block_then_malloc)
{
    char first[100], *p;
    struct arena a;

    arena_init(&a, first + 1, sizeof(first) - 1);
    p = arena_alloc(&a, 10);
    check_aligned(p);
    ck_assert(p > first && p < first + sizeof(first));
    ck_assert_ptr_null(a.blocks);
    p = arena_alloc(&a, 200);
    check_aligned(p);
    ck_assert_ptr_nonnull(a.blocks);
    arena_reset(&a);
    ck_assert_ptr_null(a.blocks);
    p = arena_alloc(&a, 10);
    ck_assert(p > first && p < first + sizeof(first));
    arena_done(&a);
}
END_TEST

START_TEST(a_zeroed_arena_works)
{
    struct arena a = {0};

    for (size_t size = 0; size < 5000; size += 7) {
        char *p = arena_alloc(&a, size);

        check_aligned(p);
        memset(p, 'x', size);
    }
    arena_done(&a);
    ck_assert_ptr_null(a.blocks);
}
END_TEST

START_TEST(a_first_block_too_small_is_no_block)
{
    struct arena a;
    char tiny[3];

    arena_init(&a, tiny, sizeof(tiny));
    check_aligned(arena_alloc(&a, 1));
    ck_assert_ptr_nonnull(a.blocks);
    arena_done(&a);
}
END_TEST

START_TEST(zalloc_zeroes_and_refuses_overflow)
{
    struct arena a = {0};
    char *p = arena_alloc(&a, 64);

    memset(p, 'x', 64);
    arena_reset(&a);
    p = arena_zalloc(&a, 16, 4);
    for (int i = 0; i < 64; i++)
        ck_assert_int_eq(p[i], 0);
    ck_assert_ptr_null(arena_zalloc(&a, SIZE_MAX / 2, 4));
    ck_assert_ptr_null(arena_alloc(&a, SIZE_MAX));
    ck_assert_ptr_null(arena_resize(&a, p, 64, SIZE_MAX));
    arena_done(&a);
}
END_TEST

START_TEST(resize_in_place_and_moving)
{
    char first[256], *p, *q;
    struct arena a;

    arena_init(&a, first, sizeof(first));
    p = arena_resize(&a, NULL, 0, 16);
    memcpy(p, "0123456789abcdef", 16);
    ck_assert_ptr_eq(arena_resize(&a, p, 16, 64), p);
    ck_assert_ptr_eq(arena_resize(&a, p, 64, 16), p);
    q = arena_alloc(&a, 16);
    ck_assert_ptr_eq(arena_resize(&a, p, 16, 8), p);
    p = arena_resize(&a, p, 16, 48);
    ck_assert(p > q);
    ck_assert(memcmp(p, "0123456789abcdef", 16) == 0);
    p = arena_resize(&a, p, 48, 10000);
    ck_assert(memcmp(p, "0123456789abcdef", 16) == 0);
    p = arena_resize(&a, p, 10000, 1000000);
    ck_assert(memcmp(p, "0123456789abcdef", 16) == 0);
    memset(p, 'x', 1000000);
    check_aligned(arena_alloc(&a, 100));
    arena_done(&a);
}
END_TEST

START_TEST(copies_and_formats)
{
    struct arena a = {0};
    struct slice s = arena_copy(&a, SLICE("a\0b"));

    ck_assert(slice_equal(s, SLICE("a\0b")));
    ck_assert_int_eq(s.at[3], 0);
    s = arena_copy(&a, (struct slice){NULL, 0});
    ck_assert(slice_present(s) && s.len == 0);
    s = arena_printf(&a, "%d-%s", 7, "x");
    ck_assert_str_eq(s.at, "7-x");
    ck_assert_uint_eq(s.len, 3);
    arena_done(&a);
}
END_TEST

START_TEST(memory_ends)
{
    struct arena a = {0};
    void *alloc, *zalloc, *resized;
    struct slice copy, text;
    char *p;

    oom_set(true);
    alloc = arena_alloc(&a, 1);
    zalloc = arena_zalloc(&a, 1, 1);
    copy = arena_copy(&a, SLICE("a"));
    text = arena_printf(&a, "a");
    oom_set(false);
    ck_assert(!alloc && !zalloc && !slice_present(copy) && !slice_present(text));
    p = arena_alloc(&a, 4096);
    memset(p, 'x', 4096);
    oom_set(true);
    resized = arena_resize(&a, p, 4096, 8192);
    oom_set(false);
    ck_assert_ptr_null(resized);
    ck_assert_int_eq(p[4095], 'x');
    check_aligned(arena_resize(&a, p, 4096, 8192));
    arena_done(&a);
}
END_TEST

START_TEST(a_list_doubles)
{
    struct arena a = {0};
    size_t cap = 0, moves = 0;
    int *list = NULL;

    for (int i = 0; i < 1000; i++) {
        size_t before = cap;

        list = arena_grow(&a, list, (size_t)i, sizeof(*list), &cap);
        ck_assert_ptr_nonnull(list);
        ck_assert_uint_gt(cap, (size_t)i);
        moves += cap != before;
        list[i] = i;
    }
    ck_assert_uint_le(moves, 10);
    for (int i = 0; i < 1000; i++)
        ck_assert_int_eq(list[i], i);
    moves = cap;
    ck_assert_ptr_null(arena_grow(&a, list, cap, SIZE_MAX / 4, &cap));
    ck_assert_uint_eq(cap, moves);
    arena_done(&a);
}
END_TEST

Suite *suite_arena(void);

START_TEST(large_blocks_are_taken_from_the_allowance)
{
    enum { KIB = 1024 };
    struct allowance own = {.most = 1000 * KIB}, first = {.most = 0};
    struct arena a = {0}, b = {0};
    void *p;

    ck_assert(allowance_take(&first, 1)); /* which may go beyond the bound */
    arena_limit(&a, &own);
    arena_limit(&b, &own);
    check_aligned(arena_alloc(&a, 60 * KIB));
    ck_assert_int_eq(allowance_in_use(), 1);
    p = arena_alloc(&b, 100 * KIB);
    check_aligned(arena_resize(&b, p, 100 * KIB, 300 * KIB));
    ck_assert_int_eq(allowance_in_use(), 300 * KIB + 1);
    ck_assert_ptr_null(arena_alloc(&a, 700 * KIB));
    ck_assert(own.refused);
    arena_insist(&a);
    check_aligned(arena_alloc(&a, 700 * KIB));
    ck_assert_int_eq(allowance_in_use(), 1000 * KIB + 1);
    arena_reset(&a);
    check_aligned(arena_alloc(&a, 100 * KIB));
    oom_set(true);
    p = arena_alloc(&a, 64 * KIB);
    oom_set(false);
    ck_assert_ptr_null(p);
    ck_assert_int_eq(allowance_in_use(), 400 * KIB + 1);
    arena_reset(&a);
    check_aligned(arena_alloc(&a, 64 * KIB));
    ck_assert_int_eq(allowance_in_use(), 364 * KIB + 1);
    arena_done(&a);
    arena_done(&b);
    allowance_give(&first, 1);
    ck_assert_int_eq(allowance_in_use(), 0);
}
END_TEST

START_TEST(who_has_begun_may_go_on)
{
    struct allowance one = {.most = 100}, two = {.most = 100}, three = {.most = 100};

    ck_assert(allowance_take(&one, 50));
    ck_assert(allowance_take(&two, 1)); /* the exempt one */
    ck_assert(!allowance_take(&three, 1));
    ck_assert(three.refused && !one.refused && !two.refused);
    ck_assert(allowance_take(&one, 49));
    ck_assert(!allowance_take(&one, 1));
    ck_assert(allowance_take(&two, 500));
    allowance_give(&two, 501);
    allowance_give(&one, 50);
    ck_assert(allowance_take(&three, 1));
    ck_assert(allowance_take(&one, 500)); /* now it is this one */
    ck_assert(!allowance_take(&three, 1));
    allowance_give(&one, 549);
    allowance_give(&three, 1);
    ck_assert_int_eq(allowance_in_use(), 0);
}
END_TEST

START_TEST(a_refusal_is_told_from_an_end_of_memory)
{
    struct allowance a = {.most = 100, .refused = true}, fine = {.most = 100};
    struct err err = {0};

    (void)err_no_memory(&err);
    allowance_explain(NULL, &err);
    allowance_explain(&fine, &err);
    ck_assert_int_eq(err.kind, ERR_NO_MEMORY);
    allowance_explain(&a, &err);
    ck_assert_int_eq(err.kind, ERR_OVERLOADED);
    ck_assert_ptr_nonnull(strstr(err.text, "--answer-total"));
    err_fill(&err, ERR_DAMAGED, "x");
    allowance_explain(&a, &err);
    ck_assert_int_eq(err.kind, ERR_DAMAGED);
}
END_TEST

Suite *suite_arena(void)
{
    Suite *suite = suite_create("arena");
    TCase *tests = tcase_create("arena");

    tcase_add_test(tests, uses_the_first_block_then_malloc);
    tcase_add_test(tests, a_list_doubles);
    tcase_add_test(tests, large_blocks_are_taken_from_the_allowance);
    tcase_add_test(tests, who_has_begun_may_go_on);
    tcase_add_test(tests, a_refusal_is_told_from_an_end_of_memory);
    tcase_add_test(tests, a_zeroed_arena_works);
    tcase_add_test(tests, a_first_block_too_small_is_no_block);
    tcase_add_test(tests, zalloc_zeroes_and_refuses_overflow);
    tcase_add_test(tests, resize_in_place_and_moving);
    tcase_add_test(tests, copies_and_formats);
    tcase_add_test(tests, memory_ends);
    suite_add_tcase(suite, tests);
    return suite;
}

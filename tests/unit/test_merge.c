/* test_merge.c - the shallow merge, and running out of memory in it. The contract has the cases. */
#include <check.h>
#include <stdio.h>

#include "merge.h"
#include "oom.h"
#include "split.h"
#include "text.h"

Suite *suite_merge(void);

static bool merge_some(struct arena *arena, struct err *err)
{
    struct slice base = SLICE("{\"a\": 1e400, \"\\u0062\":2, \"c\":3}"), out;

    return merge_objects(base, SLICE("{\"b\":[1, 2],\"d\":{}}"), arena, &out, err);
}

START_TEST(memory_may_end_anywhere)
{
    oom_sweep(merge_some);
}
END_TEST

START_TEST(only_objects_are_merged)
{
    struct arena arena = {0};
    struct slice out = SLICE("untouched");
    struct err err;

    ck_assert(!merge_objects(SLICE("[]"), SLICE("{}"), &arena, &out, &err));
    ck_assert_int_eq(err.kind, ERR_INVALID);
    ck_assert(!merge_objects(SLICE("{}"), SLICE("1"), &arena, &out, &err));
    ck_assert_int_eq(err.kind, ERR_INVALID);
    ck_assert(slice_equal(out, SLICE("untouched")));
    arena_done(&arena);
}
END_TEST

START_TEST(many_members)
{
    struct arena arena = {0};
    struct slice base = SLICE("{"), patch = SLICE("{"), out;
    struct err err;

    for (int i = 0; i < 500; i++) {
        const char *end = i < 499 ? "," : "}";

        base = arena_printf(&arena, "%.*s\"k%d\":%d%s", SLICE_ARGS(base), i, i, end);
        patch = arena_printf(&arena, "%.*s\"k%d\":0%s", SLICE_ARGS(patch), 499 - i, end);
    }
    ck_assert(merge_objects(base, patch, &arena, &out, &err));
    ck_assert(slice_starts(out, SLICE("{\"k0\":0,\"k1\":0,")));
    ck_assert_uint_eq(out.len, patch.len);
    arena_done(&arena);
}
END_TEST

/* {"<letter>0":0,...} of n members. */
static struct slice members(char letter, int n, struct arena *arena)
{
    struct text t;
    char name[32];

    text_init(&t, arena);
    for (int i = 0; i < n; i++) {
        snprintf(name, sizeof(name), "%c\"%c%d\":0", i ? ',' : '{', letter, i);
        text_puts(&t, name);
    }
    text_puts(&t, "}");
    ck_assert(!t.failed);
    return text_slice(&t);
}

START_TEST(too_many_members)
{
    struct arena arena = {0};
    struct slice full = members('a', SPLIT_ITEMS_MAX, &arena), out;
    struct slice over = members('a', SPLIT_ITEMS_MAX + 1, &arena);
    struct err err;

    ck_assert(merge_objects(full, SLICE("{\"a7\":1}"), &arena, &out, &err));
    ck_assert(!merge_objects(full, SLICE("{\"b\":1}"), &arena, &out, &err));
    ck_assert_int_eq(err.kind, ERR_TOO_LARGE);
    ck_assert(!merge_objects(over, SLICE("{\"a7\":1}"), &arena, &out, &err));
    ck_assert_int_eq(err.kind, ERR_TOO_LARGE);
    arena_done(&arena);
}
END_TEST

Suite *suite_merge(void)
{
    Suite *suite = suite_create("merge");
    TCase *tc = tcase_create("merge");

    tcase_add_test(tc, memory_may_end_anywhere);
    tcase_add_test(tc, only_objects_are_merged);
    tcase_add_test(tc, many_members);
    tcase_add_test(tc, too_many_members);
    suite_add_tcase(suite, tc);
    return suite;
}

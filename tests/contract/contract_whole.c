/* contract_whole.c - a merged checkpoint has all that it needs, whatever was removed meanwhile. */
#include <stdio.h>

#include "clock.h"
#include "closure.h"
#include "threads.h"

/* Merges records. Returns how many were left out. */
static size_t left_out(struct store *s, const struct record *records, size_t n)
{
    struct op op = store_op(s, OP_MERGE, "t");

    op.merge.items = records;
    op.merge.n = n;
    store_ok(s, &op);
    ck_assert_uint_le(op.merge.out.applied + op.merge.out.broken, n);
    return op.merge.out.broken;
}

/* Brings the checkpoints of `here` into `there`. Returns how many changed something. */
static size_t bring_all(void)
{
    struct closure c = closure_between(here.backend, there.backend, here.tenant);
    size_t n, brought = 0;
    struct record *checkpoints = store_records(&here, RECORD_CHECKPOINT, 9, &n);
    struct err err = {0};

    for (size_t i = 0; i < n; i++) {
        bool applied;

        ck_assert_msg(closure_bring(&c, &checkpoints[i].key, &applied, &err), "%s", err.text);
        brought += applied;
    }
    return brought;
}

static void prune(void)
{
    struct op op = store_op(&there, OP_THREAD_PRUNE, "t");

    op.thread_prune.keep_last = 1;
    store_ok(&there, &op);
    ck_assert_int_eq(op.thread_prune.out.removed, 1);
}

static void delete_runs(void)
{
    struct slice run = SLICE("gone");
    struct op op = store_op(&there, OP_RUNS_DELETE, NULL);

    op.runs_delete.run_ids = &run;
    op.runs_delete.n = 1;
    store_ok(&there, &op);
    ck_assert_int_eq(op.runs_delete.out.removed, 2);
}

static void merge_gone(void)
{
    struct record gone = {.kind = RECORD_CHECKPOINT,
                          .key = {.id = SLICE("t"), .ns = SLICE(""), .sub = SLICE("x1")},
                          .gone = stamp_next()};

    ck_assert_uint_eq(store_merge(&there, &gone, 1), 1);
}

static void sweep(void)
{
    struct record gone = {.kind = RECORD_CHECKPOINTS, .key.id = SLICE("t"), .gone = stamp_next()};

    ck_assert_uint_eq(store_merge(&there, &gone, 1), 0);
}

static void (*const removals[])(void) = {prune, delete_runs, merge_gone, sweep};

/* Values come, something beside them is removed, then their checkpoints come. */
START_TEST(values_that_went_come_again)
{
    struct record *values, *checkpoints;
    size_t n_values, n;

    put(&there, (struct checkpoint_in){.thread = "t", .id = "x1", .run = "gone"});
    put(&there, (struct checkpoint_in){.thread = "t", .id = "x2", .run = "gone"});
    put_two("t");
    values = store_records(&here, RECORD_VALUE, 9, &n_values);
    checkpoints = store_records(&here, RECORD_CHECKPOINT, 9, &n);
    ck_assert_uint_eq(left_out(&there, values, n_values), 0);
    removals[_i]();
    ck_assert_uint_eq(left_out(&there, checkpoints, n), n);
    ck_assert_ptr_null(get(&there, "t", "", "c1"));
    (void)list(&there, list_op(&there, "t", NULL));
    ck_assert_uint_eq(bring_all(), n);
    ck_assert_str_eq(values_text(&there, get(&there, "t", "", "c1")),
                     values_text(&here, get(&here, "t", "", "c1")));
    ck_assert_str_eq(values_text(&there, get(&there, "t", "", "c2")), "a=2:xz b=1:yy");
    ck_assert_uint_eq(bring_all(), 0);
    ck_assert_uint_eq(left_out(&there, checkpoints, n), 0);
}
END_TEST

/* A deletion takes values that only a younger checkpoint carries on. */
START_TEST(carried_values_that_went_come_again)
{
    struct record tomb = {.kind = RECORD_THREAD, .key.id = SLICE("t")};
    struct record *values, *checkpoints;
    size_t n_values, n;

    put_two("t");
    values = store_records(&here, RECORD_VALUE, 9, &n_values);
    checkpoints = store_records(&here, RECORD_CHECKPOINT, 9, &n);
    tomb.thread.tomb = checkpoints[1].checkpoint.stamp - 1;
    ck_assert_uint_eq(left_out(&there, values, n_values), 0);
    ck_assert_uint_eq(store_merge(&there, &tomb, 1), 1);
    ck_assert_uint_eq(left_out(&there, checkpoints, n), 1);
    ck_assert_uint_eq(bring_all(), 1);
    ck_assert_str_eq(list(&there, list_op(&there, "t", NULL)), "t//c2");
    ck_assert_str_eq(values_text(&there, get(&there, "t", "", "c2")), "a=2:xz b=1:yy");
}
END_TEST

/* "a=<n>:", then 2 KB of letters that are the same for every n, then n more. */
static const char *long_value(int n)
{
    enum { LEN = 2048 };
    char *text = arena_alloc(&here.arena, LEN + 16);
    uint32_t seed = 1;
    int at;

    ck_assert_ptr_nonnull(text);
    at = snprintf(text, 16, "a=%d:", n);
    for (int i = 0; i < LEN + n; i++) {
        seed = seed * 1664525 + 1013904223;
        text[at++] = (char)('a' + (seed >> 24) % 26);
    }
    text[at] = '\0';
    return text;
}

/* A value whose base was removed does not come without it. */
START_TEST(bases_that_went_come_again)
{
    static const char *const ids[] = {"c1", "c2", "c3"};
    struct record *values;
    size_t n, n_based = 0;

    for (int i = 0; i < 3; i++)
        put(&here, (struct checkpoint_in){.thread = "t",
                                          .id = ids[i],
                                          .parent = i ? ids[i - 1] : NULL,
                                          .head = "1",
                                          .values = long_value(i + 1)});
    put(&there, (struct checkpoint_in){.thread = "t", .id = "x1"});
    put(&there, (struct checkpoint_in){.thread = "t", .id = "x2"});
    values = store_records(&here, RECORD_VALUE, 9, &n);
    for (size_t i = 0; i < n; i++)
        n_based += values[i].value.blob.base_id != 0;
    ck_assert_uint_eq(n_based, 2);
    for (size_t i = 0; i < n; i++) {
        size_t based = values[i].value.blob.base_id != 0;

        ck_assert_uint_eq(left_out(&there, &values[i], 1), based);
        if (i == 1)
            prune();
    }
    ck_assert_uint_eq(left_out(&there, values, n), 0);
    sweep();
    ck_assert_uint_eq(left_out(&there, values + 2, n - 2), 2);
    ck_assert_uint_eq(bring_all(), 3);
    for (int i = 0; i < 3; i++)
        ck_assert_str_eq(values_text(&there, get(&there, "t", "", ids[i])), long_value(i + 1));
}
END_TEST

/* The whole thread is gone through, and what is needed stays. */
START_TEST(values_that_nothing_needs_go)
{
    struct record *values;
    const char *before;
    size_t n;

    put(&there, (struct checkpoint_in){.thread = "t", .id = "x1", .values = "a=9:9"});
    before = dump(&there);
    put_two("t");
    put(&here, (struct checkpoint_in){.thread = "t", .ns = "n", .id = "c1", .values = "a=1:1"});
    values = store_records(&here, RECORD_VALUE, 9, &n);
    ck_assert_uint_eq(left_out(&there, values, n), 0);
    ck_assert_uint_eq(count_records(&there, RECORD_VALUE), n + 2);
    sweep();
    ck_assert_str_eq(dump(&there), before);
    ck_assert_str_eq(values_text(&there, get(&there, "t", "", "x1")), "a=9:9");
    sweep();
    ck_assert_str_eq(dump(&there), before);
}
END_TEST

START_TEST(what_went_meanwhile_is_not_brought)
{
    struct closure c = closure_between(here.backend, there.backend, here.tenant);
    struct record_key key = {.id = SLICE("t"), .ns = SLICE(""), .sub = SLICE("none")};
    struct err err = {0};
    bool applied = true;

    put_two("t");
    ck_assert(closure_bring(&c, &key, &applied, &err));
    ck_assert(!applied);
    ck_assert_uint_eq(count_records(&there, RECORD_VALUE), 0);
}
END_TEST

void contract_whole_add(TCase *tc)
{
    tcase_add_loop_test(tc, values_that_went_come_again, 0, (int)COUNT_OF(removals));
    tcase_add_test(tc, carried_values_that_went_come_again);
    tcase_add_test(tc, bases_that_went_come_again);
    tcase_add_test(tc, values_that_nothing_needs_go);
    tcase_add_test(tc, what_went_meanwhile_is_not_brought);
}

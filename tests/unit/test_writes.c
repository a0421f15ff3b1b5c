/* test_writes.c - what becomes of the writes of a task, by the mode of the op. */
#include <check.h>

#include "writes.h"

Suite *suite_writes(void);

static struct write write_of(int64_t idx, const char *channel)
{
    return (struct write){.idx = idx, .channel = slice_of(channel)};
}

/* 1 and 3 are stored; 3, 2 and -1 are sent. Gives what is stored then. */
static struct writes combine(enum writes_mode mode, struct arena *arena)
{
    struct write stored[] = {write_of(1, "old"), write_of(3, "old")};
    struct write sent[] = {write_of(3, "new"), write_of(2, "new"), write_of(-1, "new")};
    struct op_writes_put put = {.mode = mode, .writes = sent, .n = COUNT_OF(sent)};
    struct writes out;
    struct err err;

    ck_assert(
        writes_combine(&put, &(struct writes){stored, COUNT_OF(stored), false}, arena, &out, &err));
    for (size_t i = 1; i < out.n; i++)
        ck_assert_int_lt(out.items[i - 1].idx, out.items[i].idx);
    return out;
}

static const char *channel_of(const struct writes *w, int64_t idx)
{
    for (size_t i = 0; i < w->n; i++)
        if (w->items[i].idx == idx)
            return w->items[i].channel.at;
    return "none";
}

START_TEST(modes)
{
    static const struct {
        enum writes_mode mode;
        const char *of_1, *of_3;
    } cases[] = {
        {WRITES_UPSERT, "old", "new"},
        {WRITES_IGNORE, "old", "old"},
        {WRITES_REPLACE, "none", "new"},
    };
    struct arena arena = {0};
    struct writes got = combine(cases[_i].mode, &arena);

    ck_assert(got.changed);
    ck_assert_str_eq(channel_of(&got, 1), cases[_i].of_1);
    ck_assert_str_eq(channel_of(&got, 3), cases[_i].of_3);
    ck_assert_str_eq(channel_of(&got, 2), "new");
    ck_assert_str_eq(channel_of(&got, -1), "new");
    arena_done(&arena);
}
END_TEST

START_TEST(what_is_known_is_no_change)
{
    struct write stored = write_of(1, "old"), sent = write_of(1, "new");
    struct op_writes_put put = {.mode = WRITES_IGNORE, .writes = &sent, .n = 1};
    struct writes old = {&stored, 1, false}, out;
    struct arena arena = {0};
    struct err err;

    ck_assert(writes_combine(&put, &old, &arena, &out, &err) && !out.changed && out.n == 1);
    put = (struct op_writes_put){.mode = WRITES_UPSERT};
    ck_assert(writes_combine(&put, &old, &arena, &out, &err) && !out.changed && out.n == 1);
    put.mode = WRITES_REPLACE;
    ck_assert(writes_combine(&put, &old, &arena, &out, &err) && out.changed && out.n == 0);
    arena_done(&arena);
}
END_TEST

Suite *suite_writes(void)
{
    Suite *suite = suite_create("writes");
    TCase *tc = tcase_create("writes");

    tcase_add_loop_test(tc, modes, 0, 3);
    tcase_add_test(tc, what_is_known_is_no_change);
    suite_add_tcase(suite, tc);
    return suite;
}

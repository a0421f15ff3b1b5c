#include <check.h>

#include "oom.h"
#include "text.h"

START_TEST(empty_is_present)
{
    struct arena a = {0};
    struct text t;

    text_init(&t, &a);
    ck_assert(slice_present(text_slice(&t)));
    ck_assert_uint_eq(text_slice(&t).len, 0);
    text_put(&t, SLICE(""));
    text_put(&t, (struct slice){NULL, 0});
    ck_assert_ptr_null(t.at);
    arena_done(&a);
}
END_TEST

START_TEST(grows)
{
    struct arena a = {0};
    struct text t;

    text_init(&t, &a);
    for (int i = 0; i < 2000; i++) {
        text_puts(&t, "abc");
        text_put(&t, SLICE("\0"));
        text_printf(&t, "%04d", i);
    }
    ck_assert(!t.failed);
    ck_assert_uint_eq(text_slice(&t).len, 16000);
    ck_assert(memcmp(text_slice(&t).at + 8 * 1234,
                     "abc\0"
                     "1234",
                     8) == 0);
    arena_done(&a);
}
END_TEST

START_TEST(failure_stays)
{
    struct arena a = {0};
    struct text t;

    text_init(&t, &a);
    text_puts(&t, "abc");
    ck_assert(!text_reserve(&t, SIZE_MAX));
    ck_assert(t.failed);
    text_puts(&t, "def");
    text_printf(&t, "%d", 1);
    ck_assert(!text_reserve(&t, 1));
    ck_assert(slice_equal(text_slice(&t), SLICE("abc")));

    text_init(&t, &a);
    ck_assert(!text_reserve(&t, SIZE_MAX / 2));
    ck_assert(t.failed);
    arena_done(&a);
}
END_TEST

static bool write_much(struct arena *arena, struct err *err)
{
    struct text t;

    text_init(&t, arena);
    for (int i = 0; i < 200; i++)
        text_printf(&t, "%d,", i);
    return t.failed ? err_set(err, ERR_NO_MEMORY, "failed") : true;
}

START_TEST(memory_ends)
{
    oom_sweep(write_much);
}
END_TEST

Suite *suite_text(void);

Suite *suite_text(void)
{
    Suite *suite = suite_create("text");
    TCase *tests = tcase_create("text");

    tcase_add_test(tests, empty_is_present);
    tcase_add_test(tests, grows);
    tcase_add_test(tests, failure_stays);
    tcase_add_test(tests, memory_ends);
    suite_add_tcase(suite, tests);
    return suite;
}

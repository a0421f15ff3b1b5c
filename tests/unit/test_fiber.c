/* test_fiber.c - functions that are left, and resumed. */
#include "fiber.h"

#include <check.h>

#include "oom.h"

Suite *suite_fiber(void);

static struct fiber *new_fiber(void)
{
    struct err err;
    struct fiber *f = fiber_new(&err);

    ck_assert_ptr_nonnull(f);
    return f;
}

struct counter {
    struct fiber *fiber;
    int n, leaves;
};

static void count(void *arg)
{
    struct counter *c = arg;

    for (int i = 0; i < c->leaves; i++) {
        c->n++;
        fiber_leave(c->fiber);
    }
    c->n += 100;
}

START_TEST(leaves_and_goes_on)
{
    struct counter c = {.fiber = new_fiber(), .leaves = 2};

    ck_assert(!fiber_start(c.fiber, count, &c));
    ck_assert_int_eq(c.n, 1);
    ck_assert(!fiber_resume(c.fiber));
    ck_assert_int_eq(c.n, 2);
    ck_assert(fiber_resume(c.fiber));
    ck_assert_int_eq(c.n, 102);
    fiber_free(c.fiber);
}
END_TEST

START_TEST(starts_again)
{
    struct counter c = {.fiber = new_fiber()};

    for (int i = 1; i <= 3; i++) {
        ck_assert(fiber_start(c.fiber, count, &c));
        ck_assert_int_eq(c.n, i * 100);
    }
    fiber_free(c.fiber);
    fiber_free(NULL);
}
END_TEST

START_TEST(many_at_once)
{
    enum { MANY = 200 };
    static struct counter all[MANY];
    bool ended = false;

    for (int i = 0; i < MANY; i++) {
        all[i] = (struct counter){.fiber = new_fiber(), .leaves = 3};
        ck_assert(!fiber_start(all[i].fiber, count, &all[i]));
    }
    for (int round = 0; round < 3; round++)
        for (int i = 0; i < MANY; i++)
            ended = fiber_resume(all[i].fiber);
    ck_assert(ended);
    for (int i = 0; i < MANY; i++) {
        ck_assert_int_eq(all[i].n, 103);
        fiber_free(all[i].fiber);
    }
}
END_TEST

START_TEST(without_memory)
{
    struct err err = {0};
    struct fiber *f;

    oom_set(true);
    f = fiber_new(&err);
    oom_set(false);
    ck_assert_ptr_null(f);
    ck_assert_int_eq(err.kind, ERR_NO_MEMORY);
}
END_TEST

Suite *suite_fiber(void)
{
    Suite *suite = suite_create("fiber");
    TCase *tc = tcase_create("fiber");

    tcase_add_test(tc, leaves_and_goes_on);
    tcase_add_test(tc, starts_again);
    tcase_add_test(tc, many_at_once);
    tcase_add_test(tc, without_memory);
    suite_add_tcase(suite, tc);
    return suite;
}

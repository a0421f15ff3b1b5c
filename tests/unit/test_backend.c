#include <check.h>

#include "clock.h"
#include "fake_backend.h"

START_TEST(runs_in_order_but_not_what_is_late)
{
    struct fake_backend f = FAKE_BACKEND;
    struct op ops[3] = {
        {.type = OP_STATS}, {.type = OP_STATS, .deadline_ns = 99}, {.type = OP_STATS}};
    struct op *list[] = {&ops[0], &ops[1], &ops[2]};
    struct err err;

    clock_fake(100, 100);
    ops[0].deadline_ns = 100;
    ck_assert(backend_execute(&f.base, list, 3, &err));
    clock_fake(0, 0);
    ck_assert_uint_eq(f.n_ran, 2);
    ck_assert_ptr_eq(f.ran[0], &ops[0]);
    ck_assert_ptr_eq(f.ran[1], &ops[2]);
    ck_assert_int_eq(ops[0].status.kind, ERR_OK);
    ck_assert_int_eq(ops[1].status.kind, ERR_UNAVAILABLE);
}
END_TEST

START_TEST(a_probe_is_answered_by_probe)
{
    struct fake_backend f = FAKE_BACKEND;
    struct op probe = {.type = OP_PROBE}, stats = {.type = OP_STATS};
    struct op *list[] = {&probe, &stats};
    struct err err;

    ck_assert(backend_execute(&f.base, list, 2, &err));
    ck_assert_uint_eq(f.n_probes, 1);
    ck_assert_uint_eq(probe.probe.out.caps, BACKEND_SHARED);
    ck_assert_uint_eq(f.n_ran, 1);
    f.fail = ERR_UNAVAILABLE;
    ck_assert(backend_execute(&f.base, list, 1, &err));
    ck_assert_int_eq(probe.status.kind, ERR_UNAVAILABLE);
    ck_assert_uint_eq(f.n_batches, 1);
}
END_TEST

START_TEST(failure_and_close_pass_through)
{
    struct fake_backend f = FAKE_BACKEND;
    struct op op = {.type = OP_STATS};
    struct op *list[] = {&op};
    struct err err;

    f.fail = ERR_IN_DOUBT;
    ck_assert(!backend_execute(&f.base, list, 1, &err));
    ck_assert_int_eq(err.kind, ERR_IN_DOUBT);
    ck_assert(!backend_probe(&f.base, 0, &err));
    backend_close(&f.base);
    ck_assert(f.closed);
    backend_close(NULL);
}
END_TEST

START_TEST(what_has_begun_goes_on)
{
    struct fake_backend f = FAKE_BACKEND;
    struct op op = {.type = OP_STATS, .id = SLICE("long"), .deadline_ns = 100, .progress = &op};
    struct op *list[] = {&op};
    struct err err;

    f.parts = 1;
    clock_fake(100, 100);
    ck_assert(backend_execute(&f.base, list, 1, &err));
    ck_assert(op.again);
    ck_assert_ptr_eq(op.progress, &f);
    clock_fake(200, 200); /* past its deadline, but it has begun */
    ck_assert(backend_execute(&f.base, list, 1, &err));
    ck_assert_int_eq(op.status.kind, ERR_OK);
    ck_assert(!op.again);
    ck_assert_uint_eq(f.n_ran, 2);
    ck_assert(backend_execute(&f.base, list, 1, &err)); /* begins anew, past its deadline */
    ck_assert_int_eq(op.status.kind, ERR_UNAVAILABLE);
    ck_assert_ptr_null(op.progress);
    clock_fake(0, 0);
    f.fail = ERR_IN_DOUBT;
    f.parts = 1;
    op.deadline_ns = 0;
    ck_assert(!backend_execute(&f.base, list, 1, &err));
    ck_assert(!op.again);
}
END_TEST

Suite *suite_backend(void);

Suite *suite_backend(void)
{
    Suite *s = suite_create("backend");
    TCase *t = tcase_create("backend");

    tcase_add_test(t, runs_in_order_but_not_what_is_late);
    tcase_add_test(t, a_probe_is_answered_by_probe);
    tcase_add_test(t, failure_and_close_pass_through);
    tcase_add_test(t, what_has_begun_goes_on);
    suite_add_tcase(s, t);
    return s;
}

/* test_lane_run.c - ops that the thread which submits them runs itself. */
#include <check.h>
#include <unistd.h>

#include "fake_backend.h"
#include "inbox.h"
#include "lane.h"

Suite *suite_lane_run(void);

enum { FAKES = 4, OPS = 6 };

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static struct fake_backend fakes[FAKES];
static size_t n_fakes;
static struct lanes *lanes;
static struct inbox home;
static struct op ops[OPS];

static struct backend *open_fake(void *ctx UNUSED, enum backend_role role UNUSED,
                                 struct err *err UNUSED)
{
    struct fake_backend *f = &fakes[n_fakes++];

    *f = FAKE_BACKEND;
    f->gate = &gate;
    return &f->base;
}

static void open_lanes(enum backend_lanes layout)
{
    struct lanes_config cfg = {.layout = layout,
                               .n_readers = 2,
                               .n_lanes = 1,
                               .batch_max_ops = OPS - 1,
                               .queue_max = 100,
                               .open = open_fake};
    struct err err;

    lanes = lanes_open(&cfg, &err);
    ck_assert_ptr_nonnull(lanes);
    ck_assert(inbox_init(&home, &err));
}

static void teardown(void)
{
    lanes_close(lanes);
    inbox_done(&home);
}

/* Makes n linked, admitted ops. */
static struct op *make(size_t n, enum op_type type)
{
    struct err err;

    for (size_t i = 0; i < n; i++) {
        ops[i] = (struct op){.type = type, .id = SLICE("s"), .home = &home};
        ops[i].next = i + 1 < n ? &ops[i + 1] : NULL;
    }
    ck_assert(lanes_admit(lanes, n, &err));
    return ops;
}

/* Waits until n ops have come home by the inbox. */
static void expect_posted(size_t n)
{
    ck_assert_uint_eq(inbox_wait_for(&home, n), n);
    ck_assert_uint_eq(lanes_depth(lanes), 0);
}

/* Waits until one chain is in use. */
static struct fake_backend *wait_for_use(void)
{
    for (;;)
        for (size_t i = 0; i < n_fakes; i++)
            if (atomic_load(&fakes[i].entered))
                return &fakes[i];
}

START_TEST(an_idle_lane_is_run_at_once)
{
    open_lanes(LANES_ONE);
    for (int i = 0; i < 3; i++) {
        ck_assert_uint_eq(op_count(lanes_run(lanes, make(3, OP_SESSION_PATCH), true)), 3);
        ck_assert_uint_eq(lanes_depth(lanes), 0);
    }
    ck_assert_uint_eq(fakes[0].n_batches, 3);
    ck_assert_ptr_null(inbox_take(&home));
}
END_TEST

START_TEST(a_failed_batch_fails_each_op)
{
    open_lanes(LANES_ONE);
    fakes[0].fail = ERR_IN_DOUBT;
    make(2, OP_SESSION_PATCH);
    ops[1].type = OP_SESSION_GET;
    ck_assert_uint_eq(op_count(lanes_run(lanes, ops, true)), 2);
    ck_assert_int_eq(ops[0].status.kind, ERR_IN_DOUBT);
    ck_assert_int_eq(ops[1].status.kind, ERR_UNAVAILABLE);
}
END_TEST

START_TEST(more_than_a_batch_waits)
{
    open_lanes(LANES_ONE);
    ck_assert_ptr_null(lanes_run(lanes, make(OPS, OP_SESSION_PATCH), true));
    expect_posted(OPS);
    ck_assert_uint_le(fakes[0].largest, OPS - 1);
}
END_TEST

START_TEST(a_slow_lane_is_left_to_its_worker)
{
    open_lanes(LANES_ONE);
    pthread_mutex_lock(&gate);
    lanes_submit(lanes, make(1, OP_SESSION_PATCH));
    wait_for_use();
    usleep(2000);
    pthread_mutex_unlock(&gate);
    expect_posted(1);
    ck_assert_ptr_null(lanes_run(lanes, make(1, OP_SESSION_PATCH), false));
    expect_posted(1);
}
END_TEST

/* Often so: its last batch must have been done within a millisecond. */
START_TEST(a_quick_lane_is_run_by_anyone)
{
    const struct op *done = NULL;

    open_lanes(LANES_ONE);
    for (int i = 0; i < 1000 && !done; i++) {
        lanes_submit(lanes, make(1, OP_SESSION_PATCH));
        expect_posted(1);
        done = lanes_run(lanes, make(1, OP_SESSION_PATCH), false);
        if (!done)
            expect_posted(1);
    }
    ck_assert_ptr_nonnull(done);
}
END_TEST

START_TEST(ops_for_two_lanes_go_to_both)
{
    open_lanes(LANES_WRITER_READERS);
    make(4, OP_SESSION_PATCH);
    ops[1].type = ops[2].type = OP_SESSION_GET;
    ck_assert_ptr_null(lanes_run(lanes, ops, true));
    expect_posted(4);
    ck_assert_uint_eq(fakes[0].n_ran, 2);
    ck_assert_uint_eq(fakes[1].n_ran + fakes[2].n_ran, 2);
}
END_TEST

START_TEST(what_takes_parts_goes_on_in_its_lane)
{
    open_lanes(LANES_BY_KEY);
    fakes[0].parts = 2;
    make(2, OP_SESSION_DELETE);
    ops[1].id = SLICE("long");
    ck_assert_ptr_eq(lanes_run(lanes, ops, true), &ops[0]);
    ck_assert_ptr_null(ops[0].next);
    expect_posted(1);
    ck_assert_uint_eq(fakes[0].n_ran, 4);
}
END_TEST

static void *run_one(void *arg)
{
    return lanes_run(lanes, arg, true);
}

/* While one thread runs a lane, ops wait behind it, even those that others offer to run. */
START_TEST(a_lane_is_run_by_one_thread)
{
    struct err err;
    struct op more[2];
    pthread_t thread;
    void *done;

    open_lanes(LANES_ONE);
    make(1, OP_SESSION_PATCH);
    pthread_mutex_lock(&gate);
    ck_assert_int_eq(pthread_create(&thread, NULL, run_one, ops), 0);
    wait_for_use();
    for (int i = 0; i < 2; i++)
        more[i] = (struct op){.type = OP_SESSION_PATCH, .id = SLICE("s"), .home = &home};
    ck_assert(lanes_admit(lanes, 2, &err));
    ck_assert_ptr_null(lanes_run(lanes, &more[0], true));
    lanes_submit(lanes, &more[1]);
    ck_assert_uint_eq(lanes_depth(lanes), 3);
    pthread_mutex_unlock(&gate);
    pthread_join(thread, &done);
    ck_assert_ptr_eq(done, ops);
    expect_posted(2);
    ck_assert_uint_eq(fakes[0].n_batches, 2);
}
END_TEST

/* The other reader serves meanwhile. */
START_TEST(readers_are_lent_one_by_one)
{
    struct fake_backend *used;
    struct op more = {.type = OP_SESSION_GET, .id = SLICE("s"), .home = &home};
    struct err err;
    pthread_t thread;
    void *done;

    open_lanes(LANES_WRITER_READERS);
    make(1, OP_SESSION_GET);
    pthread_mutex_lock(&gate);
    ck_assert_int_eq(pthread_create(&thread, NULL, run_one, ops), 0);
    used = wait_for_use();
    for (size_t i = 0; i < n_fakes; i++)
        if (&fakes[i] != used)
            fakes[i].gate = NULL;
    ck_assert(lanes_admit(lanes, 1, &err));
    ck_assert_ptr_eq(lanes_run(lanes, &more, true), &more);
    pthread_mutex_unlock(&gate);
    pthread_join(thread, &done);
    ck_assert_ptr_eq(done, ops);
    ck_assert_uint_eq(used->n_ran, 1);
    ck_assert_uint_eq(fakes[0].n_ran, 0);
}
END_TEST

Suite *suite_lane_run(void)
{
    Suite *s = suite_create("lane_run");
    TCase *tc = tcase_create("lane_run");

    tcase_add_checked_fixture(tc, NULL, teardown);
    tcase_add_test(tc, an_idle_lane_is_run_at_once);
    tcase_add_test(tc, a_failed_batch_fails_each_op);
    tcase_add_test(tc, more_than_a_batch_waits);
    tcase_add_test(tc, a_slow_lane_is_left_to_its_worker);
    tcase_add_test(tc, a_quick_lane_is_run_by_anyone);
    tcase_add_test(tc, ops_for_two_lanes_go_to_both);
    tcase_add_test(tc, what_takes_parts_goes_on_in_its_lane);
    tcase_add_test(tc, a_lane_is_run_by_one_thread);
    tcase_add_test(tc, readers_are_lent_one_by_one);
    suite_add_tcase(s, tc);
    return s;
}

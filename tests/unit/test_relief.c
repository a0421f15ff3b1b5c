/* test_relief.c - who has the task when one of two threads is held up. */
#include <check.h>
#include <unistd.h>

#include "clock.h"
#include "relief.h"

Suite *suite_relief(void);

enum { SHORT_US = 200, LONG_US = 20 * 1000, TURNS = 300, LOOK_NS = 5 * 1000 * 1000 };

static struct relief r;

static void setup(void)
{
    relief_init(&r);
}

static void teardown(void)
{
    relief_done(&r);
}

static void *wait_once(void *arg)
{
    return relief_wait(&r) ? arg : NULL;
}

/* Starts the other thread; returns when it waits. */
static pthread_t start(void)
{
    pthread_t thread;

    ck_assert_int_eq(pthread_create(&thread, NULL, wait_once, &r), 0);
    while (!atomic_load(&r.ready))
        usleep(100);
    return thread;
}

static bool has_taken_over(pthread_t thread)
{
    void *got;

    pthread_join(thread, &got);
    return got != NULL;
}

START_TEST(alone_nobody_may_leave)
{
    ck_assert_uint_eq(relief_leave(&r), 0);
}
END_TEST

START_TEST(short_absences_are_nobodys_business)
{
    pthread_t thread = start();
    bool taken = false;

    for (int i = 0; i < TURNS && !taken; i++) {
        int64_t begun_ns = clock_now_ns();
        uint64_t absence = relief_leave(&r);

        ck_assert_uint_ne(absence, 0);
        taken = !relief_return(&r, absence);
        ck_assert(!taken || clock_now_ns() - begun_ns >= LOOK_NS); /* a busy machine */
    }
    relief_end(&r);
    ck_assert_int_eq(has_taken_over(thread), taken);
}
END_TEST

static void expect_relief(void)
{
    pthread_t thread = start();
    uint64_t absence = relief_leave(&r);

    ck_assert_uint_ne(absence, 0);
    ck_assert(has_taken_over(thread)); /* it does not return before */
    ck_assert(!relief_return(&r, absence));
    ck_assert_uint_eq(relief_leave(&r), 0); /* nobody waits now */
}

START_TEST(who_is_held_up_is_relieved)
{
    for (int i = 0; i < 3; i++)
        expect_relief();
}
END_TEST

START_TEST(one_that_sleeps_wakes_up)
{
    pthread_t thread = start();
    uint64_t absence;

    while (!atomic_load(&r.asleep))
        usleep(1000);
    absence = relief_leave(&r);
    ck_assert(has_taken_over(thread));
    ck_assert(!relief_return(&r, absence));
}
END_TEST

START_TEST(the_end_ends_each_wait)
{
    pthread_t thread = start();

    while (!atomic_load(&r.asleep))
        usleep(1000);
    relief_end(&r);
    ck_assert(!has_taken_over(thread));
    ck_assert(!relief_wait(&r));
}
END_TEST

/* Two threads that have the task in turns. Only one of them may count at a time. */
static int counted;
static atomic_int inside, overlaps, reliefs;

static void *serve(void *arg)
{
    bool mine = arg != NULL;

    while (mine || relief_wait(&r)) {
        uint64_t absence;

        atomic_fetch_add(&reliefs, !mine);
        mine = true;
        atomic_fetch_add(&overlaps, atomic_fetch_add(&inside, 1) > 0);
        if (++counted == TURNS)
            relief_end(&r);
        mine = counted < TURNS;
        atomic_fetch_sub(&inside, 1);
        absence = mine ? relief_leave(&r) : 0;
        usleep(absence && absence % 10 == 0 ? LONG_US : SHORT_US);
        mine = absence ? relief_return(&r, absence) : mine;
    }
    return NULL;
}

START_TEST(the_task_is_never_done_twice_at_a_time)
{
    pthread_t first, second;

    ck_assert_int_eq(pthread_create(&second, NULL, serve, NULL), 0);
    ck_assert_int_eq(pthread_create(&first, NULL, serve, &r), 0);
    pthread_join(first, NULL);
    pthread_join(second, NULL);
    ck_assert_int_eq(counted, TURNS);
    ck_assert_int_eq(overlaps, 0);
    ck_assert_int_gt(reliefs, 3);
}
END_TEST

Suite *suite_relief(void)
{
    Suite *s = suite_create("relief");
    TCase *tc = tcase_create("relief");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, alone_nobody_may_leave);
    tcase_add_test(tc, short_absences_are_nobodys_business);
    tcase_add_test(tc, who_is_held_up_is_relieved);
    tcase_add_test(tc, one_that_sleeps_wakes_up);
    tcase_add_test(tc, the_end_ends_each_wait);
    tcase_add_test(tc, the_task_is_never_done_twice_at_a_time);
    suite_add_tcase(s, tc);
    return s;
}

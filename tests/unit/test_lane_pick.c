/* test_lane_pick.c - which lane an op goes to. */
#include <check.h>
#include <pthread.h>

#include "lane_pick.h"

Suite *suite_lane_pick(void);

enum { LANES = 4, SECOND = LANE_BUCKETS, TURNS = 20000 };

static struct lane_picks picks;

START_TEST(goes_to_the_first_until_that_has_enough)
{
    ck_assert_uint_eq(lane_pick(&picks, SECOND, LANES, false), 0);
    lane_picked_done(&picks, SECOND);
    ck_assert_uint_eq(lane_pick(&picks, SECOND, LANES, true), 1);
    lane_picked_done(&picks, SECOND);
    ck_assert_uint_eq(lane_pick(&picks, 2 * SECOND, LANES, true), 2);
    lane_picked_done(&picks, 2 * SECOND);
    ck_assert_uint_eq(lane_pick(&picks, SECOND, LANES, false), 0);
    lane_picked_done(&picks, SECOND);
}
END_TEST

START_TEST(follows_what_is_under_way)
{
    ck_assert_uint_eq(lane_pick(&picks, SECOND, LANES, false), 0);
    ck_assert_uint_eq(lane_pick(&picks, SECOND, LANES, true), 0);
    lane_picked_done(&picks, SECOND);
    ck_assert_uint_eq(lane_pick(&picks, SECOND, LANES, true), 0);
    lane_picked_done(&picks, SECOND);
    lane_picked_done(&picks, SECOND);
    ck_assert_uint_eq(lane_pick(&picks, SECOND, LANES, true), 1);
    ck_assert_uint_eq(lane_pick(&picks, SECOND, LANES, false), 1);
    lane_picked_done(&picks, SECOND);
    lane_picked_done(&picks, SECOND);
}
END_TEST

/* Takes a lane for two ops at a time, which must be the same one. *arg becomes 1 if it was not. */
static void *take_turns(void *arg)
{
    for (int i = 0; i < TURNS; i++) {
        size_t lane = lane_pick(&picks, 3 * SECOND, LANES, i % 2 != 0);

        if (lane_pick(&picks, 3 * SECOND, LANES, i % 3 != 0) != lane || (lane != 0 && lane != 3))
            *(int *)arg = 1;
        lane_picked_done(&picks, 3 * SECOND);
        lane_picked_done(&picks, 3 * SECOND);
    }
    return NULL;
}

START_TEST(threads_agree)
{
    pthread_t threads[4];
    int wrong[4] = {0};

    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, take_turns, &wrong[i]), 0);
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        ck_assert_int_eq(wrong[i], 0);
    }
    ck_assert_uint_eq(atomic_load(&picks.buckets[0]) & 0xffffff, 0);
}
END_TEST

Suite *suite_lane_pick(void)
{
    Suite *s = suite_create("lane_pick");
    TCase *tc = tcase_create("lane_pick");

    tcase_add_test(tc, goes_to_the_first_until_that_has_enough);
    tcase_add_test(tc, follows_what_is_under_way);
    tcase_add_test(tc, threads_agree);
    suite_add_tcase(s, tc);
    return s;
}

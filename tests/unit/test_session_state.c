/* test_session_state.c - merging a session gives the same in any order; the contract has the rest. */
#include <check.h>

#include "clock.h"
#include "session_state.h"

Suite *suite_session_state(void);

/* A tombstone that is so old may have been collected by a store whose clock is ahead. */
#define SURELY_US (COLLECT_AFTER_US - MINUTE_US)

static const struct record_session created = {
    .gen = 10,
    .user_id = {10, SLICE("ann")},
    .status = {10, SLICE("active")},
    .metadata = {10, SLICE("{}")},
    .created_us = 1,
    .last_activity_us = 5,
    .version = 1,
};
static const struct record_session patched = {
    .gen = 10,
    .user_id = {10, SLICE("ann")},
    .status = {20, SLICE("done")},
    .metadata = {15, SLICE("{\"a\":1}")},
    .request_count = 3,
    .total_processing_time = 0.5,
    .last_activity_us = 9,
    .version = 2,
    .last_seq = 7,
};
static const struct record_session deleted = {.tomb = 30, .version = 2, .last_seq = 7};
static const struct record_session again = {
    .gen = 40, .tomb = 30, .user_id = {40, SLICE("bob")}, .request_count = 1, .version = 3};

static void check_same(const struct session_state *a, const struct session_state *b)
{
    struct record_session x = session_state_record(a), y = session_state_record(b);

    ck_assert(x.gen == y.gen && x.version == y.version);
    ck_assert(x.request_count == y.request_count && x.last_seq == y.last_seq);
    ck_assert(x.tomb == y.tomb && x.last_context == y.last_context);
    ck_assert(x.last_activity_us == y.last_activity_us);
    ck_assert(slice_equal(x.user_id.text, y.user_id.text) && x.user_id.stamp == y.user_id.stamp);
    ck_assert(slice_equal(x.status.text, y.status.text) && x.status.stamp == y.status.stamp);
    ck_assert(slice_equal(x.metadata.text, y.metadata.text));
    ck_assert(a->hollow == b->hollow);
}

/* Merges as a driver does. */
static void merge(struct session_state *s, const struct record_session *r, bool changes)
{
    ck_assert(session_state_merge(s, r, 0) == changes);
    s->stored = true;
}

START_TEST(order_makes_no_difference)
{
    static const struct record_session *const all[] = {&created, &patched, &deleted, &again};
    struct session_state first = {0};

    for (int i = 0; i < 4; i++)
        merge(&first, all[i], true);
    ck_assert(session_state_live(&first, 0, 0));
    ck_assert_int_eq(first.request_count, 1);
    ck_assert(!first.status.at && !first.metadata.at);
    for (int order = 0; order < 4 * 4 * 4 * 4; order++) {
        int at[4] = {order & 3, order >> 2 & 3, order >> 4 & 3, order >> 6 & 3};
        struct session_state s = {0};

        if ((1 << at[0] | 1 << at[1] | 1 << at[2] | 1 << at[3]) != 15)
            continue;
        for (int i = 0; i < 4; i++) {
            s.stored |= session_state_merge(&s, all[at[i]], 0);
        }
        check_same(&s, &first);
        for (int i = 0; i < 4; i++)
            merge(&s, all[i], false);
    }
}
END_TEST

START_TEST(a_deletion_leaves_what_must_outlive_it)
{
    struct session_state s = {0}, left;

    merge(&s, &patched, true);
    left = session_state_tombstone(&s, 50);
    ck_assert(left.hollow && left.stored && left.user_changed);
    ck_assert(left.tomb == 50 && left.version == 2 && left.last_seq == 7);
    ck_assert(!session_state_known(&left, 0, 0) && !session_state_live(&left, 0, 0));
    ck_assert_int_eq(session_state_stamp(&left), 50);
    ck_assert(left.request_count == 0 && !left.user_id.at);
}
END_TEST

START_TEST(expiry_hides)
{
    struct session_state s = {0};

    merge(&s, &created, true);
    ck_assert(session_state_live(&s, 0, INT64_MAX));
    ck_assert(session_state_live(&s, 10, 14));
    ck_assert(!session_state_live(&s, 10, 15) && !session_state_known(&s, 10, 15));
    ck_assert(session_state_expired(&s, 10, 15));
}
END_TEST

START_TEST(versions_are_checked)
{
    struct session_state s = {.stored = true, .gen = 1, .version = 4};
    struct err err;

    ck_assert(session_state_check(&s, true, 4, &err) &&
              session_state_check(&s, true, IF_NONE, &err));
    ck_assert(session_state_check(&s, true, IF_EXISTS, &err));
    ck_assert(session_state_check(&s, false, IF_NONE, &err));
    ck_assert(!session_state_check(&s, true, 3, &err) && err.kind == ERR_PRECONDITION);
    ck_assert(!session_state_check(&s, false, 4, &err) && err.kind == ERR_PRECONDITION);
}
END_TEST

static struct op patch_op(struct arena *arena)
{
    return (struct op){.type = OP_SESSION_PATCH, .now_us = 100, .stamp = 60, .arena = arena};
}

START_TEST(a_patch_without_members_is_a_touch)
{
    struct session_state s = {.stored = true, .gen = 10, .version = 1, .active_us = 5};
    struct arena arena = {0};
    struct op op = patch_op(&arena);
    struct err err;
    bool touch;

    ck_assert(session_state_patch(&s, &op, &touch, &err) && touch);
    ck_assert(s.version == 1 && s.active_us == 100);
    op.session_patch.increment_requests = true;
    ck_assert(session_state_patch(&s, &op, &touch, &err) && !touch);
    ck_assert(s.version == 2 && s.request_count == 1 && s.updated_us == 100);
    op.session_patch.status = SLICE("done");
    op.stamp = 9;
    op.fence = true;
    ck_assert(!session_state_patch(&s, &op, &touch, &err) && err.kind == ERR_FENCED);
    ck_assert_int_eq(op.newest, 10);
    arena_done(&arena);
}
END_TEST

/* The store that sent the record may have collected it, and would never get it again. */
START_TEST(a_tombstone_that_may_be_collected_overrules_nothing)
{
    int64_t at_us = 1800000000000000, tomb = at_us << STAMP_NODE_BITS;
    struct session_state s = session_state_tombstone(&(struct session_state){.stored = true}, tomb);
    struct record_session alive = {.gen = tomb + 7, .user_id = {tomb + 7, SLICE("ann")}};

    ck_assert_int_eq(session_state_overrules(&s, &alive, at_us + SURELY_US - 1), tomb);
    ck_assert_int_eq(session_state_overrules(&s, &alive, at_us + SURELY_US), 0);
    s.status_stamp = tomb + 9;
    alive.status = (struct cell){tomb + 8, SLICE("done")};
    ck_assert_int_eq(session_state_overrules(&s, &alive, at_us + SURELY_US), tomb + 9);
}
END_TEST

/* A store that has collected a deletion, where the session began again, and one that remembers it become equal and
 * lose no count, whichever is merged into which first. */
START_TEST(a_tombstone_that_was_collected_is_forgotten)
{
    int64_t at_us = 1800000000000000, tomb = at_us << STAMP_NODE_BITS;
    int64_t now_us = at_us + SURELY_US - (_i & 1);
    const struct record_session knows[] = {
        {.tomb = tomb, .version = 2, .last_seq = at_us - 1, .last_context = 3, .created_us = 5},
        {.tomb = tomb, .gen = tomb + 9, .request_count = 3, .error_count = 1, .version = 4}};
    bool lost_it = (_i & 8) == 0; /* the other store has collected it; or has never heard of it */
    const struct record_session lost = {.gen = tomb + 7,
                                        .request_count = 2,
                                        .version = 1,
                                        .last_seq = at_us + 5,
                                        .created_us = at_us + lost_it};
    struct session_state a = {0}, b = {0};
    bool first = (_i & 2) != 0, lives = (_i & 4) != 0, kept = (_i & 1) == 0 && lost_it;
    struct record_session r;

    a.stored = session_state_merge(&a, &knows[lives], now_us);
    b.stored = session_state_merge(&b, &lost, now_us);
    for (int i = 0; i < 4; i++) {
        struct session_state *to = ((i & 1) == 0) == first ? &a : &b;

        r = session_state_record(to == &a ? &b : &a);
        to->stored |= session_state_merge(to, &r, now_us);
    }
    check_same(&a, &b);
    ck_assert(!a.hollow && session_state_live(&a, 0, 0));
    ck_assert_int_eq(a.tomb, kept ? 0 : tomb);
    ck_assert_int_eq(a.version, lives ? 4 : kept ? 1 : 2);
    ck_assert_int_eq(a.last_context, kept || lives ? 0 : 3);
    ck_assert_int_eq(a.created_us, at_us + lost_it);
    ck_assert_int_eq(a.request_count, !kept && !lives ? 0 : lives ? 3 : 2);
    ck_assert_int_eq(a.error_count, lives);
}
END_TEST

Suite *suite_session_state(void)
{
    Suite *suite = suite_create("session_state");
    TCase *tc = tcase_create("session_state");

    tcase_add_test(tc, order_makes_no_difference);
    tcase_add_test(tc, a_deletion_leaves_what_must_outlive_it);
    tcase_add_test(tc, expiry_hides);
    tcase_add_test(tc, a_tombstone_that_may_be_collected_overrules_nothing);
    tcase_add_loop_test(tc, a_tombstone_that_was_collected_is_forgotten, 0, 16);
    tcase_add_test(tc, versions_are_checked);
    tcase_add_test(tc, a_patch_without_members_is_a_touch);
    suite_add_tcase(suite, tc);
    return suite;
}

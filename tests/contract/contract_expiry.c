/* contract_expiry.c - sessions that expire. */
#include "support.h"

static struct store s;

/* A store in which sessions live for an hour. */
static void open_expiring(void)
{
    struct backend_config cfg = store_config();

    cfg.session_ttl_us = HOUR;
    store_open(&s, cfg, 0);
}

static void close_expiring(void)
{
    store_close(&s);
}

START_TEST(expired_is_absent)
{
    struct op patch, list, context;

    store_session(&s, "s1");
    store_message(&s, "s1", "m");
    store_context(&s, "s1", "1");
    s.now_us += HOUR - 1;
    ck_assert(store_has(&s, "s1"));
    ck_assert_int_eq(store_stats(&s).out.messages, 1);
    s.now_us++;
    ck_assert(!store_has(&s, "s1"));
    ck_assert_uint_eq(store_count(&s, "s1"), 0);
    ck_assert_int_eq(store_stats(&s).out.sessions, 0);
    ck_assert_int_eq(store_stats(&s).out.active_sessions, 0);
    ck_assert_int_eq(store_stats(&s).out.messages, 0);
    patch = store_op(&s, OP_SESSION_PATCH, "s1");
    store_fails(&s, &patch, ERR_NO_SESSION);
    context = store_op(&s, OP_CONTEXT_GET, "s1");
    store_fails(&s, &context, ERR_NO_SESSION);
    list = store_op(&s, OP_SESSION_LIST, NULL);
    list.session_list.limit = 10;
    store_ok(&s, &list);
    ck_assert_uint_eq(list.session_list.out.n, 0);
}
END_TEST

START_TEST(activity_slides_the_expiry)
{
    store_session(&s, "s1");
    for (int i = 0; i < 5; i++) {
        s.now_us += HOUR - 1;
        if (i % 2)
            store_message(&s, "s1", i > 1 ? "a" : "b");
        else
            store_context(&s, "s1", "{}");
        ck_assert(store_has(&s, "s1"));
    }
    ck_assert_uint_eq(store_count(&s, "s1"), 2);
}
END_TEST

START_TEST(writing_to_the_expired_starts_anew)
{
    struct session x;

    store_session(&s, "s1");
    store_message(&s, "s1", "m");
    store_context(&s, "s1", "1");
    store_context(&s, "s1", "2");
    store_message(&s, "c", "m");
    s.now_us += HOUR;
    x = store_session(&s, "s1");
    ck_assert_int_eq(x.version, 2);
    ck_assert_int_eq(x.created_us, s.now_us);
    ck_assert_uint_eq(store_count(&s, "s1"), 0);
    ck_assert_int_eq(store_context(&s, "s1", "3"), 3);
    ck_assert(store_message(&s, "c", "m").created);
    ck_assert_uint_eq(store_count(&s, "c"), 1);
    s.now_us += HOUR;
    ck_assert_int_eq(store_context(&s, "s1", "4"), 4);
    ck_assert(!store_has(&s, "s1"));
}
END_TEST

START_TEST(cleanup_removes_the_expired)
{
    struct op_cleanup c;

    for (int i = 0; i < 5; i++)
        store_session(&s, arena_printf(&s.arena, "s%d", i).at);
    store_message(&s, "anchor", "m");
    s.now_us += HOUR / 2;
    store_session(&s, "late");
    s.now_us += HOUR / 2;
    c = store_clean(&s, 0, 4);
    ck_assert(c.out.more);
    ck_assert_int_eq(c.out.removed + store_clean(&s, 0, 4).out.removed, 5);
    ck_assert_int_eq(store_clean(&s, 0, 4).out.removed, 0);
    ck_assert(store_has(&s, "late"));
}
END_TEST

TCase *contract_expiry_case(void)
{
    TCase *tc = tcase_create("expiry");

    tcase_add_checked_fixture(tc, open_expiring, close_expiring);
    tcase_add_test(tc, expired_is_absent);
    tcase_add_test(tc, activity_slides_the_expiry);
    tcase_add_test(tc, writing_to_the_expired_starts_anew);
    tcase_add_test(tc, cleanup_removes_the_expired);
    return tc;
}

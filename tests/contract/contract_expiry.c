/* contract_expiry.c - sessions that expire. */
#include "clock.h"
#include "support.h"

static struct store s;

/* Opens a store in which sessions live for an hour. */
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

static void fill(const char *id, int messages, int contexts)
{
    for (int i = 0; i < messages; i++)
        store_message(&s, id, arena_printf(&s.arena, "m%d", i).at);
    for (int i = 0; i < contexts; i++)
        store_context(&s, id, "{}");
}

/* Puts all that a clean-up may meet; five sessions of the tenant go. */
static void fill_tenant(const char *tenant)
{
    struct op op;

    s.tenant = slice_of(tenant);
    for (const char *const *id =
             (const char *const[]){"bare", "talk", "much", "both", "dead", "newer", NULL};
         *id; id++)
        store_session(&s, *id);
    fill("talk", 3, 0);
    fill("much", 60, 1);
    fill("both", 1, 2);
    fill("loose", 2, 0);
    fill("loose and much", 60, 0);
    op = store_op(&s, OP_SESSION_DELETE, "dead");
    store_ok(&s, &op);
}

static struct record *find_record(struct record *records, size_t n, const char *id)
{
    for (size_t i = 0; i < n; i++)
        if (slice_equal(records[i].key.id, slice_of(id)))
            return &records[i];
    return NULL;
}

/* The sessions have gone, and left tombstones above all that they were; a new session goes on from there. */
static void check_tenant(const char *tenant, const struct record *before, size_t n_before)
{
    struct record *after;
    size_t n;

    s.tenant = slice_of(tenant);
    (void)store_records(&s, RECORD_MESSAGE, 100, &n);
    ck_assert_uint_eq(n, 0);
    (void)store_records(&s, RECORD_CONTEXT, 100, &n);
    ck_assert_uint_eq(n, 0);
    after = store_records(&s, RECORD_SESSION, 100, &n);
    ck_assert_uint_eq(n, n_before + 1);
    for (size_t i = 0; i < n_before; i++) {
        const struct record_session *was = &before[i].session;
        const struct record *is = find_record(after, n, before[i].key.id.at);

        ck_assert_ptr_nonnull(is);
        ck_assert_int_eq(is->session.gen, 0);
        ck_assert_int_gt(is->session.tomb, was->gen);
        ck_assert_int_gt(is->session.tomb, was->metadata.stamp);
        ck_assert_int_ge(is->session.tomb, was->tomb);
        ck_assert_int_eq(is->session.last_seq, was->last_seq);
        ck_assert_int_eq(is->session.last_context, was->last_context);
        ck_assert_int_eq(is->session.version, was->version);
        ck_assert(!slice_present(is->session.user_id.text));
    }
    ck_assert(store_has(&s, "late"));
    ck_assert_int_eq(store_context(&s, "both", "{}"), 3);
    ck_assert_int_eq(store_session(&s, "much").version, 2);
    ck_assert_uint_eq(store_count(&s, "much"), 0);
}

START_TEST(cleanup_of_all_that_there_is)
{
    static const char *const tenants[] = {"default", "other", "third"};
    struct record *before[3];
    size_t n[3];
    struct op op;

    for (int i = 0; i < 3; i++)
        fill_tenant(tenants[i]);
    op = store_op(&s, OP_CLEANUP, NULL);
    for (int i = 0; i < 3; i++) {
        s.tenant = slice_of(tenants[i]);
        store_session(&s, "newer"); /* newer than the clean-up */
        before[i] = store_records(&s, RECORD_SESSION, 100, &n[i]);
    }
    s.now_us += HOUR + SECOND;
    for (int i = 0; i < 3; i++) {
        s.tenant = slice_of(tenants[i]);
        store_session(&s, "late");
    }
    op.now_us = s.now_us;
    op.cleanup.expired = true;
    op.cleanup.limit = 100;
    store_ok(&s, &op);
    ck_assert_int_eq(op.cleanup.out.removed, 15);
    ck_assert(!op.cleanup.out.more);
    for (int i = 0; i < 3; i++)
        check_tenant(tenants[i], before[i], n[i]);
}
END_TEST

/* A store may refuse one session after others have gone: those have the first stamp of the op, that one
 * the stamp of its repeat. */
static void check_tomb(int64_t tomb, int64_t first, const struct op *op)
{
    ck_assert_int_ge(tomb, first);
    ck_assert_int_le(tomb, op->stamp);
}

START_TEST(idle_ones_go_with_their_threads)
{
    struct record *sessions, *threads;
    struct op op, newer;
    int64_t first;
    size_t n;

    fill_tenant("other");
    fill_tenant("default");
    newer = store_op(&s, OP_THREAD_DELETE, "bare"); /* a tombstone is kept even of a thread that
                                                       held nothing */
    store_ok(&s, &newer);
    op = store_op(&s, OP_CLEANUP, NULL);
    first = op.stamp;
    newer = store_op(&s, OP_THREAD_DELETE, "talk");
    store_ok(&s, &newer);
    store_session(&s, "newer");
    s.now_us += MINUTE;
    store_session(&s, "late");
    op.cleanup.idle_us = s.now_us - SECOND;
    op.cleanup.limit = 100;
    store_ok(&s, &op);
    ck_assert_int_eq(op.cleanup.out.removed, 5);
    threads = store_records(&s, RECORD_THREAD, 100, &n);
    ck_assert_uint_eq(n, 5);
    ck_assert_ptr_null(find_record(threads, n, "loose"));
    ck_assert_ptr_null(find_record(threads, n, "late"));
    check_tomb(find_record(threads, n, "bare")->thread.tomb, first, &op);
    check_tomb(find_record(threads, n, "both")->thread.tomb, first, &op);
    ck_assert_int_ge(find_record(threads, n, "talk")->thread.tomb, newer.stamp);
    ck_assert_int_gt(find_record(threads, n, "newer")->thread.tomb, newer.stamp);
    sessions = store_records(&s, RECORD_SESSION, 100, &n);
    check_tomb(find_record(sessions, n, "much")->session.tomb, first, &op);
    ck_assert_int_gt(find_record(sessions, n, "newer")->session.tomb, newer.stamp);
    ck_assert(store_has(&s, "late"));
    s.tenant = SLICE("other");
    ck_assert(store_has(&s, "much"));
    ck_assert_uint_eq(store_count(&s, "much"), 60);
}
END_TEST

/* Clean-ups run beside other ops, all of which wait for the server. */
START_TEST(clean_ups_of_a_batch)
{
    static const char *const tenants[] = {"default", "other", "third"};
    enum { CLEAN_UPS = 3, GETS = 40, ALL = CLEAN_UPS + GETS };
    struct op all[ALL], *ops[ALL];
    struct err err;

    for (int i = 0; i < CLEAN_UPS; i++)
        fill_tenant(tenants[i]);
    s.now_us += MINUTE;
    for (int i = 0; i < CLEAN_UPS; i++) {
        s.tenant = slice_of(tenants[i]);
        store_session(&s, "late");
        all[i] = store_op(&s, OP_CLEANUP, NULL);
        all[i].cleanup.idle_us = s.now_us - SECOND;
        all[i].cleanup.limit = 100;
    }
    for (int i = CLEAN_UPS; i < ALL; i++)
        all[i] = store_op(&s, OP_SESSION_GET, "late");
    for (int i = 0; i < ALL; i++)
        ops[i] = &all[(i + GETS / 2) % ALL];
    ck_assert(backend_execute(s.backend, ops, ALL, &err));
    for (int i = 0; i < ALL; i++)
        ck_assert_msg(all[i].status.kind == ERR_OK, "%d: %s", i, all[i].status.text);
    for (int i = 0; i < CLEAN_UPS; i++) {
        s.tenant = slice_of(tenants[i]);
        ck_assert_int_eq(all[i].cleanup.out.removed, 5);
        ck_assert_int_eq(store_stats(&s).out.sessions, 1);
        ck_assert_int_eq(store_stats(&s).out.messages, 0);
    }
}
END_TEST

/* Whichever op comes first, a message of now stays. */
START_TEST(what_comes_meanwhile_stays)
{
    enum { SESSIONS = 30, APPENDS = SESSIONS / 3, ALL = 1 + APPENDS };
    struct message messages[APPENDS];
    struct op all[ALL], *ops[ALL];
    struct err err;
    int64_t stay = 0;

    for (int i = 0; i < SESSIONS; i++) {
        store_session(&s, arena_printf(&s.arena, "s%02d", i).at);
        fill(arena_printf(&s.arena, "s%02d", i).at, 2, 1);
    }
    s.now_us += MINUTE;
    all[0] = store_op(&s, OP_CLEANUP, NULL);
    all[0].cleanup.idle_us = s.now_us - SECOND;
    all[0].cleanup.limit = 100;
    for (int i = 0; i < APPENDS; i++) {
        messages[i] = (struct message){
            .id = SLICE("new"), .role = SLICE("user"), .content = SLICE("1")};
        all[1 + i] = store_op(&s, OP_MESSAGE_APPEND, arena_printf(&s.arena, "s%02d", 3 * i).at);
        all[1 + i].message_append.messages = &messages[i];
        all[1 + i].message_append.n = 1;
    }
    for (int i = 0; i < ALL; i++)
        ops[i] = &all[i];
    ck_assert(backend_execute(s.backend, ops, ALL, &err));
    for (int i = 0; i < APPENDS; i++) {
        const char *id = arena_printf(&s.arena, "s%02d", 3 * i).at;
        bool there = store_has(&s, id);

        ck_assert_int_eq(all[1 + i].status.kind, ERR_OK);
        ck_assert_uint_eq(store_count(&s, id), there ? 3 : 1);
        stay += there;
    }
    if (all[0].status.kind == ERR_IN_DOUBT)
        return; /* a pair may answer so for changes that cross */
    ck_assert_msg(all[0].status.kind == ERR_OK, "%s", all[0].status.text);
    ck_assert_int_eq(all[0].cleanup.out.removed, SESSIONS - stay);
    ck_assert_int_eq(store_stats(&s).out.sessions, stay);
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
    tcase_add_test(tc, cleanup_of_all_that_there_is);
    tcase_add_test(tc, idle_ones_go_with_their_threads);
    tcase_add_test(tc, clean_ups_of_a_batch);
    tcase_add_test(tc, what_comes_meanwhile_stays);
    return tc;
}

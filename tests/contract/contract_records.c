/* contract_records.c - clean-up, totals; records of sessions, messages and contexts. */
#include "record_fields.h"
#include "support.h"

static struct store s, other;

static void open_store(void)
{
    store_open(&s, store_config(), 0);
    store_open(&other, store_config(), 1);
}

static void close_store(void)
{
    store_close(&s);
    store_close(&other);
}

/* Makes a thread that has nothing but the writes of one task. */
static void put_writes(const char *thread)
{
    struct op op = store_op(&s, OP_WRITES_PUT, thread);
    struct write w = {.task_id = SLICE("t"), .task_path = SLICE(""), .channel = SLICE("c")};

    w.blob.bytes = SLICE("1");
    w.blob.type = SLICE("");
    op.writes_put.ns = SLICE("");
    op.writes_put.checkpoint_id = SLICE("c1");
    op.writes_put.task_id = SLICE("t");
    op.writes_put.task_path = SLICE("");
    op.writes_put.form = FORM_DOCUMENT;
    op.writes_put.mode = WRITES_REPLACE;
    op.writes_put.writes = &w;
    op.writes_put.n = 1;
    store_ok(&s, &op);
}

static size_t count_writes(const char *thread)
{
    struct op op = store_op(&s, OP_WRITES_GET, thread);

    op.writes_get.ns = SLICE("");
    op.writes_get.checkpoint_id = SLICE("c1");
    store_ok(&s, &op);
    return op.writes_get.out.n;
}

START_TEST(threads_go_with_their_session)
{
    struct op op;

    store_session(&s, "a");
    put_writes("a");
    put_writes("free"); /* without a session it does not count as idle */
    op = store_op(&s, OP_SESSION_DELETE, "a");
    store_ok(&s, &op);
    ck_assert_uint_eq(count_writes("a"), 1);
    op.session_delete.threads = true;
    op.stamp += 1000 * SECOND;
    store_ok(&s, &op);
    ck_assert_uint_eq(count_writes("a"), 0);
    store_session(&s, "b");
    put_writes("b");
    ck_assert_int_eq(store_clean(&s, s.now_us, 10).out.removed, 1);
    ck_assert_uint_eq(count_writes("b"), 0);
    ck_assert_uint_eq(count_writes("free"), 1);
}
END_TEST

/* Tombstones and keys are kept for the repeat window and an hour more. */
START_TEST(cleanup_forgets_old_deletions)
{
    struct op op;
    size_t n;

    for (int i = 0; i < 9; i++) {
        const char *id = arena_printf(&s.arena, "s%d", i).at;

        op = store_op(&s, OP_SESSION_PUT, id);
        op.session_put.user_id = SLICE("u");
        op.repeat.present = true;
        op.repeat.op_id[0] = (uint8_t)i;
        store_ok(&s, &op);
        op = store_op(&s, OP_SESSION_DELETE, id);
        store_ok(&s, &op);
    }
    s.now_us += HOUR;
    ck_assert(!store_clean(&s, 0, 4).out.more);
    store_records(&s, RECORD_SESSION, 10, &n);
    ck_assert_uint_eq(n, 9);
    s.now_us += HOUR;
    ck_assert(store_clean(&s, 0, 4).out.more);
    ck_assert(store_clean(&s, 0, 4).out.more);
    ck_assert(!store_clean(&s, 0, 4).out.more);
    store_records(&s, RECORD_SESSION, 10, &n);
    ck_assert_uint_eq(n, 0);
    store_session(&s, "s1");
}
END_TEST

START_TEST(cleanup_removes_the_idle)
{
    struct op_cleanup c;
    int64_t early;

    store_session(&s, "a");
    store_message(&s, "a", "m");
    store_session(&s, "a:x");
    store_message(&s, "anchor", "m");
    early = s.now_us;
    s.now_us += HOUR;
    store_session(&s, "b");
    store_message(&s, "a:x", "m");
    c = store_clean(&s, early, 100);
    ck_assert_int_eq(c.out.removed, 1);
    ck_assert(!c.out.more);
    ck_assert(!store_has(&s, "a") && store_has(&s, "a:x") && store_has(&s, "b"));
    ck_assert_uint_eq(store_count(&s, "a"), 0);
    ck_assert_uint_eq(store_count(&s, "anchor"), 0);
    ck_assert_uint_eq(store_count(&s, "a:x"), 1);
    c = store_clean(&s, s.now_us, 1);
    ck_assert(c.out.more);
    ck_assert_int_eq(c.out.removed, 1);
    c = store_clean(&s, s.now_us, 1);
    ck_assert(!c.out.more);
    ck_assert_int_eq(c.out.removed, 1);
    ck_assert_int_eq(store_clean(&s, s.now_us, 1).out.removed, 0);
}
END_TEST

START_TEST(cleanup_knows_tenants)
{
    store_session(&s, "a");
    s.tenant = SLICE("two");
    ck_assert_int_eq(store_clean(&s, s.now_us, 10).out.removed, 0);
    store_session(&s, "a");
    ck_assert_int_eq(store_clean(&s, s.now_us, 10).out.removed, 1);
    s.tenant = SLICE("default");
    ck_assert(store_has(&s, "a"));
}
END_TEST

START_TEST(totals_are_exact)
{
    struct op op;

    store_session(&s, "a");
    store_session(&s, "b");
    store_message(&s, "a", "1");
    store_message(&s, "a", "2");
    store_message(&s, "anchor", "1");
    op = store_op(&s, OP_SESSION_PATCH, "b");
    op.session_patch.status = SLICE("completed");
    store_ok(&s, &op);
    ck_assert_int_eq(store_stats(&s).out.sessions, 2);
    ck_assert_int_eq(store_stats(&s).out.active_sessions, 1);
    ck_assert_int_eq(store_stats(&s).out.messages, 3);
    ck_assert_int_eq(store_stats(&s).out.checkpoints, 0);
    op = store_op(&s, OP_SESSION_DELETE, "a");
    store_ok(&s, &op);
    ck_assert_int_eq(store_stats(&s).out.sessions, 1);
    ck_assert_int_eq(store_stats(&s).out.messages, 1);
    s.tenant = SLICE("other");
    ck_assert_int_eq(store_stats(&s).out.sessions, 0);
}
END_TEST

static void check_equal(const struct record *a, const struct record *b)
{
    const char *differs;

    ck_assert_int_eq(a->kind, b->kind);
    ck_assert_int_eq(record_key_compare(&a->key, &b->key), 0);
    differs = record_difference(a, b);
    ck_assert_msg(!differs, "the %s of %.*s differs in %s", record_kind_name(a->kind),
                  SLICE_ARGS(a->key.id), differs);
}

static void check_same(struct store *a, struct store *b)
{
    for (int kind = RECORD_SESSION; kind <= RECORD_CONTEXT; kind++) {
        size_t n, m;
        struct record *left = store_records(a, (enum record_kind)kind, 2, &n);
        struct record *right = store_records(b, (enum record_kind)kind, 100, &m);

        ck_assert_uint_eq(n, m);
        for (size_t i = 0; i < n; i++)
            check_equal(&left[i], &right[i]);
    }
}

static size_t copy(struct store *from, struct store *to)
{
    size_t applied = 0;

    for (int kind = RECORD_SESSION; kind <= RECORD_CONTEXT; kind++) {
        size_t n;
        struct record *records = store_records(from, (enum record_kind)kind, 3, &n);

        applied += store_merge(to, records, n);
    }
    return applied;
}

/* Sessions in every state: alive, patched, deleted, made again, without a session. */
static void fill(struct store *to)
{
    struct op op;

    for (int i = 0; i < 7; i++) {
        const char *id = arena_printf(&to->arena, "s%d", i).at;

        to->now_us += SECOND;
        store_session(to, id);
        store_message(to, id, "m1");
        store_message(to, id, "m2");
        for (int k = 0; k < i; k++)
            store_context(to, id, "{\"k\": 1e400}");
    }
    op = store_op(to, OP_SESSION_PATCH, "s1");
    op.session_patch.status = SLICE("done");
    op.session_patch.metadata_merge = SLICE("{\"x\":1}");
    op.session_patch.increment_requests = true;
    op.session_patch.add_processing_time = 1.5;
    store_ok(to, &op);
    op = store_op(to, OP_SESSION_DELETE, "s2");
    store_ok(to, &op);
    op = store_op(to, OP_SESSION_DELETE, "s3");
    store_ok(to, &op);
    store_session(to, "s3");
    op = store_op(to, OP_SESSION_DELETE, "s4");
    store_ok(to, &op);
    store_message(to, "s4", "m3");
    store_message(to, "anchor", "m1");
}

START_TEST(records_make_an_equal_store)
{
    size_t n;

    fill(&s);
    ck_assert_uint_gt(copy(&s, &other), 0);
    check_same(&s, &other);
    ck_assert_uint_eq(copy(&s, &other), 0);
    ck_assert_uint_eq(copy(&other, &s), 0);
    check_same(&s, &other);
    ck_assert(store_has(&other, "s1") && !store_has(&other, "s2") && store_has(&other, "s3"));
    store_records(&s, RECORD_SESSION, 100, &n);
    ck_assert_uint_eq(n, 8);
}
END_TEST

START_TEST(merging_in_any_order_gives_the_same)
{
    static const enum record_kind up[] = {RECORD_SESSION, RECORD_MESSAGE, RECORD_CONTEXT};
    struct op op;

    fill(&s);
    copy(&s, &other);
    other.now_us = s.now_us + SECOND; /* from here on both go on by themselves */
    op = store_op(&other, OP_SESSION_DELETE, "s5");
    store_ok(&other, &op);
    store_message(&s, "s5", "late");
    store_context(&s, "s6", "1");
    store_context(&other, "s6", "2");
    op = store_op(&s, OP_SESSION_DELETE, "s1");
    store_ok(&s, &op);
    store_session(&other, "s1");
    store_message(&s, "s0", "x");
    store_message(&other, "s0", "x");
    for (int round = 0; round < 2; round++)
        for (size_t k = 0; k < COUNT_OF(up); k++) {
            size_t n;
            struct record *records = store_records(&s, up[k], 100, &n);

            for (size_t i = n; i-- > 0;)
                store_merge(&other, &records[i], 1);
        }
    copy(&other, &s);
    check_same(&s, &other);
    ck_assert(store_has(&s, "s1") && store_has(&other, "s1"));
    ck_assert(!store_has(&s, "s5"));
    ck_assert_uint_eq(copy(&s, &other), 0);
}
END_TEST

/* It does not matter which store knew the higher version. */
START_TEST(versions_survive_deletions_elsewhere)
{
    struct op op;

    store_session(&s, "s1");
    store_context(&s, "s1", "1");
    copy(&s, &other);
    store_session(&s, "s1");
    store_session(&s, "s1");
    store_context(&s, "s1", "2");
    other.now_us = s.now_us + SECOND;
    op = store_op(&other, OP_SESSION_DELETE, "s1");
    store_ok(&other, &op);
    copy(&other, &s);
    copy(&s, &other);
    check_same(&s, &other);
    ck_assert_int_eq(store_session(&other, "s1").version, 4);
    ck_assert_int_eq(store_context(&other, "s1", "3"), 3);
}
END_TEST

/* One store has collected the deletion of a session that then begins again; the other one remembers it, and may hold
 * a newer context. */
START_TEST(a_deletion_that_was_collected_is_forgotten)
{
    struct op op;
    size_t n;

    store_session(&s, "s1");
    store_context(&s, "s1", "1");
    op = store_op(&s, OP_SESSION_DELETE, "s1");
    store_ok(&s, &op);
    copy(&s, &other);
    s.now_us += 2 * HOUR;
    other.now_us = s.now_us;
    ck_assert(!store_clean(&s, 0, 10).out.more);
    if (_i == 1)
        store_context(&s, "s1", "2");
    copy(&s, &other);
    store_session(&s, "s1");
    op = store_op(&s, OP_SESSION_PATCH, "s1");
    op.session_patch.increment_requests = true;
    store_ok(&s, &op);
    copy(&s, &other);
    check_same(&s, &other);
    ck_assert_int_eq(store_get(&other, "s1").request_count, 1);
    ck_assert_int_eq(store_stats(&other).out.sessions, 1);
    op = store_op(&other, OP_SESSION_DELETE, "s1");
    store_ok(&other, &op);
    other.now_us += 2 * HOUR;
    ck_assert(!store_clean(&other, 0, 10).out.more);
    store_records(&other, RECORD_SESSION, 10, &n);
    ck_assert_uint_eq(n, 0);
}
END_TEST

/* The store where the session was created since has never heard of the deletion. */
START_TEST(what_an_old_deletion_covers_goes)
{
    struct op op;

    store_context(&s, "s1", "1");
    copy(&s, &other);
    op = store_op(&other, OP_SESSION_DELETE, "s1");
    store_ok(&other, &op);
    s.now_us += 2 * HOUR;
    other.now_us = s.now_us;
    store_session(&s, "s1");
    copy(&other, &s);
    copy(&s, &other);
    check_same(&s, &other);
    op = store_op(&s, OP_CONTEXT_LIST, "s1");
    op.context_list.limit = 10;
    store_ok(&s, &op);
    ck_assert_uint_eq(op.context_list.out.n, 0);
    ck_assert(store_has(&other, "s1"));
}
END_TEST

/* Two stores gave the number 1 to a context: the one with the later stamp is read as 2. */
START_TEST(twin_contexts_are_renumbered)
{
    struct op op;

    store_session(&s, "s1");
    copy(&s, &other);
    store_context(&s, "s1", "\"old\"");
    store_context(&other, "s1", "\"new\"");
    copy(&other, &s);
    op = store_op(&s, OP_CONTEXT_LIST, "s1");
    op.context_list.limit = 10;
    store_ok(&s, &op);
    ck_assert_uint_eq(op.context_list.out.n, 2);
    ck_assert_int_eq(op.context_list.out.items[0].version, 2);
    op = store_op(&s, OP_CONTEXT_GET, "s1");
    store_ok(&s, &op);
    ck_assert_slice(op.context_get.out.context.body, "\"new\"");
    op.context_get.version = 1;
    store_ok(&s, &op);
    ck_assert_slice(op.context_get.out.context.body, "\"old\"");
    ck_assert_int_eq(store_context(&s, "s1", "3"), 3);
}
END_TEST

/* Two stores numbered one context differently: the higher number stays, whatever comes first. */
START_TEST(a_context_has_one_number)
{
    struct record *first, higher;
    struct op op;
    size_t n;

    store_session(&s, "s1");
    store_context(&s, "s1", "\"it\"");
    first = store_records(&s, RECORD_CONTEXT, 1, &n);
    ck_assert_uint_eq(n, 1);
    higher = first[0];
    higher.key.number = 4;
    ck_assert_uint_eq(store_merge(&other, &higher, 1), 1);
    ck_assert_uint_eq(store_merge(&other, first, 1), 0);
    ck_assert_uint_eq(store_merge(&s, &higher, 1), 1);
    ck_assert_uint_eq(store_merge(&s, &higher, 1), 0);
    ck_assert_uint_eq(copy(&s, &other), 1); /* the session */
    check_same(&s, &other);
    op = store_op(&s, OP_CONTEXT_LIST, "s1");
    op.context_list.limit = 10;
    store_ok(&s, &op);
    ck_assert_uint_eq(op.context_list.out.n, 1);
    op = store_op(&s, OP_CONTEXT_GET, "s1");
    store_ok(&s, &op);
    ck_assert_int_eq(op.context_get.out.context.version, 4);
    ck_assert_slice(op.context_get.out.context.body, "\"it\"");
    ck_assert_int_eq(store_context(&s, "s1", "\"next\""), 5);
}
END_TEST

/* The deletion was made elsewhere, before, and came later. */
START_TEST(a_status_that_is_newer_than_a_deletion_outlives_it)
{
    struct op put, del, patch;

    store_session(&s, "s1");
    copy(&s, &other);
    del = store_op(&other, OP_SESSION_DELETE, "s1");
    store_ok(&other, &del);
    patch = store_op(&s, OP_SESSION_PATCH, "s1");
    patch.session_patch.status = SLICE("done");
    store_ok(&s, &patch);
    copy(&other, &s);
    ck_assert(!store_has(&s, "s1"));
    put = store_op(&s, OP_SESSION_PUT, "s1");
    put.session_put.user_id = SLICE("u");
    put.session_put.metadata = SLICE("{}");
    store_ok(&s, &put);
    ck_assert(put.session_put.out.created);
    ck_assert_slice(store_get(&s, "s1").status, "done");
    copy(&s, &other);
    check_same(&s, &other);
    del = store_op(&s, OP_SESSION_DELETE, "s1");
    store_ok(&s, &del);
    store_session(&s, "s1");
    ck_assert_slice(store_get(&s, "s1").status, "active");
}
END_TEST

START_TEST(the_dead_stay_dead)
{
    struct record late = {
        .kind = RECORD_MESSAGE,
        .key = {.id = SLICE("s1"), .sub = SLICE("m")},
        .message = {.stamp = 1000, .seq = 5, .role = SLICE("r"), .content = SLICE("1")},
    };
    struct op op;

    store_session(&s, "s1");
    op = store_op(&s, OP_SESSION_DELETE, "s1");
    store_ok(&s, &op);
    ck_assert_uint_eq(store_merge(&s, &late, 1), 1); /* its seq is not given again */
    ck_assert_uint_eq(store_merge(&s, &late, 1), 0);
    ck_assert_uint_eq(store_count(&s, "s1"), 0);
    late.message.stamp = INT64_MAX / 4;
    ck_assert_uint_eq(store_merge(&s, &late, 1), 1);
    ck_assert_uint_eq(store_merge(&s, &late, 1), 0);
    ck_assert_uint_eq(store_count(&s, "s1"), 1);
    late.message.seq = 4;
    ck_assert_uint_eq(store_merge(&s, &late, 1), 0);
    late.message.seq = 6;
    late.message.content = SLICE("2");
    ck_assert_uint_eq(store_merge(&s, &late, 1), 1);
    ck_assert_uint_eq(store_count(&s, "s1"), 1);
}
END_TEST

/* A dead message and a dead context leave the same row, whether they come before or after the deletion. */
START_TEST(the_dead_come_early_or_late)
{
    struct record records[] = {
        {.kind = RECORD_SESSION,
         .key = {.id = SLICE("s1")},
         .session = {.tomb = 1000, .last_seq = 5, .last_activity_us = 5}},
        {.kind = RECORD_MESSAGE,
         .key = {.id = SLICE("s1"), .sub = SLICE("m")},
         .message = {.stamp = 900, .seq = 7, .role = SLICE("r"), .content = SLICE("1")}},
        {.kind = RECORD_CONTEXT,
         .key = {.id = SLICE("s1"), .number = 3, .stamp = 901},
         .context = {.updated_us = 8, .body = SLICE("{}")}},
    };
    struct store late;

    store_open(&late, store_config(), 2);
    store_merge(&late, &records[1], 2);
    store_merge(&late, &records[0], 1);
    ck_assert_uint_eq(store_merge(&s, records, 3), 3);
    ck_assert_uint_eq(store_merge(&s, records, 3), 0);
    check_same(&s, &late);
    ck_assert_uint_eq(store_count(&s, "s1"), 0);
    store_close(&late);
}
END_TEST

START_TEST(tenants_come_in_order)
{
    static const char *const names[] = {"b", "a", "c", "default"};
    struct op op;

    op = store_op(&s, OP_TENANT_LIST, NULL);
    op.tenant_list.limit = 1;
    store_ok(&s, &op);
    ck_assert_uint_eq(op.tenant_list.out.n, 0);
    ck_assert(!op.tenant_list.out.more);
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        s.tenant = slice_of(names[i]);
        store_session(&s, "s");
    }
    op.tenant_list.limit = 2;
    store_ok(&s, &op);
    ck_assert_uint_eq(op.tenant_list.out.n, 2);
    ck_assert(op.tenant_list.out.more);
    ck_assert_slice(op.tenant_list.out.items[0], "a");
    ck_assert_slice(op.tenant_list.out.items[1], "b");
    op.tenant_list.after = SLICE("b");
    store_ok(&s, &op);
    ck_assert_uint_eq(op.tenant_list.out.n, 2);
    ck_assert(!op.tenant_list.out.more);
    ck_assert_slice(op.tenant_list.out.items[1], "default");
}
END_TEST

static bool forget_tenant(void)
{
    struct op op = store_op(&s, OP_TENANT_FORGET, NULL);

    store_ok(&s, &op);
    return op.tenant_forget.out.removed;
}

/* A tenant of which only tombstones are left is forgotten, and may come again. */
START_TEST(tenants_are_forgotten)
{
    struct op op;
    size_t n;

    s.tenant = SLICE("scratch");
    ck_assert(forget_tenant());
    for (int round = 0; round < 2; round++) {
        store_session(&s, "a");
        store_message(&s, "a", "m");
        put_writes("t");
        ck_assert(!forget_tenant());
        ck_assert_uint_eq(store_count(&s, "a"), 1);
        op = store_op(&s, OP_SESSION_DELETE, "a");
        store_ok(&s, &op);
        ck_assert(!forget_tenant());
        ck_assert_uint_eq(count_writes("t"), 1);
        op = store_op(&s, OP_THREAD_DELETE, "t");
        store_ok(&s, &op);
        ck_assert(forget_tenant());
        store_records(&s, RECORD_SESSION, 10, &n);
        ck_assert_uint_eq(n, 0);
        store_records(&s, RECORD_THREAD, 10, &n);
        ck_assert_uint_eq(n, 0);
    }
    op = store_op(&s, OP_TENANT_LIST, NULL);
    op.tenant_list.limit = 10;
    store_ok(&s, &op);
    ck_assert_uint_eq(op.tenant_list.out.n, 0);
}
END_TEST

START_TEST(describes_itself)
{
    struct op op = store_op(&s, OP_DESCRIBE, NULL);

    store_ok(&s, &op);
    ck_assert_ptr_nonnull(memchr(op.describe.out.server.at, ' ', op.describe.out.server.len));
    ck_assert_ptr_nonnull(memchr(op.describe.out.server.at, '.', op.describe.out.server.len));
}
END_TEST

/* A page of large records ends before its limit. */
START_TEST(pages_have_a_budget)
{
    enum { LARGE = 6 * 1024 * 1024, MANY = 4 };
    struct op op = store_op(&s, OP_READ_RANGE, NULL);

    for (int i = 0; i < MANY; i++) {
        const char *id = arena_printf(&s.arena, "s%d", i).at;

        store_session(&s, id);
        store_context(&s, id, store_big(&s, LARGE));
    }
    op.read_range.kind = RECORD_CONTEXT;
    op.read_range.limit = 100;
    store_ok(&s, &op);
    ck_assert_uint_eq(op.read_range.out.n, PAGE_BYTES_MAX / LARGE + 1);
    ck_assert(op.read_range.out.more);
    store_records(&s, RECORD_CONTEXT, 100, &op.read_range.out.n);
    ck_assert_uint_eq(op.read_range.out.n, MANY);
}
END_TEST

TCase *contract_records_case(void)
{
    TCase *tc = tcase_create("records");

    tcase_add_checked_fixture(tc, open_store, close_store);
    tcase_add_test(tc, cleanup_removes_the_idle);
    tcase_add_test(tc, threads_go_with_their_session);
    tcase_add_test(tc, cleanup_forgets_old_deletions);
    tcase_add_test(tc, cleanup_knows_tenants);
    tcase_add_test(tc, totals_are_exact);
    tcase_add_test(tc, records_make_an_equal_store);
    tcase_add_test(tc, merging_in_any_order_gives_the_same);
    tcase_add_test(tc, versions_survive_deletions_elsewhere);
    tcase_add_loop_test(tc, a_deletion_that_was_collected_is_forgotten, 0, 2);
    tcase_add_test(tc, what_an_old_deletion_covers_goes);
    tcase_add_test(tc, twin_contexts_are_renumbered);
    tcase_add_test(tc, a_context_has_one_number);
    tcase_add_test(tc, a_status_that_is_newer_than_a_deletion_outlives_it);
    tcase_add_test(tc, the_dead_stay_dead);
    tcase_add_test(tc, the_dead_come_early_or_late);
    tcase_add_test(tc, tenants_come_in_order);
    tcase_add_test(tc, tenants_are_forgotten);
    tcase_add_test(tc, describes_itself);
    tcase_add_test(tc, pages_have_a_budget);
    return tc;
}

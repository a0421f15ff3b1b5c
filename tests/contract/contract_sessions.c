/* contract_sessions.c - sessions, expiry, idempotency. */
#include "support.h"

static struct store s;

static void open_store(void)
{
    store_open(&s, store_config(), 0);
}

static void close_store(void)
{
    store_close(&s);
}

static struct op put_op(const char *id, const char *user, const char *metadata)
{
    struct op op = store_op(&s, OP_SESSION_PUT, id);

    op.session_put.user_id = slice_of(user);
    op.session_put.metadata = slice_of(metadata);
    return op;
}

static struct op patch_op(const char *id)
{
    return store_op(&s, OP_SESSION_PATCH, id);
}

static struct session patch_ok(struct op op)
{
    store_ok(&s, &op);
    return op.session_patch.out.session;
}

/* Gives the op an Idempotency-Key. */
static void add_key(struct op *op, char key, char body)
{
    op->repeat.present = true;
    memset(op->repeat.op_id, key, sizeof(op->repeat.op_id));
    memset(op->repeat.body_hash, body, sizeof(op->repeat.body_hash));
}

START_TEST(create_gives_the_whole_record)
{
    struct op op = put_op("s1", "ann", "{\"a\": 1e400, \"b\":\"\\u0000\\ud83d\"}");
    struct session made, read;

    store_ok(&s, &op);
    made = op.session_put.out.session;
    ck_assert(op.session_put.out.created && !op.session_put.out.replayed);
    read = store_get(&s, "s1");
    for (int i = 0; i < 2; i++) {
        struct session *x = i ? &read : &made;

        ck_assert_slice(x->id, "s1");
        ck_assert_slice(x->user_id, "ann");
        ck_assert_slice(x->status, "active");
        ck_assert_slice(x->metadata, "{\"a\": 1e400, \"b\":\"\\u0000\\ud83d\"}");
        ck_assert_int_eq(x->request_count, 0);
        ck_assert_int_eq(x->error_count, 0);
        ck_assert_double_eq(x->total_processing_time, 0);
        ck_assert_int_eq(x->created_us, s.now_us);
        ck_assert_int_eq(x->updated_us, s.now_us);
        ck_assert_int_eq(x->last_activity_us, s.now_us);
        ck_assert_int_eq(x->version, 1);
    }
}
END_TEST

START_TEST(put_again_keeps_what_it_does_not_name)
{
    struct op patch, op = put_op("s1", "ann", "{\"a\":1}");
    int64_t created_us = s.now_us;
    struct session x;

    store_ok(&s, &op);
    patch = patch_op("s1");
    patch.session_patch.status = SLICE("waiting");
    patch.session_patch.increment_requests = true;
    store_ok(&s, &patch);
    s.now_us += SECOND;
    op = put_op("s1", "bob", "{}");
    store_ok(&s, &op);
    ck_assert(!op.session_put.out.created);
    x = store_get(&s, "s1");
    ck_assert_slice(x.user_id, "bob");
    ck_assert_slice(x.metadata, "{}");
    ck_assert_slice(x.status, "waiting");
    ck_assert_int_eq(x.request_count, 1);
    ck_assert_int_eq(x.created_us, created_us);
    ck_assert_int_eq(x.updated_us, s.now_us);
    ck_assert_int_eq(x.version, 3);
}
END_TEST

START_TEST(create_only_and_if_match)
{
    struct op op = put_op("s1", "ann", "{}");

    op.session_put.if_version = IF_EXISTS;
    store_fails(&s, &op, ERR_PRECONDITION);
    op.session_put.if_version = 1;
    store_fails(&s, &op, ERR_PRECONDITION);
    op.session_put.if_version = IF_NONE;
    op.session_put.create_only = true;
    store_ok(&s, &op);
    store_fails(&s, &op, ERR_EXISTS);
    op = put_op("s1", "bob", "{}");
    op.session_put.if_version = 2;
    store_fails(&s, &op, ERR_PRECONDITION);
    op.session_put.if_version = 1;
    store_ok(&s, &op);
    op.session_put.if_version = IF_EXISTS;
    store_ok(&s, &op);
    ck_assert_int_eq(store_get(&s, "s1").version, 3);
}
END_TEST

START_TEST(with_context_fills_a_missing_context)
{
    struct op get, op = put_op("s1", "ann", "{\"m\":1}");

    op.session_put.with_context = true;
    store_ok(&s, &op);
    op = put_op("s1", "ann", "{\"m\":2}");
    op.session_put.with_context = true;
    store_ok(&s, &op);
    get = store_op(&s, OP_CONTEXT_GET, "s1");
    store_ok(&s, &get);
    ck_assert_slice(get.context_get.out.context.body, "{\"m\":1}");
    ck_assert_int_eq(get.context_get.out.context.version, 1);
}
END_TEST

START_TEST(unknown_sessions_are_refused)
{
    struct op get = store_op(&s, OP_SESSION_GET, "none"), patch = patch_op("none");
    struct op del = store_op(&s, OP_SESSION_DELETE, "none");

    store_fails(&s, &get, ERR_NO_SESSION);
    store_fails(&s, &patch, ERR_NO_SESSION);
    store_ok(&s, &del);
    store_session(&s, "t");
    get = store_op(&s, OP_SESSION_GET, "t:x");
    store_fails(&s, &get, ERR_NO_SESSION);
    get = store_op(&s, OP_SESSION_GET, "t");
    get.tenant = SLICE("other");
    store_fails(&s, &get, ERR_NO_SESSION);
}
END_TEST

START_TEST(patch_changes_in_one_step)
{
    struct op op = patch_op("s1");
    struct session x;

    store_session(&s, "s1");
    s.now_us += SECOND;
    op = patch_op("s1");
    op.session_patch.user_id = SLICE("bob");
    op.session_patch.status = SLICE("done");
    op.session_patch.metadata = SLICE("{\"x\":1}");
    op.session_patch.increment_requests = true;
    op.session_patch.mark_error = true;
    op.session_patch.add_processing_time = 0.25;
    x = patch_ok(op);
    for (int i = 0; i < 2; i++) {
        ck_assert_slice(x.user_id, "bob");
        ck_assert_slice(x.status, "done");
        ck_assert_slice(x.metadata, "{\"x\":1}");
        ck_assert_int_eq(x.request_count, 1);
        ck_assert_int_eq(x.error_count, 1);
        ck_assert_double_eq(x.total_processing_time, 0.25);
        ck_assert_int_eq(x.version, 2);
        ck_assert_int_eq(x.updated_us, s.now_us);
        ck_assert_int_eq(x.created_us, s.now_us - SECOND);
        x = store_get(&s, "s1");
    }
}
END_TEST

START_TEST(empty_patch_moves_only_the_activity)
{
    struct session x, before = store_session(&s, "s1");

    s.now_us += 2 * HOUR;
    x = patch_ok(patch_op("s1"));
    ck_assert_int_eq(x.version, 1);
    ck_assert_int_eq(x.updated_us, before.updated_us);
    ck_assert_int_eq(x.last_activity_us, s.now_us);
    ck_assert_int_eq(store_get(&s, "s1").last_activity_us, s.now_us);
}
END_TEST

START_TEST(merge_keeps_raw_values)
{
    static const struct {
        const char *base, *patch, *result;
    } cases[] = {
        {"{}", "{}", "{}"},
        {"{ \"a\" : 1 }", "{}", "{ \"a\" : 1 }"},
        {"{}", "{\"a\":1e400}", "{\"a\":1e400}"},
        {"{\"a\":1, \"b\":{\"x\":1}}", "{\"b\":{\"y\":2},\"c\": 3}",
         "{\"a\":1,\"b\":{\"y\":2},\"c\":3}"},
        {"{\"b\":1,\"a\":2}", "{\"a\":null}", "{\"b\":1,\"a\":null}"},
        {"{\"a\":1,\"a\":2,\"b\":3}", "{\"c\":4}", "{\"a\":2,\"b\":3,\"c\":4}"},
        {"{\"a\":1}", "{\"\\u0061\":1180591620717411303424}", "{\"a\":1180591620717411303424}"},
        {"{\"\":1}", "{\"\":2}", "{\"\":2}"},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct op op = put_op("s1", "ann", cases[i].base);

        store_ok(&s, &op);
        op = patch_op("s1");
        op.session_patch.metadata_merge = slice_of(cases[i].patch);
        ck_assert_slice(patch_ok(op).metadata, cases[i].result);
        ck_assert_slice(store_get(&s, "s1").metadata, cases[i].result);
    }
}
END_TEST

START_TEST(merge_has_a_bound)
{
    struct op op = put_op("s1", "ann", "{\"a\":1}");

    store_ok(&s, &op);
    op = patch_op("s1");
    op.session_patch.metadata_merge = SLICE("{\"b\":2}");
    op.session_patch.increment_requests = true;
    op.session_patch.metadata_max = 12;
    store_fails(&s, &op, ERR_TOO_LARGE);
    ck_assert_slice(store_get(&s, "s1").metadata, "{\"a\":1}");
    ck_assert_int_eq(store_get(&s, "s1").request_count, 0);
    op.session_patch.metadata_max = 13;
    ck_assert_slice(patch_ok(op).metadata, "{\"a\":1,\"b\":2}");
}
END_TEST

START_TEST(patch_if_match)
{
    struct op op = patch_op("s1");

    store_session(&s, "s1");
    op.session_patch.mark_error = true;
    op.session_patch.if_version = 7;
    store_fails(&s, &op, ERR_PRECONDITION);
    op.session_patch.if_version = 1;
    store_ok(&s, &op);
    store_fails(&s, &op, ERR_PRECONDITION);
    op.session_patch.if_version = IF_EXISTS;
    store_ok(&s, &op);
    ck_assert_int_eq(store_get(&s, "s1").error_count, 2);
}
END_TEST

START_TEST(keys_make_requests_repeatable)
{
    struct op op = put_op("s1", "ann", "{}");

    op.session_put.create_only = true;
    add_key(&op, 'k', 'b');
    store_ok(&s, &op);
    ck_assert(!op.session_put.out.replayed);
    store_ok(&s, &op);
    ck_assert(op.session_put.out.replayed && !op.session_put.out.created);
    ck_assert_slice(op.session_put.out.session.user_id, "ann");
    add_key(&op, 'k', 'c');
    store_fails(&s, &op, ERR_KEY_REUSED);
    add_key(&op, 'l', 'b');
    store_fails(&s, &op, ERR_EXISTS);

    op = patch_op("s1");
    op.session_patch.increment_requests = true;
    op.session_patch.if_version = 1;
    add_key(&op, 'p', 'b');
    ck_assert_int_eq(patch_ok(op).request_count, 1);
    store_ok(&s, &op);
    ck_assert(op.session_patch.out.replayed);
    ck_assert_int_eq(op.session_patch.out.session.request_count, 1);
    ck_assert_int_eq(op.session_patch.out.session.version, 2);
    add_key(&op, 'p', 'c');
    store_fails(&s, &op, ERR_KEY_REUSED);
}
END_TEST

START_TEST(keys_are_forgotten_after_the_window)
{
    struct op op = patch_op("s1");

    store_session(&s, "s1");
    op.session_patch.increment_requests = true;
    add_key(&op, 'p', 'b');
    store_ok(&s, &op);
    op.now_us += REPEAT_WINDOW_US - 1;
    store_ok(&s, &op);
    ck_assert(op.session_patch.out.replayed);
    op.now_us++;
    store_ok(&s, &op);
    ck_assert(!op.session_patch.out.replayed);
    ck_assert_int_eq(store_get(&s, "s1").request_count, 2);
}
END_TEST

START_TEST(keys_outlive_their_session)
{
    struct op del, create = put_op("s1", "ann", "{}"), patch = patch_op("s1");

    add_key(&create, 'c', 'b');
    store_ok(&s, &create);
    add_key(&patch, 'p', 'b');
    patch.session_patch.increment_requests = true;
    store_ok(&s, &patch);
    del = store_op(&s, OP_SESSION_DELETE, "s1");
    store_ok(&s, &del);
    store_fails(&s, &patch, ERR_NO_SESSION);
    store_fails(&s, &create, ERR_NO_SESSION);
    ck_assert(!store_has(&s, "s1"));
    add_key(&create, 'c', 'x');
    store_fails(&s, &create, ERR_KEY_REUSED);

    store_session(&s, "s1");
    add_key(&create, 'c', 'b');
    store_ok(&s, &create);
    ck_assert(create.session_put.out.replayed && !create.session_put.out.created);
    store_ok(&s, &patch);
    ck_assert(patch.session_patch.out.replayed);
    ck_assert_int_eq(patch.session_patch.out.session.request_count, 0);

    store_ok(&s, &del);
    create.now_us += REPEAT_WINDOW_US;
    store_ok(&s, &create);
    ck_assert(create.session_put.out.created && !create.session_put.out.replayed);
}
END_TEST

START_TEST(delete_takes_everything)
{
    struct op del, list;

    store_session(&s, "s1");
    store_message(&s, "s1", "m");
    store_context(&s, "s1", "1");
    store_context(&s, "s1", "2");
    del = store_op(&s, OP_SESSION_DELETE, "s1");
    del.session_delete.if_version = 9;
    store_fails(&s, &del, ERR_PRECONDITION);
    del.session_delete.if_version = 1;
    store_ok(&s, &del);
    store_fails(&s, &del, ERR_PRECONDITION);
    ck_assert(!store_has(&s, "s1"));
    list = store_op(&s, OP_MESSAGE_LIST, "s1");
    list.message_list.limit = 10;
    store_ok(&s, &list);
    ck_assert_uint_eq(list.message_list.out.n, 0);
    store_session(&s, "s1");
    ck_assert_int_eq(store_get(&s, "s1").request_count, 0);
}
END_TEST

START_TEST(versions_go_on_after_a_deletion)
{
    struct op del, patch, put;

    store_session(&s, "s1");
    store_context(&s, "s1", "1");
    store_context(&s, "s1", "2");
    del = store_op(&s, OP_SESSION_DELETE, "s1");
    store_ok(&s, &del);
    store_ok(&s, &del);
    ck_assert_int_eq(store_session(&s, "s1").version, 2);
    ck_assert_int_eq(store_context(&s, "s1", "3"), 3);
    patch = patch_op("s1");
    patch.session_patch.mark_error = true;
    patch.session_patch.if_version = 1;
    store_fails(&s, &patch, ERR_PRECONDITION);
    put = store_op(&s, OP_CONTEXT_PUT, "s1");
    put.context_put.context = SLICE("4");
    put.context_put.if_version = 1;
    store_fails(&s, &put, ERR_PRECONDITION);

    store_clean(&s, s.now_us, 10);
    store_message(&s, "s1", "an anchor between");
    ck_assert_int_eq(store_session(&s, "s1").version, 3);
    ck_assert_int_eq(store_context(&s, "s1", "4"), 4);
}
END_TEST

START_TEST(list_is_by_activity)
{
    struct op op;
    const char *order[] = {"c", "d", "b", "a"};

    store_session(&s, "a");
    s.now_us += SECOND;
    store_session(&s, "b");
    s.now_us += MINUTE;
    store_session(&s, "d");
    s.now_us += SECOND;
    store_session(&s, "c");
    op = store_op(&s, OP_SESSION_LIST, NULL);
    op.session_list.limit = 3;
    store_ok(&s, &op);
    ck_assert_uint_eq(op.session_list.out.n, 3);
    ck_assert(op.session_list.out.more);
    for (int i = 0; i < 3; i++)
        ck_assert_slice(op.session_list.out.items[i].id, order[i]);
    op.session_list.after = (struct session_pos){op.session_list.out.items[2].last_activity_us,
                                                 op.session_list.out.items[2].id};
    store_ok(&s, &op);
    ck_assert_uint_eq(op.session_list.out.n, 1);
    ck_assert(!op.session_list.out.more);
    ck_assert_slice(op.session_list.out.items[0].id, order[3]);
}
END_TEST

START_TEST(list_ties_are_by_id_descending)
{
    struct op op;

    for (int i = 0; i < 25; i++)
        store_session(&s, arena_printf(&s.arena, "s%02d", i).at);
    op = store_op(&s, OP_SESSION_LIST, NULL);
    op.session_list.limit = 10;
    for (int i = 24; i >= 0; i--) {
        int at = (24 - i) % 10;

        if (at == 0) {
            store_ok(&s, &op);
            ck_assert_uint_eq(op.session_list.out.n, i >= 9 ? 10 : (size_t)i + 1);
            ck_assert(op.session_list.out.more == (i >= 10));
        }
        ck_assert_slice(op.session_list.out.items[at].id, arena_printf(&s.arena, "s%02d", i).at);
        op.session_list.after = (struct session_pos){s.now_us, op.session_list.out.items[at].id};
    }
}
END_TEST

static size_t count_sessions(const char *user, const char *status)
{
    struct op op = store_op(&s, OP_SESSION_LIST, NULL);

    op.session_list.limit = 1000;
    op.session_list.user_id = slice_of(user);
    op.session_list.status = slice_of(status);
    store_ok(&s, &op);
    return op.session_list.out.n;
}

START_TEST(list_filters)
{
    struct op op = put_op("a", "ann", "{}");

    store_ok(&s, &op);
    op = put_op("b", "bob", "{}");
    store_ok(&s, &op);
    op = put_op("c", "bob", "{}");
    store_ok(&s, &op);
    op = patch_op("c");
    op.session_patch.status = SLICE("done");
    store_ok(&s, &op);
    ck_assert_uint_eq(count_sessions(NULL, NULL), 3);
    ck_assert_uint_eq(count_sessions("bob", NULL), 2);
    ck_assert_uint_eq(count_sessions("bob", "done"), 1);
    ck_assert_uint_eq(count_sessions(NULL, "active"), 2);
    ck_assert_uint_eq(count_sessions("zoe", NULL), 0);
    op = put_op("b", "ann", "{}");
    store_ok(&s, &op);
    ck_assert_uint_eq(count_sessions("ann", NULL), 2);
    s.tenant = SLICE("other");
    ck_assert_uint_eq(count_sessions(NULL, NULL), 0);
    store_session(&s, "a");
    ck_assert_uint_eq(count_sessions(NULL, NULL), 1);
}
END_TEST

START_TEST(one_bad_op_fails_alone)
{
    struct op a = put_op("a", "u", "{}"), bad = patch_op("none"), b = put_op("b", "u", "{}");
    struct op *ops[] = {&a, &bad, &b};
    struct err err;

    ck_assert(backend_execute(s.backend, ops, COUNT_OF(ops), &err));
    ck_assert_int_eq(a.status.kind, ERR_OK);
    ck_assert_int_eq(bad.status.kind, ERR_NO_SESSION);
    ck_assert_int_eq(b.status.kind, ERR_OK);
    ck_assert(store_has(&s, "a") && store_has(&s, "b"));
}
END_TEST

START_TEST(fenced_writes_say_what_is_newer)
{
    struct op op = put_op("s1", "ann", "{}");
    int64_t newest;

    op.stamp = 5000;
    op.fence = true;
    store_ok(&s, &op);
    store_fails(&s, &op, ERR_FENCED);
    ck_assert_int_eq(op.newest, 5000);
    op.stamp = 4000;
    store_fails(&s, &op, ERR_FENCED);
    op.fence = false;
    store_ok(&s, &op);
    op = patch_op("s1");
    op.session_patch.status = SLICE("x");
    op.fence = true;
    op.stamp = 4500; /* below the stamp to which the store has raised the last put */
    store_fails(&s, &op, ERR_FENCED);
    newest = op.newest;
    ck_assert_int_gt(newest, 5000);
    op = store_op(&s, OP_SESSION_DELETE, "s1");
    op.fence = true;
    op.stamp = newest;
    store_fails(&s, &op, ERR_FENCED);
    op.stamp = newest + 1;
    store_ok(&s, &op);
    ck_assert(!store_has(&s, "s1"));
}
END_TEST

START_TEST(list_pages_hold_so_many_bytes)
{
    const char *half = store_big(&s, PAGE_BYTES_MAX / 2);
    struct op op;

    for (int i = 0; i < 3; i++) {
        op = put_op(arena_printf(&s.arena, "s%d", i).at, "ann", half);
        store_ok(&s, &op);
    }
    op = store_op(&s, OP_SESSION_LIST, NULL);
    op.session_list.limit = 10;
    store_ok(&s, &op);
    ck_assert_uint_eq(op.session_list.out.n, 2);
    ck_assert(op.session_list.out.more);
    op.session_list.after = (struct session_pos){s.now_us, op.session_list.out.items[1].id};
    store_ok(&s, &op);
    ck_assert_uint_eq(op.session_list.out.n, 1);
    ck_assert_slice(op.session_list.out.items[0].id, "s0");
    ck_assert(!op.session_list.out.more);
}
END_TEST

TCase *contract_sessions_case(void)
{
    TCase *tc = tcase_create("sessions");

    tcase_add_checked_fixture(tc, open_store, close_store);
    tcase_add_test(tc, create_gives_the_whole_record);
    tcase_add_test(tc, put_again_keeps_what_it_does_not_name);
    tcase_add_test(tc, create_only_and_if_match);
    tcase_add_test(tc, with_context_fills_a_missing_context);
    tcase_add_test(tc, unknown_sessions_are_refused);
    tcase_add_test(tc, patch_changes_in_one_step);
    tcase_add_test(tc, empty_patch_moves_only_the_activity);
    tcase_add_test(tc, merge_keeps_raw_values);
    tcase_add_test(tc, merge_has_a_bound);
    tcase_add_test(tc, patch_if_match);
    tcase_add_test(tc, keys_make_requests_repeatable);
    tcase_add_test(tc, keys_are_forgotten_after_the_window);
    tcase_add_test(tc, keys_outlive_their_session);
    tcase_add_test(tc, delete_takes_everything);
    tcase_add_test(tc, versions_go_on_after_a_deletion);
    tcase_add_test(tc, list_is_by_activity);
    tcase_add_test(tc, list_pages_hold_so_many_bytes);
    tcase_add_test(tc, list_ties_are_by_id_descending);
    tcase_add_test(tc, list_filters);
    tcase_add_test(tc, one_bad_op_fails_alone);
    if (!contract_target->stamps_anew)
        tcase_add_test(tc, fenced_writes_say_what_is_newer);
    return tc;
}

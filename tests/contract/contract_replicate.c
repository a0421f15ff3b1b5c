/* contract_replicate.c - changes of sessions, messages and contexts, and what they leave for the other
 * store. */
#include "pair.h"

#include "clock.h"

static struct op session_op(const char *id)
{
    struct op op = store_op(&here, OP_SESSION_PUT, id);

    op.session_put.user_id = SLICE("u");
    op.session_put.metadata = SLICE("{\"a\":1}");
    return op;
}

static void have_session(const char *id)
{
    struct op op = session_op(id);

    (void)replicated(&op);
}

static struct op append_op(const char *id, const char *const ids[], size_t n)
{
    struct op op = store_op(&here, OP_MESSAGE_APPEND, id);
    struct message *messages = arena_zalloc(&here.arena, n, sizeof(*messages));

    ck_assert_ptr_nonnull(messages);
    for (size_t i = 0; i < n; i++)
        messages[i] = (struct message){.id = slice_of(ids[i]),
                                       .role = SLICE("user"),
                                       .content = SLICE("\"hello\""),
                                       .metadata = SLICE("{\"k\":1}")};
    op.message_append.messages = messages;
    op.message_append.n = n;
    return op;
}

static void have_messages(const char *id, const char *const ids[], size_t n)
{
    struct op op = append_op(id, ids, n);

    (void)replicated(&op);
}

static struct op context_op(const char *id, const char *json)
{
    struct op op = store_op(&here, OP_CONTEXT_PUT, id);

    op.context_put.context = slice_of(json);
    return op;
}

START_TEST(a_put_session)
{
    struct op op = session_op("s1");

    ck_assert_str_eq(replicated(&op), "session:s1");
    ck_assert(op.session_put.out.created);
    here.now_us += SECOND;
    op = session_op("s1");
    op.session_put.metadata = SLICE("{}");
    ck_assert_str_eq(replicated(&op), "session:s1");
    op = session_op("s1");
    op.session_put.with_context = true;
    ck_assert_str_eq(replicated(&op), "session:s1 context:s1");
    op = session_op("s1"); /* it has a context by now */
    op.session_put.with_context = true;
    ck_assert_str_eq(replicated(&op), "session:s1");
    op = session_op("s2");
    op.session_put.metadata = SLICE("{}");
    op.session_put.with_context = true;
    ck_assert_str_eq(replicated(&op), "session:s2 context:s2");
}
END_TEST

START_TEST(a_put_that_fails)
{
    struct op op = session_op("s1");

    have_session("s1");
    op.session_put.create_only = true;
    replicates_nothing(&op, ERR_EXISTS);
    op = session_op("s1");
    op.session_put.if_version = 9;
    replicates_nothing(&op, ERR_PRECONDITION);
}
END_TEST

START_TEST(a_repeated_put)
{
    struct record_name name = name_of(RECORD_REPEAT, "s1", NULL);
    struct op op = session_op("s1"), again = op;
    size_t n;

    op.repeat = request_of('k', 'b');
    ck_assert_str_eq(replicated(&op), "session:s1 repeat:s1");
    again.repeat = op.repeat;
    again.stamp += 1024;
    replicates_nothing(&again, ERR_OK);
    ck_assert(again.session_put.out.replayed);
    name.key.sub = (struct slice){(const char *)op.repeat.op_id, BLOB_HASH_LEN};
    (void)records_get(&there, "s1", &name, 1, &n);
    ck_assert_uint_eq(n, 1);
    again.repeat = request_of('k', 'c');
    replicates_nothing(&again, ERR_KEY_REUSED);
    store_ok(&there, &op); /* the other store knows the request */
    ck_assert(op.session_put.out.replayed);
    same_stores(&here, &there);
}
END_TEST

START_TEST(a_patched_session)
{
    struct op op = store_op(&here, OP_SESSION_PATCH, "s1");

    replicates_nothing(&op, ERR_NO_SESSION);
    have_session("s1");
    here.now_us += SECOND;
    op = store_op(&here, OP_SESSION_PATCH, "s1");
    op.session_patch.status = SLICE("done");
    op.session_patch.metadata_merge = SLICE("{\"b\":2}");
    ck_assert_str_eq(replicated(&op), "session:s1");
    op = store_op(&here, OP_SESSION_PATCH, "s1");
    op.session_patch.increment_requests = op.session_patch.mark_error = true;
    op.session_patch.add_processing_time = 0.25;
    op.repeat = request_of('k', 'b');
    ck_assert_str_eq(replicated(&op), "session:s1 repeat:s1");
    op.stamp += 1024;
    replicates_nothing(&op, ERR_OK);
    ck_assert(op.session_patch.out.replayed);
    ck_assert_int_eq(op.session_patch.out.session.request_count, 1);
    op = store_op(&here, OP_SESSION_PATCH, "s1");
    op.session_patch.status = SLICE("x");
    op.session_patch.if_version = 77;
    replicates_nothing(&op, ERR_PRECONDITION);
    here.now_us += SECOND;
    op = store_op(&here, OP_SESSION_PATCH, "s1"); /* only its activity moves */
    ck_assert_str_eq(replicated(&op), "session:s1");
    ck_assert_int_eq(store_get(&there, "s1").request_count, 1);
}
END_TEST

START_TEST(a_deleted_session)
{
    static const char *const ids[] = {"m1", "m2"};
    struct op op = store_op(&here, OP_SESSION_DELETE, "s1");

    have_session("s1");
    have_messages("s1", ids, 2);
    op.session_delete.if_version = 9;
    replicates_nothing(&op, ERR_PRECONDITION);
    op = store_op(&here, OP_SESSION_DELETE, "s1");
    ck_assert_str_eq(replicated(&op), "session:s1");
    op = store_op(&here, OP_SESSION_DELETE, "s1"); /* once more: the deletion counts as newer */
    ck_assert_str_eq(replicated(&op), "session:s1");
    op = store_op(&here, OP_SESSION_DELETE, "never there");
    ck_assert_str_eq(replicated(&op), "session:never there");
    have_session("s1");
    ck_assert_uint_eq(store_count(&there, "s1"), 0);
}
END_TEST

START_TEST(a_session_deleted_with_its_thread)
{
    struct op op = put_op(
        &here, (struct checkpoint_in){.thread = "s1", .id = "c1", .values = "a=1:xx b=1:yy"});

    have_session("s1");
    (void)replicated(&op);
    op = store_op(&here, OP_SESSION_DELETE, "s1");
    op.session_delete.threads = true;
    ck_assert_str_eq(replicated(&op), "session:s1 thread:s1");
    ck_assert_str_eq(thread_text(&there, "s1"), "none");
    op = store_op(&here, OP_SESSION_DELETE, "s1");
    op.session_delete.threads = true;
    ck_assert_str_eq(replicated(&op), "session:s1 thread:s1");
}
END_TEST

/* So many messages that they do not go with their session in one step. */
START_TEST(a_deletion_in_parts)
{
    enum { MANY = 2500 };
    const char *ids[MANY];
    struct op op;

    for (int i = 0; i < MANY; i++)
        ids[i] = arena_printf(&here.arena, "m%04d", i).at;
    store_session(&here, "s1");
    op = append_op("s1", ids, MANY);
    store_ok(&here, &op);
    op = store_op(&here, OP_SESSION_DELETE, "s1");
    ck_assert_str_eq(left_by(&op), "session:s1");
    ck_assert_uint_eq(store_count(&here, "s1"), 0);
}
END_TEST

START_TEST(a_put_context)
{
    struct op op = context_op("s1", "1");

    op.context_put.require_session = true;
    replicates_nothing(&op, ERR_NO_SESSION);
    have_session("s1");
    for (int i = 0; i < 6; i++) { /* more than are kept */
        here.now_us += SECOND;
        op = context_op("s1", arena_printf(&here.arena, "%d", i).at);
        ck_assert_str_eq(replicated(&op), "context:s1");
    }
    op = context_op("s1", "1");
    op.context_put.if_version = 77;
    replicates_nothing(&op, ERR_PRECONDITION);
    op = context_op("alone", "{}");
    ck_assert_str_eq(replicated(&op), "context:alone");
}
END_TEST

/* The answer to the first try got lost. Its entry may be cleared by then; each try leaves one. */
START_TEST(a_context_put_twice_with_one_stamp)
{
    struct op op = context_op("s1", "1"), again;
    struct op_pair_read read;

    (void)replicated(&op);
    read = pair_read(&here, 1000);
    ck_assert_uint_eq(read.out.n, 1);
    pair_change(&here, (struct op_pair_change){.clear = read.out.entries, .n_clear = 1});
    again = op;
    again.context_put.if_version = IF_NONE;
    ck_assert_str_eq(replicated(&again), "context:s1");
    ck_assert_int_eq(again.context_put.out.version, 1);
    ck_assert_int_eq(again.context_put.out.updated_us, op.context_put.out.updated_us);
    op = context_op("s1", "2");
    (void)replicated(&op);
    ck_assert_int_eq(op.context_put.out.version, 2);
    ck_assert_str_eq(replicated(&again), "context:s1"); /* others came between */
    ck_assert_int_eq(again.context_put.out.version, 1);
}
END_TEST

START_TEST(appended_messages)
{
    static const char *const ids[] = {"m1", "m2", "m3", "m2"};
    struct op op = append_op("s1", ids, 1);

    op.message_append.require_session = true;
    replicates_nothing(&op, ERR_NO_SESSION);
    op = append_op("s1", ids, 1);
    op.message_append.messages->metadata = SLICE("{}");
    ck_assert_str_eq(replicated(&op), "message:s1/m1");
    have_session("s1");
    here.now_us += SECOND;
    op = append_op("s1", ids, 4); /* one is known, and one id comes twice */
    ck_assert_str_eq(replicated(&op), "message:s1/m2 message:s1/m3");
    here.now_us += SECOND;
    op = append_op("s1", ids, 2); /* nothing is new, but the session was active */
    ck_assert_str_eq(replicated(&op), "session:s1");
    ck_assert_uint_eq(store_count(&there, "s1"), 3);
}
END_TEST

/* The usual append: the caller knows that the id is new. */
START_TEST(one_fresh_message)
{
    static const char *const ids[] = {"m1", "m2", "m3"};

    have_session("s1");
    for (int i = 0; i < 3; i++) {
        struct op op = append_op("s1", &ids[i], 1);

        here.now_us += SECOND;
        op.message_append.messages->fresh = true;
        ck_assert_str_eq(replicated(&op), arena_printf(&here.arena, "message:s1/%s", ids[i]).at);
    }
}
END_TEST

START_TEST(messages_after_a_deletion)
{
    static const char *const ids[] = {"m1", "m2"};
    struct op op;

    have_messages("s1", ids, 2);
    op = store_op(&here, OP_SESSION_DELETE, "s1");
    ck_assert_str_eq(replicated(&op), "session:s1");
    op = append_op("s1", ids, 2);
    ck_assert_str_eq(replicated(&op), "message:s1/m1 message:s1/m2");
    ck_assert_uint_eq(store_count(&there, "s1"), 2);
}
END_TEST

START_TEST(trimmed_messages)
{
    static const char *const ids[] = {"m1", "m2", "m3", "m4", "m5"};
    struct op op = store_op(&here, OP_MESSAGE_TRIM, "s1");

    op.message_trim.keep_last = 2;
    replicates_nothing(&op, ERR_OK);
    have_session("s1");
    have_messages("s1", ids, 5);
    op = store_op(&here, OP_MESSAGE_TRIM, "s1");
    op.message_trim.keep_last = 5;
    replicates_nothing(&op, ERR_OK);
    op = store_op(&here, OP_MESSAGE_TRIM, "s1");
    op.message_trim.keep_last = 2;
    ck_assert_str_eq(replicated(&op), "messages:s1");
    ck_assert_int_eq(op.message_trim.out.removed, 3);
    ck_assert_uint_eq(store_count(&there, "s1"), 2);
}
END_TEST

START_TEST(a_trim_in_parts)
{
    enum { MANY = 450, ROUNDS = 3 };
    const char *ids[MANY];
    struct op op;

    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < MANY; i++)
            ids[i] = arena_printf(&here.arena, "m%d", round * MANY + i).at;
        op = append_op("s1", ids, MANY);
        ck_assert_str_ne(left_by(&op), "");
    }
    op = store_op(&here, OP_MESSAGE_TRIM, "s1");
    op.message_trim.keep_last = 1;
    ck_assert_str_eq(left_by(&op), "messages:s1");
    ck_assert_int_eq(op.message_trim.out.removed, ROUNDS * MANY - 1);
    ck_assert_uint_eq(store_count(&here, "s1"), 1);
}
END_TEST

START_TEST(cleaning_up_the_idle)
{
    static const char *const ids[] = {"m1"};
    struct op op = store_op(&here, OP_CLEANUP, NULL);

    op.cleanup.idle_us = here.now_us;
    op.cleanup.limit = 10;
    replicates_nothing(&op, ERR_OK);
    have_session("s1");
    have_session("s2");
    have_messages("nobody", ids, 1);
    here.now_us += MINUTE;
    have_session("s3");
    op = put_op(&here, (struct checkpoint_in){.thread = "s1", .id = "c1"});
    op.now_us = here.now_us - MINUTE;
    (void)replicated(&op);
    op = store_op(&here, OP_CLEANUP, NULL);
    op.cleanup.idle_us = here.now_us - SECOND;
    op.cleanup.limit = 10;
    ck_assert_str_eq(replicated(&op), "session:nobody session:s1 session:s2 thread:s1 thread:s2");
    ck_assert_int_eq(op.cleanup.out.removed, 2);
    ck_assert(store_has(&there, "s3") && !store_has(&there, "s1"));
}
END_TEST

/* An op of one tenant removes what has expired in all tenants. */
START_TEST(cleaning_up_what_has_expired)
{
    struct backend_config cfg = store_config();
    struct op op;

    store_close(&here);
    cfg.session_ttl_us = HOUR;
    cfg.checkpoint_ttl_us = HOUR;
    store_open(&here, cfg, 2);
    have_session("s1");
    op = put_op(&here, (struct checkpoint_in){.thread = "t", .id = "c1"});
    (void)replicated(&op);
    here.now_us += 2 * HOUR;
    clock_fake(1, here.now_us);
    have_session("s2");
    op = store_op(&here, OP_CLEANUP, NULL);
    op.cleanup.expired = op.cleanup.sessions_stay = true;
    op.cleanup.limit = 10;
    ck_assert_str_eq(left_by(&op), ""); /* each store expires checkpoints by itself */
    op = store_op(&here, OP_CLEANUP, NULL);
    op.cleanup.expired = true;
    op.cleanup.limit = 10;
    ck_assert_str_eq(left_by(&op), "session:s1");
    merge_copies(&there, op.copies, op.n_copies);
    ck_assert(!store_has(&there, "s1") && store_has(&there, "s2"));
}
END_TEST

/* Opens a store that holds expired sessions of another tenant. */
static void sweep_of_all_tenants(void)
{
    struct backend_config cfg = store_config();

    store_close(&here);
    cfg.session_ttl_us = HOUR;
    store_open(&here, cfg, 2);
    here.tenant = there.tenant = SLICE("other");
    have_session("s1");
    here.now_us += 2 * HOUR;
    clock_fake(1, here.now_us);
    here.tenant = there.tenant = SLICE("default");
    have_session("s1");
}

/* The copies of an op are of its own tenant; the outbox names what changed in others. */
START_TEST(what_has_expired_of_another_tenant)
{
    struct op_pair_read read;
    struct op op;
    size_t at = 0, n;

    sweep_of_all_tenants();
    op = store_op(&here, OP_CLEANUP, NULL);
    op.cleanup.expired = true;
    op.cleanup.limit = 10;
    ck_assert_str_eq(left_by(&op), "");
    ck_assert_int_eq(op.cleanup.out.removed, 1);
    merge_copies(&there, op.copies, op.n_copies);
    ck_assert(store_has(&here, "s1") && store_has(&there, "s1"));
    read = pair_read(&here, 10);
    while (at < read.out.n && slice_equal(read.out.entries[at].tenant, SLICE("default")))
        at++;
    while (at < read.out.n && read.out.entries[at].number < op.stamp)
        at++;
    ck_assert_uint_lt(at, read.out.n);
    ck_assert_slice(read.out.entries[at].tenant, "other");
    ck_assert_slice(read.out.entries[at].id, "s1");
    ck_assert_str_eq(names_text(&here, read.out.entries[at].names, read.out.entries[at].n_names),
                     "session:s1");
    here.tenant = there.tenant = SLICE("other");
    ck_assert(store_has(&there, "s1"));
    merge_copies(&there, records_get(&here, "s1", read.out.entries[at].names, 1, &n), 1);
    ck_assert_uint_eq(n, 1);
    ck_assert(!store_has(&there, "s1"));
}
END_TEST

void contract_replicate_add(TCase *tc)
{
    tcase_add_test(tc, a_put_session);
    tcase_add_test(tc, a_put_that_fails);
    tcase_add_test(tc, a_repeated_put);
    tcase_add_test(tc, a_patched_session);
    tcase_add_test(tc, a_deleted_session);
    tcase_add_test(tc, a_session_deleted_with_its_thread);
    tcase_add_test(tc, a_deletion_in_parts);
    tcase_add_test(tc, a_put_context);
    tcase_add_test(tc, a_context_put_twice_with_one_stamp);
    tcase_add_test(tc, appended_messages);
    tcase_add_test(tc, one_fresh_message);
    tcase_add_test(tc, messages_after_a_deletion);
    tcase_add_test(tc, trimmed_messages);
    tcase_add_test(tc, a_trim_in_parts);
    tcase_add_test(tc, cleaning_up_the_idle);
    tcase_add_test(tc, cleaning_up_what_has_expired);
    tcase_add_test(tc, what_has_expired_of_another_tenant);
}

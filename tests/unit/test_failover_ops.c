/* test_failover_ops.c - what failover does with an op, by its type. */
#include <check.h>

#include "failover_ops.h"

Suite *suite_failover_ops(void);

static struct arena arena;

static void teardown(void)
{
    arena_done(&arena);
}

static struct op op_of(enum op_type type)
{
    return (struct op){.type = type,
                       .tenant = SLICE("t"),
                       .id = SLICE("s"),
                       .stamp = 77,
                       .now_us = 5,
                       .arena = &arena};
}

START_TEST(a_patch_gets_an_id_of_its_own)
{
    struct op a = op_of(OP_SESSION_PATCH), b = op_of(OP_SESSION_PATCH), c = op_of(OP_SESSION_PATCH);
    struct op put = op_of(OP_SESSION_PUT);

    b.stamp = 78;
    c.repeat = (struct op_repeat){.present = true, .op_id = {9}};
    ops_identify(&a);
    ops_identify(&b);
    ops_identify(&c);
    ops_identify(&put);
    ck_assert(a.repeat.present && b.repeat.present && !put.repeat.present);
    ck_assert_mem_ne(a.repeat.op_id, b.repeat.op_id, BLOB_HASH_LEN);
    ck_assert_int_eq(c.repeat.op_id[0], 9);
    b = a;
    b.stamp = 99; /* a new stamp, but the same request */
    ops_identify(&b);
    ck_assert_mem_eq(a.repeat.op_id, b.repeat.op_id, BLOB_HASH_LEN);
}
END_TEST

START_TEST(conditions)
{
    struct op put = op_of(OP_SESSION_PUT), patch = op_of(OP_SESSION_PATCH);
    struct op del = op_of(OP_SESSION_DELETE), context = op_of(OP_CONTEXT_PUT);
    struct op append = op_of(OP_MESSAGE_APPEND), trim = op_of(OP_MESSAGE_TRIM);
    struct op cleanup = op_of(OP_CLEANUP), get = op_of(OP_SESSION_GET);

    ck_assert(!ops_is_conditional(&put) && !ops_is_conditional(&patch));
    ck_assert(!ops_is_conditional(&del) && !ops_is_conditional(&context));
    ck_assert(!ops_is_conditional(&append) && !ops_is_conditional(&get));
    ck_assert(ops_is_conditional(&trim) && ops_is_conditional(&cleanup));
    put.session_put.create_only = true;
    patch.session_patch.if_version = IF_EXISTS;
    del.session_delete.if_version = 3;
    context.context_put.if_version = 1;
    ck_assert(ops_is_conditional(&put) && ops_is_conditional(&patch));
    ck_assert(ops_is_conditional(&del) && ops_is_conditional(&context));
}
END_TEST

START_TEST(the_copy_merges_records_and_leaves_names_out)
{
    struct record copies[] = {{.kind = RECORD_SESSION, .key = {.id = SLICE("s")}},
                              {.kind = RECORD_CHECKPOINTS, .key = {.id = SLICE("s")}},
                              {.kind = RECORD_REPEAT, .key = {.id = SLICE("s")}}};
    struct op op = op_of(OP_SESSION_PUT), copy;

    op.copies = copies;
    op.n_copies = 1;
    ck_assert(ops_copy(&op, &copy));
    ck_assert_int_eq(copy.type, OP_MERGE);
    ck_assert_uint_eq(copy.merge.n, 1);
    ck_assert(!copy.replicate && !copy.alone && copy.stamp == 77);
    ck_assert(slice_equal(copy.id, op.id) && slice_equal(copy.tenant, op.tenant));
    op.n_copies = 3;
    ck_assert(!ops_copy(&op, &copy)); /* a thread was copied: the outbox names it */
    ck_assert_uint_eq(copy.merge.n, 2);
    ck_assert_int_eq(copy.merge.items[1].kind, RECORD_REPEAT);
}
END_TEST

START_TEST(a_sweep_is_made_in_the_other_store_too)
{
    struct op op = op_of(OP_CLEANUP), copy;

    op.cleanup.expired = true;
    op.cleanup.limit = 3;
    op.replicate = op.fence = true;
    ck_assert(ops_copy(&op, &copy));
    ck_assert_int_eq(copy.type, OP_CLEANUP);
    ck_assert_int_eq(copy.cleanup.limit, 3);
    ck_assert(copy.cleanup.sessions_stay && !copy.replicate && !copy.fence);
}
END_TEST

/* What the other store keeps may differ, so failover_tend() compares the two. */
START_TEST(a_removal_is_only_named)
{
    struct record name = {.kind = RECORD_MESSAGES, .key = {.id = SLICE("s")}};
    struct op op = op_of(OP_MESSAGE_TRIM), copy;

    op.copies = &name;
    op.n_copies = 1;
    ck_assert(!ops_copy(&op, &copy));
    ck_assert_int_eq(copy.type, OP_MERGE);
    ck_assert_uint_eq(copy.merge.n, 0);
}
END_TEST

START_TEST(of_a_repeat_the_primary_is_asked_for_what_it_has)
{
    struct message messages[] = {{.id = SLICE("a"), .created = true}, {.id = SLICE("b")}};
    struct op append = op_of(OP_MESSAGE_APPEND), patch = op_of(OP_SESSION_PATCH), ask;
    struct record copy = {.kind = RECORD_SESSION, .key = {.id = SLICE("s")}};

    append.message_append.messages = messages;
    append.message_append.n = 2;
    append.copies = &copy;
    append.n_copies = 1;
    ck_assert(ops_ask(&append, &ask));
    ck_assert_int_eq(ask.type, OP_RECORDS_GET);
    ck_assert_uint_eq(ask.records_get.n, 3);
    ck_assert_int_eq(ask.records_get.names[0].kind, RECORD_SESSION);
    ck_assert(slice_equal(ask.records_get.names[2].key.sub, SLICE("b")));
    messages[1].created = true;
    ck_assert(!ops_ask(&append, &ask));

    patch.repeat = (struct op_repeat){.present = true, .op_id = {9}};
    ck_assert(ops_ask(&patch, &ask));
    ck_assert_uint_eq(ask.records_get.n, 2);
    ck_assert_int_eq(ask.records_get.names[1].key.sub.at[0], 9);
    patch.copies = &copy;
    patch.n_copies = 1;
    ck_assert(!ops_ask(&patch, &ask));
}
END_TEST

START_TEST(of_writes_that_were_there_the_primary_is_asked)
{
    struct op put = op_of(OP_WRITES_PUT), trim = op_of(OP_MESSAGE_TRIM), ask;

    put.writes_put.ns = SLICE("ns");
    put.writes_put.checkpoint_id = SLICE("c");
    put.writes_put.task_id = SLICE("t");
    ck_assert(ops_ask(&put, &ask));
    ck_assert_uint_eq(ask.records_get.n, 2);
    ck_assert_int_eq(ask.records_get.names[1].kind, RECORD_TASK);
    ck_assert(slice_equal(ask.records_get.names[1].key.task, SLICE("t")));
    ck_assert(!ops_ask(&trim, &ask));
}
END_TEST

START_TEST(what_is_made_again_adds_nothing_and_has_no_conditions)
{
    struct op op = op_of(OP_SESSION_PATCH);
    bool created = false;

    op.session_patch.increment_requests = op.session_patch.mark_error = true;
    op.session_patch.add_processing_time = 1;
    op.session_patch.if_version = 2;
    op.session_patch.status = SLICE("done");
    op.repeat.present = true;
    ck_assert(ops_make_again(&op, &created, false));
    ck_assert(!op.session_patch.increment_requests && !op.session_patch.mark_error);
    ck_assert(op.session_patch.add_processing_time <= 0);
    ck_assert(op.session_patch.if_version == IF_NONE && !op.repeat.present);
    ck_assert(slice_equal(op.session_patch.status, SLICE("done")));
}
END_TEST

START_TEST(the_answer_is_that_of_the_first_run)
{
    struct op op = op_of(OP_SESSION_PUT);
    bool created = false;

    op.session_put.create_only = true;
    op.session_put.out.created = true;
    ck_assert(ops_make_again(&op, &created, false));
    ck_assert(!op.session_put.create_only);
    op.session_put.out.created = false; /* of the second run */
    ck_assert(ops_make_again(&op, &created, true));
    ops_restore(&op, created);
    ck_assert(op.session_put.out.created);
}
END_TEST

START_TEST(what_would_be_done_twice_is_not_made_again)
{
    static const enum op_type types[] = {OP_MESSAGE_APPEND, OP_CONTEXT_PUT, OP_THREAD_COPY,
                                         OP_MESSAGE_TRIM};
    bool created;

    for (size_t i = 0; i < COUNT_OF(types); i++) {
        struct op op = op_of(types[i]);

        ck_assert(!ops_make_again(&op, &created, false));
    }
}
END_TEST

Suite *suite_failover_ops(void)
{
    Suite *s = suite_create("failover_ops");
    TCase *tc = tcase_create("failover_ops");

    tcase_add_checked_fixture(tc, NULL, teardown);
    tcase_add_test(tc, a_patch_gets_an_id_of_its_own);
    tcase_add_test(tc, conditions);
    tcase_add_test(tc, the_copy_merges_records_and_leaves_names_out);
    tcase_add_test(tc, a_sweep_is_made_in_the_other_store_too);
    tcase_add_test(tc, a_removal_is_only_named);
    tcase_add_test(tc, of_a_repeat_the_primary_is_asked_for_what_it_has);
    tcase_add_test(tc, of_writes_that_were_there_the_primary_is_asked);
    tcase_add_test(tc, what_is_made_again_adds_nothing_and_has_no_conditions);
    tcase_add_test(tc, the_answer_is_that_of_the_first_run);
    tcase_add_test(tc, what_would_be_done_twice_is_not_made_again);
    suite_add_tcase(s, tc);
    return s;
}

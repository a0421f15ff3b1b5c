/* test_copies.c - what an op tells the other store of a pair. */
#include <check.h>

#include "copies.h"
#include "oom.h"
#include "pack.h"

Suite *suite_copies(void);

static struct arena arena;
static struct err err;

static void clear(void)
{
    arena_done(&arena);
}

static struct op told(enum op_type type)
{
    struct op op = {
        .type = type,
        .tenant = SLICE("default"),
        .id = SLICE("s"),
        .now_us = 5,
        .stamp = 7,
        .replicate = true,
        .arena = &arena,
    };

    return op;
}

static void add_request(struct op *op)
{
    op->repeat.present = true;
    memset(op->repeat.op_id, 1, BLOB_HASH_LEN);
    memset(op->repeat.body_hash, 2, BLOB_HASH_LEN);
}

START_TEST(nothing_without_a_pair)
{
    struct session_state s = {.stored = true};
    struct op op = told(OP_SESSION_PUT);

    op.replicate = false;
    add_request(&op);
    ck_assert(copies_session(&op, op.id, &s, &err) && copies_thread(&op, op.id, 1, 2, &err) &&
              copies_repeat(&op, &err) && copies_name(&op, RECORD_MESSAGES, op.id, &err));
    ck_assert_uint_eq(op.n_copies, 0);
    ck_assert_ptr_null(op.copies);
}
END_TEST

START_TEST(a_session_and_its_request)
{
    struct session_state s = {
        .stored = true, .gen = 7, .tomb = 3, .user_stamp = 7, .user_id = SLICE("u"), .version = 2};
    struct op op = told(OP_SESSION_PUT);

    ck_assert(copies_session(&op, op.id, &s, &err) && copies_repeat(&op, &err));
    ck_assert_uint_eq(op.n_copies, 1); /* it has no Idempotency-Key */
    add_request(&op);
    ck_assert(copies_repeat(&op, &err));
    ck_assert_uint_eq(op.n_copies, 2);
    ck_assert_int_eq(op.copies[0].kind, RECORD_SESSION);
    ck_assert(slice_equal(op.copies[0].key.id, op.id));
    ck_assert_int_eq(op.copies[0].session.gen, 7);
    ck_assert_int_eq(op.copies[0].session.tomb, 3);
    ck_assert_int_eq(op.copies[0].session.version, 2);
    ck_assert(slice_equal(op.copies[0].session.user_id.text, SLICE("u")));
    ck_assert_int_eq(op.copies[1].kind, RECORD_REPEAT);
    ck_assert_uint_eq(op.copies[1].key.sub.len, BLOB_HASH_LEN);
    ck_assert_mem_eq(op.copies[1].key.sub.at, op.repeat.op_id, BLOB_HASH_LEN);
    ck_assert_mem_eq(op.copies[1].repeat.body_hash, op.repeat.body_hash, BLOB_HASH_LEN);
    ck_assert_int_eq(op.copies[1].repeat.at_us, 5);
    copies_reset(&op);
    ck_assert_uint_eq(op.n_copies, 0);
}
END_TEST

START_TEST(what_is_pending)
{
    struct op op = told(OP_SESSION_PATCH);
    const struct record_pending *pending;

    add_request(&op);
    op.session_patch.status = SLICE("x");
    ck_assert(!copies_adds(&op));
    ck_assert(copies_pending(&op, &err));
    ck_assert_uint_eq(op.n_copies, 0);
    op.session_patch.mark_error = true;
    ck_assert(copies_adds(&op));
    op.session_patch.add_processing_time = 0.5;
    ck_assert(copies_pending(&op, &err));
    ck_assert_uint_eq(op.n_copies, 1);
    ck_assert_int_eq(op.copies[0].kind, RECORD_PENDING);
    pending = &op.copies[0].pending;
    ck_assert_int_eq(pending->stamp, 7);
    ck_assert_int_eq(pending->requests, 0);
    ck_assert_int_eq(pending->errors, 1);
    ck_assert_double_eq(pending->processing_time, 0.5);
    ck_assert_int_eq(pending->repeat.at_us, 5);
}
END_TEST

START_TEST(only_new_messages)
{
    struct message messages[2] = {{.id = SLICE("known"), .seq = 1},
                                  {.id = SLICE("new"), .seq = 2, .created = true}};
    struct op op = told(OP_MESSAGE_APPEND);

    op.message_append.messages = messages;
    op.message_append.n = 2;
    ck_assert(copies_messages(&op, &err));
    ck_assert_uint_eq(op.n_copies, 1);
    ck_assert(slice_equal(op.copies[0].key.sub, SLICE("new")));
    ck_assert_int_eq(op.copies[0].message.seq, 2);
    ck_assert_int_eq(op.copies[0].message.stamp, 7);
}
END_TEST

START_TEST(names_from_one_on)
{
    struct op op = told(OP_THREAD_PRUNE);
    struct record_name *names;
    struct slice packed;
    size_t n;

    ck_assert(copies_thread(&op, op.id, 3, 4, &err) &&
              copies_name(&op, RECORD_CHECKPOINTS, op.id, &err));
    ck_assert_int_eq(op.copies[0].thread.tomb, 3);
    ck_assert_int_eq(op.copies[0].thread.updated_us, 4);
    ck_assert(copies_pack(&op, 0, &packed, &err) && unpack_names(packed, &arena, &names, &n, &err));
    ck_assert_uint_eq(n, 2);
    ck_assert_int_eq(names[0].kind, RECORD_THREAD);
    ck_assert_int_eq(names[1].kind, RECORD_CHECKPOINTS);
    ck_assert(slice_equal(names[1].key.id, op.id));
    ck_assert(copies_pack(&op, 1, &packed, &err) && unpack_names(packed, &arena, &names, &n, &err));
    ck_assert_uint_eq(n, 1);
    ck_assert_int_eq(names[0].kind, RECORD_CHECKPOINTS);
}
END_TEST

static bool tell_much(struct arena *a, struct err *e)
{
    struct op op = told(OP_THREAD_PRUNE);
    struct slice packed;

    op.arena = a;
    for (int i = 0; i < 40; i++)
        if (!copies_name(&op, RECORD_MESSAGES, op.id, e))
            return false;
    return copies_pack(&op, 0, &packed, e);
}

START_TEST(memory_may_end_anywhere)
{
    oom_sweep(tell_much);
}
END_TEST

Suite *suite_copies(void)
{
    Suite *suite = suite_create("copies");
    TCase *tc = tcase_create("copies");

    tcase_add_checked_fixture(tc, NULL, clear);
    tcase_add_test(tc, nothing_without_a_pair);
    tcase_add_test(tc, a_session_and_its_request);
    tcase_add_test(tc, what_is_pending);
    tcase_add_test(tc, only_new_messages);
    tcase_add_test(tc, names_from_one_on);
    tcase_add_test(tc, memory_may_end_anywhere);
    suite_add_tcase(suite, tc);
    return suite;
}

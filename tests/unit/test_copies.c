/* test_copies.c - the records that an op leaves for the other store of a pair. */
#include <check.h>

#include "copies.h"
#include "oom.h"
#include "pack.h"

Suite *suite_copies(void);

static struct arena arena;
static struct err err;

static void teardown(void)
{
    arena_done(&arena);
}

static struct op op_of(enum op_type type)
{
    return (struct op){.type = type,
                       .tenant = SLICE("t"),
                       .id = SLICE("s"),
                       .now_us = 5,
                       .stamp = 77,
                       .replicate = true,
                       .arena = &arena};
}

static struct session_state session(void)
{
    return (struct session_state){
        .stored = true, .gen = 9, .version = 4, .user_stamp = 9, .user_id = SLICE("u")};
}

static void give_key(struct op *op)
{
    op->repeat.present = true;
    memset(op->repeat.op_id, 7, BLOB_HASH_LEN);
    memset(op->repeat.body_hash, 8, BLOB_HASH_LEN);
}

/* Adds copies of several kinds to one op. */
static bool add_all(struct op *op, struct err *e)
{
    struct session_state s = session();

    return copies_add(op, &(struct record){.kind = RECORD_VALUE}, e) &&
           copies_session(op, op->id, &s, e) && copies_thread(op, op->id, 3, 4, e) &&
           copies_repeat(op, e) && copies_name(op, RECORD_CHECKPOINTS, op->id, e);
}

START_TEST(nothing_is_kept_unless_it_is_asked_for)
{
    struct op op = op_of(OP_SESSION_PATCH), append = op_of(OP_MESSAGE_APPEND);
    struct message m = {.id = SLICE("m"), .created = true};

    op.replicate = append.replicate = false;
    op.session_patch.mark_error = true;
    give_key(&op);
    append.message_append.messages = &m;
    append.message_append.n = 1;
    ck_assert(add_all(&op, &err) && copies_pending(&op, &err) && copies_messages(&append, &err));
    ck_assert(op.n_copies == 0 && append.n_copies == 0);
    ck_assert_ptr_null(op.copies);
}
END_TEST

START_TEST(records_stand_in_the_order_in_which_they_came)
{
    static const enum record_kind kinds[] = {RECORD_VALUE, RECORD_SESSION, RECORD_THREAD,
                                             RECORD_REPEAT, RECORD_CHECKPOINTS};
    struct op op = op_of(OP_SESSION_PUT);

    give_key(&op);
    for (int round = 0; round < 20; round++)
        ck_assert(add_all(&op, &err));
    ck_assert_uint_eq(op.n_copies, 20 * COUNT_OF(kinds));
    for (size_t i = 0; i < op.n_copies; i++)
        ck_assert_int_eq(op.copies[i].kind, kinds[i % COUNT_OF(kinds)]);
    copies_reset(&op);
    ck_assert_uint_eq(op.n_copies, 0);
    ck_assert(copies_name(&op, RECORD_CONTENTS, SLICE("x"), &err));
    ck_assert_uint_eq(op.n_copies, 1);
    ck_assert_int_eq(op.copies[0].kind, RECORD_CONTENTS);
    ck_assert(slice_equal(op.copies[0].key.id, SLICE("x")));
}
END_TEST

START_TEST(sessions_and_threads_are_whole)
{
    struct op op = op_of(OP_SESSION_DELETE);
    struct session_state s = session();

    ck_assert(copies_session(&op, SLICE("other"), &s, &err));
    ck_assert(copies_thread(&op, SLICE("thread"), 3, 4, &err));
    ck_assert(slice_equal(op.copies[0].key.id, SLICE("other")));
    ck_assert_int_eq(op.copies[0].session.gen, 9);
    ck_assert_int_eq(op.copies[0].session.version, 4);
    ck_assert(slice_equal(op.copies[0].session.user_id.text, SLICE("u")));
    ck_assert(slice_equal(op.copies[1].key.id, SLICE("thread")));
    ck_assert_int_eq(op.copies[1].thread.tomb, 3);
    ck_assert_int_eq(op.copies[1].thread.updated_us, 4);
}
END_TEST

START_TEST(a_request_is_copied_if_it_has_a_key)
{
    struct op op = op_of(OP_SESSION_PUT);

    ck_assert(copies_repeat(&op, &err));
    ck_assert_uint_eq(op.n_copies, 0);
    give_key(&op);
    ck_assert(copies_repeat(&op, &err));
    ck_assert_uint_eq(op.n_copies, 1);
    ck_assert(slice_equal(op.copies[0].key.id, SLICE("s")));
    ck_assert_uint_eq(op.copies[0].key.sub.len, BLOB_HASH_LEN);
    ck_assert_mem_eq(op.copies[0].key.sub.at, op.repeat.op_id, BLOB_HASH_LEN);
    ck_assert_int_eq(op.copies[0].repeat.at_us, 5);
    ck_assert_mem_eq(op.copies[0].repeat.body_hash, op.repeat.body_hash, BLOB_HASH_LEN);
}
END_TEST

START_TEST(each_addition_is_pending)
{
    struct op op = op_of(OP_SESSION_PATCH);
    const struct record_pending *pending;

    give_key(&op);
    op.session_patch.status = SLICE("done");
    ck_assert(!copies_adds(&op) && copies_pending(&op, &err));
    ck_assert_uint_eq(op.n_copies, 0);
    op.session_patch.increment_requests = true;
    ck_assert(copies_adds(&op));
    op.session_patch.increment_requests = false;
    op.session_patch.mark_error = true;
    ck_assert(copies_adds(&op));
    op.session_patch.mark_error = false;
    op.session_patch.add_processing_time = 0.5;
    ck_assert(copies_adds(&op));
    op.session_patch.increment_requests = true;
    ck_assert(copies_pending(&op, &err));
    ck_assert_uint_eq(op.n_copies, 1);
    ck_assert_int_eq(op.copies[0].kind, RECORD_PENDING);
    ck_assert_mem_eq(op.copies[0].key.sub.at, op.repeat.op_id, BLOB_HASH_LEN);
    pending = &op.copies[0].pending;
    ck_assert(pending->stamp == 77 && pending->requests == 1 && pending->errors == 0);
    ck_assert_double_eq(pending->processing_time, 0.5);
    ck_assert_int_eq(pending->repeat.at_us, 5);
    ck_assert_mem_eq(pending->repeat.body_hash, op.repeat.body_hash, BLOB_HASH_LEN);
}
END_TEST

static struct message messages[] = {
    {.id = {"m1", 2}, .seq = 11, .role = {"user", 4}, .content = {"1", 1}, .created = true},
    {.id = {"m2", 2}, .seq = 12, .role = {"user", 4}, .content = {"2", 1}},
    {.id = {"m3", 2},
     .seq = 13,
     .role = {"tool", 4},
     .content = {"3", 1},
     .metadata = {"{}", 2},
     .created = true},
};

START_TEST(only_created_messages_are_copied)
{
    struct op op = op_of(OP_MESSAGE_APPEND);

    op.message_append.messages = messages;
    op.message_append.n = COUNT_OF(messages);
    ck_assert(copies_messages(&op, &err));
    ck_assert_uint_eq(op.n_copies, 2);
    ck_assert(slice_equal(op.copies[0].key.sub, SLICE("m1")));
    ck_assert(slice_equal(op.copies[1].key.sub, SLICE("m3")));
    ck_assert_int_eq(op.copies[1].message.seq, 13);
    ck_assert_int_eq(op.copies[1].message.stamp, 77);
    ck_assert(slice_equal(op.copies[1].message.role, SLICE("tool")));
    ck_assert(slice_equal(op.copies[1].message.content, SLICE("3")));
    ck_assert(slice_equal(op.copies[1].message.metadata, SLICE("{}")));
}
END_TEST

START_TEST(names_are_packed_from_anywhere)
{
    struct op op = op_of(OP_SESSION_PUT);
    struct record_name *names;
    struct slice packed;

    give_key(&op);
    ck_assert(add_all(&op, &err));
    for (size_t from = 0; from <= op.n_copies; from++) {
        size_t n;

        ck_assert(copies_pack(&op, from, &packed, &err));
        ck_assert(unpack_names(packed, &arena, &names, &n, &err));
        ck_assert_uint_eq(n, op.n_copies - from);
        for (size_t i = 0; i < n; i++) {
            ck_assert_int_eq(names[i].kind, op.copies[from + i].kind);
            ck_assert(slice_equal(names[i].key.id, op.copies[from + i].key.id));
            ck_assert(slice_equal(names[i].key.sub, op.copies[from + i].key.sub));
        }
    }
}
END_TEST

static bool all_in(struct arena *a, struct err *e)
{
    struct op op = op_of(OP_MESSAGE_APPEND), patch = op_of(OP_SESSION_PATCH);
    struct slice packed;

    op.arena = patch.arena = a;
    op.message_append.messages = messages;
    op.message_append.n = COUNT_OF(messages);
    give_key(&op);
    patch.session_patch.mark_error = true;
    return copies_messages(&op, e) && add_all(&op, e) && add_all(&op, e) &&
           copies_pending(&patch, e) && copies_pack(&op, 0, &packed, e);
}

START_TEST(memory_may_end_anywhere)
{
    oom_sweep(all_in);
}
END_TEST

Suite *suite_copies(void)
{
    Suite *s = suite_create("copies");
    TCase *tc = tcase_create("copies");

    tcase_add_checked_fixture(tc, NULL, teardown);
    tcase_add_test(tc, nothing_is_kept_unless_it_is_asked_for);
    tcase_add_test(tc, records_stand_in_the_order_in_which_they_came);
    tcase_add_test(tc, sessions_and_threads_are_whole);
    tcase_add_test(tc, a_request_is_copied_if_it_has_a_key);
    tcase_add_test(tc, each_addition_is_pending);
    tcase_add_test(tc, only_created_messages_are_copied);
    tcase_add_test(tc, names_are_packed_from_anywhere);
    tcase_add_test(tc, memory_may_end_anywhere);
    suite_add_tcase(s, tc);
    return s;
}

/* contract_pair.c - what two stores of a pair tell each other; see op_pair.h. */
#include "clock.h"
#include "pairs.h"

enum { PAGE = 10 };

/* --- counters ------------------------------------------------------------------------------------- */

/* Adds to the counters of the session "s" in the store that stands in for the primary. */
static struct op add_alone(int64_t request_number)
{
    struct op op = store_op(&there, OP_SESSION_PATCH, "s");

    op.session_patch.increment_requests = op.session_patch.mark_error = true;
    op.session_patch.add_processing_time = 0.5;
    op.replicate = op.alone = true;
    op.repeat = pair_request(request_number);
    return op;
}

static struct session get_alone(const char *id)
{
    struct op op = store_op(&there, OP_SESSION_GET, id);

    op.alone = true;
    store_ok(&there, &op);
    return op.session_get.out.session;
}

static void open_session(void)
{
    struct op op = store_op(&here, OP_SESSION_PUT, "s");

    op.session_put.user_id = SLICE("u");
    op.session_put.metadata = SLICE("{}");
    op.replicate = true;
    store_ok(&here, &op);
    ck_assert_uint_eq(pair_drain(&here, &there, PAGE), 1);
}

START_TEST(the_primary_counts)
{
    struct outbox_entry e;
    struct op op, merge;
    struct op_records_get got;

    open_session();
    op = add_alone(1);
    store_ok(&there, &op);
    ck_assert_int_eq(op.session_patch.out.session.request_count, 1);
    op = add_alone(1); /* the client asks again */
    store_ok(&there, &op);
    ck_assert(op.session_patch.out.replayed);
    ck_assert_int_eq(get_alone("s").request_count, 1);
    ck_assert_int_eq(get_alone("s").error_count, 1);
    ck_assert_int_eq(store_get(&there, "s").request_count, 0);

    e = pair_read(&there, PAGE).out.entries[0];
    got = pair_get(&there, SLICE("s"), e.names, e.n_names);
    merge = pair_merge_op(&here, SLICE("s"), got.out.items, got.out.n);
    merge.replicate = true;
    store_ok(&here, &merge);
    ck_assert_int_eq(store_get(&here, "s").request_count, 1);
    ck_assert_uint_eq(merge.n_copies, 2); /* SESSION and REPEAT */
    ck_assert_int_eq(pair_read(&here, PAGE).out.entries[0].number, merge.stamp);
    merge.replicate = false;
    store_ok(&here, &merge); /* once more */
    ck_assert_int_eq(store_get(&here, "s").request_count, 1);

    ck_assert_uint_eq(pair_drain(&here, &there, PAGE), 1);
    ck_assert_int_eq(get_alone("s").request_count, 1);
    got = pair_get(&there, SLICE("s"), e.names, e.n_names);
    for (size_t i = 0; i < got.out.n; i++)
        ck_assert_int_ne(got.out.items[i].kind, RECORD_PENDING);
}
END_TEST

static struct record addition(int64_t stamp, int64_t request_number)
{
    struct op_repeat repeat = pair_request(request_number);

    return (struct record){
        .kind = RECORD_PENDING,
        .key = {.id = SLICE("s"),
                .sub = arena_copy(&here.arena,
                                  (struct slice){(const char *)repeat.op_id, BLOB_HASH_LEN})},
        .pending = {.stamp = stamp, .requests = 1, .repeat = {.at_us = here.now_us}},
    };
}

START_TEST(an_addition_is_counted_once)
{
    struct record records[3];
    struct op op;

    open_session();
    records[0] = records[1] = addition(stamp_next(), 1);
    records[0].kind = RECORD_REPEAT;
    records[0].repeat = (struct record_repeat){.at_us = here.now_us};
    pair_merge(&here, SLICE("s"), records, 2);
    ck_assert_int_eq(store_get(&here, "s").request_count, 0); /* the request is known by then */

    records[0] = addition(stamp_next(), 2);
    records[1] = addition(stamp_next(), 3);
    ck_assert_uint_eq(pair_merge(&here, SLICE("s"), records, 2).out.applied, 2);
    ck_assert_uint_eq(pair_merge(&here, SLICE("s"), records, 2).out.applied, 0);
    ck_assert_int_eq(store_get(&here, "s").request_count, 2);

    op = store_op(&here, OP_SESSION_PATCH, "s");
    op.session_patch.increment_requests = true;
    op.replicate = true;
    store_ok(&here, &op);
    records[0] = addition(op.stamp, 4); /* what was in doubt here is in the outbox */
    ck_assert_uint_eq(pair_merge(&here, SLICE("s"), records, 1).out.applied, 0);
    ck_assert_int_eq(store_get(&here, "s").request_count, 3);
}
END_TEST

START_TEST(a_deletion_takes_what_is_pending)
{
    struct op op;
    struct op_records_get got;
    struct record_name name;

    open_session();
    op = add_alone(1);
    store_ok(&there, &op);
    name = (struct record_name){RECORD_PENDING, addition(1, 1).key};
    got = pair_get(&there, SLICE("s"), &name, 1);
    ck_assert_uint_eq(got.out.n, 1);
    ck_assert_int_eq(got.out.items[0].pending.stamp, op.stamp);
    ck_assert_int_eq(got.out.items[0].pending.errors, 1);
    op = store_op(&there, OP_SESSION_DELETE, "s");
    op.replicate = op.alone = true;
    store_ok(&there, &op);
    ck_assert_uint_eq(pair_get(&there, SLICE("s"), &name, 1).out.n, 0);

    open_session();
    op = add_alone(1);
    op.repeat = pair_request(2);
    store_ok(&there, &op);
    op = store_op(&here, OP_SESSION_DELETE, "s");
    op.replicate = true;
    store_ok(&here, &op);
    pair_drain(&here, &there, PAGE);
    name.key = addition(1, 2).key;
    ck_assert_uint_eq(pair_get(&there, SLICE("s"), &name, 1).out.n, 0);
}
END_TEST

/* --- what is missing, notes, what is newer -------------------------------------------------------- */

START_TEST(what_is_missing_is_not_answered)
{
    const struct pair_id missing[] = {{SLICE("default"), SLICE("a")}, {SLICE("other"), SLICE("b")}};
    struct op get, stats;
    struct op_pair_read is;

    store_session(&here, "a");
    store_session(&here, "b");
    pair_change(&here, (struct op_pair_change){.missing = missing, .n_missing = 2});
    is = pair_read(&here, PAGE);
    ck_assert_uint_eq(is.out.n_missing, 2);
    get = store_op(&here, OP_SESSION_GET, "a");
    store_ok(&here, &get);
    get.alone = true;
    store_fails(&here, &get, ERR_UNAVAILABLE);
    get.id = SLICE("b");
    store_ok(&here, &get);
    stats = store_op(&here, OP_STATS, NULL);
    stats.alone = true;
    store_fails(&here, &stats, ERR_UNAVAILABLE);

    pair_change(&here, (struct op_pair_change){.found = missing, .n_found = 2});
    ck_assert_uint_eq(pair_read(&here, PAGE).out.n_missing, 0);
    get.id = SLICE("a");
    store_ok(&here, &get);
    store_ok(&here, &stats);
}
END_TEST

/* The text of a note, absent if there is none. */
static struct slice note(const char *name)
{
    struct op_pair_read is = pair_read(&here, PAGE);

    for (size_t i = 0; i < is.out.n_notes; i++)
        if (slice_equal(is.out.notes[i].name, slice_of(name)))
            return is.out.notes[i].text;
    return (struct slice){NULL, 0};
}

START_TEST(notes_are_kept)
{
    struct pair_note notes[] = {{SLICE("a"), SLICE("1"), false}, {SLICE("b"), SLICE("2"), true}};

    pair_change(&here, (struct op_pair_change){.notes = notes, .n_notes = 2});
    notes[0].text = notes[1].text = SLICE("3");
    pair_change(&here, (struct op_pair_change){.notes = notes, .n_notes = 2});
    ck_assert_slice(note("a"), "3");
    ck_assert_slice(note("b"), "2");
    notes[0].text = (struct slice){NULL, 0};
    pair_change(&here, (struct op_pair_change){.notes = notes, .n_notes = 1});
    ck_assert(!slice_present(note("a")));
    ck_assert_slice(note("b"), "2");
}
END_TEST

START_TEST(a_merge_tells_what_is_newer)
{
    struct op older, newer;
    struct op_merge merge;

    open_session();
    older = store_op(&here, OP_SESSION_PATCH, "s");
    older.session_patch.status = SLICE("older");
    older.replicate = true;
    store_ok(&here, &older);
    merge = pair_merge(&there, older.id, older.copies, older.n_copies);
    ck_assert_uint_eq(merge.out.applied, 1);
    ck_assert(!merge.out.outbox);
    merge = pair_merge(&there, older.id, older.copies, older.n_copies);
    ck_assert_uint_eq(merge.out.applied, 0);
    ck_assert_int_eq(merge.out.newest, 0); /* it is the same */

    newer = store_op(&there, OP_SESSION_PATCH, "s");
    newer.session_patch.status = SLICE("newer");
    newer.replicate = true;
    store_ok(&there, &newer);
    merge = pair_merge(&there, older.id, older.copies, older.n_copies);
    ck_assert_int_eq(merge.out.newest, newer.stamp);
    ck_assert(merge.out.outbox);
}
END_TEST

TCase *contract_pair_case(void)
{
    TCase *tc = tcase_create("pair");

    tcase_add_checked_fixture(tc, pair_open, pair_close);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, the_primary_counts);
    tcase_add_test(tc, an_addition_is_counted_once);
    tcase_add_test(tc, a_deletion_takes_what_is_pending);
    tcase_add_test(tc, what_is_missing_is_not_answered);
    tcase_add_test(tc, notes_are_kept);
    tcase_add_test(tc, a_merge_tells_what_is_newer);
    return tc;
}

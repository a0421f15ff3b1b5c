/* contract_alone.c - a store that stands in for the primary: what it is missing, and what is pending. */
#include "pair.h"

/* Ops by which stores are kept equal, or that ask for all that is here. */
static bool is_always_run(enum op_type type)
{
    static const bool always[OP_TYPE_COUNT] = {
        [OP_PROBE] = true,         [OP_DESCRIBE] = true,   [OP_TENANT_LIST] = true,
        [OP_TENANT_FORGET] = true, [OP_READ_RANGE] = true, [OP_RECORDS_GET] = true,
        [OP_MERGE] = true,         [OP_PAIR_READ] = true,  [OP_PAIR_CHANGE] = true,
    };

    return always[type];
}

static struct op alone_op(enum op_type type, const char *id)
{
    struct op op = store_op(&here, type, id);

    if (type == OP_CHECKPOINT_PUT)
        op = put_op(&here, (struct checkpoint_in){.thread = id ? id : "t", .id = "c1"});
    op.id = slice_of(id);
    op.alone = true;
    if (type == OP_SESSION_LIST)
        op.session_list.limit = 10;
    if (type == OP_SESSION_PUT)
        op.session_put.user_id = SLICE("u");
    if (type == OP_VALUES_GET) {
        static const struct value_ask ask = {.id = 7};

        op.values_get.ns = SLICE("");
        op.values_get.asks = &ask;
        op.values_get.n = 1;
    }
    return op;
}

START_TEST(an_id_that_is_missing_is_refused)
{
    enum op_type type = (enum op_type)_i;
    struct op op;

    if (is_always_run(type))
        return;
    pair_missing(&here, "s1");
    op = alone_op(type, "s1");
    store_fails(&here, &op, ERR_UNAVAILABLE);
    ck_assert(op.missing);
    op = alone_op(type, NULL); /* of no single id: it may concern a missing one */
    store_fails(&here, &op, ERR_UNAVAILABLE);
    ck_assert(op.missing);
    same_stores(&here, &there);
    ck_assert_uint_eq(pair_read(&here, 10).out.n, 0);
}
END_TEST

/* A copy would be mixed into what the target lacks here. */
START_TEST(a_copy_to_an_id_that_is_missing_is_refused)
{
    struct op op = alone_op(OP_THREAD_COPY, "from");

    op.thread_copy.to = SLICE("to");
    pair_missing(&here, "to");
    store_fails(&here, &op, ERR_UNAVAILABLE);
    ck_assert(op.missing);
    pair_found(&here, "to");
    store_ok(&here, &op);
}
END_TEST

START_TEST(other_ids_are_served)
{
    struct op op;

    store_session(&here, "s1");
    store_session(&here, "s2");
    pair_missing(&here, "s1");
    op = alone_op(OP_SESSION_GET, "s2");
    store_ok(&here, &op);
    op = alone_op(OP_SESSION_GET, "s1");
    store_fails(&here, &op, ERR_UNAVAILABLE);
    op.tenant = SLICE("other");
    store_fails(&here, &op, ERR_NO_SESSION);
    ck_assert(store_has(&here, "s1")); /* without op.alone nothing is asked of `missing` */
    op = alone_op(OP_SESSION_LIST, NULL);
    store_fails(&here, &op, ERR_UNAVAILABLE);
    pair_found(&here, "s1");
    store_ok(&here, &op);
    ck_assert_uint_eq(op.session_list.out.n, 2);
    op = alone_op(OP_SESSION_GET, "s1");
    store_ok(&here, &op);
}
END_TEST

START_TEST(what_keeps_stores_equal_is_always_run)
{
    struct record_name name = name_of(RECORD_SESSION, "s1", NULL);
    struct op get, merge, range, sweep = alone_op(OP_CLEANUP, NULL);
    size_t n;

    store_session(&here, "s1");
    pair_missing(&here, "s1");
    get = alone_op(OP_RECORDS_GET, "s1");
    get.records_get.names = &name;
    get.records_get.n = 1;
    store_ok(&here, &get);
    ck_assert_uint_eq(get.records_get.out.n, 1);
    range = alone_op(OP_READ_RANGE, NULL);
    range.read_range.kind = RECORD_SESSION;
    range.read_range.limit = 10;
    store_ok(&here, &range);
    ck_assert_uint_eq(range.read_range.out.n, 1);
    merge = alone_op(OP_MERGE, "s1");
    merge.merge.items = store_records(&here, RECORD_SESSION, 10, &n);
    merge.merge.n = n;
    store_ok(&here, &merge);
    sweep.cleanup.expired = true;
    sweep.cleanup.limit = 10;
    store_ok(&here, &sweep);
    for (int type = 0; type < OP_TYPE_COUNT; type++)
        if (type == OP_PROBE || type == OP_DESCRIBE || type == OP_PAIR_CHANGE) {
            struct op op = alone_op((enum op_type)type, NULL);

            store_ok(&here, &op);
        }
}
END_TEST

static struct op add_op(char key)
{
    struct op op = store_op(&here, OP_SESSION_PATCH, "s1");

    op.alone = true;
    op.session_patch.increment_requests = op.session_patch.mark_error = true;
    op.session_patch.add_processing_time = 0.5;
    op.repeat = request_of(key, 'b');
    return op;
}

static struct record_name pending_name(const struct op *op)
{
    struct record_name name = name_of(RECORD_PENDING, "s1", NULL);

    name.key.sub = (struct slice){(const char *)op->repeat.op_id, BLOB_HASH_LEN};
    return name;
}

static size_t count_pending(struct store *s, const struct op *op)
{
    struct record_name name = pending_name(op);
    size_t n;

    (void)records_get(s, "s1", &name, 1, &n);
    return n;
}

static int64_t requests(struct store *s, bool alone)
{
    struct op op = store_op(s, OP_SESSION_GET, "s1");

    op.alone = alone;
    store_ok(s, &op);
    ck_assert_int_eq(op.session_get.out.session.error_count,
                     op.session_get.out.session.request_count);
    ck_assert_double_eq(op.session_get.out.session.total_processing_time,
                        0.5 * (double)op.session_get.out.session.request_count);
    return op.session_get.out.session.request_count;
}

/* Makes s1 in both stores; it has counted one request. */
static void have_s1(void)
{
    struct op op = store_op(&here, OP_SESSION_PUT, "s1");

    op.session_put.user_id = SLICE("u");
    op.session_put.metadata = SLICE("{}");
    (void)replicated(&op);
    op = add_op('0');
    op.alone = false;
    (void)replicated(&op);
}

/* Adds a request in `here`, which is alone. */
static struct op add(char key)
{
    struct op op;

    here.now_us += SECOND;
    op = add_op(key);
    ck_assert_str_eq(left_by(&op), "session:s1 pending:s1");
    return op;
}

START_TEST(additions_are_pending_and_answers_show_the_sum)
{
    struct op op, list;

    have_s1();
    op = add('1');
    ck_assert_int_eq(op.session_patch.out.session.request_count, 2);
    op = add('2');
    ck_assert_int_eq(op.session_patch.out.session.request_count, 3);
    ck_assert_double_eq(op.session_patch.out.session.total_processing_time, 1.5);
    ck_assert_int_eq(requests(&here, true), 3);
    ck_assert_int_eq(requests(&here, false), 1); /* the row has what the primary has counted */
    ck_assert_uint_eq(count_pending(&here, &op), 1);
    list = alone_op(OP_SESSION_LIST, NULL);
    store_ok(&here, &list);
    ck_assert_int_eq(list.session_list.out.items[0].request_count, 3);
    op = alone_op(OP_SESSION_PUT, "s1");
    op.session_put.metadata = SLICE("{}");
    store_ok(&here, &op);
    ck_assert_int_eq(op.session_put.out.session.request_count, 3);
}
END_TEST

START_TEST(a_repeated_addition_is_pending_once)
{
    struct op op;

    have_s1();
    op = add('1');
    op.stamp += 1024;
    op.replicate = op.fence = true;
    store_ok(&here, &op);
    ck_assert(op.session_patch.out.replayed && op.n_copies == 0);
    ck_assert_int_eq(op.session_patch.out.session.request_count, 2);
    ck_assert_uint_eq(pair_read(&here, 1000).out.n, 3); /* two of them are from have_s1() */
    op.repeat = request_of('1', 'c');
    store_fails(&here, &op, ERR_KEY_REUSED);
}
END_TEST

START_TEST(a_patch_without_additions_leaves_its_request)
{
    struct op op = add_op('1');

    have_s1();
    op = add_op('1');
    op.session_patch.increment_requests = op.session_patch.mark_error = false;
    op.session_patch.add_processing_time = 0;
    op.session_patch.status = SLICE("done");
    ck_assert_str_eq(left_by(&op), "session:s1 repeat:s1");
    ck_assert_uint_eq(count_pending(&here, &op), 0);
}
END_TEST

/* `here` learns from `there` that an addition was counted. */
static void learn_counted(const struct op *op)
{
    struct record_name names[2] = {pending_name(op), name_of(RECORD_SESSION, "s1", NULL)};
    struct record *records;
    size_t n;

    names[0].kind = RECORD_REPEAT;
    records = records_get(&there, "s1", names, 2, &n);
    ck_assert_uint_eq(n, 2);
    merge_copies(&here, records, n);
}

/* Merges what an op has left pending into a store. The answer is that of OP_MERGE. */
static struct op merge_pending(struct store *s, const struct op *from)
{
    struct op op = store_op(s, OP_MERGE, "s1");
    size_t at = 0;

    while (at < from->n_copies && from->copies[at].kind != RECORD_PENDING)
        at++;
    ck_assert_uint_lt(at, from->n_copies);
    op.merge.items = &from->copies[at];
    op.merge.n = 1;
    store_ok(s, &op);
    return op;
}

START_TEST(what_was_pending_is_counted_once)
{
    struct op op, counted, again;

    have_s1();
    op = add('1');
    counted = merge_pending(&there, &op);
    ck_assert_uint_eq(counted.merge.out.applied, 1);
    ck_assert_int_eq(requests(&there, false), 2);
    again = merge_pending(&there, &op);
    ck_assert_uint_eq(again.merge.out.applied, 0);
    ck_assert_int_eq(requests(&there, false), 2);
    op.stamp += 1024; /* the client asks the other store again */
    op.alone = false;
    store_ok(&there, &op);
    ck_assert(op.session_patch.out.replayed);
    ck_assert_int_eq(requests(&there, false), 2);
}
END_TEST

START_TEST(what_was_counted_is_not_pending_any_more)
{
    struct op op, other;

    have_s1();
    op = add('1');
    other = add('2');
    (void)merge_pending(&there, &op);
    ck_assert_uint_eq(pair_read(&there, 10).out.n, 0);
    learn_counted(&op);
    ck_assert_uint_eq(count_pending(&here, &op), 0);
    ck_assert_uint_eq(count_pending(&here, &other), 1);
    ck_assert_int_eq(requests(&here, false), 2);
    ck_assert_int_eq(requests(&here, true), 3);
    learn_counted(&op); /* once more */
    ck_assert_int_eq(requests(&here, true), 3);
    store_ok(&here, &op);
    ck_assert(op.session_patch.out.replayed);
    (void)merge_pending(&there, &other);
    ck_assert_int_eq(requests(&there, false), 3);
}
END_TEST

START_TEST(a_request_that_the_primary_knows_is_not_counted)
{
    struct op op, known;

    have_s1();
    op = add('1');
    known = op;
    known.alone = known.replicate = known.fence = false;
    store_ok(&there, &known); /* the op was made there too, though its outcome was in doubt */
    ck_assert_int_eq(requests(&there, false), 2);
    known = merge_pending(&there, &op);
    ck_assert(known.merge.out.applied == 0 && known.n_copies == 0);
    ck_assert_int_eq(requests(&there, false), 2);
}
END_TEST

/* Without a key of the client the op id is new in each run, but the stamp is not. */
START_TEST(an_entry_of_its_stamp_stands_for_a_pending_addition)
{
    struct op op, made;

    have_s1();
    op = add('1');
    made = op;
    made.alone = made.fence = false;
    made.repeat = request_of('x', 'b');
    store_ok(&there, &made);
    ck_assert_uint_gt(made.n_copies, 0);
    made = merge_pending(&there, &op);
    ck_assert_uint_eq(made.merge.out.applied, 0);
    ck_assert_int_eq(requests(&there, false), 2);
}
END_TEST

START_TEST(a_deletion_removes_what_is_pending)
{
    struct op op, later, del = alone_op(OP_SESSION_DELETE, "s1"), put;

    have_s1();
    op = add('1');
    del = alone_op(OP_SESSION_DELETE, "s1");
    ck_assert_str_eq(left_by(&del), "session:s1");
    ck_assert_uint_eq(count_pending(&here, &op), 0);
    put = alone_op(OP_SESSION_PUT, "s1");
    put.session_put.metadata = SLICE("{}");
    ck_assert_str_eq(left_by(&put), "session:s1");
    ck_assert_int_eq(requests(&here, true), 0);
    later = add('2');
    ck_assert_int_eq(requests(&here, true), 1);
    merge_copies(&there, del.copies, del.n_copies);
    merge_copies(&there, put.copies, put.n_copies);
    (void)merge_pending(&there, &op); /* the session was deleted after the addition */
    ck_assert_int_eq(requests(&there, false), 0);
    (void)merge_pending(&there, &later);
    ck_assert_int_eq(requests(&there, false), 1);
}
END_TEST

START_TEST(a_clean_up_removes_what_is_pending)
{
    struct op first, second, clean, fenced;

    have_s1();
    store_session(&here, "s2");
    first = add('1');
    fenced = store_op(&here, OP_CLEANUP, NULL);
    second = add('2');
    fenced.alone = fenced.fence = fenced.replicate = true;
    fenced.cleanup.idle_us = here.now_us;
    fenced.cleanup.limit = 10;
    clean = fenced;
    clean.stamp = store_op(&here, OP_CLEANUP, NULL).stamp;
    store_fails(&here, &fenced, ERR_FENCED);
    ck_assert(fenced.newest >= second.stamp);
    ck_assert_uint_eq(count_pending(&here, &second), 1);
    store_ok(&here, &clean);
    ck_assert(!store_has(&here, "s1") && !store_has(&here, "s2"));
    ck_assert_uint_eq(count_pending(&here, &first), 0);
    ck_assert_uint_eq(count_pending(&here, &second), 0);
}
END_TEST

START_TEST(a_merged_deletion_removes_what_is_pending_below_it)
{
    struct op below, above, del, put;

    have_s1();
    below = add('1');
    del = store_op(&there, OP_SESSION_DELETE, "s1");
    del.replicate = del.fence = true;
    put = store_op(&there, OP_SESSION_PUT, "s1");
    put.session_put.user_id = SLICE("u");
    put.replicate = put.fence = true;
    above = add('2');
    store_ok(&there, &del);
    store_ok(&there, &put);
    merge_copies(&here, del.copies, del.n_copies);
    merge_copies(&here, put.copies, put.n_copies);
    ck_assert_uint_eq(count_pending(&here, &below), 0);
    ck_assert_uint_eq(count_pending(&here, &above), 1);
    ck_assert_int_eq(requests(&here, true), 1);
}
END_TEST

/* Counts in `here` what is pending of an op there. */
static size_t settle(const struct op *from)
{
    struct record_name name = pending_name(from);
    struct op op = store_op(&here, OP_MERGE, "s1");

    op.merge.items = records_get(&here, "s1", &name, 1, &op.merge.n);
    op.merge.own = true;
    store_ok(&here, &op);
    return op.merge.out.applied;
}

START_TEST(a_store_counts_what_is_pending_in_it_once)
{
    struct op op, other, gone;

    have_s1();
    op = add('1');
    other = add('2');
    gone = op;
    ck_assert_uint_eq(settle(&op), 1);
    ck_assert_int_eq(requests(&here, false), 2);
    ck_assert_int_eq(requests(&here, true), 3);
    ck_assert_uint_eq(count_pending(&here, &op), 0);
    ck_assert_uint_eq(settle(&gone), 0);
    gone = store_op(&here, OP_MERGE, "s1"); /* read before it was counted */
    for (size_t i = 0; i < op.n_copies; i++)
        if (op.copies[i].kind == RECORD_PENDING)
            gone.merge.items = &op.copies[i];
    gone.merge.n = 1;
    gone.merge.own = true;
    store_ok(&here, &gone);
    ck_assert_uint_eq(gone.merge.out.applied, 0);
    ck_assert_uint_eq(settle(&other), 1);
    ck_assert_int_eq(requests(&here, false), 3);
    op.stamp += 1024; /* the client asks again */
    op.alone = op.replicate = op.fence = false;
    store_ok(&here, &op);
    ck_assert(op.session_patch.out.replayed);
    ck_assert_int_eq(requests(&here, false), 3);
}
END_TEST

START_TEST(a_range_is_read_with_what_is_pending)
{
    struct op range;

    have_s1();
    store_session(&here, "s0");
    (void)add('1');
    (void)add('2');
    for (int pending = 0; pending < 2; pending++) {
        range = store_op(&here, OP_READ_RANGE, NULL);
        range.read_range.kind = RECORD_SESSION;
        range.read_range.pending = pending;
        range.read_range.limit = 10;
        store_ok(&here, &range);
        ck_assert_uint_eq(range.read_range.out.n, 2);
        ck_assert_int_eq(range.read_range.out.items[0].session.request_count, 0);
        ck_assert_int_eq(range.read_range.out.items[1].session.request_count, pending ? 3 : 1);
        ck_assert_int_eq(range.read_range.out.items[1].session.error_count, pending ? 3 : 1);
    }
}
END_TEST

void contract_alone_add(TCase *tc)
{
    tcase_add_loop_test(tc, an_id_that_is_missing_is_refused, 0, OP_TYPE_COUNT);
    tcase_add_test(tc, a_copy_to_an_id_that_is_missing_is_refused);
    tcase_add_test(tc, other_ids_are_served);
    tcase_add_test(tc, what_keeps_stores_equal_is_always_run);
    tcase_add_test(tc, additions_are_pending_and_answers_show_the_sum);
    tcase_add_test(tc, a_repeated_addition_is_pending_once);
    tcase_add_test(tc, a_patch_without_additions_leaves_its_request);
    tcase_add_test(tc, what_was_pending_is_counted_once);
    tcase_add_test(tc, what_was_counted_is_not_pending_any_more);
    tcase_add_test(tc, a_request_that_the_primary_knows_is_not_counted);
    tcase_add_test(tc, an_entry_of_its_stamp_stands_for_a_pending_addition);
    tcase_add_test(tc, a_deletion_removes_what_is_pending);
    tcase_add_test(tc, a_clean_up_removes_what_is_pending);
    tcase_add_test(tc, a_merged_deletion_removes_what_is_pending_below_it);
    tcase_add_test(tc, a_store_counts_what_is_pending_in_it_once);
    tcase_add_test(tc, a_range_is_read_with_what_is_pending);
}

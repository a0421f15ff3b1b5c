/* contract_records_get.c - reads records by their names, as a drain does. */
#include "pair.h"

enum { MANY = 64, CONTEXTS = 5, KEPT = 3 };

static struct op_repeat request;

static void fill(void)
{
    struct op op = store_op(&here, OP_SESSION_PUT, "s1");

    request = request_of('k', 'b');
    op.session_put.user_id = SLICE("u");
    op.session_put.metadata = SLICE("{\"a\":[1,2]}");
    op.repeat = request;
    store_ok(&here, &op);
    store_message(&here, "s1", "m1");
    store_message(&here, "s1", "m2");
    for (int i = 0; i < CONTEXTS; i++)
        store_context(&here, "s1", arena_printf(&here.arena, "{\"n\":%d}", i).at);
    put_writes(&here, (struct writes_in){.thread = "s1",
                                         .checkpoint = "c1",
                                         .task = "k",
                                         .path = "p",
                                         .writes = "0:a=b -3:c=d"});
    here.now_us += SECOND;
    put(&here, (struct checkpoint_in){.thread = "s1",
                                      .id = "c1",
                                      .run = "r",
                                      .metadata = "{\"run_id\":\"r\"}",
                                      .values = "a=1:xx b=1:yy"});
    put(&here,
        (struct checkpoint_in){.thread = "s1", .ns = "doc", .id = "c1", .form = FORM_DOCUMENT});
}

/* The one record with this name, or NULL. */
static struct record *one(enum record_kind kind, const struct record_key *key)
{
    struct record_name name = {kind, *key};
    struct record *found;
    size_t n;

    found = records_get(&here, "s1", &name, 1, &n);
    ck_assert_uint_le(n, 1);
    return n ? found : NULL;
}

START_TEST(each_kind_is_as_a_range_gives_it)
{
    fill();
    for (enum record_kind kind = RECORD_SESSION; kind < RECORD_KIND_COUNT; kind++) {
        size_t n;
        struct record *all = store_records(&here, kind, MANY, &n);

        ck_assert_uint_gt(n, 0);
        for (size_t i = 0; i < n; i++) {
            struct record *found = one(kind, &all[i].key);

            ck_assert_msg(found && same_record(found, &all[i]), "kind %d, record %zu", (int)kind,
                          i);
        }
    }
}
END_TEST

START_TEST(many_names_at_once)
{
    struct record_name names[MANY];
    struct record *found;
    size_t n = 0, n_found;

    fill();
    for (enum record_kind kind = RECORD_SESSION; kind < RECORD_KIND_COUNT; kind++) {
        size_t more;
        struct record *all = store_records(&here, kind, MANY, &more);

        for (size_t i = 0; i < more; i++)
            names[n++] = (struct record_name){kind, all[i].key};
    }
    ck_assert_uint_lt(n, MANY);
    found = records_get(&here, "s1", names, n, &n_found);
    ck_assert_uint_eq(n_found, n);
    merge_copies(&there, found, n_found);
    same_stores(&here, &there);
    found = records_get(&here, "s1", names, 0, &n_found);
    ck_assert_uint_eq(n_found, 0);
}
END_TEST

START_TEST(what_is_not_there_is_left_out)
{
    static const struct record_name absent[] = {
        {RECORD_MESSAGE, {.id = {"s1", 2}, .sub = {"m9", 2}}},
        {RECORD_CONTEXT, {.id = {"s1", 2}, .number = 1, .stamp = 7}},
        {RECORD_VALUE, {.id = {"s1", 2}, .ns = {"", 0}, .number = 7}},
        {RECORD_CHECKPOINT, {.id = {"s1", 2}, .ns = {"", 0}, .sub = {"c9", 2}}},
        {RECORD_CHECKPOINT, {.id = {"s1", 2}, .ns = {"no", 2}, .sub = {"c1", 2}}},
        {RECORD_TASK, {.id = {"s1", 2}, .ns = {"", 0}, .sub = {"c1", 2}, .task = {"l", 1}}},
        {RECORD_TASK, {.id = {"s1", 2}, .ns = {"", 0}, .sub = {"c9", 2}, .task = {"k", 1}}},
        {RECORD_REPEAT, {.id = {"s1", 2}, .sub = {"0123456789abcdef", 16}}},
        {RECORD_PENDING, {.id = {"s1", 2}, .sub = {"0123456789abcdef", 16}}},
    };
    struct record_name some[COUNT_OF(absent) + 1];
    struct record *found;
    size_t n;

    fill();
    for (size_t i = 0; i < COUNT_OF(absent); i++)
        ck_assert_msg(!one(absent[i].kind, &absent[i].key), "absent name %zu", i);
    memcpy(some, absent, sizeof(absent));
    some[COUNT_OF(absent)] = name_of(RECORD_MESSAGE, "s1", "m2");
    found = records_get(&here, "s1", some, COUNT_OF(some), &n);
    ck_assert_uint_eq(n, 1);
    ck_assert_slice(found->key.sub, "m2");
}
END_TEST

START_TEST(of_an_unknown_id_there_is_nothing)
{
    static const enum record_kind kinds[] = {RECORD_SESSION, RECORD_THREAD, RECORD_CONTEXT};

    for (int round = 0; round < 2; round++) { /* in the first round the tenant is unknown */
        for (size_t i = 0; i < COUNT_OF(kinds); i++) {
            struct record_name name = name_of(kinds[i], "nobody", NULL);
            size_t n;

            (void)records_get(&here, "nobody", &name, 1, &n);
            ck_assert_uint_eq(n, 0);
        }
        fill();
    }
    here.tenant = SLICE("other");
    ck_assert_ptr_null(one(RECORD_SESSION, &(struct record_key){.id = SLICE("s1")}));
    ck_assert_ptr_null(one(RECORD_THREAD, &(struct record_key){.id = SLICE("s1")}));
}
END_TEST

START_TEST(context_0_stands_for_all_that_are_kept)
{
    struct record_name name = name_of(RECORD_CONTEXT, "s1", NULL);
    size_t n_found, n;
    struct record *found, *all;

    fill();
    found = records_get(&here, "s1", &name, 1, &n_found);
    all = store_records(&here, RECORD_CONTEXT, MANY, &n);
    ck_assert_uint_eq(n, KEPT);
    ck_assert_uint_eq(n_found, KEPT);
    for (size_t i = 0; i < n; i++)
        ck_assert(same_record(&found[i], &all[i]));
    ck_assert_slice(found[KEPT - 1].context.body, "{\"n\":4}");
}
END_TEST

START_TEST(requests_by_their_op_id)
{
    struct record_key key = {.id = SLICE("s1")};
    struct record *found;

    fill();
    key.sub = (struct slice){(const char *)request.op_id, BLOB_HASH_LEN};
    found = one(RECORD_REPEAT, &key);
    ck_assert_ptr_nonnull(found);
    ck_assert_mem_eq(found->repeat.body_hash, request.body_hash, BLOB_HASH_LEN);
    ck_assert_int_eq(found->repeat.at_us, here.now_us - SECOND);
    ck_assert_ptr_null(one(RECORD_PENDING, &key));
}
END_TEST

START_TEST(deletions_are_records)
{
    struct op op = store_op(&here, OP_SESSION_DELETE, "s1");
    struct record *found;

    fill();
    op = store_op(&here, OP_SESSION_DELETE, "s1");
    op.session_delete.threads = true;
    store_ok(&here, &op);
    found = one(RECORD_SESSION, &(struct record_key){.id = SLICE("s1")});
    ck_assert(found && found->session.tomb >= op.stamp && found->session.gen == 0);
    found = one(RECORD_THREAD, &(struct record_key){.id = SLICE("s1")});
    ck_assert(found && found->thread.tomb >= op.stamp);
    ck_assert_ptr_null(
        one(RECORD_MESSAGE, &(struct record_key){.id = SLICE("s1"), .sub = SLICE("m1")}));
    ck_assert_ptr_null(one(RECORD_CONTEXT, &(struct record_key){.id = SLICE("s1")}));
    ck_assert_ptr_null(
        one(RECORD_CHECKPOINT,
            &(struct record_key){.id = SLICE("s1"), .ns = SLICE(""), .sub = SLICE("c1")}));
}
END_TEST

/* Messages and contexts without a session have an anchor, which is read as a session that is not alive. */
START_TEST(an_anchor_is_a_session_that_does_not_live)
{
    struct record *found;

    store_message(&here, "s1", "m1");
    found = one(RECORD_SESSION, &(struct record_key){.id = SLICE("s1")});
    ck_assert(found && found->session.gen == 0 && found->session.tomb == 0);
    ck_assert_int_ge(found->session.last_seq, here.now_us);
}
END_TEST

void contract_records_get_add(TCase *tc)
{
    tcase_add_test(tc, each_kind_is_as_a_range_gives_it);
    tcase_add_test(tc, many_names_at_once);
    tcase_add_test(tc, what_is_not_there_is_left_out);
    tcase_add_test(tc, of_an_unknown_id_there_is_nothing);
    tcase_add_test(tc, context_0_stands_for_all_that_are_kept);
    tcase_add_test(tc, requests_by_their_op_id);
    tcase_add_test(tc, deletions_are_records);
    tcase_add_test(tc, an_anchor_is_a_session_that_does_not_live);
}

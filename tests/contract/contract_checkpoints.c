/* contract_checkpoints.c - checkpoints and writes, put and read. */
#include "clock.h"
#include "text.h"
#include "threads.h"

START_TEST(comes_back_as_sent)
{
    struct checkpoint *c;

    ck_assert(put(&here, (struct checkpoint_in){.thread = "t",
                                                .ns = "n",
                                                .id = "c1",
                                                .parent = "c0",
                                                .head = "{\"v\": 1e400}",
                                                .metadata = "{ \"run_id\":\"r\" }",
                                                .run = "r",
                                                .values = "a=1:xx b=\"2\":"}));
    c = get(&here, "t", "n", "c1");
    ck_assert_ptr_nonnull(c);
    ck_assert_slice(c->thread, "t");
    ck_assert_slice(c->ns, "n");
    ck_assert_slice(c->id, "c1");
    ck_assert_slice(c->parent_id, "c0");
    ck_assert_slice(c->head.bytes, "{\"v\": 1e400}");
    ck_assert_slice(c->metadata, "{ \"run_id\":\"r\" }");
    ck_assert_int_eq(c->form, FORM_CHANNEL);
    ck_assert_int_eq(c->created_us, here.now_us);
    ck_assert_str_eq(values_text(&here, c), "a=1:xx b=\"2\":");
    ck_assert_uint_eq(c->n_writes, 0);
    ck_assert_ptr_null(get(&here, "t", "n", "c2"));
    ck_assert_ptr_null(get(&here, "t", "", NULL));
    ck_assert_ptr_null(get(&here, "u", "n", "c1"));
    here.tenant = SLICE("other");
    ck_assert_ptr_null(get(&here, "t", "n", "c1"));
}
END_TEST

START_TEST(no_parent_is_absent)
{
    put(&here, (struct checkpoint_in){.thread = "t", .id = "c1"});
    ck_assert(!slice_present(get(&here, "t", "", "c1")->parent_id));
}
END_TEST

START_TEST(carried_values)
{
    put(&here, (struct checkpoint_in){.thread = "t", .id = "c1", .values = "a=1:old b=1:bb"});
    put(&here, (struct checkpoint_in){.thread = "t", .ns = "n", .id = "c1", .values = "z=1:zz"});
    put(&here, (struct checkpoint_in){.thread = "t", .id = "c1", .values = "a=1:new b=1:bb"});
    put(&here, (struct checkpoint_in){.thread = "t",
                                      .id = "c2",
                                      .values = "c=1:cc",
                                      .carried = "a=1 b=2 z=1 b=1 a=\"1\" missing=1"});
    ck_assert_str_eq(values_text(&here, get(&here, "t", "", "c2")), "c=1:cc a=1:new b=1:bb");
    put(&here, (struct checkpoint_in){.thread = "u", .id = "c1", .carried = "a=1"});
    ck_assert_str_eq(values_text(&here, get(&here, "u", "", "c1")), "");
}
END_TEST

START_TEST(values_by_channel_and_version)
{
    static const struct {
        const char *channel, *version, *bytes;
    } asked[] = {
        {"a", "1", "new"}, {"a", "2", NULL}, {"b", "1", "bb"}, {"a", "1", "new"}, {"z", "1", NULL}};
    struct value_ask asks[COUNT_OF(asked)] = {0};
    struct op op = store_op(&here, OP_VALUES_GET, "t");

    for (size_t i = 0; i < COUNT_OF(asked); i++)
        asks[i].of = (struct channel_version){slice_of(asked[i].channel),
                                              slice_of(asked[i].version)};
    op.values_get.ns = SLICE("");
    op.values_get.asks = asks;
    op.values_get.n = COUNT_OF(asked);
    store_ok(&here, &op);
    ck_assert_ptr_null(op.values_get.out.items[0]);
    put(&here, (struct checkpoint_in){.thread = "t", .id = "c1", .values = "a=1:old b=1:bb"});
    put(&here, (struct checkpoint_in){.thread = "t", .ns = "n", .id = "c1", .values = "z=1:zz"});
    put(&here, (struct checkpoint_in){.thread = "t", .id = "c2", .values = "a=1:new"});
    store_ok(&here, &op);
    for (size_t i = 0; i < COUNT_OF(asked); i++) {
        const struct value *value = op.values_get.out.items[i];

        ck_assert_int_eq(value != NULL, asked[i].bytes != NULL);
        if (value) {
            ck_assert_slice(value->of.channel, asked[i].channel);
            ck_assert_slice(value->of.version, asked[i].version);
            ck_assert_slice(value->blob.bytes, asked[i].bytes);
        }
    }
}
END_TEST

enum { MANY = 3000 };

/* Names many channels, with the padded versions of LangGraph. */
static const char *many_names(const char *bytes)
{
    struct text t;

    text_init(&t, &here.arena);
    for (int i = 0; i < MANY; i++) {
        text_puts(&t, arena_printf(&here.arena, "%sc%d=\"%032d.5\"", i ? " " : "", i, i % 2).at);
        text_puts(&t, bytes);
    }
    ck_assert(!t.failed);
    return arena_copy(&here.arena, text_slice(&t)).at;
}

/* The bytes that channel i has in the end. */
static const char *many_bytes(int i)
{
    return i % 5 == 0 ? "two" : "one";
}

static void check_many(const struct value *const *values, size_t n)
{
    ck_assert_uint_eq(n, MANY);
    for (int i = 0; i < MANY; i++) {
        ck_assert_slice(values[i]->of.channel, arena_printf(&here.arena, "c%d", i).at);
        ck_assert_slice(values[i]->blob.bytes, many_bytes(i));
    }
}

/* Puts many values; every fifth channel is stored twice. */
static void put_many(void)
{
    struct op op = put_op(
        &here, (struct checkpoint_in){.thread = "t", .id = "c2", .values = many_names(":two")});
    size_t n = 0;

    put(&here, (struct checkpoint_in){.thread = "t", .id = "c1", .values = many_names(":one")});
    for (size_t i = 0; i < MANY; i += 5)
        op.checkpoint_put.values[n++] = op.checkpoint_put.values[i];
    op.checkpoint_put.n_values = n;
    store_ok(&here, &op);
}

START_TEST(many_carried_values)
{
    struct checkpoint *c;

    put_many();
    put(&here, (struct checkpoint_in){.thread = "t", .id = "c3", .carried = many_names("")});
    c = get(&here, "t", "", "c3");
    check_many(c->values, c->n_values);
    put(&here, (struct checkpoint_in){.thread = "t", .id = "c4", .carried = "c7=1 c8=\"0\""});
    ck_assert_uint_eq(get(&here, "t", "", "c4")->n_values, 0);
}
END_TEST

/* Each value is asked for twice by its name, then twice by its id. */
START_TEST(many_values_asked_for_twice)
{
    struct op named, op = store_op(&here, OP_VALUES_GET, "t");
    static struct value_ask asks[2 * MANY];

    put_many();
    named = put_op(&here,
                   (struct checkpoint_in){.thread = "t", .id = "c3", .carried = many_names("")});
    for (size_t i = 0; i < 2 * MANY; i++)
        asks[i] = (struct value_ask){.of = named.checkpoint_put.carried[i % MANY]};
    op.values_get.ns = SLICE("");
    op.values_get.asks = asks;
    op.values_get.n = 2 * MANY;
    for (int round = 0; round < 2; round++) {
        store_ok(&here, &op);
        check_many(op.values_get.out.items, MANY);
        check_many(op.values_get.out.items + MANY, MANY);
        for (size_t i = 0; i < 2 * MANY; i++)
            asks[i] = (struct value_ask){.id = op.values_get.out.items[i]->blob.id};
    }
}
END_TEST

START_TEST(same_id_again_replaces)
{
    int64_t first;

    put(&here,
        (struct checkpoint_in){
            .thread = "t", .id = "c1", .parent = "p", .metadata = "{\"a\":1}", .values = "a=1:xx"});
    put_writes(&here, (struct writes_in){
                          .thread = "t", .checkpoint = "c1", .task = "t1", .writes = "0:ch=w"});
    first = get(&here, "t", "", "c1")->stamp;
    here.now_us += SECOND;
    ck_assert(!put(&here, (struct checkpoint_in){.thread = "t", .id = "c1", .head = "{}"}));
    ck_assert_int_gt(get(&here, "t", "", "c1")->stamp, first);
    ck_assert_int_eq(get(&here, "t", "", "c1")->created_us, here.now_us);
    ck_assert(!slice_present(get(&here, "t", "", "c1")->parent_id));
    ck_assert_slice(get(&here, "t", "", "c1")->metadata, "{}");
    ck_assert_slice(get(&here, "t", "", "c1")->head.bytes, "{}");
    ck_assert_str_eq(values_text(&here, get(&here, "t", "", "c1")), "");
    ck_assert_str_eq(get_writes(&here, "t", "", "c1"), "t1//0:ch=w");
}
END_TEST

START_TEST(document_put_again_keeps_no_old_head)
{
    for (int i = 0; i < 5; i++)
        put(&here, (struct checkpoint_in){.thread = "t", .id = "c1", .form = FORM_DOCUMENT});
    ck_assert_uint_eq(count_records(&here, RECORD_VALUE), 1);
    ck_assert_str_eq(thread_text(&here, "t"), "<>|1|c1|19");
}
END_TEST

START_TEST(latest_by_form)
{
    put(&here, (struct checkpoint_in){.thread = "t", .id = "c2"});
    put(&here, (struct checkpoint_in){.thread = "t", .id = "c3"});
    put(&here, (struct checkpoint_in){.thread = "t", .id = "c1"});
    ck_assert_slice(get(&here, "t", "", NULL)->id, "c3");
    put(&here, (struct checkpoint_in){.thread = "d", .id = "c2", .form = FORM_DOCUMENT});
    put(&here, (struct checkpoint_in){.thread = "d", .id = "c3", .form = FORM_DOCUMENT});
    put(&here, (struct checkpoint_in){.thread = "d", .id = "c1", .form = FORM_DOCUMENT});
    ck_assert_slice(get(&here, "d", "", NULL)->id, "c1");
    put(&here, (struct checkpoint_in){.thread = "d", .id = "c2", .form = FORM_DOCUMENT});
    ck_assert_slice(get(&here, "d", "", NULL)->id, "c2");
}
END_TEST

START_TEST(form_is_fixed_while_there_is_something)
{
    struct op op;

    put(&here, (struct checkpoint_in){.thread = "t", .id = "c1"});
    op = put_op(&here, (struct checkpoint_in){.thread = "t", .id = "c2", .form = FORM_DOCUMENT});
    store_fails(&here, &op, ERR_FORM);
    op = writes_op(&here, (struct writes_in){.thread = "t",
                                             .checkpoint = "c1",
                                             .task = "t1",
                                             .form = FORM_DOCUMENT,
                                             .writes = "0:a=b"});
    store_fails(&here, &op, ERR_FORM);
    ck_assert_str_eq(get_writes(&here, "t", "", "c1"), "");
    put(&here, (struct checkpoint_in){.thread = "t", .ns = "n", .id = "c1", .form = FORM_DOCUMENT});
    delete_thread(&here, "t");
    put(&here, (struct checkpoint_in){.thread = "t", .id = "c2", .form = FORM_DOCUMENT});
    put_writes(&here, (struct writes_in){.thread = "w",
                                         .checkpoint = "c1",
                                         .task = "t1",
                                         .form = FORM_DOCUMENT,
                                         .writes = "0:a=b"});
    op = put_op(&here, (struct checkpoint_in){.thread = "w", .id = "c1"});
    store_fails(&here, &op, ERR_FORM);
}
END_TEST

START_TEST(write_sequence_only_rises)
{
    struct op op = put_op(&here, (struct checkpoint_in){.thread = "t", .id = "c1"});
    int64_t high = op.stamp + (1 << 20);

    op.stamp = high;
    store_ok(&here, &op);
    put(&here, (struct checkpoint_in){.thread = "t", .id = "c2"});
    ck_assert_int_gt(get(&here, "t", "", "c2")->stamp, high);
    ck_assert_int_gt(stamp_next(), get(&here, "t", "", "c2")->stamp);
}
END_TEST

START_TEST(fence)
{
    struct op op = put_op(&here, (struct checkpoint_in){.thread = "t", .id = "c1"}), again, writes;

    op.fence = true;
    store_ok(&here, &op);
    ck_assert_int_eq(get(&here, "t", "", "c1")->stamp, op.stamp);
    again = put_op(&here, (struct checkpoint_in){.thread = "t", .id = "c1", .head = "{}"});
    again.fence = true;
    again.stamp = op.stamp;
    store_fails(&here, &again, ERR_FENCED);
    ck_assert_int_eq(again.newest, op.stamp);
    ck_assert_slice(get(&here, "t", "", "c1")->head.bytes, "{\"v\":4,\"id\":\"c1\"}");
    writes = writes_op(
        &here,
        (struct writes_in){.thread = "t", .checkpoint = "c1", .task = "t1", .writes = "0:a=b"});
    writes.fence = true;
    store_ok(&here, &writes);
    store_fails(&here, &writes, ERR_FENCED);
    ck_assert_int_eq(writes.newest, writes.stamp);
    op = store_op(&here, OP_THREAD_DELETE, "t");
    op.fence = true;
    op.stamp = writes.stamp;
    store_fails(&here, &op, ERR_FENCED);
    op.stamp = stamp_next();
    store_ok(&here, &op);
    again.stamp = op.stamp;
    store_fails(&here, &again, ERR_FENCED);
    ck_assert_int_eq(again.newest, op.stamp);
}
END_TEST

START_TEST(writes_by_mode)
{
    struct writes_in in = {.thread = "t", .checkpoint = "c1", .task = "t1", .path = "p"};

    in.writes = "1:a=one -3:b=int";
    ck_assert(put_writes(&here, in));
    ck_assert_str_eq(get_writes(&here, "t", "", "c1"), "t1/p/-3:b=int t1/p/1:a=one");
    in.writes = "1:a=two 0:c=zero";
    ck_assert(!put_writes(&here, in));
    ck_assert_str_eq(get_writes(&here, "t", "", "c1"), "t1/p/-3:b=int t1/p/0:c=zero t1/p/1:a=two");
    in.mode = WRITES_IGNORE;
    in.writes = "1:a=three 2:d=four";
    ck_assert(!put_writes(&here, in));
    ck_assert_str_eq(get_writes(&here, "t", "", "c1"),
                     "t1/p/-3:b=int t1/p/0:c=zero t1/p/1:a=two t1/p/2:d=four");
    in.writes = "1:a=five";
    ck_assert(!put_writes(&here, in));
    in.mode = WRITES_REPLACE;
    in.writes = "7:z=last";
    ck_assert(!put_writes(&here, in));
    ck_assert_str_eq(get_writes(&here, "t", "", "c1"), "t1/p/7:z=last");
    in.writes = "";
    ck_assert(!put_writes(&here, in));
    ck_assert_str_eq(get_writes(&here, "t", "", "c1"), "");
    in.task = "t2";
    ck_assert(put_writes(&here, in));
    ck_assert_uint_eq(count_records(&here, RECORD_TASK), 1);
}
END_TEST

START_TEST(writes_order)
{
    static const struct writes_in in[] = {
        {.task = "t2", .path = "a", .writes = "0:x=1"},
        {.task = "t1", .path = "b", .writes = "1:x=3 0:x=2"},
        {.task = "t1x", .path = "a", .writes = "0:x=4"},
    };

    for (size_t i = 0; i < COUNT_OF(in); i++) {
        struct writes_in one = in[i];

        one.checkpoint = "c1";
        one.thread = "channel";
        put_writes(&here, one);
        one.thread = "document";
        one.form = FORM_DOCUMENT;
        put_writes(&here, one);
    }
    put_writes(&here, (struct writes_in){.thread = "document",
                                         .checkpoint = "c1",
                                         .task = "t2",
                                         .path = "a",
                                         .form = FORM_DOCUMENT,
                                         .mode = WRITES_REPLACE,
                                         .writes = "0:x=9"});
    ck_assert_str_eq(get_writes(&here, "channel", "", "c1"),
                     "t1x/a/0:x=4 t2/a/0:x=1 t1/b/0:x=2 t1/b/1:x=3");
    ck_assert_str_eq(get_writes(&here, "document", "", "c1"),
                     "t2/a/0:x=9 t1/b/0:x=2 t1/b/1:x=3 t1x/a/0:x=4");
    ck_assert_str_eq(get_writes(&here, "document", "", "none"), "");
    ck_assert_str_eq(get_writes(&here, "document", "none", "c1"), "");
    ck_assert_str_eq(get_writes(&here, "none", "", "c1"), "");
}
END_TEST

START_TEST(writes_before_their_checkpoint)
{
    struct checkpoint *c;

    put_writes(&here, (struct writes_in){
                          .thread = "t", .checkpoint = "c1", .task = "t1", .writes = "0:a=b"});
    ck_assert_ptr_null(get(&here, "t", "", "c1"));
    ck_assert_ptr_null(get(&here, "t", "", NULL));
    ck_assert_str_eq(list(&here, list_op(&here, "t", NULL)), "");
    ck_assert_uint_eq(count_records(&here, RECORD_CHECKPOINT), 0);
    ck_assert_str_ne(thread_text(&here, "t"), "none");
    ck_assert(put(&here, (struct checkpoint_in){.thread = "t", .id = "c1", .values = "a=1:xx"}));
    c = get(&here, "t", "", "c1");
    ck_assert_str_eq(writes_text(&here, c->writes, c->n_writes), "t1//0:a=b");
}
END_TEST

START_TEST(activity_of_the_session)
{
    store_session(&here, "t");
    here.now_us += SECOND;
    put(&here, (struct checkpoint_in){.thread = "t", .id = "c1"});
    ck_assert_int_eq(store_get(&here, "t").last_activity_us, here.now_us);
    here.now_us += SECOND;
    put_writes(&here, (struct writes_in){
                          .thread = "t", .checkpoint = "c1", .task = "t1", .writes = "0:a=b"});
    ck_assert_int_eq(store_get(&here, "t").last_activity_us, here.now_us);
}
END_TEST

void contract_checkpoints_add(TCase *tc)
{
    tcase_add_test(tc, comes_back_as_sent);
    tcase_add_test(tc, no_parent_is_absent);
    tcase_add_test(tc, carried_values);
    tcase_add_test(tc, values_by_channel_and_version);
    tcase_add_test(tc, many_carried_values);
    tcase_add_test(tc, many_values_asked_for_twice);
    tcase_add_test(tc, same_id_again_replaces);
    tcase_add_test(tc, document_put_again_keeps_no_old_head);
    tcase_add_test(tc, latest_by_form);
    tcase_add_test(tc, form_is_fixed_while_there_is_something);
    tcase_add_test(tc, write_sequence_only_rises);
    if (!contract_target->stamps_anew)
        tcase_add_test(tc, fence);
    tcase_add_test(tc, writes_by_mode);
    tcase_add_test(tc, writes_order);
    tcase_add_test(tc, writes_before_their_checkpoint);
    tcase_add_test(tc, activity_of_the_session);
}

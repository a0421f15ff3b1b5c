/* test_record_text.c - records as lines: what is written is read back; what is wrong is named. */
#include <check.h>
#include <stdio.h>

#include "clock.h"
#include "record_text.h"

Suite *suite_record_text(void);

static struct arena arena;

static void set_clock(void)
{
    clock_fake(1, INT64_C(1800000000000000));
}

static void reset(void)
{
    arena_done(&arena);
    arena = (struct arena){0};
    clock_fake(0, 0);
}

static struct slice line_of(const struct record *r)
{
    struct text t;

    text_init(&t, &arena);
    record_text_write(&t, SLICE("ten\"ant"), r);
    ck_assert(!t.failed);
    ck_assert_ptr_null(memchr(t.at, '\n', t.len));
    return text_slice(&t);
}

/* Compares how a value is stored as well, which record_difference() ignores. */
static void check_stored(const struct record_value *a, const struct record_value *b)
{
    ck_assert_int_eq(a->blob.base_id, b->blob.base_id);
    ck_assert_int_eq(a->blob.encoding, b->blob.encoding);
    ck_assert(slice_equal(a->blob.type, b->blob.type));
    ck_assert(slice_equal(a->blob.bytes, b->blob.bytes));
}

static void check_round(const struct record *r)
{
    struct slice tenant, line = line_of(r);
    struct record back;
    struct err err;

    ck_assert_msg(record_parse(line, &arena, &tenant, &back, &err), "%s: %.*s", err.text,
                  SLICE_ARGS(line));
    ck_assert(slice_equal(tenant, SLICE("ten\"ant")));
    ck_assert_int_eq(back.kind, r->kind);
    ck_assert_int_eq(record_key_compare(&r->key, &back.key), 0);
    ck_assert_ptr_null(record_difference(r, &back));
    if (r->kind == RECORD_VALUE)
        check_stored(&r->value, &back.value);
}

START_TEST(sessions_and_what_is_theirs)
{
    struct record r = {
        .kind = RECORD_SESSION,
        .key.id = SLICE("s:1"),
        .session = {.gen = INT64_C(1800000000000000) << 10,
                    .user_id = {3, SLICE("ann \xC3\xA9 \\ \" \t")},
                    .metadata = {4, SLICE("{\"a\": 1e400, \"a\":\"\\ud83d\"}")},
                    .total_processing_time = 0.1 + 0.2,
                    .request_count = -1},
    };

    check_round(&r);
    r.session.metadata.text = SLICE("{\"a\":\r\n1}");
    check_round(&r);
    r = (struct record){.kind = RECORD_MESSAGE,
                        .key = {.id = SLICE("s"), .sub = SLICE("m")},
                        .message = {.stamp = 9,
                                    .seq = INT64_C(1) << 60,
                                    .role = {"\0x", 2},
                                    .content = SLICE("\"\\u0000\""),
                                    .metadata = SLICE("{}")}};
    check_round(&r);
    r.message.role = SLICE("\xFF\xFE no UTF-8");
    check_round(&r);
    r = (struct record){.kind = RECORD_CONTEXT,
                        .key = {.id = SLICE("s"), .number = 3, .stamp = 7},
                        .context = {5, SLICE("null")}};
    check_round(&r);
}
END_TEST

START_TEST(threads_and_what_is_in_them)
{
    static const int64_t refs[] = {1024, INT64_C(1700000000000000) << 10};
    struct write writes[] = {
        {.idx = -3,
         .channel = SLICE("c"),
         .blob = {.type = SLICE("msgpack"), .bytes = {"\0\1\2", 3}}},
        {.channel = SLICE("c"), .blob = {.type = SLICE(""), .bytes = SLICE("0")}}};
    struct record r = {
        .kind = RECORD_THREAD, .key.id = SLICE("t"), .thread = {.tomb = 5, .updated_us = 6}};

    check_round(&r);
    r = (struct record){.kind = RECORD_VALUE,
                        .key = {.id = SLICE("t"), .ns = SLICE("a|b"), .number = 4096},
                        .value = {.of = {SLICE("ch"), SLICE("\"1.0\"")},
                                  .blob = {.base_id = 2048,
                                           .encoding = 3,
                                           .type = SLICE("t"),
                                           .bytes = SLICE("delta"),
                                           .hash = {1, 2, 255}}}};
    check_round(&r);
    r.value.of = (struct channel_version){{NULL, 0}, {NULL, 0}};
    check_round(&r);
    r = (struct record){.kind = RECORD_CHECKPOINT,
                        .key = {.id = SLICE("t"), .ns = SLICE(""), .sub = SLICE("c")},
                        .checkpoint = {.stamp = 1,
                                       .form = FORM_CHANNEL,
                                       .metadata = SLICE("{}"),
                                       .run_id = SLICE(""),
                                       .refs = refs,
                                       .n_refs = 2}};
    check_round(&r);
    r.checkpoint.parent_id = SLICE("p");
    check_round(&r);
    r = (struct record){
        .kind = RECORD_TASK,
        .key = {.id = SLICE("t"), .ns = SLICE(""), .sub = SLICE("c"), .task = SLICE("k")},
        .task = {.form = FORM_DOCUMENT, .task_path = SLICE(""), .writes = writes, .n_writes = 2}};
    check_round(&r);
}
END_TEST

START_TEST(keys_are_objects)
{
    struct record_key key = {.id = SLICE("t"), .ns = SLICE("n"), .number = 4096};
    struct text t;

    text_init(&t, &arena);
    record_text_key(&t, SLICE("default"), RECORD_VALUE, &key);
    ck_assert(slice_equal(
        text_slice(&t),
        SLICE("{\"tenant\":\"default\",\"thread_id\":\"t\",\"ns\":\"n\",\"value_id\":\"4096\"}")));
}
END_TEST

static void refused(const char *line, const char *part)
{
    struct record out;
    struct slice tenant;
    struct err err = {0};

    ck_assert_msg(!record_parse(slice_of(line), &arena, &tenant, &out, &err), "%s", line);
    ck_assert_int_eq(err.kind, ERR_INVALID);
    ck_assert_msg(strstr(err.text, part) != NULL, "%s: %s", line, err.text);
}

#define CONTEXT "{\"kind\":\"context\",\"tenant\":\"d\",\"session_id\":\"s\",\"updated_us\":1,"
#define TASK                                                                                       \
    "{\"kind\":\"task\",\"tenant\":\"d\",\"thread_id\":\"t\",\"ns\":\"\",\"checkpoint_id\":\"c\"," \
    "\"task_id\":\"k\",\"stamp\":\"1\",\"seq\":\"1\",\"form\":1,\"task_path\":\"\",\"writes\":"

START_TEST(what_is_wrong_is_named)
{
    refused("", "");
    refused("7", "");
    refused("{\"kind\":1}", "kind");
    refused("{\"kind\":\"rows\",\"tenant\":\"d\"}", "kind");
    refused("{\"kind\":\"context\",\"tenant\":\"\"}", "tenant");
    refused(CONTEXT "\"stamp\":\"1\",\"context\":{}}", "version: it is missing");
    refused(CONTEXT "\"version\":\"1\",\"stamp\":\"1\",\"context\":{}}", "version: an integer");
    refused(CONTEXT "\"version\":1.5,\"stamp\":\"1\",\"context\":{}}", "version");
    refused(CONTEXT "\"version\":1,\"stamp\":true,\"context\":{}}", "stamp");
    refused(CONTEXT "\"version\":1,\"stamp\":\"-1\",\"context\":{}}", "stamp");
    refused(CONTEXT "\"version\":1,\"stamp\":\"9000000000000000000\",\"context\":{}}",
            "stamp: it lies more than a day ahead");
    refused(CONTEXT "\"version\":1,\"stamp\":\"1\",\"context_text\":\"{\"}", "context_text");
    refused(CONTEXT "\"version\":1,\"stamp\":\"1\",\"context\":{},\"context_text\":\"1\"}",
            "context_text: a context has no such member");
    refused(TASK "{}}", "writes: a list");
    refused(TASK "[1]}", "writes");
    refused(TASK "[{\"idx\":1,\"channel\":\"c\",\"type\":\"\"}]}", "writes: each has");
    refused(TASK "[{\"idx\":1,\"channel\":\"c\",\"type\":\"\",\"bytes\":\"?\"}]}", "base64");
    refused(TASK "[{\"idx\":1,\"channel\":\"c\",\"type\":\"\",\"bytes\":\"\"}]}", "type or bytes");
    refused(TASK "[{\"idx\":1,\"channel\":\"\",\"type\":\"\",\"bytes\":\"MA==\"}]}", "a channel");
    refused(TASK "[{\"idx\":1,\"channel\":{\"b\":1},\"type\":\"\",\"bytes\":\"\"}]}", "channel");
}
END_TEST

START_TEST(the_last_line_has_a_number)
{
    char line[64];
    int64_t n = -1;

    snprintf(line, sizeof(line), RECORD_END_FORMAT, INT64_C(12345678901));
    ck_assert(record_parse_end(slice_of(line), &n));
    ck_assert_int_eq(n, INT64_C(12345678901));
    ck_assert(!record_parse_end(SLICE("{\"kind\":\"end\",\"records\":}"), &n));
    ck_assert(!record_parse_end(SLICE("{\"kind\":\"end\",\"records\":1"), &n));
    ck_assert(!record_parse_end(SLICE("{\"kind\":\"end\",\"records\":-1}"), &n));
    ck_assert(!record_parse_end(SLICE("{}"), &n));
}
END_TEST

Suite *suite_record_text(void)
{
    Suite *s = suite_create("record_text");
    TCase *tc = tcase_create("record_text");

    tcase_add_checked_fixture(tc, set_clock, reset);
    tcase_add_test(tc, sessions_and_what_is_theirs);
    tcase_add_test(tc, threads_and_what_is_in_them);
    tcase_add_test(tc, keys_are_objects);
    tcase_add_test(tc, what_is_wrong_is_named);
    tcase_add_test(tc, the_last_line_has_a_number);
    suite_add_tcase(s, tc);
    return s;
}

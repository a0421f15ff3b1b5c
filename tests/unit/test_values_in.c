/* The arrays `values` and `writes`: base64, frames, and all that is refused. */
#include <check.h>
#include <stdio.h>

#include "values_in.h"

static struct arena arena;
static struct err err;

static void setup(void)
{
    arena_init(&arena, NULL, 0);
    err = (struct err){0};
}

static void teardown(void)
{
    arena_done(&arena);
}

static struct values_in from(struct frame_reader *frame)
{
    return (struct values_in){frame, &arena};
}

static void refused(enum err_kind kind, const char *text)
{
    ck_assert_int_eq(err.kind, kind);
    ck_assert_str_eq(err.text, text);
}

#define IS(slice, text) ck_assert(slice_equal(slice, SLICE(text)))

#define HEX "0123456789abcdef0123456789abcdef"
#define BASE ",\"base\":{\"version\":\"v1\",\"hash\":\"" HEX "\"}"
#define PATCHED BASE ",\"hash\":\"" HEX "\",\"parts\":"
#define A "\"channel\":\"a\",\"version\":1,\"type\":\"t\""

START_TEST(values_in_json)
{
    struct values_in in = from(NULL);
    struct value *values = NULL;
    size_t n = 0;

    ck_assert(values_in_values(&in,
                               SLICE("[{" A ",\"base64\":\"AP8=\"},{\"channel\":\"\\u00e9:/\","
                                     "\"version\":\"1\",\"type\":\"x\",\"base64\":\"\\/\\/8=\"}]"),
                               &values, &n, &err));
    ck_assert_uint_eq(n, 2);
    IS(values[0].of.channel, "a");
    IS(values[0].of.version, "1");
    IS(values[0].blob.type, "t");
    IS(values[0].blob.bytes, "\0\xff");
    IS(values[1].of.channel, "é:/");
    IS(values[1].of.version, "\"1\"");
    IS(values[1].blob.bytes, "\xff\xff");
    ck_assert(values_in_values(&in, (struct slice){NULL, 0}, &values, &n, &err));
    ck_assert_uint_eq(n, 0);
}
END_TEST

START_TEST(values_in_frame)
{
    struct frame_reader frame = {.rest = SLICE("abcde")};
    struct values_in in = from(&frame);
    struct slice raw = frame.rest;
    struct value *values = NULL;
    size_t n = 0;

    ck_assert(values_in_values(
        &in, SLICE("[{" A ",\"len\":2},{" A ",\"len\":0},{" A ",\"len\":3}]"), &values, &n, &err));
    ck_assert_uint_eq(n, 3);
    ck_assert_ptr_eq(values[0].blob.bytes.at, raw.at);
    IS(values[0].blob.bytes, "ab");
    IS(values[1].blob.bytes, "");
    IS(values[2].blob.bytes, "cde");
}
END_TEST

START_TEST(values_in_patches)
{
    struct frame_reader frame = {.rest = SLICE("abcde")};
    struct values_in in = from(&frame);
    const struct patch *patch;
    struct value *values = NULL;
    size_t n = 0;

    ck_assert(
        values_in_values(&in,
                         SLICE("[{" A ",\"len\":1},{" A PATCHED
                               "[{\"len\":2},{\"copy\":[7,9]},{\"len\":1}]},{" A ",\"len\":1}]"),
                         &values, &n, &err));
    ck_assert_uint_eq(n, 3);
    ck_assert_ptr_null(values[0].blob.patch);
    IS(values[2].blob.bytes, "e");
    ck_assert(!slice_present(values[1].blob.bytes));
    patch = values[1].blob.patch;
    ck_assert_uint_eq(patch->n, 3);
    ck_assert_uint_eq(patch->len, 12);
    IS(patch->version, "\"v1\"");
    ck_assert_mem_eq(patch->hash, "\x01\x23\x45\x67\x89\xab\xcd\xef\x01", 9);
    ck_assert_mem_eq(patch->base_hash, patch->hash, PATCH_HASH_LEN);
    ck_assert_int_eq(patch->base_id, 0);
    IS(patch->parts[0].bytes, "bc");
    ck_assert(!slice_present(patch->parts[1].bytes));
    ck_assert_uint_eq(patch->parts[1].offset, 7);
    ck_assert_uint_eq(patch->parts[1].len, 9);
    IS(patch->parts[2].bytes, "d");
}
END_TEST

static const struct {
    const char *json;
    const char *raw; /* NULL: plain JSON */
    enum err_kind kind;
    const char *text;
} bad_values[] = {
    {"[1]", NULL, ERR_INVALID, "/values/0: must be an object"},
    {"[{" A "}]", NULL, ERR_INVALID, "/values/0/base64: is needed"},
    {"[{" A ",\"base64\":1}]", NULL, ERR_INVALID, "/values/0/base64: must be a string"},
    {"[{" A ",\"base64\":\"YQ\"}]", NULL, ERR_INVALID,
     "/values/0/base64: must be standard base64 with padding"},
    {"[{" A ",\"len\":0}]", NULL, ERR_INVALID,
     "/values/0/len: only in a frame (application/vnd.stateward.frame); send base64"},
    {"[{" A ",\"parts\":[]}]", NULL, ERR_INVALID,
     "/values/0/parts: only in a frame (application/vnd.stateward.frame)"},
    {"[{" A ",\"len\":0,\"hash\":\"\"}]", "", ERR_INVALID,
     "/values/0/hash: must be sent together with parts"},
    {"[{" A ",\"len\":0,\"base\":{}}]", "", ERR_INVALID,
     "/values/0/base: must be sent together with parts"},
    {"[{" A ",\"len\":0,\"parts\":[]}]", "", ERR_INVALID,
     "/values/0/parts: must not be sent together with base64 or len"},
    {"[{" A ",\"parts\":[]}]", "", ERR_INVALID, "/values/0/hash: is needed"},
    {"[{" A ",\"parts\":[],\"hash\":\"" HEX "\"}]", "", ERR_INVALID, "/values/0/base: is needed"},
    {"[{" A BASE ",\"hash\":\"00\",\"parts\":[]}]", "", ERR_INVALID,
     "/values/0/hash: must be 32 lowercase hex digits"},
    {"[{" A ",\"hash\":\"" HEX "\",\"parts\":[],\"base\":{\"version\":1,\"hash\":"
     "\"0123456789ABCDEF0123456789abcdef\"}}]",
     "", ERR_INVALID, "/values/0/base/hash: must be 32 lowercase hex digits"},
    {"[{" A ",\"hash\":\"" HEX "\",\"parts\":[],\"base\":{\"version\":[],\"hash\":\"" HEX "\"}}]",
     "", ERR_INVALID, "/values/0/base/version: must be a number or a string"},
    {"[{" A ",\"hash\":\"" HEX "\",\"parts\":[],\"base\":{\"version\":1}}]", "", ERR_INVALID,
     "/values/0/base/hash: is needed"},
    {"[{" A PATCHED "{}}]", "", ERR_INVALID, "/values/0/parts: must be an array"},
    {"[{" A PATCHED "[1]}]", "", ERR_INVALID, "/values/0/parts/0: must be an object"},
    {"[{" A PATCHED "[{}]}]", "", ERR_INVALID, "/values/0/parts/0: must have either copy or len"},
    {"[{" A PATCHED "[{\"copy\":[0,1],\"len\":0}]}]", "", ERR_INVALID,
     "/values/0/parts/0: must have either copy or len"},
    {"[{" A PATCHED "[{\"len\":1},{\"len\":1}]}]", "a", ERR_INVALID,
     "/values/0/parts/1/len: `len` is 1, but 0 raw bytes are left in the frame"},
    {"[{" A PATCHED "[{\"copy\":[0]}]}]", "", ERR_INVALID,
     "/values/0/parts/0/copy: must be [offset, length]"},
    {"[{" A PATCHED "[{\"copy\":[0,1,2]}]}]", "", ERR_INVALID,
     "/values/0/parts/0/copy: must be [offset, length]"},
    {"[{" A PATCHED "[{\"copy\":[-1,1]}]}]", "", ERR_INVALID,
     "/values/0/parts/0/copy: must be [offset, length]"},
    {"[{" A PATCHED "[{\"copy\":[\"0\",1]}]}]", "", ERR_INVALID,
     "/values/0/parts/0/copy: must be [offset, length]"},
    {"[{" A PATCHED "[{\"copy\":[0,9223372036854775807]},{\"copy\":[0,1]}]}]", "", ERR_INVALID,
     "/values/0/parts/1: the whole value is too large"},
    {"[{" A PATCHED "[]}]", "a", ERR_INVALID, "1 raw bytes of the frame belong to nothing"},
    {"[{" A ",\"base64\":\"\"}]", "", ERR_INVALID,
     "/values/0/base64: not in a frame, where len counts the raw bytes that follow the JSON"},
    {"[{" A "}]", "", ERR_INVALID, "/values/0/len: is needed"},
    {"[{" A ",\"len\":1},{" A ",\"len\":2}]", "ab", ERR_INVALID,
     "/values/1/len: `len` is 2, but 1 raw bytes are left in the frame"},
    {"[{" A ",\"len\":1}]", "ab", ERR_INVALID, "1 raw bytes of the frame belong to nothing"},
    {"[{\"channel\":\"\",\"version\":1,\"type\":\"t\",\"base64\":\"\"}]", NULL, ERR_INVALID,
     "/values/0/channel: must be 1 to 512 bytes"},
    {"[{\"channel\":\"\\ud83d\",\"version\":1,\"type\":\"t\",\"base64\":\"\"}]", NULL, ERR_INVALID,
     "/values/0/channel: has a lone surrogate"},
    {"[{\"channel\":\"a\",\"version\":1,\"type\":\"\",\"base64\":\"\"}]", NULL, ERR_INVALID,
     "/values/0/type: must be 1 to 128 bytes"},
    {"[{\"channel\":\"a\",\"version\":null,\"type\":\"t\",\"base64\":\"\"}]", NULL, ERR_INVALID,
     "/values/0/version: must be a number or a string"},
};

START_TEST(values_refused)
{
    struct frame_reader frame = {.rest = slice_of(bad_values[_i].raw)};
    struct values_in in = from(bad_values[_i].raw ? &frame : NULL);
    struct value *values = NULL;
    size_t n = 7;

    ck_assert(!values_in_values(&in, slice_of(bad_values[_i].json), &values, &n, &err));
    refused(bad_values[_i].kind, bad_values[_i].text);
    ck_assert_ptr_null(values);
    ck_assert_uint_eq(n, 7);
}
END_TEST

START_TEST(writes_of_each_form)
{
    struct frame_reader frame = {.rest = SLICE("xyz")};
    struct values_in in = from(NULL), framed = from(&frame);
    struct writes_in out = {0};

    ck_assert(values_in_writes(&in,
                               SLICE("[{\"channel\":\"a\",\"value\":null},"
                                     "{\"idx\":-3,\"channel\":\"b\",\"value\":1e400}]"),
                               &out, &err));
    ck_assert_int_eq(out.form, FORM_DOCUMENT);
    ck_assert_uint_eq(out.n, 2);
    ck_assert_int_eq(out.writes[0].idx, 0);
    ck_assert_int_eq(out.writes[1].idx, -3);
    IS(out.writes[0].blob.bytes, "null");
    IS(out.writes[1].blob.bytes, "1e400");
    IS(out.writes[1].blob.type, "");
    ck_assert(values_in_writes(
        &framed, SLICE("[{\"idx\":5,\"channel\":\"a\",\"type\":\"t\",\"len\":3}]"), &out, &err));
    ck_assert_int_eq(out.form, FORM_CHANNEL);
    ck_assert_int_eq(out.writes[0].idx, 5);
    IS(out.writes[0].blob.bytes, "xyz");
}
END_TEST

START_TEST(no_writes)
{
    struct frame_reader frame = {.rest = SLICE("")};
    struct values_in in = from(NULL), framed = from(&frame);
    struct writes_in out = {0};

    ck_assert(values_in_writes(&in, SLICE("[ ]"), &out, &err));
    ck_assert_int_eq(out.form, FORM_DOCUMENT);
    ck_assert_uint_eq(out.n, 0);
    ck_assert(values_in_writes(&framed, SLICE("[]"), &out, &err));
    ck_assert_int_eq(out.form, FORM_CHANNEL);
}
END_TEST

static const char *const bad_writes[][2] = {
    {"[{\"idx\":0,\"channel\":\"a\",\"value\":1,\"type\":\"t\"}]",
     "/writes/0/value: must not be sent together with type, base64 or len"},
    {"[{\"channel\":\"a\",\"type\":\"t\",\"base64\":\"\"}]", "/writes/0/idx: is needed"},
    {"[{\"channel\":\"a\"}]", "/writes/0/value: either value, or type and base64, is needed"},
    {"[{\"idx\":0,\"channel\":\"a\",\"base64\":\"\"}]", "/writes/0/type: is needed"},
    {"[{\"idx\":0,\"channel\":\"a\",\"type\":\"\",\"base64\":\"\"}]",
     "/writes/0/type: must be 1 to 128 bytes"},
    {"[{\"channel\":\"\",\"value\":1}]", "/writes/0/channel: must be 1 to 512 bytes"},
    {"[{\"value\":1}]", "/writes/0/channel: is needed"},
    {"[{\"idx\":2147483648,\"channel\":\"a\",\"value\":1}]",
     "/writes/0/idx: must be an integer from -2147483648 to 2147483647"},
    {"[{\"channel\":\"a\",\"value\":1},{\"idx\":0,\"channel\":\"a\",\"value\":1}]",
     "/writes/1/idx: the same as that of /writes/0"},
    {"[{\"channel\":\"a\",\"value\":1},"
     "{\"idx\":1,\"channel\":\"a\",\"type\":\"t\",\"base64\":\"\"}]",
     "/writes/1: must have the same form as /writes/0: value, or type and bytes"},
};

START_TEST(writes_refused)
{
    struct values_in in = from(NULL);
    struct writes_in out = {.n = 7};

    ck_assert(!values_in_writes(&in, slice_of(bad_writes[_i][0]), &out, &err));
    refused(ERR_INVALID, bad_writes[_i][1]);
    ck_assert_uint_eq(out.n, 7);
}
END_TEST

/* n writes whose idx is left to their position. */
static struct slice many(size_t n)
{
    struct text t;

    text_init(&t, &arena);
    for (size_t i = 0; i < n; i++)
        text_printf(&t, "%s{\"channel\":\"a\",\"value\":1}", i ? "," : "[");
    text_puts(&t, "]");
    return text_slice(&t);
}

START_TEST(at_most_65536_writes)
{
    struct values_in in = from(NULL);
    struct writes_in out = {0};

    ck_assert(values_in_writes(&in, many(65536), &out, &err));
    ck_assert_uint_eq(out.n, 65536);
    ck_assert(!values_in_writes(&in, many(65537), &out, &err));
    refused(ERR_INVALID, "/writes: must have at most 65536 elements");
}
END_TEST

Suite *suite_values_in(void);

Suite *suite_values_in(void)
{
    Suite *suite = suite_create("values_in");
    TCase *tests = tcase_create("values_in");

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, values_in_json);
    tcase_add_test(tests, values_in_frame);
    tcase_add_test(tests, values_in_patches);
    tcase_add_loop_test(tests, values_refused, 0, COUNT_OF(bad_values));
    tcase_add_test(tests, writes_of_each_form);
    tcase_add_test(tests, no_writes);
    tcase_add_loop_test(tests, writes_refused, 0, COUNT_OF(bad_writes));
    tcase_add_test(tests, at_most_65536_writes);
    suite_add_tcase(suite, tests);
    return suite;
}

/* Which channels a checkpoint was sent, and which it carries on. */
#include <check.h>

#include "channels.h"

static struct arena arena;
static struct err err;
static struct op_checkpoint_put put;

static void setup(void)
{
    arena_init(&arena, NULL, 0);
    err = (struct err){0};
    put = (struct op_checkpoint_put){.n_carried = 7};
}

static void teardown(void)
{
    arena_done(&arena);
}

static bool resolve(const char *checkpoint, struct value *values, size_t n, const char *removed)
{
    put.head.bytes = slice_of(checkpoint);
    put.values = values;
    put.n_values = n;
    return channels_resolve(slice_of(removed), &arena, &put, &err);
}

static struct value value(const char *channel, const char *version)
{
    return (struct value){.of = {slice_of(channel), slice_of(version)}};
}

#define IS(slice, text) ck_assert(slice_equal(slice, SLICE(text)))

START_TEST(no_channels)
{
    ck_assert(resolve("{\"v\":4}", NULL, 0, NULL));
    ck_assert_uint_eq(put.n_carried, 0);
    ck_assert(resolve("{\"channel_versions\":{}}", NULL, 0, "[]"));
    ck_assert_uint_eq(put.n_carried, 0);
}
END_TEST

START_TEST(carried_is_the_rest)
{
    struct value sent[] = {value("b", "1e0"), value("é", "\"\\u0078\"")};

    ck_assert(resolve("{\"channel_versions\":{\"d\":4,\"\\u00e9\":\"\\u0078\",\"b\":1e0,\"a\":-1,"
                      "\"c\":\"3\"}}",
                      sent, 2, "[\"c\",\"unknown\"]"));
    ck_assert_uint_eq(put.n_carried, 2);
    IS(put.carried[0].channel, "a");
    IS(put.carried[0].version, "-1");
    IS(put.carried[1].channel, "d");
    IS(put.carried[1].version, "4");
    IS(sent[0].of.version, "1e0");
    IS(sent[1].of.version, "\"\\u0078\"");
}
END_TEST

START_TEST(removed_has_its_version)
{
    struct value sent[] = {value("b", "2")};

    ck_assert(resolve("{\"channel_versions\":{\"\\u00e9\":\"\\u0078\",\"b\":2,\"a\":1.50}}", sent,
                      1, "[\"unknown\",\"\\u0061\",\"é\",\"a\"]"));
    ck_assert_uint_eq(put.n_removed, 2); /* each once, however it is spelled */
    IS(put.removed[0].channel, "a");
    IS(put.removed[0].version, "1.50");
    IS(put.removed[1].channel, "é");
    IS(put.removed[1].version, "\"\\u0078\"");
    ck_assert_uint_eq(put.n_carried, 0);
    ck_assert(resolve("{\"channel_versions\":{\"a\":1}}", NULL, 0, "[\"b\",\"\"]"));
    ck_assert_uint_eq(put.n_removed, 0);
    ck_assert_uint_eq(put.n_carried, 1);
    ck_assert(resolve("{\"v\":4}", NULL, 0, "[\"a\"]"));
    ck_assert_uint_eq(put.n_removed, 0);
    ck_assert(resolve("{\"channel_versions\":{\"a\":1}}", NULL, 0, NULL));
    ck_assert_uint_eq(put.n_removed, 0);
}
END_TEST

#define VERSIONS "{\"channel_versions\":{\"a\":1}}"
#define NOT_NAMED \
    "/values/0/channel: must be in checkpoint.channel_versions, with the version written alike"

START_TEST(values_that_do_not_fit)
{
    struct value other[] = {value("b", "1")}, typed[] = {value("a", "\"1\"")};
    struct value number[] = {value("a", "1.0")};
    struct value twice[] = {value("a", "1"), value("a", "1")};

    ck_assert(!resolve(VERSIONS, other, 1, NULL));
    ck_assert_str_eq(err.text, NOT_NAMED);
    ck_assert(!resolve(VERSIONS, typed, 1, NULL));
    ck_assert_str_eq(err.text, NOT_NAMED);
    ck_assert(!resolve(VERSIONS, number, 1, NULL));
    ck_assert_str_eq(err.text, NOT_NAMED);
    ck_assert(!resolve(VERSIONS, twice, 2, NULL));
    ck_assert_str_eq(err.text, "/values/1/channel: an earlier value has this channel already");
    ck_assert(!resolve(VERSIONS, twice, 1, "[\"b\",\"a\"]"));
    ck_assert_str_eq(err.text,
                     "/removed/1: this channel is in values too; it must be in one of the two");
    ck_assert_uint_eq(put.n_carried, 7);
}
END_TEST

#define AT "/checkpoint/channel_versions"

static const char *const bad[][3] = {
    {"{\"channel_versions\":[]}", "[]", AT ": must be an object"},
    {"{\"channel_versions\":{\"a\":1,\"\\u0061\":2}}", "[]", AT "/a: is given more than once"},
    {"{\"a\":1,\"a\":1}", "[]", "/checkpoint/a: is given more than once"},
    {"{\"channel_versions\":{\"a\":null}}", "[]", AT "/a: must be a number or a string"},
    {"{\"channel_versions\":{\"a/b\":{}}}", "[]", AT ": must be a number or a string"},
    {"{\"channel_versions\":{\"\":1}}", "[]", AT ": the name of a channel must be 1 to 512 bytes"},
    {"{\"channel_versions\":{\"\\udc00\":1}}", "[]",
     AT ": the name of a channel must not hold a lone surrogate"},
    {VERSIONS, "[\"a\",1]", "/removed/1: must be a string"},
    {VERSIONS, "[\"\\ud83d\"]", "/removed/0: has a lone surrogate"},
};

START_TEST(refused)
{
    ck_assert(!resolve(bad[_i][0], NULL, 0, bad[_i][1]));
    ck_assert_int_eq(err.kind, ERR_INVALID);
    ck_assert_str_eq(err.text, bad[_i][2]);
}
END_TEST

START_TEST(long_version)
{
    char text[600] = "{\"channel_versions\":{\"a\":\"";
    size_t start = strlen(text);

    memset(text + start, 'x', 511);
    memcpy(text + start + 511, "\"}}", 4);
    ck_assert(!resolve(text, NULL, 0, NULL));
    ck_assert_str_eq(err.text, AT "/a: must be at most 512 bytes of JSON");
}
END_TEST

Suite *suite_channels(void);

Suite *suite_channels(void)
{
    Suite *suite = suite_create("channels");
    TCase *tests = tcase_create("channels");

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, no_channels);
    tcase_add_test(tests, carried_is_the_rest);
    tcase_add_test(tests, removed_has_its_version);
    tcase_add_test(tests, values_that_do_not_fit);
    tcase_add_loop_test(tests, refused, 0, COUNT_OF(bad));
    tcase_add_test(tests, long_version);
    suite_add_tcase(suite, tests);
    return suite;
}

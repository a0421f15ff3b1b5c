#include <check.h>
#include <float.h>
#include <stdlib.h>

#include "json.h"
#include "oom.h"

static struct arena arena;
static struct text t;

static void set_up(void)
{
    text_init(&t, &arena);
}

static void tear_down(void)
{
    arena_done(&arena);
}

static void check_written(struct slice expected)
{
    ck_assert(!t.failed);
    ck_assert_msg(slice_equal(text_slice(&t), expected), "%.*s", SLICE_ARGS(text_slice(&t)));
    text_init(&t, &arena);
}

START_TEST(places_commas)
{
    json_open(&t, '{');
    json_member_string(&t, "a", SLICE("x"));
    json_key(&t, "b");
    json_open(&t, '[');
    json_close(&t, ']');
    json_member_raw(&t, "c", SLICE("{ }"));
    json_key(&t, "d");
    json_open(&t, '[');
    json_int(&t, 1);
    json_bool(&t, true);
    json_bool(&t, false);
    json_open(&t, '{');
    json_close(&t, '}');
    json_close(&t, ']');
    json_member_int(&t, "e", -5);
    json_member_time(&t, "f", 0);
    json_close(&t, '}');
    check_written(SLICE("{\"a\":\"x\",\"b\":[],\"c\":{ },\"d\":[1,true,false,{}],\"e\":-5,"
                        "\"f\":\"1970-01-01T00:00:00.000000Z\"}"));
}
END_TEST

START_TEST(absent_is_null)
{
    json_open(&t, '[');
    json_raw(&t, (struct slice){NULL, 0});
    json_utf8(&t, (struct slice){NULL, 0});
    json_utf8(&t, SLICE(""));
    json_close(&t, ']');
    check_written(SLICE("[null,null,\"\"]"));
}
END_TEST

START_TEST(escapes_strings)
{
    json_utf8(&t, SLICE("a\"b\\c/\b\f\n\r\t\v\x01\x1F\0\x7F \xC3\xA9\xF0\x9F\x98\x80"));
    check_written(SLICE("\"a\\\"b\\\\c/\\b\\f\\n\\r\\t\\u000b\\u0001\\u001f\\u0000\x7F "
                        "\xC3\xA9\xF0\x9F\x98\x80\""));
}
END_TEST

START_TEST(writes_integers)
{
    json_open(&t, '[');
    json_int(&t, 0);
    json_int(&t, INT64_MAX);
    json_int(&t, INT64_MIN);
    json_close(&t, ']');
    check_written(SLICE("[0,9223372036854775807,-9223372036854775808]"));
}
END_TEST

static const struct {
    double value;
    const char *text;
} doubles[] = {
    {0.0, "0.0"},
    {-0.0, "-0.0"},
    {1, "1.0"},
    {-42, "-42.0"},
    {0.1, "0.1"},
    {1e20, "1e+20"},
    {1.0 / 3, "0.3333333333333333"},
    {0.1 + 0.2, "0.30000000000000004"},
    {1e15, "1e+15"},
    {123456789012345, "123456789012345.0"},
    {5e-324, "4.94065645841247e-324"},
    {DBL_MAX, "1.7976931348623157e+308"},
};

START_TEST(writes_doubles)
{
    char copy[64];
    double back;

    json_double(&t, doubles[_i].value);
    ck_assert_uint_lt(t.len, sizeof(copy));
    memcpy(copy, t.at, t.len);
    copy[t.len] = '\0';
    back = strtod(copy, NULL);
    ck_assert(memcmp(&back, &doubles[_i].value, sizeof(back)) == 0);
    ck_assert_str_eq(copy, doubles[_i].text);
}
END_TEST

static const struct {
    int64_t us;
    const char *text;
} times[] = {
    {0, "1970-01-01T00:00:00.000000Z"},
    {-1, "1969-12-31T23:59:59.999999Z"},
    {1769860800123456, "2026-01-31T12:00:00.123456Z"},
    {951782400000000, "2000-02-29T00:00:00.000000Z"},
    {951868800000000, "2000-03-01T00:00:00.000000Z"},
    {4107542400000000, "2100-03-01T00:00:00.000000Z"},
    {4107542399999999, "2100-02-28T23:59:59.999999Z"},
    {-62167219200000000, "0000-01-01T00:00:00.000000Z"},
    {-62162121600000000, "0000-02-29T00:00:00.000000Z"},
    {253402300799999999, "9999-12-31T23:59:59.999999Z"},
};

START_TEST(times_there_and_back)
{
    char quoted[32] = "\"";
    struct err err;
    int64_t us;

    strcat(strcat(quoted, times[_i].text), "\"");
    json_time(&t, times[_i].us);
    check_written(slice_of(quoted));
    ck_assert(json_parse_time(slice_of(times[_i].text), &us, &err));
    ck_assert_int_eq(us, times[_i].us);
}
END_TEST

START_TEST(times_beyond_four_digits_are_clamped)
{
    json_time(&t, INT64_MIN);
    check_written(SLICE("\"0000-01-01T00:00:00.000000Z\""));
    json_time(&t, INT64_MAX);
    check_written(SLICE("\"9999-12-31T23:59:59.999999Z\""));
}
END_TEST

START_TEST(each_day_for_400_years)
{
    int64_t us = 0, at = 0;
    struct err err;
    bool ok = true;

    for (int64_t day = -36525; day < 109572 && ok && us == at; day++) {
        at = day * 86400 * 1000000;
        t.len = 0;
        t.comma = false;
        json_time(&t, at);
        ok = json_parse_time((struct slice){t.at + 1, t.len - 2}, &us, &err);
    }
    ck_assert(ok);
    ck_assert_int_eq(us, at);
}
END_TEST

static const struct {
    const char *text;
    int64_t us;
} forms[] = {
    {"1970-01-01T00:00:00Z", 0},        {"1970-01-01t00:00:00z", 0},
    {"1970-01-01T00:00:00.5Z", 500000}, {"1970-01-01T00:00:00.1234567899Z", 123456},
    {"1970-01-01T01:00:00+01:00", 0},   {"1969-12-31T18:30:00-05:30", 0},
    {"1970-01-01T00:00:00-00:00", 0},   {"1970-01-01T23:59:00+23:59", 0},
};

START_TEST(reads_time_forms)
{
    struct err err;
    int64_t us;

    ck_assert(json_parse_time(slice_of(forms[_i].text), &us, &err));
    ck_assert_int_eq(us, forms[_i].us);
}
END_TEST

static const char *const bad_times[] = {
    "",
    "2026",
    "2026-01-31",
    "2026-01-31T12:00:00",
    "2026-01-31 12:00:00Z",
    "2026-13-01T00:00:00Z",
    "2026-00-01T00:00:00Z",
    "2026-02-29T00:00:00Z",
    "1900-02-29T00:00:00Z",
    "2026-04-31T00:00:00Z",
    "2026-01-00T00:00:00Z",
    "2026-12-32T00:00:00Z",
    "2026-01-31T24:00:00Z",
    "2026-01-31T12:60:00Z",
    "2026-01-31T12:00:60Z",
    "2026-01-31T12:00:00.Z",
    "2026-01-31T12:00:00,5Z",
    "2026-01-31T12:00Z",
    "2026-01-31T12:00:00+0100",
    "2026-01-31T12:00:00+24:00",
    "2026-01-31T12:00:00+01:60",
    "2026-01-31T12:00:00Zx",
    " 2026-01-31T12:00:00Z",
    "+026-01-31T12:00:00Z",
    "2026-1-31T12:00:00Z",
    "12026-01-31T12:00:00Z",
};

START_TEST(refuses_times)
{
    struct err err;
    int64_t us = 7;

    ck_assert_msg(!json_parse_time(slice_of(bad_times[_i]), &us, &err), "%s", bad_times[_i]);
    ck_assert_int_eq(err.kind, ERR_INVALID);
    ck_assert_int_eq(us, 7);
}
END_TEST

START_TEST(writes_base64)
{
    json_open(&t, '[');
    json_base64(&t, SLICE(""));
    json_base64(&t, SLICE("fo"));
    json_close(&t, ']');
    check_written(SLICE("[\"\",\"Zm8=\"]"));
}
END_TEST

START_TEST(decodes_strings)
{
    struct slice out;
    struct err err;

    ck_assert(json_decode_string(SLICE("\"\""), &arena, &out, &err));
    ck_assert(slice_present(out) && out.len == 0);
    ck_assert(json_decode_string(SLICE("\"\xC3\xA9\""), &arena, &out, &err));
    ck_assert(slice_equal(out, SLICE("\xC3\xA9")));
    ck_assert(json_decode_string(SLICE("\"a\\n\\u0000\\ud83d\\ude00\""), &arena, &out, &err));
    ck_assert(slice_equal(out, SLICE("a\n\0\xF0\x9F\x98\x80")));
    ck_assert(!json_decode_string(SLICE("\"\\ud83d\""), &arena, &out, &err));
    ck_assert_int_eq(err.kind, ERR_INVALID);
    ck_assert(!json_decode_string(SLICE("12"), &arena, &out, &err));
    ck_assert(!json_decode_string((struct slice){NULL, 0}, &arena, &out, &err));
    ck_assert_str_eq(err.text, "must be a string");
}
END_TEST

START_TEST(decodes_integers)
{
    static const char *const bad[] = {"1.5",  "1e-1", "9223372036854775808", "\"1\"", "null", "{}",
                                      "true", ""};
    struct err err;
    int64_t n;

    ck_assert(json_decode_int(SLICE("9223372036854775807"), &n, &err));
    ck_assert_int_eq(n, INT64_MAX);
    ck_assert(json_decode_int(SLICE("-9223372036854775808"), &n, &err));
    ck_assert_int_eq(n, INT64_MIN);
    ck_assert(json_decode_int(SLICE("27.0"), &n, &err));
    ck_assert_int_eq(n, 27);
    ck_assert(json_decode_int(SLICE("-0"), &n, &err));
    ck_assert_int_eq(n, 0);
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        ck_assert_msg(!json_decode_int(slice_of(bad[i]), &n, &err), "%s", bad[i]);
        ck_assert_int_eq(err.kind, ERR_INVALID);
    }
}
END_TEST

START_TEST(decodes_doubles)
{
    struct err err;
    double n;

    ck_assert(json_decode_double(SLICE("1"), &n, &err));
    ck_assert_double_eq(n, 1);
    ck_assert(json_decode_double(SLICE("-2.5e-1"), &n, &err));
    ck_assert_double_eq(n, -0.25);
    ck_assert(json_decode_double(SLICE("1180591620717411303424"), &n, &err));
    ck_assert_double_eq(n, 1180591620717411303424.0);
    ck_assert(json_decode_double(SLICE("1e-400"), &n, &err));
    ck_assert_double_eq(n, 0);
    ck_assert(!json_decode_double(SLICE("1e400"), &n, &err));
    ck_assert_int_eq(err.kind, ERR_INVALID);
    ck_assert(!json_decode_double(SLICE("\"1\""), &n, &err));
    ck_assert_int_eq(err.kind, ERR_INVALID);
}
END_TEST

static bool write_each(struct arena *a, struct err *err)
{
    struct slice out;
    struct text text;

    text_init(&text, a);
    json_open(&text, '{');
    for (int i = 0; i < 20; i++) {
        json_member_string(&text, "a", SLICE("some \"quoted\" text"));
        json_member_time(&text, "b", 0);
        json_key(&text, "c");
        json_base64(&text, SLICE("some bytes"));
        json_key(&text, "d");
        json_double(&text, 0.5);
    }
    json_close(&text, '}');
    if (text.failed)
        return err_set(err, ERR_NO_MEMORY, "failed");
    return json_decode_string(SLICE("\"plain\""), a, &out, err) &&
           json_decode_string(SLICE("\"\\n\""), a, &out, err);
}

START_TEST(memory_ends)
{
    oom_sweep(write_each);
}
END_TEST

Suite *suite_json(void);

Suite *suite_json(void)
{
    Suite *suite = suite_create("json");
    TCase *tests = tcase_create("json");

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, places_commas);
    tcase_add_test(tests, absent_is_null);
    tcase_add_test(tests, escapes_strings);
    tcase_add_test(tests, writes_integers);
    tcase_add_loop_test(tests, writes_doubles, 0, COUNT_OF(doubles));
    tcase_add_loop_test(tests, times_there_and_back, 0, COUNT_OF(times));
    tcase_add_test(tests, times_beyond_four_digits_are_clamped);
    tcase_add_test(tests, each_day_for_400_years);
    tcase_add_loop_test(tests, reads_time_forms, 0, COUNT_OF(forms));
    tcase_add_loop_test(tests, refuses_times, 0, COUNT_OF(bad_times));
    tcase_add_test(tests, writes_base64);
    tcase_add_test(tests, decodes_strings);
    tcase_add_test(tests, decodes_integers);
    tcase_add_test(tests, decodes_doubles);
    tcase_add_test(tests, memory_ends);
    suite_add_tcase(suite, tests);
    return suite;
}

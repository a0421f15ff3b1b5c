#include <check.h>

#include "scan.h"

START_TEST(plain_runs_end_at_each_special_byte)
{
    for (int c = 0; c < 256; c++) {
        bool plain = c >= 0x20 && c < 0x80 && c != '"' && c != '\\';

        for (size_t at = 0; at < 20; at++) {
            char text[20];

            memset(text, 'a', sizeof(text));
            text[at] = (char)c;
            ck_assert_ptr_eq(scan_plain(text, text + 20), text + (plain ? 20 : at));
        }
    }
}
END_TEST

START_TEST(plain_runs_are_not_fooled_by_borrows)
{
    char text[8];

    for (int c = 0x20; c < 0x80; c++) {
        memset(text, c, sizeof(text));
        if (c == '"' || c == '\\')
            continue;
        text[3] = '"';
        ck_assert_ptr_eq(scan_plain(text, text + 8), text + 3);
    }
}
END_TEST

static const struct {
    const char *text;
    size_t len, expected;
} characters[] = {
    {"\xC2\x80", 2, 2},
    {"\xDF\xBF", 2, 2},
    {"\xE0\xA0\x80", 3, 3},
    {"\xED\x9F\xBF", 3, 3},
    {"\xEE\x80\x80", 3, 3},
    {"\xEF\xBF\xBF", 3, 3},
    {"\xF0\x90\x80\x80", 4, 4},
    {"\xF4\x8F\xBF\xBF", 4, 4},
    {"\x80", 1, 0},
    {"\xC0\x80", 2, 0},
    {"\xC1\xBF", 2, 0},
    {"\xC2", 1, 0},
    {"\xC2\x41", 2, 0},
    {"\xE0\x9F\xBF", 3, 0},
    {"\xED\xA0\x80", 3, 0},
    {"\xED\xBF\xBF", 3, 0},
    {"\xE1\x80", 2, 0},
    {"\xE1\x80\x41", 3, 0},
    {"\xE1\x41\x80", 3, 0},
    {"\xF0\x8F\xBF\xBF", 4, 0},
    {"\xF4\x90\x80\x80", 4, 0},
    {"\xF5\x80\x80\x80", 4, 0},
    {"\xF1\x80\x80", 3, 0},
    {"\xF1\x80\x80\xC0", 4, 0},
    {"\xFF", 1, 0},
};

START_TEST(utf8)
{
    const char *text = characters[_i].text;

    ck_assert_uint_eq(scan_utf8(text, text + characters[_i].len), characters[_i].expected);
}
END_TEST

START_TEST(hex)
{
    ck_assert_int_eq(scan_hex('0'), 0);
    ck_assert_int_eq(scan_hex('9'), 9);
    ck_assert_int_eq(scan_hex('a'), 10);
    ck_assert_int_eq(scan_hex('F'), 15);
    ck_assert_int_eq(scan_hex('g'), -1);
    ck_assert_int_eq(scan_hex('G'), -1);
    ck_assert_int_eq(scan_hex('/'), -1);
    ck_assert_int_eq(scan_hex('\xB0'), -1);
}
END_TEST

static const struct {
    struct slice raw, decoded;
} escapes[] = {
    {{"", 0}, {"", 0}},
    {{"abc", 3}, {"abc", 3}},
    {{"\\\"\\\\\\/\\b\\f\\n\\r\\t", 16}, {"\"\\/\b\f\n\r\t", 8}},
    {{"\\u0000", 6}, {"\0", 1}},
    {{"\\u0041\\u00e9\\u20AC", 18}, {"A\xC3\xA9\xE2\x82\xAC", 6}},
    {{"\\ud83d\\ude00", 12}, {"\xF0\x9F\x98\x80", 4}},
    {{"\\ud83d", 6}, {"\xED\xA0\xBD", 3}},
    {{"\\ude00\\ud83d", 12}, {"\xED\xB8\x80\xED\xA0\xBD", 6}},
    {{"\\ud83d\\u0041", 12},
     {"\xED\xA0\xBD"
      "A",
      4}},
    {{"\\ud83d\\\\ude0", 12}, {"\xED\xA0\xBD\\ude0", 8}},
};

START_TEST(unescapes)
{
    char out[32];
    size_t len = scan_unescape(escapes[_i].raw, out);

    ck_assert(slice_equal((struct slice){out, len}, escapes[_i].decoded));
}
END_TEST

Suite *suite_scan(void);

Suite *suite_scan(void)
{
    Suite *suite = suite_create("scan");
    TCase *tests = tcase_create("scan");

    tcase_add_test(tests, plain_runs_end_at_each_special_byte);
    tcase_add_test(tests, plain_runs_are_not_fooled_by_borrows);
    tcase_add_loop_test(tests, utf8, 0, COUNT_OF(characters));
    tcase_add_test(tests, hex);
    tcase_add_loop_test(tests, unescapes, 0, COUNT_OF(escapes));
    suite_add_tcase(suite, tests);
    return suite;
}

#include <check.h>

#include "lines.h"

/* A head as libmicrohttpd leaves it: with a NUL wherever it has cut. */
#define HEAD "GET\0/a?b\0HTTP/1.1\0\0X\0 v\0\0Y-1\0\0\0\0\0"

static const char head[] = HEAD;

static const struct lines_first first = {head, head + 4, head + 9};

static bool check(const struct lines_first *f, struct slice target, size_t more, struct err *err)
{
    struct lines l = lines_begin(f, target);

    lines_header(&l, (struct slice){head + 19, 1}, (struct slice){head + 22, 1});
    lines_header(&l, (struct slice){head + 25, 3}, (struct slice){head + 29, 0});
    return lines_end(&l, head + 33 + more, err);
}

START_TEST(takes_lines_that_follow_each_other)
{
    struct err err;

    ck_assert_uint_eq(sizeof(head), 34);
    ck_assert_msg(check(&first, SLICE("/a?b"), 0, &err), "%s", err.text);
}
END_TEST

START_TEST(refuses_a_gap)
{
    struct lines_first late = {head, head + 5, head + 9};
    struct err err;

    ck_assert(!check(&first, SLICE("/a?"), 0, &err));
    ck_assert_ptr_nonnull(strstr(err.text, "target"));
    ck_assert(!check(&late, SLICE("a?b"), 0, &err));
    ck_assert_ptr_nonnull(strstr(err.text, "method"));
    ck_assert(!check(&first, SLICE("/a?b"), 1, &err));
    ck_assert_int_eq(err.kind, ERR_INVALID);
    ck_assert_ptr_nonnull(strstr(err.text, "NUL"));
}
END_TEST

START_TEST(refuses_control_characters)
{
    struct err err;

    for (int c = 0; c < 256; c++) {
        char target[] = {'/', 'a', '?', (char)c};

        ck_assert(check(&first, (struct slice){target, 4}, 0, &err) ==
                  (c > 0x20 && c != 0x7F && c != '#'));
    }
}
END_TEST

static bool name_is_good(struct slice name)
{
    struct lines l = {.next = name.at};
    struct err err;

    lines_header(&l, name, (struct slice){name.at + name.len + 1, 0});
    return lines_end(&l, name.at + name.len + 5, &err);
}

START_TEST(knows_what_a_name_is)
{
    static const char good[] = "!#$%&'*+-.^_`|~";

    ck_assert(!name_is_good(SLICE("")));
    for (int c = 0; c < 256; c++) {
        char name[8] = {'X', (char)c};
        bool alnum = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');

        ck_assert_msg(name_is_good((struct slice){name, 2}) == (alnum || (c && strchr(good, c))),
                      "%d", c);
    }
}
END_TEST

START_TEST(refuses_a_cr_in_a_value)
{
    static const char line[] = "X\0a\rb\0\0\0";
    struct lines l = {.next = line};
    struct err err;

    lines_header(&l, (struct slice){line, 1}, (struct slice){line + 2, 3});
    ck_assert(!lines_end(&l, line + 9, &err));
    ck_assert_ptr_nonnull(strstr(err.text, "CR"));
}
END_TEST

Suite *suite_lines(void);

Suite *suite_lines(void)
{
    Suite *s = suite_create("lines");
    TCase *t = tcase_create("lines");

    tcase_add_test(t, takes_lines_that_follow_each_other);
    tcase_add_test(t, refuses_a_gap);
    tcase_add_test(t, refuses_control_characters);
    tcase_add_test(t, knows_what_a_name_is);
    tcase_add_test(t, refuses_a_cr_in_a_value);
    suite_add_tcase(s, t);
    return s;
}

#include <check.h>

#include "accept.h"

static void quality_is(const char *accept, const char *type, int expected)
{
    ck_assert_msg(accept_quality(slice_of(accept), slice_of(type), false) == expected, "%s: %d",
                  accept, accept_quality(slice_of(accept), slice_of(type), false));
}

START_TEST(finds_the_type)
{
    quality_is("a/b", "a/b", 1000);
    quality_is("A/B", "a/b", 1000);
    quality_is("a/c", "a/b", 0);
    quality_is("a/bc", "a/b", 0);
    quality_is("", "a/b", 0);
    quality_is(" , ,a/c ,\ta/b ", "a/b", 1000);
    quality_is("a/b;x=1;q=0.5", "a/b", 500);
    quality_is("a/b ; q=0.5 ; x=1", "a/b", 500);
    quality_is("a/b;x=\"a/c;q=0.1, \\\" ,\";q=0.7, c/d", "a/b", 700);
    quality_is("c/d;x=\", a/b", "a/b", 0);
}
END_TEST

START_TEST(reads_qualities)
{
    quality_is("a/b;q=1", "a/b", 1000);
    quality_is("a/b;Q=1.000", "a/b", 1000);
    quality_is("a/b;q=0.", "a/b", 0);
    quality_is("a/b;q=0.001", "a/b", 1);
    quality_is("a/b;q=0.25", "a/b", 250);
    for (const char *const *bad =
             (const char *const[]){"1.001", "2", "-1", "", ".5", "0.1234", "0,5", "x", "0.x", NULL};
         *bad; bad++) {
        char text[32] = "a/b;q=";

        quality_is(strcat(text, *bad), "a/b", 0);
    }
}
END_TEST

START_TEST(the_closest_entry_counts)
{
    quality_is("*/*", "a/b", 1000);
    quality_is("*/*;q=0.1, a/*;q=0.2, a/b;q=0.3", "a/b", 300);
    quality_is("a/b;q=0, a/*, */*", "a/b", 0);
    quality_is("*/*, a/*;q=0.2", "a/b", 200);
    quality_is("a/*;q=0.2, c/*", "a/b", 200);
    quality_is("a/b;q=0.2, a/b;q=0.4", "a/b", 400);
    quality_is("a*", "a/b", 0);
    ck_assert_int_eq(accept_quality(SLICE("*/*, a/*"), SLICE("a/b"), true), 0);
    ck_assert_int_eq(accept_quality(SLICE("*/*, a/b;q=0.5"), SLICE("a/b"), true), 500);
}
END_TEST

Suite *suite_accept(void);

Suite *suite_accept(void)
{
    Suite *s = suite_create("accept");
    TCase *t = tcase_create("accept");

    tcase_add_test(t, finds_the_type);
    tcase_add_test(t, reads_qualities);
    tcase_add_test(t, the_closest_entry_counts);
    suite_add_tcase(s, t);
    return s;
}

#include <check.h>
#include <stdio.h>

#include "decimal.h"

static const struct {
    const char *a, *b;
    bool equal;
} pairs[] = {
    {"1", "1.0", true},
    {"1", "1e0", true},
    {"1", "10e-1", true},
    {"1", "0.001E+3", true},
    {"0", "-0", true},
    {"0", "0.000e99999999999999999999", true},
    {"100", "1e2", true},
    {"1", "-1", false},
    {"1", "2", false},
    {"1", "10", false},
    {"12", "13", false},
    {"0", "1e-99999999999999999999", false},
    {"1180591620717411303424", "1180591620717411303425", false},
    {"1180591620717411303424", "1.180591620717411303424e21", true},
    {"0.1", "0.1000000000000000055511151231257827", false},
    {"1e99999999999999999999", "1e99999999999999999999", true},
    {"1e99999999999999999999", "10e99999999999999999998", true},
    {"1e99999999999999999999", "0.1e100000000000000000000", true},
    {"1e99999999999999999999", "1e99999999999999999998", false},
    {"1e99999999999999999999", "1e-99999999999999999999", false},
    {"1e00000000000000000000000005", "100000", true},
    {"10e-1000000000000000000", "1e-999999999999999999", true},
    {"0.01e1", "1e-1", true},
    {"1e-1", "1e1", false},
    {"120.50", "1.205e2", true},
    {"1203", "12.03", false},
};

START_TEST(compares)
{
    ck_assert(decimal_equal(slice_of(pairs[_i].a), slice_of(pairs[_i].b)) == pairs[_i].equal);
    ck_assert(decimal_equal(slice_of(pairs[_i].b), slice_of(pairs[_i].a)) == pairs[_i].equal);
    ck_assert(decimal_equal(slice_of(pairs[_i].a), slice_of(pairs[_i].a)));
}
END_TEST

START_TEST(agrees_with_integers)
{
    for (int i = 1; i < 120; i++) {
        for (int j = 1; j < 120; j++) {
            char a[32], b[32];

            snprintf(a, sizeof(a), "%d", i);
            snprintf(b, sizeof(b), "%d000e-3", j);
            ck_assert(decimal_equal(slice_of(a), slice_of(b)) == (i == j));
            snprintf(b, sizeof(b), "%d.00", j);
            ck_assert(decimal_equal(slice_of(a), slice_of(b)) == (i == j));
        }
    }
}
END_TEST

static const struct {
    const char *text;
    int64_t n;
} integers[] = {
    {"0", 0},
    {"-0.0e99999999999999999999", 0},
    {"27", 27},
    {"27.0", 27},
    {"2.7e1", 27},
    {"2700E-2", 27},
    {"-1200", -1200},
    {"0.0012e+00000000000000000000006", 1200},
    {"9223372036854775807", INT64_MAX},
    {"9.223372036854775807e18", INT64_MAX},
    {"-9223372036854775808", INT64_MIN},
};

START_TEST(reads_integers)
{
    int64_t n = -1;

    ck_assert(decimal_to_int(slice_of(integers[_i].text), &n));
    ck_assert_int_eq(n, integers[_i].n);
}
END_TEST

static const char *const no_integers[] = {
    "0.5",
    "27.01",
    "1e-1",
    "120e-2",
    "9223372036854775808",
    "-9223372036854775809",
    "1e19",
    "1e20",
    "1e99999999999999999999",
    "1e-99999999999999999999",
};

START_TEST(refuses_others)
{
    int64_t n = -1;

    ck_assert(!decimal_to_int(slice_of(no_integers[_i]), &n));
    ck_assert_int_eq(n, -1);
}
END_TEST

Suite *suite_decimal(void);

Suite *suite_decimal(void)
{
    Suite *suite = suite_create("decimal");
    TCase *tests = tcase_create("decimal");

    tcase_add_loop_test(tests, compares, 0, COUNT_OF(pairs));
    tcase_add_test(tests, agrees_with_integers);
    tcase_add_loop_test(tests, reads_integers, 0, COUNT_OF(integers));
    tcase_add_loop_test(tests, refuses_others, 0, COUNT_OF(no_integers));
    suite_add_tcase(suite, tests);
    return suite;
}

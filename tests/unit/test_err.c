#include <check.h>
#include <string.h>

#include "err.h"

START_TEST(fills_and_is_false)
{
    struct err err;

    ck_assert(!err_set(&err, ERR_NOT_FOUND, "no %s", "session"));
    ck_assert_int_eq(err.kind, ERR_NOT_FOUND);
    ck_assert_str_eq(err.text, "no session");
}
END_TEST

START_TEST(takes_its_own_text_as_argument)
{
    struct err err;

    err_fill(&err, ERR_INVALID, "must be a string");
    err_fill(&err, ERR_INVALID, "/id: %s", err.text);
    ck_assert_str_eq(err.text, "/id: must be a string");
}
END_TEST

START_TEST(cuts_long_text_between_characters)
{
    char text[400];
    struct err err;

    memset(text, 'a', sizeof(text));
    text[399] = '\0';
    err_fill(&err, ERR_INVALID, "%s", text);
    ck_assert_uint_eq(strlen(err.text), sizeof(err.text) - 1);

    memcpy(text + 237, "\xF0\x9F\x98\x80", 4);
    err_fill(&err, ERR_INVALID, "%s", text);
    ck_assert_uint_eq(strlen(err.text), 237);
}
END_TEST

START_TEST(each_kind_has_its_row)
{
    ck_assert_str_eq(err_wire_name(ERR_NO_SESSION), "session_not_found");
    ck_assert_int_eq(err_http_status(ERR_NO_SESSION), 404);
    ck_assert_str_eq(err_wire_name(ERR_OVERLOADED), "overloaded");
    ck_assert_int_eq(err_http_status(ERR_OVERLOADED), 503);
    ck_assert_int_eq(err_retry(ERR_OVERLOADED), RETRY_NEVER);
    ck_assert_int_eq(err_retry(ERR_UNAVAILABLE), RETRY_ALWAYS);
    ck_assert_int_eq(err_retry(ERR_IN_DOUBT), RETRY_IF_IDEMPOTENT);
    ck_assert(err_is_of_op(ERR_NO_SESSION) && err_is_of_op(ERR_OVERLOADED));
    ck_assert(!err_is_of_op(ERR_DAMAGED) && !err_is_of_op(ERR_IN_DOUBT));
    for (enum err_kind kind = ERR_OK; kind <= ERR_IN_DOUBT; kind++) {
        ck_assert_ptr_nonnull(err_wire_name(kind));
        ck_assert_int_ge(err_http_status(kind), 200);
    }
}
END_TEST

Suite *suite_err(void);

Suite *suite_err(void)
{
    Suite *suite = suite_create("err");
    TCase *tests = tcase_create("err");

    tcase_add_test(tests, fills_and_is_false);
    tcase_add_test(tests, takes_its_own_text_as_argument);
    tcase_add_test(tests, cuts_long_text_between_characters);
    tcase_add_test(tests, each_kind_has_its_row);
    suite_add_tcase(suite, tests);
    return suite;
}

/* test_postgres_hosts.c - what libpq is given in place of the hosts of a URL. */
#include <check.h>
#include <string.h>

#include "compiler.h"
#include "lookup.h"
#include "postgres_hosts.h"

Suite *suite_postgres_hosts(void);

enum { LONG_MS = 60000 };

static const char *value(const PQconninfoOption *options, const char *keyword)
{
    while (strcmp(options->keyword, keyword) != 0)
        options++;
    return options->val ? options->val : "none";
}

static const struct {
    const char *url;
    unsigned first;
    const char *host, *hostaddr, *port;
} cases[] = {
    {"dbname=x", 3, "none", "none", "none"},
    {"host=127.0.0.1", 1, "127.0.0.1", "none", "none"},
    {"postgresql://[::1]:7/x", 1, "::1", "none", "7"},
    {"host=127.0.0.1,127.0.0.2,127.0.0.3 port=1,2,3", 1, "127.0.0.2,127.0.0.3,127.0.0.1", "none",
     "2,3,1"},
    {"host=127.0.0.1,127.0.0.2 port=5", 4, "127.0.0.1,127.0.0.2", "none", "5,5"},
    {"host=127.0.0.1,127.0.0.2 port=5", 5, "127.0.0.2,127.0.0.1", "none", "5,5"},
    {"host=/tmp,@abstract,127.0.0.2 port=1,,3", 2, "127.0.0.2,/tmp,@abstract", "none", "3,1,"},
    {"host=a.test,b.test hostaddr=127.0.0.1,127.0.0.2", 1, "b.test,a.test", "127.0.0.2,127.0.0.1",
     "none"},
    {"hostaddr=127.0.0.1,127.0.0.2 port=1,2", 1, "none", "127.0.0.2,127.0.0.1", "2,1"},
    /* Left to libpq, which refuses them. */
    {"host=a.test,b.test port=1,2,3", 1, "a.test,b.test", "none", "1,2,3"},
    {"host=a.test hostaddr=127.0.0.1,127.0.0.2", 1, "a.test", "127.0.0.1,127.0.0.2", "none"},
};

START_TEST(lists_go_together)
{
    struct err err;
    struct hosts *h = hosts_begin(cases[_i].url, &err);
    const PQconninfoOption *options;

    ck_assert_ptr_nonnull(h);
    ck_assert(hosts_known(h, LONG_MS));
    options = hosts_options(h, cases[_i].first, &err);
    ck_assert_ptr_nonnull(options);
    ck_assert_str_eq(value(options, "host"), cases[_i].host);
    ck_assert_str_eq(value(options, "hostaddr"), cases[_i].hostaddr);
    ck_assert_str_eq(value(options, "port"), cases[_i].port);
    hosts_end(h);
}
END_TEST

START_TEST(a_name_is_looked_up)
{
    struct err err;
    struct hosts *h = hosts_begin("host=/tmp,localhost port=1,2", &err);
    const PQconninfoOption *options;
    const char *list;

    ck_assert_ptr_nonnull(h);
    ck_assert(hosts_known(h, LONG_MS));
    options = hosts_options(h, 0, &err);
    ck_assert_ptr_nonnull(options);
    list = value(options, "hostaddr");
    ck_assert(list[0] == ',' && lookup_is_address(list + 1) && list[1]);
    ck_assert_int_eq(strncmp(value(options, "host"), "/tmp,localhost", 14), 0);
    ck_assert_int_eq(strncmp(value(options, "port"), "1,2", 3), 0);
    hosts_end(h);
}
END_TEST

START_TEST(a_malformed_url_is_refused)
{
    struct err err;

    ck_assert_ptr_null(hosts_begin("postgresql://user:secret@[::1", &err));
    ck_assert_int_eq(err.kind, ERR_CONFIG);
    ck_assert_str_eq(err.text, "postgres: the URL is malformed");
}
END_TEST

START_TEST(lookups_of_one_host_are_shared_and_may_be_given_up)
{
    struct lookup *first = lookup_begin("localhost"), *second = lookup_begin("localhost"), *third;

    ck_assert(first && second);
    lookup_end(first);
    ck_assert(lookup_wait(second, LONG_MS));
    ck_assert_ptr_nonnull(lookup_address(second, 0));
    ck_assert_ptr_null(lookup_address(second, LOOKUP_MAX));
    third = lookup_begin("localhost");
    ck_assert(third && third != second);
    lookup_end(third);
    lookup_end(second);
    lookup_end(NULL);
}
END_TEST

Suite *suite_postgres_hosts(void)
{
    Suite *suite = suite_create("postgres_hosts");
    TCase *tc = tcase_create("postgres_hosts");

    tcase_add_loop_test(tc, lists_go_together, 0, COUNT_OF(cases));
    tcase_add_test(tc, a_name_is_looked_up);
    tcase_add_test(tc, a_malformed_url_is_refused);
    tcase_add_test(tc, lookups_of_one_host_are_shared_and_may_be_given_up);
    suite_add_tcase(suite, tc);
    return suite;
}

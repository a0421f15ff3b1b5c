#include <check.h>

#include "origin.h"

static bool host(const char *text)
{
    struct origin o = {.host = slice_of(text)};
    struct err err;

    if (origin_host(&o, "State.example.org:8080", &err))
        return true;
    ck_assert_int_eq(err.kind, ERR_FORBIDDEN);
    return false;
}

START_TEST(takes_hosts_that_no_page_can_have)
{
    static const char *const good[] = {
        NULL,          "",           "localhost",         "LOCALHOST:80",        "127.0.0.1:8080",
        "192.168.1.9", "[::1]",      "[::1]:8080",        "[::ffff:1.2.3.4]:80", "a.localhost:1",
        "stateward:8", "h.internal", "state.example.org", "STATE.example.ORG:1", "127.1",
    };

    for (size_t i = 0; i < COUNT_OF(good); i++)
        ck_assert_msg(host(good[i]), "%s", good[i]);
}
END_TEST

START_TEST(refuses_hosts_that_a_page_can_have)
{
    static const char *const bad[] = {
        "evil.example",
        "evil.example:8080",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "xlocalhost.example",
        "127.0.0.1.nip.io:80",
        "1.2.3.x",
        "example.org",
        ".internal",
        "evil.example.:80",
        "localhost.",
        "a.state.example.org",
    };

    for (size_t i = 0; i < COUNT_OF(bad); i++)
        ck_assert_msg(!host(bad[i]), "%s", bad[i]);
}
END_TEST

static bool change(const char *at, const char *origin, const char *site)
{
    struct origin o = {slice_of(at), slice_of(origin), slice_of(site)};
    struct err err;

    if (origin_change(&o, &err))
        return true;
    ck_assert_int_eq(err.kind, ERR_FORBIDDEN);
    return false;
}

START_TEST(takes_changes_of_programs_and_of_its_own_pages)
{
    ck_assert(change("h:1", NULL, NULL));
    ck_assert(change(NULL, NULL, NULL));
    ck_assert(change("h:1", "http://h:1", NULL));
    ck_assert(change("H", "https://h", NULL));
    ck_assert(change("[::1]:8", "http://[::1]:8", "same-site"));
    ck_assert(change("127.0.0.1:8080", "https://behind.a.proxy", "same-origin"));
    ck_assert(change("h:1", "chrome-extension://abc", "none"));
}
END_TEST

START_TEST(refuses_changes_of_other_pages)
{
    ck_assert(!change("h:1", "http://evil.example", NULL));
    ck_assert(!change("h:1", "http://h:2", NULL));
    ck_assert(!change("h:1", "http://h:2", "same-site"));
    ck_assert(!change("h:1", "http://h:1", "cross-site"));
    ck_assert(!change("h:1", NULL, "Cross-Site"));
    ck_assert(!change("h:1", "null", NULL));
    ck_assert(!change("h:1", "", NULL));
    ck_assert(!change("", "http://", NULL));
    ck_assert(!change(NULL, "http://h", NULL));
}
END_TEST

Suite *suite_origin(void);

Suite *suite_origin(void)
{
    Suite *s = suite_create("origin");
    TCase *t = tcase_create("origin");

    tcase_add_test(t, takes_hosts_that_no_page_can_have);
    tcase_add_test(t, refuses_hosts_that_a_page_can_have);
    tcase_add_test(t, takes_changes_of_programs_and_of_its_own_pages);
    tcase_add_test(t, refuses_changes_of_other_pages);
    suite_add_tcase(s, t);
    return s;
}

/* test_redis.c - what the Redis driver computes without a server: URLs, keys, packed fields, outbox
 * entries. */
#include <check.h>

#include "redis_conn.h"
#include "redis_entry.h"
#include "redis_keys.h"
#include "redis_pack.h"
#include "redis_pair.h"
#include "redis_url.h"

Suite *suite_redis(void);

static struct arena arena;
static struct err err;

static void clear(void)
{
    arena_done(&arena);
}

START_TEST(reads_urls)
{
    struct redis_url url;

    ck_assert(redis_url_parse("redis://host:7000/3", &url, &err));
    ck_assert_str_eq(url.host, "host");
    ck_assert_int_eq(url.port, 7000);
    ck_assert_int_eq(url.db, 3);
    ck_assert(redis_url_parse("redis://me:p%40ss:w@host", &url, &err));
    ck_assert_str_eq(url.user, "me");
    ck_assert_str_eq(url.password, "p@ss:w");
    ck_assert_int_eq(url.port, 6379);
    ck_assert(redis_url_parse("redis://:only@[::1]:1/0", &url, &err));
    ck_assert_str_eq(url.user, "");
    ck_assert_str_eq(url.password, "only");
    ck_assert_str_eq(url.host, "::1");
    ck_assert_int_eq(url.port, 1);
    ck_assert(redis_url_parse("unix:/run/redis.sock?db=2", &url, &err));
    ck_assert_str_eq(url.host, "/run/redis.sock");
    ck_assert_int_eq(url.port, 0);
    ck_assert_int_eq(url.db, 2);
}
END_TEST

START_TEST(refuses_urls)
{
    static const char *const wrong[] = {
        "redis://",          "redis://host:0",   "redis://host:65536", "redis://host:x",
        "redis://host/x",    "redis://%zz@host", "redis:host",         "unix:relative",
        "unix:/s?db=x",      "unix:/s?name=1",   "redis://h/99999999", "redis://a%00@h",
        "redis://%4@host:1",
    };
    struct redis_url url;

    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        ck_assert_msg(!redis_url_parse(wrong[i], &url, &err), "%s", wrong[i]);
        ck_assert_int_eq(err.kind, ERR_CONFIG);
    }
    ck_assert(!redis_url_parse("rediss://user:secret@host:x", &url, &err));
    ck_assert_ptr_nonnull(strstr(err.text, "TLS"));
    ck_assert_ptr_null(strstr(err.text, "secret"));
}
END_TEST

START_TEST(reads_urls_with_tls)
{
    struct redis_url url;

    ck_assert(redis_url_parse("rediss://user:p%3Fw@host:7/2?ssl_ca_certs=/a%26b&ssl_certfile=c&"
                              "ssl_keyfile=k&ssl_cert_reqs=none&ssl_check_hostname=false",
                              &url, &err));
    ck_assert(url.tls && url.unverified && url.any_host);
    ck_assert_str_eq(url.host, "host");
    ck_assert_int_eq(url.port, 7);
    ck_assert_int_eq(url.db, 2);
    ck_assert_str_eq(url.user, "user");
    ck_assert_str_eq(url.password, "p?w");
    ck_assert_str_eq(url.ca_file, "/a&b");
    ck_assert_str_eq(url.cert_file, "c");
    ck_assert_str_eq(url.key_file, "k");
    ck_assert(redis_url_parse("rediss://[::1]?ssl_cert_reqs=CERT_REQUIRED&ssl_check_hostname=True",
                              &url, &err));
    ck_assert(url.tls && !url.unverified && !url.any_host);
    ck_assert_str_eq(url.host, "::1");
    ck_assert_int_eq(url.port, 6379);
    ck_assert(redis_url_parse("rediss://host", &url, &err) && url.tls);
    ck_assert(redis_url_parse("redis://host", &url, &err) && !url.tls);
}
END_TEST

START_TEST(refuses_parameters_of_tls)
{
    static const char *const wrong[] = {
        "ssl",
        "ssl_ca_certs",
        "ssl_ca_certs=/%0",
        "ssl_cert_reqs=",
        "ssl_cert_reqs=optional",
        "ssl_check_hostname=0",
        "ssl_keyfile=a&&ssl_certfile=b",
        "ssl_keyfile=a&other=b",
    };
    struct redis_url url;
    char text[100];

    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        snprintf(text, sizeof(text), "rediss://host/0?%s", wrong[i]);
        ck_assert_msg(!redis_url_parse(text, &url, &err), "%s", wrong[i]);
        ck_assert_int_eq(err.kind, ERR_CONFIG);
        ck_assert_ptr_nonnull(strstr(err.text, "ssl_check_hostname"));
    }
    ck_assert(!redis_url_parse("redis://host/0?ssl_ca_certs=a", &url, &err));
}
END_TEST

static const char *key(struct slice id, struct slice ns)
{
    struct redis_key k = {"p:", "thread", 7, {SLICE("t"), id, ns}};
    struct slice text = redis_key_text(&k, &arena);

    ck_assert_ptr_nonnull(text.at);
    return arena_copy(&arena, text).at;
}

START_TEST(keys_do_not_meet)
{
    struct slice none = {NULL, 0};

    ck_assert_str_eq(key(SLICE("a"), none), "p:{0007}thread:t:a");
    ck_assert_str_eq(key(SLICE("a"), SLICE("")), "p:{0007}thread:t:a:");
    ck_assert_str_eq(key(SLICE("a:b"), none), "p:{0007}thread:t:a%3Ab");
    ck_assert_str_eq(key(SLICE("a%3Ab"), none), "p:{0007}thread:t:a%253Ab");
    ck_assert_uint_lt(redis_bucket(SLICE("t"), SLICE("a}{b")), REDIS_BUCKETS);
}
END_TEST

START_TEST(joins_and_splits)
{
    const struct slice parts[] = {SLICE("a:%"), SLICE(""), SLICE("%3A")};
    struct slice back[3];

    ck_assert(redis_split(redis_join(parts, 3, &arena), back, 3, &arena));
    for (size_t i = 0; i < 3; i++)
        ck_assert(slice_equal(parts[i], back[i]));
}
END_TEST

START_TEST(packs_and_unpacks)
{
    int64_t numbers[] = {0, -1, INT64_MAX, INT64_MIN}, got[4];
    struct slice texts[] = {SLICE("a\nb"), {NULL, 0}, SLICE("")}, back[3], packed;

    ck_assert(redis_pack(&(struct packed){numbers, 4, texts, 3}, &arena, &packed, &err));
    ck_assert(redis_unpack(packed, &(struct packed){got, 4, back, 3}, &err));
    ck_assert_mem_eq(numbers, got, sizeof(numbers));
    ck_assert(slice_equal(back[0], texts[0]));
    ck_assert(!slice_present(back[1]));
    ck_assert(slice_present(back[2]) && back[2].len == 0);
    for (size_t len = 0; len < packed.len; len++)
        ck_assert(
            !redis_unpack((struct slice){packed.at, len}, &(struct packed){got, 4, back, 3}, &err));
}
END_TEST

START_TEST(refuses_damage)
{
    static const char *const damaged[] = {"", "\n", "x 1\na", "1 x\na", "1 2\na", "- 1\na", "1\na"};
    struct slice text;
    int64_t n;

    for (size_t i = 0; i < COUNT_OF(damaged); i++)
        ck_assert_msg(!redis_unpack(slice_of(damaged[i]), &(struct packed){&n, 1, &text, 1}, &err),
                      "%s", damaged[i]);
    ck_assert_int_eq(err.kind, ERR_DAMAGED);
}
END_TEST

START_TEST(entries_come_back)
{
    const struct record_name names[] = {
        {RECORD_SESSION, {.id = SLICE("s")}},
        {RECORD_VALUE, {.id = SLICE("s"), .ns = SLICE(""), .number = INT64_MAX}},
        {RECORD_CONTEXT, {.id = SLICE("s"), .number = 3, .stamp = 5}},
        {RECORD_TASK,
         {.id = SLICE("s"), .ns = SLICE("a b"), .sub = SLICE("c\n"), .task = SLICE("t")}},
    };
    struct outbox_entry e = {.number = 1843200000000287190,
                             .tenant = SLICE("ten%ant"),
                             .id = SLICE("s"),
                             .names = names,
                             .n_names = COUNT_OF(names)},
                        back;
    struct call c = {.arena = &arena};
    struct redis_bounds bounds = redis_outbox_bounds(&c, e.number);
    struct slice text, again;

    ck_assert(redis_entry_text(&e, &arena, &text, &err));
    ck_assert(redis_entry_take(text, &arena, &back, &err));
    ck_assert_int_eq(back.number, e.number);
    ck_assert(slice_equal(back.tenant, e.tenant) && slice_equal(back.id, e.id));
    ck_assert_uint_eq(back.n_names, COUNT_OF(names));
    ck_assert(!slice_present(back.names[0].key.ns) && slice_present(back.names[1].key.ns));
    ck_assert(redis_entry_text(&back, &arena, &again, &err)); /* the same text, or it could not be
                                                                 cleared */
    ck_assert(slice_equal(again, text));

    ck_assert(slice_starts(bounds.from, SLICE("[0")) && slice_starts(bounds.to, SLICE("(0")));
    bounds.from.at++, bounds.from.len--;
    bounds.to.at++, bounds.to.len--;
    ck_assert_int_le(slice_compare(bounds.from, text), 0);
    ck_assert_int_gt(slice_compare(bounds.to, text), 0);
    e.number++;
    ck_assert(redis_entry_text(&e, &arena, &text, &err));
    ck_assert_int_le(slice_compare(bounds.to, text), 0);

    for (size_t len = 0; len < text.len; len++)
        ck_assert(!redis_entry_take((struct slice){text.at, len}, &arena, &back, &err));
    ck_assert_int_eq(err.kind, ERR_DAMAGED);
}
END_TEST

/* Redis 6 wraps what a script was refused. */
static const struct {
    const char *said;
    enum err_kind kind;
    bool only_reads, replica;
} refusals[] = {
    {"OOM command not allowed when used memory > 'maxmemory'.", ERR_UNAVAILABLE, true, false},
    {"ERR Error running script (call to f_1): @user_script:6: -OOM command not allowed",
     ERR_UNAVAILABLE, true, false},
    {"NOREPLICAS Not enough good replicas to write.", ERR_UNAVAILABLE, true, false},
    {"READONLY You can't write against a read only replica.", ERR_UNAVAILABLE, false, true},
    {"ERR Error running script (call to f_1): @user_script:6: -READONLY You can't write",
     ERR_UNAVAILABLE, false, true},
    {"ERR Error running script (call to f_1): OOM is no word of Redis here", ERR_STORAGE, false,
     false},
    {"ERR value is not OOM ", ERR_STORAGE, false, false},
};

START_TEST(understands_refusals)
{
    struct reply reply = {.type = REPLY_ERROR, .text = slice_of(refusals[_i].said)};

    ck_assert(!conn_refused(&reply, &err) && err.kind == refusals[_i].kind);
    ck_assert(conn_only_reads(&reply) == refusals[_i].only_reads);
    ck_assert(conn_is_replica(&reply) == refusals[_i].replica);
    reply.type = REPLY_TEXT;
    ck_assert(!conn_only_reads(&reply) && !conn_is_replica(&reply));
}
END_TEST

Suite *suite_redis(void)
{
    Suite *suite = suite_create("redis");
    TCase *tc = tcase_create("redis");

    tcase_add_checked_fixture(tc, NULL, clear);
    tcase_add_test(tc, reads_urls);
    tcase_add_test(tc, refuses_urls);
    tcase_add_test(tc, reads_urls_with_tls);
    tcase_add_test(tc, refuses_parameters_of_tls);
    tcase_add_test(tc, keys_do_not_meet);
    tcase_add_test(tc, joins_and_splits);
    tcase_add_test(tc, packs_and_unpacks);
    tcase_add_test(tc, refuses_damage);
    tcase_add_test(tc, entries_come_back);
    tcase_add_loop_test(tc, understands_refusals, 0, COUNT_OF(refusals));
    suite_add_tcase(suite, tc);
    return suite;
}

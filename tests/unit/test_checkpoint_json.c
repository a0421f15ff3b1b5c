/* Checkpoints, shared values and writes in answers. */
#include <check.h>

#include "checkpoint_json.h"
#include "json.h"

static struct arena arena;
static struct err err;
static struct response res;

static void setup(void)
{
    arena_init(&arena, NULL, 0);
    err = (struct err){0};
    res = (struct response){.status = 200};
    text_init(&res.body, &arena);
    res.frame.arena = &arena;
}

static void teardown(void)
{
    arena_done(&arena);
}

static void wrote(const char *text)
{
    ck_assert(!res.body.failed);
    ck_assert_str_eq(arena_copy(&arena, text_slice(&res.body)).at, text);
}

static const struct value values[] = {
    {{SLICE("a"), SLICE("1.0")}, {.id = 1024, .type = SLICE("t"), .bytes = SLICE("x")}},
    {{SLICE("b\n"), SLICE("\"2\"")}, {.id = 2048, .type = SLICE("t"), .bytes = SLICE("")}},
    {{SLICE("a"), SLICE("2")}, {.id = 4096, .type = SLICE("t"), .bytes = SLICE("yz")}},
};

/* Another object for the same row as values[1]. */
static const struct value twin = {{SLICE("b\n"), SLICE("\"2\"")},
                                  {.id = 2048, .type = SLICE("t"), .bytes = SLICE("")}};

static struct checkpoint channel_form(const char *id, const struct value **list, size_t n)
{
    return (struct checkpoint){
        .thread = SLICE("th"),
        .ns = SLICE(""),
        .id = slice_of(id),
        .form = FORM_CHANNEL,
        .head = {.bytes = SLICE("{\"v\": 4}")},
        .metadata = SLICE("{}"),
        .values = list,
        .n_values = n,
    };
}

#define TIME "\"created_at\":\"1970-01-01T00:00:00.000000Z\""
#define HEADER(id)                                              \
    "{\"thread_id\":\"th\",\"ns\":\"\",\"checkpoint_id\":\"" id \
    "\",\"parent_checkpoint_id\":null,\"checkpoint\":{\"v\": 4},\"metadata\":{}," TIME

#define ITEM(id, values) HEADER(id) ",\"values\":[" values "],\"writes\":[]}"

START_TEST(document)
{
    struct write write = {.task_id = SLICE("k"),
                          .task_path = SLICE(""),
                          .idx = -1,
                          .channel = SLICE("c"),
                          .blob = {.bytes = SLICE("1e400")}};
    struct checkpoint c = {.thread = SLICE("th"),
                           .ns = SLICE("n"),
                           .id = SLICE("1"),
                           .parent_id = SLICE("0"),
                           .form = FORM_DOCUMENT,
                           .head = {.bytes = SLICE("[1,  2]")},
                           .metadata = SLICE("{\"m\":1}"),
                           .writes = &write,
                           .n_writes = 1};

    checkpoint_json_object(&res, &c);
    wrote(
        "{\"thread_id\":\"th\",\"ns\":\"n\",\"checkpoint_id\":\"1\",\"parent_checkpoint_id\":\"0\","
        "\"checkpoint_data\":[1,  2],\"metadata\":{\"m\":1}," TIME
        ",\"writes\":[{\"task_id\":\"k\","
        "\"task_path\":\"\",\"idx\":-1,\"channel\":\"c\",\"value\":1e400}]}");
}
END_TEST

START_TEST(channels)
{
    const struct value *list[] = {&values[0], &values[1]};
    struct checkpoint c = channel_form("1", list, 2);

    checkpoint_json_object(&res, &c);
    wrote(HEADER("1") ",\"values\":[{\"channel\":\"a\",\"version\":1.0,\"type\":\"t\","
                      "\"base64\":\"eA==\"},"
                      "{\"channel\":\"b\\n\",\"version\":\"2\",\"type\":\"t\",\"base64\":\"\"}],"
                      "\"writes\":[]}");
}
END_TEST

START_TEST(shared_values)
{
    const struct value *new[] = {&values[2], &values[1]}, *old[] = {&values[0], &twin};
    struct checkpoint a = channel_form("2", new, 2), b = channel_form("1", old, 2);
    struct checkpoint *const list[] = {&a, &b};
    struct checkpoint_items items = {list, 2, true};

    response_frame(&res);
    json_open(&res.body, '{');
    ck_assert(checkpoint_json_items(&res, &items, &arena, &err));
    json_close(&res.body, '}');
    wrote("{\"values\":[{\"channel\":\"a\",\"version\":2,\"type\":\"t\",\"len\":2},"
          "{\"channel\":\"b\\n\",\"version\":\"2\",\"type\":\"t\",\"len\":0},"
          "{\"channel\":\"a\",\"version\":1.0,\"type\":\"t\",\"len\":1}],"
          "\"items\":[" ITEM("2", "0,1") "," ITEM("1", "2,1") "]}");
    ck_assert_uint_eq(res.frame.n, 3);
    ck_assert(slice_equal(res.frame.raw[0], SLICE("yz")));
    ck_assert(slice_equal(res.frame.raw[2], SLICE("x")));
}
END_TEST

START_TEST(without_values)
{
    const struct value *old[] = {&values[0]};
    struct checkpoint c = channel_form("1", old, 1);
    struct checkpoint *const list[] = {&c};
    struct checkpoint_items items = {list, 1, false};

    json_open(&res.body, '{');
    ck_assert(checkpoint_json_items(&res, &items, &arena, &err));
    json_close(&res.body, '}');
    wrote("{\"items\":[" HEADER("1") ",\"writes\":[]}]}");
}
END_TEST

START_TEST(empty_list)
{
    struct checkpoint_items items = {NULL, 0, true};

    json_open(&res.body, '{');
    ck_assert(checkpoint_json_items(&res, &items, &arena, &err));
    json_close(&res.body, '}');
    wrote("{\"values\":[],\"items\":[]}");
}
END_TEST

/* Ids far apart and in sequence, each twice: each is found again. */
START_TEST(many_values)
{
    enum { MANY = 5000 };
    struct value *rows = arena_zalloc(&arena, MANY, sizeof(*rows));
    const struct value **list = arena_zalloc(&arena, MANY, 2 * sizeof(*list));
    struct checkpoint c = channel_form("1", list, (size_t)2 * MANY);
    struct checkpoint *const one[] = {&c};
    struct checkpoint_items items = {one, 1, true};

    for (int i = 0; i < MANY; i++) {
        rows[i] = values[0];
        rows[i].blob.id = (int64_t)(i + 1) << (i % 2 ? 10 : 40);
        list[i] = list[MANY + i] = &rows[i];
    }
    response_frame(&res);
    json_open(&res.body, '{');
    ck_assert(checkpoint_json_items(&res, &items, &arena, &err));
    ck_assert(!res.body.failed);
    ck_assert_uint_eq(res.frame.n, MANY);
}
END_TEST

Suite *suite_checkpoint_json(void);

Suite *suite_checkpoint_json(void)
{
    Suite *suite = suite_create("checkpoint_json");
    TCase *tests = tcase_create("checkpoint_json");

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, document);
    tcase_add_test(tests, channels);
    tcase_add_test(tests, shared_values);
    tcase_add_test(tests, without_values);
    tcase_add_test(tests, empty_list);
    tcase_add_test(tests, many_values);
    suite_add_tcase(suite, tests);
    return suite;
}

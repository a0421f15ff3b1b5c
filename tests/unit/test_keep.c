/* test_keep.c - which checkpoints stay; the contract has the cases as a store sees them. */
#include <check.h>
#include <stdio.h>

#include "keep.h"
#include "oom.h"
#include "text.h"

Suite *suite_keep(void);

enum { MOST = 8 };

/* What load() answers for each item, in the order of the items. */
struct facts {
    const char *id, *parent, *metadata, *value, *write, *head;
    int64_t created_us;
};

static struct arena arena;
static const struct facts *facts;
static size_t n_loads;

static bool load(void *driver UNUSED, struct keep_item *item, enum keep_part part, struct err *err)
{
    const struct facts *f = &facts[item->row];
    const char *one = part == KEEP_VALUES ? f->value : f->write;
    static struct slice names[MOST][KEEP_PARTS];

    n_loads++;
    if (part == KEEP_HEAD) {
        item->head = slice_of(f->head);
        return true;
    }
    if (!one)
        return true;
    if (strcmp(one, "fail") == 0)
        return err_set(err, ERR_STORAGE, "told to fail");
    names[item->row][part] = slice_of(one);
    if (part == KEEP_VALUES) {
        item->values = &names[item->row][part];
        item->n_values = 1;
    } else {
        item->writes = &names[item->row][part];
        item->n_writes = 1;
    }
    return true;
}

static struct keep rules(int64_t keep_last, int64_t older_than_us)
{
    return (struct keep){
        .arena = &arena, .load = load, .keep_last = keep_last, .older_than_us = older_than_us};
}

/* Fills items from facts, newest first. */
static struct keep_ns space_of(struct keep_item *items, const struct facts *from, size_t n)
{
    facts = from;
    n_loads = 0;
    for (size_t i = 0; i < n; i++)
        items[i] = (struct keep_item){
            .row = (int64_t)i,
            .id = slice_of(from[i].id),
            .parent_id = slice_of(from[i].parent),
            .metadata = slice_of(from[i].metadata),
            .created_us = from[i].created_us,
        };
    return (struct keep_ns){.ns = SLICE(""), .form = FORM_CHANNEL, .items = items, .n = n};
}

/* Prunes; '1' stands for each item that stays. */
static const char *pruned(struct keep k, const struct facts *from, size_t n)
{
    static char text[MOST + 1];
    struct keep_item items[MOST];
    struct keep_ns space = space_of(items, from, n);
    struct err err;

    ck_assert_msg(keep_prune(&k, &space, 1, &err), "%s", err.text);
    for (size_t i = 0; i < n; i++)
        text[i] = items[i].kept ? '1' : '0';
    text[n] = '\0';
    return text;
}

#define DELTA "{\"counters_since_delta_snapshot\":{\"d\":[3,1]}}"

START_TEST(number_and_age)
{
    static const struct facts f[] = {
        {.id = "c3", .created_us = 1},
        {.id = "c2", .created_us = 5},
        {.id = "c1", .created_us = 2},
    };

    ck_assert_str_eq(pruned(rules(1, 0), f, 3), "100");
    ck_assert_str_eq(pruned(rules(0, 5), f, 3), "010");
    ck_assert_str_eq(pruned(rules(1, 5), f, 3), "110");
    ck_assert_str_eq(pruned(rules(9, 0), f, 3), "111");
    ck_assert_uint_eq(n_loads, 0);
}
END_TEST

START_TEST(walks_meet)
{
    static const struct facts f[] = {
        {.id = "c6", .parent = "c4", .metadata = DELTA},
        {.id = "c5", .parent = "c3", .metadata = DELTA},
        {.id = "c4", .parent = "c3", .write = "d"},
        {.id = "c3", .parent = "c2"},
        {.id = "c2", .parent = "c1", .write = "d"},
        {.id = "c1", .write = "other"},
    };

    ck_assert_str_eq(pruned(rules(1, 0), f, 6), "101110");
    ck_assert_str_eq(pruned(rules(2, 0), f, 6), "111110");
    ck_assert_uint_le(n_loads, 3 * 6);
}
END_TEST

START_TEST(own_value_ends_the_matter)
{
    static const struct facts f[] = {
        {.id = "c3", .parent = "c2", .metadata = DELTA, .value = "d"},
        {.id = "c2", .parent = "c1", .write = "d"},
        {.id = "c1", .value = "d"},
    };

    ck_assert_str_eq(pruned(rules(1, 0), f, 3), "100");
    ck_assert_str_eq(pruned(rules(2, 0), f, 3), "111");
}
END_TEST

START_TEST(cycles_end)
{
    static const struct facts own[] = {
        {.id = "c1", .parent = "c1", .metadata = DELTA, .write = "d"},
    };
    static const struct facts ring[] = {
        {.id = "c3", .parent = "c2", .metadata = DELTA},
        {.id = "c2", .parent = "c1", .write = "d"},
        {.id = "c1", .parent = "c3"},
    };

    ck_assert_str_eq(pruned(rules(1, 0), own, 1), "1");
    ck_assert_str_eq(pruned(rules(1, 0), ring, 3), "110");
}
END_TEST

START_TEST(odd_metadata)
{
    static const char *const odd[] = {
        "[]",
        "{}",
        "{\"counters_since_delta_snapshot\":[\"d\"]}",
        "{\"counters_since_delta_snapshot\":null}",
        "{\"a\":{\"counters_since_delta_snapshot\":{}}}",
    };
    struct facts f[] = {
        {.id = "c2", .parent = "c1"},
        {.id = "c1", .write = "d"},
    };

    for (size_t i = 0; i < COUNT_OF(odd); i++) {
        f[0].metadata = odd[i];
        ck_assert_str_eq(pruned(rules(1, 0), f, 2), "10");
    }
    f[0].metadata = "{\"counters_since_delta_\\u0073napshot\":{\"\\u0064\":1}}";
    ck_assert_str_eq(pruned(rules(1, 0), f, 2), "11");
    f[1].metadata = f[0].metadata;
    f[0].metadata = NULL;
    ck_assert_str_eq(pruned(rules(1, 0), f, 2), "11");
}
END_TEST

/* A packed head: JSON of 7 bytes, then channel "d" of version 1 and the place of its value. */
#define HEAD(v, place)              \
    "\x01\x07{\"v\":" v "}\x01\x01" \
    "d\x01"                         \
    "1" place
#define IN_THE_HEAD "\x01\x01t\x01x"
#define IN_A_ROW "\x02"
#define IN_NO_PLACE "\x03"

START_TEST(formats_of_heads)
{
    static const struct {
        const char *head, *kept;
    } cases[] = {
        {"{\"v\":1}", "110"},
        {"{\"v\":3.5}", "110"},
        {"{\"v\":4}", "100"},
        {"{\"v\":\"1\"}", "100"},
        {"{}", "100"},
        {"[1]", "100"},
        {"{\"v\":1e999}", "100"},
        {NULL, "110"},
        {HEAD("1", IN_THE_HEAD), "110"},
        {HEAD("4", IN_THE_HEAD), "100"},
        {HEAD("4", "\x04"), "110"},
    };
    struct facts f[] = {
        {.id = "c3", .parent = "c2"},
        {.id = "c2", .parent = "c1", .write = "__pregel_tasks", .head = "{\"v\":1}"},
        {.id = "c1", .write = "__pregel_tasks"},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        f[0].head = cases[i].head;
        ck_assert_str_eq(pruned(rules(1, 0), f, 3), cases[i].kept);
    }
}
END_TEST

/* A value in a head counts like others. */
START_TEST(values_in_heads)
{
    static const struct {
        const char *own, *parent, *kept;
    } cases[] = {
        {HEAD("4", IN_THE_HEAD), HEAD("4", IN_NO_PLACE), "100"},
        {HEAD("4", IN_NO_PLACE), HEAD("4", IN_THE_HEAD), "110"},
        {HEAD("4", IN_NO_PLACE), HEAD("4", IN_A_ROW), "111"}, /* load() knows of rows */
        {HEAD("4", IN_NO_PLACE), HEAD("4", IN_NO_PLACE), "111"},
        {NULL, HEAD("4", IN_THE_HEAD), "110"},
        {"{\"v\":4}", "{\"v\":4}", "111"},
        {HEAD("4", "\x04"), HEAD("4", "\x04"), "111"}, /* damaged */
    };
    struct facts f[] = {
        {.id = "c3", .parent = "c2", .metadata = DELTA},
        {.id = "c2", .parent = "c1", .value = "other"},
        {.id = "c1", .write = "d"},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        f[0].head = cases[i].own;
        f[1].head = cases[i].parent;
        ck_assert_str_eq(pruned(rules(1, 0), f, 3), cases[i].kept);
    }
}
END_TEST

enum { CHANNELS = 3000 };

static char many[CHANNELS][8];
static struct slice many_values[CHANNELS + 1], many_writes[2];

/* c1 has values, unsorted and one twice; c2 has a write of the one channel that c1 has no value of. */
static bool load_many(void *driver UNUSED, struct keep_item *item, enum keep_part part,
                      struct err *err UNUSED)
{
    if (part == KEEP_VALUES && slice_equal(item->id, SLICE("c1"))) {
        for (size_t i = 0; i < CHANNELS; i++)
            many_values[i] = slice_of(many[i * 7 % CHANNELS]);
        many_values[CHANNELS] = slice_of(many[5]);
        item->values = many_values;
        item->n_values = CHANNELS + 1;
    }
    if (part == KEEP_WRITES && slice_equal(item->id, SLICE("c2"))) {
        many_writes[0] = many_writes[1] = slice_of(many[CHANNELS / 2]);
        item->writes = many_writes;
        item->n_writes = COUNT_OF(many_writes);
    }
    return true;
}

/* Prunes with two checkpoints that stay and name all channels; '1' stands for each that stays. */
static const char *pruned_many(const char *metadata)
{
    const struct facts f[] = {
        {.id = "c4", .parent = "c3", .metadata = metadata},
        {.id = "c3", .parent = "c2", .metadata = metadata},
        {.id = "c2", .parent = "c1"},
        {.id = "c1", .parent = "c0"},
        {.id = "c0"},
    };
    static char text[COUNT_OF(f) + 1];
    struct keep k = rules(1, 0);
    struct keep_item items[COUNT_OF(f)];
    struct keep_ns space = space_of(items, f, COUNT_OF(f));
    struct err err;

    k.load = load_many;
    ck_assert(keep_prune(&k, &space, 1, &err));
    for (size_t i = 0; i < COUNT_OF(f); i++)
        text[i] = items[i].kept ? '1' : '0';
    return text;
}

START_TEST(many_channels)
{
    struct text t;

    text_init(&t, &arena);
    text_puts(&t, "{\"counters_since_delta_snapshot\":{");
    for (size_t i = 0; i < CHANNELS; i++) {
        snprintf(many[i], sizeof(many[i]), "d%zu", i);
        text_puts(&t, arena_printf(&arena, "%s\"%s\":[1,1]", i ? "," : "", many[i]).at);
    }
    text_puts(&t, "}}");
    text_put(&t, (struct slice){"", 1}); /* ends the text */
    ck_assert(!t.failed);
    ck_assert_str_eq(pruned_many(text_slice(&t).at), "11110");
    ck_assert_str_eq(pruned_many("{\"counters_since_delta_snapshot\":{\"other\":1}}"), "10000");
    ck_assert_str_eq(pruned_many("{\"counters_since_delta_snapshot\":{\"d1500\":1}}"), "11110");
}
END_TEST

/* One call of a subgraph, whose caller is c1 or c2 of the root namespace. */
static struct keep_ns call_of(struct keep_item *item, const char *metadata, int64_t created_us)
{
    *item = (struct keep_item){
        .id = SLICE("k"), .metadata = slice_of(metadata), .created_us = created_us};
    return (struct keep_ns){.ns = SLICE("s:1"), .form = FORM_CHANNEL, .items = item, .n = 1};
}

START_TEST(calls)
{
    static const struct {
        const char *metadata;
        int64_t older_than_us;
        bool kept, dropped;
    } cases[] = {
        {"{\"parents\":{\"\":\"c1\"}}", 0, false, true},
        {"{\"parents\":{\"\":\"c2\"}}", 0, true, false},
        {"{\"parents\":{\"\":\"c9\"}}", 0, true, false},
        {"{\"parents\":{\"\":1}}", 0, true, false},
        {"{\"parents\":{\"\":\"\\ud83d\"}}", 0, true, false},
        {"{\"parents\":{}}", 0, true, false},
        {"{\"parents\":null}", 0, true, false},
        {"{}", 0, true, false},
        {"{\"parents\":{\"\":\"c1\"}}", 5, true, false},
        {"{\"parents\":{\"\":\"c1\"}}", 6, false, false},
    };
    static const struct facts f[] = {
        {.id = "c2", .created_us = 5},
        {.id = "c1", .created_us = 1},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct keep k = rules(1, cases[i].older_than_us);
        struct keep_item items[2], item;
        struct keep_ns spaces[2] = {call_of(&item, cases[i].metadata, 5), space_of(items, f, 2)};
        struct err err;

        ck_assert(keep_prune(&k, spaces, 2, &err));
        ck_assert_int_eq(item.kept, cases[i].kept);
        ck_assert_int_eq(spaces[0].dropped, cases[i].dropped);
    }
}
END_TEST

START_TEST(load_fails)
{
    static const struct facts values[] = {{.id = "c2", .parent = "c1", .metadata = DELTA},
                                          {.id = "c1", .value = "fail"}};
    static const struct facts writes[] = {{.id = "c2", .parent = "c1"},
                                          {.id = "c1", .write = "fail"}};
    const struct facts *const cases[] = {values, writes};

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct keep k = rules(1, 0);
        struct keep_item items[MOST];
        struct keep_ns space = space_of(items, cases[i], 2);
        struct err err;

        ck_assert(!keep_prune(&k, &space, 1, &err));
        ck_assert_int_eq(err.kind, ERR_STORAGE);
    }
}
END_TEST

static bool prune_some(struct arena *a, struct err *err)
{
    static const struct facts f[] = {
        {.id = "c2", .parent = "c1", .metadata = DELTA, .head = "{\"v\":1}"},
        {.id = "c1", .write = "__pregel_tasks", .head = HEAD("4", IN_THE_HEAD)},
    };
    struct keep_item items[2], item;
    struct keep_ns spaces[2] = {call_of(&item, "{\"parents\":{\"\":\"c1\"}}", 5),
                                space_of(items, f, 2)};
    struct keep k = rules(1, 0);

    k.arena = a;
    return keep_prune(&k, spaces, 2, err);
}

START_TEST(memory_may_end_anywhere)
{
    oom_sweep(prune_some);
}
END_TEST

static void clear(void)
{
    arena_done(&arena);
}

Suite *suite_keep(void)
{
    Suite *suite = suite_create("keep");
    TCase *tc = tcase_create("keep");

    tcase_add_checked_fixture(tc, NULL, clear);
    tcase_add_test(tc, number_and_age);
    tcase_add_test(tc, walks_meet);
    tcase_add_test(tc, own_value_ends_the_matter);
    tcase_add_test(tc, cycles_end);
    tcase_add_test(tc, odd_metadata);
    tcase_add_test(tc, formats_of_heads);
    tcase_add_test(tc, values_in_heads);
    tcase_add_test(tc, many_channels);
    tcase_add_test(tc, calls);
    tcase_add_test(tc, load_fails);
    tcase_add_test(tc, memory_may_end_anywhere);
    suite_add_tcase(suite, tc);
    return suite;
}

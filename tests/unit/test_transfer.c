/* test_transfer.c - two stores in memory, side by side: callers, readers, writers and the merge-join. */
#include <check.h>
#include <stdio.h>

#include "clock.h"
#include "record_fields.h"
#include "record_reader.h"
#include "transfer.h"

Suite *suite_transfer(void);

static struct caller stores[2];
static struct transfer t;
static struct arena arena;

static void open_stores(void)
{
    struct backend_config cfg = {.url = "memory:", .context_versions = 1000};
    struct err err;

    for (int i = 0; i < 2; i++)
        ck_assert_msg(caller_open(&cfg, &stores[i], &err), "%s", err.text);
    t = (struct transfer){.stores = {&stores[LEFT], &stores[RIGHT]}};
}

static void close_stores(void)
{
    caller_close(&stores[LEFT]);
    caller_close(&stores[RIGHT]);
    arena_done(&arena);
    arena = (struct arena){0};
}

static struct record message_of(int session, int number, int64_t stamp)
{
    return (struct record){
        .kind = RECORD_MESSAGE,
        .key = {.id = arena_printf(&arena, "s%03d", session),
                .sub = arena_printf(&arena, "m%03d", number)},
        .message = {.stamp = stamp,
                    .seq = stamp,
                    .role = SLICE("u"),
                    .content = SLICE("1"),
                    .metadata = SLICE("{}")},
    };
}

static void put(enum transfer_side side, const char *tenant, const struct record *records, size_t n)
{
    struct op op = {
        .type = OP_MERGE,
        .tenant = slice_of(tenant),
        .arena = &arena,
        .merge = {.items = records, .n = n},
    };
    struct err err;

    ck_assert_msg(caller_run(&stores[side], &op, &err), "%s", err.text);
}

static void fill(enum transfer_side side, const char *tenant, int first, int sessions, int each)
{
    for (int s = first; s < first + sessions; s++)
        for (int m = 0; m < each; m++) {
            struct record r = message_of(s, m, 1000 + m);

            put(side, tenant, &r, 1);
        }
}

static void run(void)
{
    struct err err;

    ck_assert_msg(transfer_run(&t, &err), "%s", err.text);
    ck_assert_int_eq(transfer_total(&t).failed, 0);
}

static int64_t differences(void)
{
    struct transfer_counts all = transfer_total(&t);

    return all.only[LEFT] + all.only[RIGHT] + all.differ;
}

START_TEST(pages_are_read_in_order)
{
    struct record_reader r;
    const struct record *record;
    struct record_key last = {.number = 0};
    int n = 0, turns = 0;
    struct err err;

    fill(LEFT, "default", 0, 30, 100);
    ck_assert(reader_open(&r, &stores[LEFT], &err));
    for (int round = 0; round < 2; round++) {
        reader_begin(&r, SLICE("default"), RECORD_MESSAGE, false, false);
        last = (struct record_key){.number = 0};
        for (n = 0;; n++) {
            char text[2][600];

            turns += reader_turns(&r);
            ck_assert(reader_peek(&r, &record, &err));
            if (!record)
                break;
            ck_assert_int_gt(record_key_compare(&record->key, &last), 0);
            snprintf(text[0], sizeof(text[0]), "%.*s", SLICE_ARGS(record->key.id));
            snprintf(text[1], sizeof(text[1]), "%.*s", SLICE_ARGS(record->key.sub));
            last = (struct record_key){.id = arena_copy(&arena, slice_of(text[0])),
                                       .sub = arena_copy(&arena, slice_of(text[1]))};
            reader_next(&r);
        }
        ck_assert_int_eq(n, 3000);
    }
    ck_assert_int_gt(turns, 6);
    reader_begin(&r, SLICE("nobody"), RECORD_MESSAGE, false, false);
    ck_assert(reader_peek(&r, &record, &err) && !record);
    reader_begin(&r, SLICE("default"), RECORD_MESSAGE, false,
                 false); /* left while a page is on its way */
    reader_close(&r);
}
END_TEST

START_TEST(what_is_missing_goes_over)
{
    fill(LEFT, "default", 0, 25, 30);
    fill(LEFT, "zero", 0, 1, 1);
    fill(LEFT, "another", 0, 1, 1);
    fill(RIGHT, "default", 10, 30, 20);
    t.into[RIGHT] = true;
    run();
    ck_assert_int_eq(t.counts[RECORD_MESSAGE].seen[LEFT], 25 * 30 + 2);
    ck_assert_int_eq(t.counts[RECORD_MESSAGE].seen[RIGHT], 30 * 20);
    ck_assert_int_eq(t.counts[RECORD_MESSAGE].only[LEFT], 10 * 30 + 15 * 10 + 2);
    ck_assert_int_eq(t.counts[RECORD_MESSAGE].only[RIGHT], 15 * 20);
    ck_assert_int_eq(t.counts[RECORD_MESSAGE].merged[RIGHT], 10 * 30 + 15 * 10 + 2);
    run();
    ck_assert_int_eq(t.counts[RECORD_MESSAGE].only[LEFT], 0);
    ck_assert_int_eq(transfer_total(&t).merged[RIGHT], 0);
    t.into[LEFT] = true;
    run();
    ck_assert_int_eq(t.counts[RECORD_MESSAGE].merged[LEFT], 15 * 20);
    run();
    ck_assert_int_eq(differences(), 0);
}
END_TEST

struct seen {
    int only[2], differ;
    char member[32], id[32];
    bool end;
};

static bool note(void *ctx, const struct transfer_difference *d, struct err *err)
{
    struct seen *seen = ctx;

    if (d->left && d->right) {
        seen->differ++;
        snprintf(seen->member, sizeof(seen->member), "%s", d->member);
        snprintf(seen->id, sizeof(seen->id), "%.*s", SLICE_ARGS(d->left->key.sub));
        ck_assert(slice_equal(d->tenant, SLICE("default")));
    } else {
        seen->only[d->left ? LEFT : RIGHT]++;
    }
    return !seen->end || err_set(err, ERR_STORAGE, "enough");
}

START_TEST(differences_are_told)
{
    struct record one = message_of(3, 1, 1001);
    struct seen seen = {.differ = 0};
    struct err err;

    fill(LEFT, "default", 0, 5, 3);
    one.message.content = SLICE("2");
    put(RIGHT, "default", &one, 1);
    fill(RIGHT, "default", 0, 6, 3);
    t.difference = note;
    t.ctx = &seen;
    run();
    ck_assert_int_eq(seen.differ, 1);
    ck_assert_str_eq(seen.member, "content");
    ck_assert_str_eq(seen.id, "m001");
    ck_assert_int_eq(seen.only[LEFT], 0);
    ck_assert_int_eq(seen.only[RIGHT], 4); /* three messages and the anchor of their session */
    seen.end = true;
    ck_assert(!transfer_run(&t, &err));
    ck_assert_str_eq(err.text, "enough");
}
END_TEST

START_TEST(one_store_alone_is_listed)
{
    struct seen seen = {.differ = 0};
    int64_t size;
    struct err err;

    fill(LEFT, "default", 0, 4, 2);
    t.stores[RIGHT] = NULL;
    t.difference = note;
    t.ctx = &seen;
    run();
    ck_assert_int_eq(seen.only[LEFT], 4 + 8);
    ck_assert(transfer_size(&stores[LEFT], &size, &err));
    ck_assert_int_eq(size, 8);
}
END_TEST

Suite *suite_transfer(void)
{
    Suite *s = suite_create("transfer");
    TCase *tc = tcase_create("transfer");

    tcase_add_checked_fixture(tc, open_stores, close_stores);
    tcase_add_test(tc, pages_are_read_in_order);
    tcase_add_test(tc, what_is_missing_goes_over);
    tcase_add_test(tc, differences_are_told);
    tcase_add_test(tc, one_store_alone_is_listed);
    suite_add_tcase(s, tc);
    return s;
}

/* contract_lists.c - lists of checkpoints: order, cursors, bounds, filters. */
#include <malloc.h>
#include "threads.h"

/* Puts channel form into two threads and a namespace, document form into two threads. */
static void fill(void)
{
    put(&here, (struct checkpoint_in){.thread = "d", .id = "c8", .form = FORM_DOCUMENT});
    put(&here, (struct checkpoint_in){.thread = "t1", .id = "c1"});
    put(&here, (struct checkpoint_in){.thread = "t2", .id = "c2"});
    put(&here, (struct checkpoint_in){.thread = "t1", .id = "c2"});
    put(&here, (struct checkpoint_in){.thread = "t1", .ns = "n", .id = "c2"});
    put(&here, (struct checkpoint_in){.thread = "t1", .id = "c3"});
    put(&here, (struct checkpoint_in){.thread = "d", .id = "c9", .form = FORM_DOCUMENT});
    put(&here,
        (struct checkpoint_in){.thread = "t1", .ns = "x", .id = "c0", .form = FORM_DOCUMENT});
    put(&here, (struct checkpoint_in){.thread = "d", .id = "c7", .form = FORM_DOCUMENT});
}

START_TEST(newest_first)
{
    struct op op;

    fill();
    ck_assert_str_eq(list(&here, list_op(&here, NULL, NULL)),
                     "t1//c3 t2//c2 t1/n/c2 t1//c2 t1//c1 d//c7 t1/x/c0 d//c9 d//c8");
    ck_assert_str_eq(list(&here, list_op(&here, "t1", NULL)),
                     "t1//c3 t1/n/c2 t1//c2 t1//c1 t1/x/c0");
    ck_assert_str_eq(list(&here, list_op(&here, "t1", "")), "t1//c3 t1//c2 t1//c1");
    ck_assert_str_eq(list(&here, list_op(&here, NULL, "")),
                     "t1//c3 t2//c2 t1//c2 t1//c1 d//c7 d//c9 d//c8");
    ck_assert_str_eq(list(&here, list_op(&here, "d", NULL)), "d//c7 d//c9 d//c8");
    ck_assert_str_eq(list(&here, list_op(&here, "none", NULL)), "");
    ck_assert_str_eq(list(&here, list_op(&here, "t1", "none")), "");
    op = list_op(&here, NULL, NULL);
    op.tenant = SLICE("other");
    ck_assert_str_eq(list(&here, op), "");
}
END_TEST

START_TEST(one_id_in_all_namespaces)
{
    struct op op;

    fill();
    op = list_op(&here, "t1", NULL);
    op.checkpoint_list.checkpoint_id = SLICE("c2");
    ck_assert_str_eq(list(&here, op), "t1/n/c2 t1//c2");
    op = list_op(&here, NULL, NULL);
    op.checkpoint_list.checkpoint_id = SLICE("c2");
    ck_assert_str_eq(list(&here, op), "t2//c2 t1/n/c2 t1//c2");
    op.checkpoint_list.checkpoint_id = SLICE("c9");
    ck_assert_str_eq(list(&here, op), "d//c9");
    op.checkpoint_list.checkpoint_id = SLICE("c");
    ck_assert_str_eq(list(&here, op), "");
}
END_TEST

START_TEST(before)
{
    struct op op;

    fill();
    op = list_op(&here, "t1", "");
    op.checkpoint_list.before = SLICE("c2");
    ck_assert_str_eq(list(&here, op), "t1//c1");
    op.checkpoint_list.before = SLICE("c2x");
    ck_assert_str_eq(list(&here, op), "t1//c2 t1//c1");
    op.checkpoint_list.before = SLICE("");
    ck_assert_str_eq(list(&here, op), "");
    op = list_op(&here, "d", NULL);
    op.checkpoint_list.before = SLICE("c9");
    ck_assert_str_eq(list(&here, op), "d//c8");
    op.checkpoint_list.before = SLICE("c1");
    store_fails(&here, &op, ERR_INVALID);
    op = list_op(&here, NULL, NULL);
    op.checkpoint_list.before = SLICE("c9");
    ck_assert_str_eq(list(&here, op), "t1//c3 t2//c2 t1/n/c2 t1//c2 t1//c1 d//c8");
    op.checkpoint_list.before = SLICE("c2");
    ck_assert_str_eq(list(&here, op), "t1//c1");
    op = list_op(&here, "none", NULL);
    op.checkpoint_list.before = SLICE("c2");
    ck_assert_str_eq(list(&here, op), "");
    delete_thread(&here, "t1");
    delete_thread(&here, "t2");
    op = list_op(&here, NULL, NULL);
    op.checkpoint_list.before = SLICE("c2");
    store_fails(&here, &op, ERR_INVALID);
}
END_TEST

START_TEST(pages)
{
    static const char *const threads[] = {NULL, "t1", "d"};

    fill();
    for (size_t i = 0; i < COUNT_OF(threads); i++)
        for (int64_t limit = 1; limit < 11; limit++) {
            struct op op = list_op(&here, threads[i], NULL);
            const char *whole = list(&here, op), *text = "";

            op.checkpoint_list.limit = limit;
            do {
                store_ok(&here, &op);
                ck_assert_uint_gt(op.checkpoint_list.out.n, 0);
                text = arena_printf(&here.arena, "%s%s%s", text, *text ? " " : "",
                                    items_text(&here, &op))
                           .at;
                op.checkpoint_list.after = op.checkpoint_list.out.next;
            } while (op.checkpoint_list.out.more);
            ck_assert_str_eq(text, whole);
        }
}
END_TEST

START_TEST(values_are_shared)
{
    struct op op;
    struct checkpoint **items;

    put(&here, (struct checkpoint_in){.thread = "t", .id = "c1", .values = "a=1:xx b=1:yy"});
    put(&here,
        (struct checkpoint_in){.thread = "t", .id = "c2", .values = "b=2:zz", .carried = "a=1"});
    put_writes(&here, (struct writes_in){
                          .thread = "t", .checkpoint = "c1", .task = "t1", .writes = "0:a=b"});
    op = list_op(&here, "t", NULL);
    store_ok(&here, &op);
    items = op.checkpoint_list.out.items;
    ck_assert_str_eq(values_text(&here, items[0]), "b=2:zz a=1:xx");
    ck_assert_str_eq(values_text(&here, items[1]), "a=1:xx b=1:yy");
    ck_assert_ptr_eq(items[0]->values[1], items[1]->values[0]);
    ck_assert_uint_eq(items[1]->n_writes, 1);
    op.checkpoint_list.values = false;
    store_ok(&here, &op);
    items = op.checkpoint_list.out.items;
    ck_assert_uint_eq(items[0]->n_values, 0);
    ck_assert_uint_eq(items[1]->n_writes, 1);
    ck_assert_slice(items[1]->head.bytes, "{\"v\":4,\"id\":\"c1\"}");
}
END_TEST

static struct filter filter(const char *json)
{
    struct filter f;
    struct err err;

    ck_assert(filter_parse(slice_of(json), &here.arena, &f, &err));
    return f;
}

START_TEST(filters)
{
    struct filter one = filter("{\"step\":1}"), none = filter("{\"no\":null}"), all = filter("{}");
    struct op op;

    for (int i = 0; i < 6; i++) {
        const char *id = arena_printf(&here.arena, "c%d", i).at;

        put(&here, (struct checkpoint_in){
                       .thread = "t",
                       .id = id,
                       .metadata = i % 3 == 1 ? "{\"step\":1.0}" : "{\"step\":true}",
                   });
    }
    op = list_op(&here, "t", "");
    op.checkpoint_list.filter = &one;
    ck_assert_str_eq(list(&here, op), "t//c4 t//c1");
    op.checkpoint_list.limit = 1;
    store_ok(&here, &op);
    ck_assert_str_eq(items_text(&here, &op), "t//c4");
    ck_assert(op.checkpoint_list.out.more);
    op.checkpoint_list.after = op.checkpoint_list.out.next;
    store_ok(&here, &op);
    ck_assert_str_eq(items_text(&here, &op), "t//c1");
    ck_assert(!op.checkpoint_list.out.more);
    op = list_op(&here, "t", "");
    op.checkpoint_list.filter = &none;
    op.checkpoint_list.limit = 2;
    ck_assert_str_eq(list(&here, op), "t//c5 t//c4");
    op.checkpoint_list.filter = &all;
    ck_assert_str_eq(list(&here, op), "t//c5 t//c4");
}
END_TEST

/* Puts n checkpoints in batches; the first of all has the metadata {"found":true}. */
static void put_many(int n)
{
    struct op ops[BATCH_MAX], *batch[BATCH_MAX];
    struct err err;

    for (int done = 0; done < n;) {
        size_t k;

        for (k = 0; k < BATCH_MAX && done < n; k++, done++) {
            ops[k] = put_op(&here, (struct checkpoint_in){
                                       .thread = "t",
                                       .id = arena_printf(&here.arena, "c%06d", done).at,
                                       .metadata = done ? "{}" : "{\"found\":true}",
                                   });
            batch[k] = &ops[k];
        }
        ck_assert(backend_execute(here.backend, batch, k, &err));
        for (size_t i = 0; i < k; i++)
            ck_assert_int_eq(ops[i].status.kind, ERR_OK);
    }
}

/* Rows that are only looked at are not kept: that would take hundreds of bytes a row. */
START_TEST(looks_at_so_many_and_no_more)
{
    struct filter found = filter("{\"found\":true}");
    size_t held;
    struct op op;

    put_many(SCAN_MAX + 1);
    op = list_op(&here, "t", "");
    op.checkpoint_list.filter = &found;
    held = mallinfo2().uordblks; /* 0 with sanitizers */
    store_ok(&here, &op);
    ck_assert_uint_le(mallinfo2().uordblks - held, SCAN_MAX * 200);
    ck_assert_uint_eq(op.checkpoint_list.out.n, 0);
    ck_assert(op.checkpoint_list.out.more);
    op.checkpoint_list.after = op.checkpoint_list.out.next;
    store_ok(&here, &op);
    ck_assert_str_eq(items_text(&here, &op), "t//c000000");
    ck_assert(!op.checkpoint_list.out.more);
    op = list_op(&here, NULL, NULL);
    op.checkpoint_list.filter = &found;
    store_ok(&here, &op);
    ck_assert_uint_eq(op.checkpoint_list.out.n, 0);
    ck_assert_slice(op.checkpoint_list.out.next.checkpoint_id, "c000001");
}
END_TEST

/* c4 to c7 share one value of half a page; c1 to c3 fill a page each, with head, metadata and writes. */
static void fill_big(void)
{
    const char *page = store_big(&here, PAGE_BYTES_MAX);
    struct op op;

    put(&here, (struct checkpoint_in){.thread = "t", .id = "c1", .head = page});
    op = put_op(&here, (struct checkpoint_in){.thread = "t", .id = "c2"});
    op.checkpoint_put.metadata = slice_of(page);
    store_ok(&here, &op);
    put(&here, (struct checkpoint_in){.thread = "t", .id = "c3"});
    op = writes_op(&here, (struct writes_in){
                              .thread = "t", .checkpoint = "c3", .task = "t1", .writes = "0:a=b"});
    op.writes_put.writes[0].blob.bytes = slice_of(page);
    store_ok(&here, &op);
    op = put_op(&here, (struct checkpoint_in){.thread = "t", .id = "c4", .values = "a=1:x"});
    op.checkpoint_put.values[0].blob.bytes = slice_of(store_big(&here, PAGE_BYTES_MAX / 2));
    store_ok(&here, &op);
    put(&here, (struct checkpoint_in){.thread = "t", .id = "c5", .carried = "a=1"});
    put(&here, (struct checkpoint_in){.thread = "t", .id = "c6", .carried = "a=1"});
    op = put_op(&here, (struct checkpoint_in){.thread = "t", .id = "c7", .values = "a=2:x"});
    op.checkpoint_put.values[0].blob.bytes = slice_of(store_big(&here, PAGE_BYTES_MAX / 2));
    store_ok(&here, &op);
}

static void check_pages(struct op op, const char *const *at)
{
    for (; *at; at++) {
        store_ok(&here, &op);
        ck_assert_str_eq(items_text(&here, &op), *at);
        ck_assert(op.checkpoint_list.out.more == (at[1] != NULL));
        op.checkpoint_list.after = op.checkpoint_list.out.next;
    }
}

START_TEST(pages_hold_so_many_bytes)
{
    static const char *const with_values[] = {"t//c7 t//c6", "t//c5 t//c4 t//c3", "t//c2", "t//c1",
                                              NULL};
    static const char *const without[] = {"t//c7 t//c6 t//c5 t//c4 t//c3", "t//c2", "t//c1", NULL};
    struct op op;

    fill_big();
    check_pages(list_op(&here, "t", NULL), with_values);
    check_pages(list_op(&here, NULL, NULL), with_values);
    op = list_op(&here, "t", "");
    op.checkpoint_list.values = false;
    check_pages(op, without);
}
END_TEST

void contract_lists_add(TCase *tc)
{
    tcase_add_test(tc, newest_first);
    tcase_add_test(tc, one_id_in_all_namespaces);
    tcase_add_test(tc, before);
    tcase_add_test(tc, pages);
    tcase_add_test(tc, values_are_shared);
    tcase_add_test(tc, filters);
    tcase_add_test(tc, pages_hold_so_many_bytes);
    tcase_add_test(tc, looks_at_so_many_and_no_more);
}

/* contract_inlined_kept.c - small values in heads, when checkpoints are removed, replaced, copied, merged
 * and damaged. */
#include "blob_hash.h"
#include "clock.h"
#include "inlined.h"
#include "random.h"

static void run_batch(struct op *all, size_t n)
{
    struct op *ops[8];
    struct err err = {0};

    ck_assert_uint_le(n, COUNT_OF(ops));
    for (size_t i = 0; i < n; i++)
        ops[i] = &all[i];
    ck_assert_msg(backend_execute(here.backend, ops, n, &err), "%s", err.text);
    for (size_t i = 0; i < n; i++)
        ck_assert_msg(all[i].status.kind == ERR_OK, "%s: %s", op_name(all[i].type),
                      all[i].status.text);
}

static void prune(struct store *s, int64_t keep_last, int64_t removed)
{
    struct op op = store_op(s, OP_THREAD_PRUNE, "t");

    op.thread_prune.keep_last = keep_last;
    store_ok(s, &op);
    ck_assert_int_eq(op.thread_prune.out.removed, removed);
}

static void delete_run(struct store *s, const char *id, int64_t removed)
{
    struct slice run = slice_of(id);
    struct op op = store_op(s, OP_RUNS_DELETE, NULL);

    op.runs_delete.run_ids = &run;
    op.runs_delete.n = 1;
    store_ok(s, &op);
    ck_assert_int_eq(op.runs_delete.out.removed, removed);
}

static struct op carry_op(const char *id, const char *parent, const char *carried)
{
    return put_op(&here, (struct checkpoint_in){
                             .thread = "t", .id = id, .parent = parent, .carried = carried});
}

static void carry(const char *id, const char *parent, const char *carried, const char *want)
{
    struct op op = carry_op(id, parent, carried);

    store_ok(&here, &op);
    check_values(&here, "t", id, want);
}

/* A head long enough to be based on the one before. */
static const char *long_head(const char *id)
{
    return arena_printf(&here.arena, "{\"v\":4,\"id\":\"%s\",\"x\":\"%0120d\"}", id, 7).at;
}

START_TEST(nothing_is_found_of_a_deleted_thread)
{
    struct op op;

    put(&here, (struct checkpoint_in){.thread = "t", .id = "c1", .values = "a=1:x b=1:y"});
    delete_thread(&here, "t");
    carry("c2", "c1", "a=1 b=1", "");
    put(&here,
        (struct checkpoint_in){
            .thread = "t", .id = "c3", .parent = "c2", .values = "a=1:new", .carried = "b=1"});
    carry("c4", "c3", "a=1 b=1", "a=1:new");
    store_session(&here, "t");
    op = store_op(&here, OP_SESSION_DELETE, "t");
    op.session_delete.threads = true;
    store_ok(&here, &op);
    carry("c5", "c4", "a=1 b=1", "");
}
END_TEST

START_TEST(nothing_is_found_of_what_the_batch_deletes)
{
    struct op ops[4];

    put(&here, (struct checkpoint_in){.thread = "t", .id = "c1", .values = "a=1:x"});
    ops[0] = store_op(&here, OP_THREAD_DELETE, "t");
    ops[1] = carry_op("c2", "c1", "a=1");
    run_batch(ops, 2);
    check_values(&here, "t", "c2", "");
    ops[0] = put_op(&here, (struct checkpoint_in){.thread = "t", .id = "c3", .values = "a=1:x"});
    ops[1] = carry_op("c4", "c3", "a=1");
    ops[2] = store_op(&here, OP_THREAD_DELETE, "t");
    ops[3] = carry_op("c5", "c4", "a=1");
    run_batch(ops, 4);
    check_values(&here, "t", "c5", "");
    ck_assert_str_eq(list(&here, list_op(&here, "t", "")), "t//c5");
    put(&here, (struct checkpoint_in){.thread = "t", .id = "c6", .values = "a=1:x"});
    store_session(&here, "t");
    ops[0] = store_op(&here, OP_SESSION_DELETE, "t");
    ops[0].session_delete.threads = true;
    ops[1] = carry_op("c7", "c6", "a=1");
    run_batch(ops, 2);
    check_values(&here, "t", "c7", "");
}
END_TEST

START_TEST(what_the_batch_brings_is_found)
{
    struct op ops[3];

    ops[0] = put_op(&here, (struct checkpoint_in){.thread = "t", .id = "c1", .values = "a=1:x"});
    ops[1] = carry_op("c2", "c1", "a=1 b=1");
    ops[2] = carry_op("c3", "c2", "a=1 b=1");
    run_batch(ops, 3);
    check_values(&here, "t", "c3", "a=1:x");
    ops[0] = store_op(&here, OP_THREAD_COPY, "t");
    ops[0].thread_copy.to = SLICE("u");
    ops[1] = carry_op("c4", "c3", "a=1");
    ops[1].id = SLICE("u");
    run_batch(ops, 2);
    check_values(&here, "u", "c4", "a=1:x");
}
END_TEST

/* Another process has deleted the thread, whatever is remembered here. */
START_TEST(nothing_is_found_of_what_others_have_deleted)
{
    struct store other;

    inlined_open(&other, 0, INLINE_MAX);
    put(&here, (struct checkpoint_in){.thread = "t", .id = "c1", .values = "a=1:x b=1:y"});
    delete_thread(&other, "t");
    carry("c2", "c1", "a=1 b=1", "");
    put(&here, (struct checkpoint_in){.thread = "t", .id = "c3", .values = "a=1:x b=1:y"});
    delete_thread(&other, "t");
    put(&other, (struct checkpoint_in){.thread = "t", .id = "c4", .values = "b=1:new c=1:z"});
    carry("c5", "c4", "a=1 b=1 c=1", "b=1:new c=1:z");
    put(&here, (struct checkpoint_in){.thread = "t", .id = "c6", .values = "d=1:w"});
    prune(&other, 1, 2);
    carry("c7", "c6", "b=1 c=1 d=1", "d=1:w");
    put(&here, (struct checkpoint_in){.thread = "t", .id = "c8", .run = "r", .values = "e=1:v"});
    delete_run(&other, "r", 1);
    carry("c9", "c8", "d=1 e=1", "d=1:w");
    store_close(&other);
}
END_TEST

/* A thread held documents, was deleted, and holds channels now: nothing that is remembered of the documents
 * ends the search. */
START_TEST(found_behind_what_documents_left)
{
    put(&here, (struct checkpoint_in){.thread = "t", .id = "d1", .form = FORM_DOCUMENT});
    delete_thread(&here, "t");
    put(&here, (struct checkpoint_in){.thread = "s", .id = "c1", .values = "a=1:x"});
    copy_thread(&here, "s", "t");
    carry("c2", "c1", "a=1", "a=1:x");
}
END_TEST

START_TEST(found_behind_documents_that_others_have_deleted)
{
    struct store other;

    inlined_open(&other, 0, INLINE_MAX);
    put(&here, (struct checkpoint_in){.thread = "t", .id = "d1", .form = FORM_DOCUMENT});
    delete_thread(&other, "t");
    put(&other, (struct checkpoint_in){.thread = "t", .id = "c1", .values = "a=1:x"});
    carry("c2", "c1", "a=1", "a=1:x");
    store_close(&other);
}
END_TEST

/* What was removed beside a checkpoint, or below it, is still carried on from it. */
START_TEST(found_though_a_sibling_removed_it)
{
    struct channel_version removed = {SLICE("a"), SLICE("1")};
    struct op op = put_op(&here, (struct checkpoint_in){
                                     .thread = "t", .id = "c2", .parent = "c1", .values = "b=1:y"});

    put(&here, (struct checkpoint_in){.thread = "t", .id = "c1", .values = "a=1:x"});
    op.checkpoint_put.removed = &removed;
    op.checkpoint_put.n_removed = 1;
    store_ok(&here, &op);
    carry("c3", "c2", "a=1 b=1", "b=1:y");
    carry("c4", "c1", "a=1 b=1", "a=1:x b=1:y");
}
END_TEST

/* Puts two checkpoints whose heads have a base; the second carries one of two values. */
static void put_long_two(void)
{
    put(&here, (struct checkpoint_in){
                   .thread = "t", .id = "c1", .head = long_head("c1"), .values = "a=1:x b=1:y"});
    put(&here, (struct checkpoint_in){.thread = "t",
                                      .id = "c2",
                                      .parent = "c1",
                                      .head = long_head("c2"),
                                      .values = "c=1:z",
                                      .carried = "b=1"});
}

START_TEST(nothing_is_found_of_what_was_pruned)
{
    put_long_two();
    prune(&here, 1, 1);
    check_values(&here, "t", "c2", "b=1:y c=1:z");
    carry("c3", "c2", "a=1 b=1 c=1", "b=1:y c=1:z");
    carry("c4", NULL, "a=1 b=1", "b=1:y");
}
END_TEST

START_TEST(nothing_is_found_of_a_deleted_run)
{
    put(&here,
        (struct checkpoint_in){.thread = "t", .id = "c1", .run = "r1", .values = "a=1:x b=1:y"});
    put(&here, (struct checkpoint_in){
                   .thread = "t", .id = "c2", .parent = "c1", .values = "c=1:z", .carried = "b=1"});
    put(&here, (struct checkpoint_in){.thread = "t",
                                      .id = "c3",
                                      .parent = "c2",
                                      .run = "r3",
                                      .values = "d=1:w",
                                      .carried = "b=1"});
    delete_run(&here, "r1", 1);
    carry("c4", "c3", "a=1 b=1 d=1", "b=1:y d=1:w");
    delete_run(&here, "r3", 1);
    carry("c5", "c2", "a=1 b=1 c=1", "b=1:y c=1:z");
    put(&here, (struct checkpoint_in){.thread = "t", .id = "c6", .run = "r6", .values = "e=1:v"});
    delete_run(&here, "r6", 1);
    carry("c7", "c5", "e=1 c=1", "c=1:z");
}
END_TEST

#define DELTA "{\"counters_since_delta_snapshot\":{\"d\":[1,1]}}"

static void delta(const char *id, const char *parent, const char *run, const char *values,
                  const char *carried)
{
    put(&here, (struct checkpoint_in){.thread = "t",
                                      .id = id,
                                      .parent = parent,
                                      .run = run,
                                      .metadata = DELTA,
                                      .values = values,
                                      .carried = carried});
}

static void delta_writes(const char *id)
{
    put_writes(&here, (struct writes_in){
                          .thread = "t", .checkpoint = id, .task = "t1", .writes = "0:d=w"});
}

static const char *all(void)
{
    return list(&here, list_op(&here, "t", NULL));
}

START_TEST(snapshots_in_heads_are_kept)
{
    delta("c1", NULL, NULL, "d=1:old x=1:x", NULL);
    delta("c2", "c1", NULL, "d=2:seed", "x=1");
    delta_writes("c2");
    delta("c3", "c2", NULL, NULL, "x=1");
    delta_writes("c3");
    delta("c4", "c3", NULL, "x=2:xx", NULL);
    delta("c5", "c4", NULL, NULL, "x=2");
    prune(&here, 1, 1);
    ck_assert_str_eq(all(), "t//c5 t//c4 t//c3 t//c2");
    check_values(&here, "t", "c2", "d=2:seed x=1:x");
    check_values(&here, "t", "c5", "x=2:xx");
    delta("c6", "c5", NULL, "d=6:seed", "x=2");
    prune(&here, 1, 4);
    ck_assert_str_eq(all(), "t//c6");
    check_values(&here, "t", "c6", "d=6:seed x=2:xx");
}
END_TEST

/* A carried snapshot is in each head, so it needs no ancestors. */
START_TEST(carried_snapshots_need_no_ancestors)
{
    delta("c1", NULL, NULL, "d=1:seed", NULL);
    delta("c2", "c1", NULL, NULL, "d=1");
    delta("c3", "c2", NULL, NULL, "d=1");
    prune(&here, 1, 2);
    check_values(&here, "t", "c3", "d=1:seed");
}
END_TEST

START_TEST(snapshots_in_heads_of_runs_are_kept)
{
    delta("c1", NULL, "r1", "d=1:seed", NULL);
    delta("c2", "c1", "r1", NULL, NULL);
    delta("c3", "c2", "r2", "x=1:x", NULL);
    delta("c4", "c3", "r1", NULL, NULL);
    delete_run(&here, "r1", 1);
    ck_assert_str_eq(all(), "t//c3 t//c2 t//c1");
    check_values(&here, "t", "c1", "d=1:seed");
    delta("c5", "c3", "r3", "d=5:seed", "x=1");
    delete_run(&here, "r2", 1);
    check_values(&here, "t", "c5", "d=5:seed x=1:x");
}
END_TEST

START_TEST(copied_with_their_thread)
{
    put_long_two();
    copy_thread(&here, "t", "u");
    delete_thread(&here, "t");
    check_values(&here, "u", "c1", "a=1:x b=1:y");
    check_values(&here, "u", "c2", "b=1:y c=1:z");
    put(&here, (struct checkpoint_in){
                   .thread = "u", .id = "c3", .parent = "c2", .carried = "a=1 b=1 c=1"});
    check_values(&here, "u", "c3", "a=1:x b=1:y c=1:z");
    carry("c3", "c2", "a=1 b=1 c=1", "");
}
END_TEST

/* A checkpoint is replaced by one that carries a value which the first had itself. */
START_TEST(replaced_by_what_carries_its_own)
{
    for (int i = 0; i < 3; i++) {
        const char *id = arena_printf(&here.arena, "c%d", i + 1).at;

        put(&here, (struct checkpoint_in){.thread = "t",
                                          .id = id,
                                          .parent = i ? "c1" : NULL,
                                          .head = long_head(id),
                                          .values = i ? "a=2:z" : "a=1:x b=1:y",
                                          .carried = i ? "b=1" : NULL});
    }
    for (int i = 0; i < 3; i++) {
        ck_assert(!put(
            &here, (struct checkpoint_in){
                       .thread = "t", .id = "c3", .head = long_head("again"), .carried = "a=2"}));
        check_values(&here, "t", "c3", "a=2:z");
    }
    ck_assert(!put(&here, (struct checkpoint_in){
                              .thread = "t", .id = "c1", .values = "c=1:w", .carried = "a=1 b=1"}));
    check_values(&here, "t", "c1", "a=1:x b=1:y c=1:w");
    ck_assert(!put(&here, (struct checkpoint_in){.thread = "t", .id = "c1", .carried = "b=1"}));
    check_values(&here, "t", "c1", "b=1:y");
    check_values(&here, "t", "c2", "a=2:z b=1:y");
    carry("c4", "c3", "a=2 b=1", "a=2:z b=1:y");
}
END_TEST

START_TEST(merged_elsewhere)
{
    struct record *records;
    size_t n;

    put_two("t");
    put_two("u");
    records = thread_records(&here, 5, &n);
    ck_assert_uint_gt(store_merge(&there, records, n), 0);
    same_state(&there, &here, STATE_EXACT, "merged");
    ck_assert_uint_eq(count_records(&there, RECORD_VALUE), 4);
    check_values(&there, "t", "c1", "a=1:xx b=1:yy");
    check_values(&there, "t", "c2", "a=2:xz b=1:yy");
    put(&there,
        (struct checkpoint_in){.thread = "t", .id = "c3", .parent = "c2", .carried = "a=1 b=1"});
    check_values(&there, "t", "c3", "a=1:xx b=1:yy");
    ck_assert_uint_eq(store_merge(&there, records, n), 0);
    check_values(&there, "u", "c2", "a=2:xz b=1:yy");
}
END_TEST

/* What a merge has brought is found, though it is older than what was stored here. */
START_TEST(found_in_what_was_merged)
{
    struct record *records;
    size_t n;

    put(&there,
        (struct checkpoint_in){.thread = "t", .id = "c0", .values = "c=1:z", .carried = "b=1"});
    put_two("t");
    records = thread_records(&here, 5, &n);
    store_merge(&there, records, n);
    put(&there, (struct checkpoint_in){
                    .thread = "t", .id = "c3", .parent = "c2", .carried = "a=2 b=1 c=1"});
    check_values(&there, "t", "c3", "a=2:xz b=1:yy c=1:z");
}
END_TEST

/* A store that was written with small values in rows is read with them in heads, and the reverse. */
START_TEST(read_with_the_other_setting)
{
    size_t before = _i ? 0 : INLINE_MAX, after = _i ? INLINE_MAX : 0;
    struct store s;

    inlined_open(&s, 2, before);
    put(&s, (struct checkpoint_in){.thread = "t", .id = "c1", .values = "a=1:x b=1:y"});
    put(&s,
        (struct checkpoint_in){
            .thread = "t", .id = "c2", .parent = "c1", .values = "c=1:z", .carried = "a=1 b=1"});
    ck_assert_uint_eq(count_records(&s, RECORD_VALUE), before ? 2 : 5);
    for (int round = 0; round < 2; round++) {
        const char *id = round ? "c4" : "c3", *parent = round ? "c3" : "c2";
        const char *carried = round ? "a=1 b=1 c=1 d=3" : "a=1 b=1 c=1";

        store_close(&s);
        inlined_open(&s, 2, round ? before : after);
        check_values(&s, "t", "c1", "a=1:x b=1:y");
        check_values(&s, "t", "c2", "a=1:x b=1:y c=1:z");
        put(&s, (struct checkpoint_in){.thread = "t",
                                       .id = id,
                                       .parent = parent,
                                       .values = round ? "d=4:v" : "d=3:w",
                                       .carried = carried});
    }
    check_values(&s, "t", "c3", "a=1:x b=1:y c=1:z d=3:w");
    check_values(&s, "t", "c4", "a=1:x b=1:y c=1:z d=3:w d=4:v");
    put(&s, (struct checkpoint_in){.thread = "t", .id = "c5", .carried = "b=1 d=4"});
    check_values(&s, "t", "c5", "b=1:y d=4:v");
    store_close(&s);
}
END_TEST

/* Heads that were stored without inlined values hide none that are in others. */
START_TEST(found_behind_heads_of_the_other_setting)
{
    static const char *const parents[] = {"c1", NULL, "c2"};
    struct store s;

    inlined_open(&s, 2, INLINE_MAX);
    put(&s, (struct checkpoint_in){.thread = "t", .id = "c1", .values = "a=1:x"});
    store_close(&s);
    inlined_open(&s, 2, 0);
    put(&s, (struct checkpoint_in){.thread = "t", .id = "c2", .parent = "c1", .values = "b=1:y"});
    put(&s, (struct checkpoint_in){
                .thread = "t", .id = "c3", .parent = parents[_i], .carried = "a=1 b=1"});
    check_values(&s, "t", "c3", "a=1:x b=1:y");
    store_close(&s);
}
END_TEST

/* Cuts the last byte off the head of c1. `hashed`: its hash fits, so only unpacking fails. */
static void damage(struct record *records, size_t n, bool hashed)
{
    static int64_t id;

    id = stamp_next(); /* one that no cache knows */
    for (size_t i = 0; i < n; i++) {
        struct blob *blob = &records[i].value.blob;

        if (!slice_equal(records[i].key.id, SLICE("t")))
            continue;
        if (records[i].kind == RECORD_CHECKPOINT)
            records[i].checkpoint.head = id;
        if (records[i].kind != RECORD_VALUE)
            continue;
        ck_assert_int_eq(blob->encoding, BLOB_WHOLE);
        blob->bytes.len--;
        blob->id = records[i].key.number = id;
        blob->anchor_id = id;
        if (hashed)
            blob_hash(blob->type, blob->bytes, blob->hash);
    }
}

START_TEST(damaged_heads)
{
    struct record *records;
    struct op op;
    size_t n;

    put(&here, (struct checkpoint_in){.thread = "t", .id = "c1", .values = "a=1:xx"});
    put(&here, (struct checkpoint_in){.thread = "u", .id = "c1", .values = "a=1:xx"});
    records = thread_records(&here, 5, &n);
    damage(records, n, _i);
    store_merge(&there, records, n);
    op = store_op(&there, OP_CHECKPOINT_GET, "t");
    op.checkpoint_get.ns = SLICE("");
    store_fails(&there, &op, ERR_DAMAGED);
    ck_assert_msg(strstr(op.status.text, "thread t, namespace '', checkpoint c1: ") != NULL, "%s",
                  op.status.text);
    op = list_op(&there, "t", "");
    store_fails(&there, &op, ERR_DAMAGED);
    ck_assert_ptr_nonnull(strstr(op.status.text, "checkpoint c1: "));
    op = put_op(&there, (struct checkpoint_in){
                            .thread = "t", .id = "c2", .parent = "c1", .carried = "a=1"});
    store_fails(&there, &op, ERR_DAMAGED); /* what it carries may have been in that head */
    put(&there,
        (struct checkpoint_in){.thread = "t", .id = "c2", .parent = "c1", .values = "a=2:y"});
    ck_assert_str_eq(values_text(&there, get(&there, "t", "", NULL)), "a=2:y");
    put(&there,
        (struct checkpoint_in){.thread = "u", .id = "c2", .parent = "c1", .carried = "a=1"});
    check_values(&there, "u", "c2", "a=1:xx");
    op = store_op(&there, OP_THREAD_PRUNE, "t");
    op.thread_prune.keep_last = 1;
    store_ok(&there, &op);
    ck_assert_str_eq(list(&there, list_op(&there, "t", "")), "t//c2");
}
END_TEST

void contract_inlined_kept_add(TCase *tc)
{
    tcase_add_test(tc, nothing_is_found_of_a_deleted_thread);
    tcase_add_test(tc, nothing_is_found_of_what_the_batch_deletes);
    tcase_add_test(tc, what_the_batch_brings_is_found);
    if (contract_target->shared)
        tcase_add_test(tc, nothing_is_found_of_what_others_have_deleted);
    tcase_add_test(tc, found_behind_what_documents_left);
    if (contract_target->shared)
        tcase_add_test(tc, found_behind_documents_that_others_have_deleted);
    tcase_add_test(tc, found_though_a_sibling_removed_it);
    tcase_add_test(tc, nothing_is_found_of_what_was_pruned);
    tcase_add_test(tc, nothing_is_found_of_a_deleted_run);
    tcase_add_test(tc, snapshots_in_heads_are_kept);
    tcase_add_test(tc, carried_snapshots_need_no_ancestors);
    tcase_add_test(tc, snapshots_in_heads_of_runs_are_kept);
    tcase_add_test(tc, copied_with_their_thread);
    tcase_add_test(tc, replaced_by_what_carries_its_own);
    tcase_add_test(tc, merged_elsewhere);
    tcase_add_test(tc, found_in_what_was_merged);
    if (contract_target->lasting) {
        tcase_add_loop_test(tc, read_with_the_other_setting, 0, 2);
        tcase_add_loop_test(tc, found_behind_heads_of_the_other_setting, 0, 3);
    }
    tcase_add_loop_test(tc, damaged_heads, 0, 2);
}

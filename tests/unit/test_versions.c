/* test_versions.c - values on their way down and up, above a backend that keeps one checkpoint. */
#include <check.h>

#include "blob_hash.h"
#include "clock.h"
#include "oom.h"
#include "versions.h"

Suite *suite_versions(void);

/* Answers reads as it is told. */
struct below {
    struct backend base;
    struct checkpoint checkpoint; /* for a get; twice in a list */
    struct checkpoint *items[2];
    struct err fail;
    enum err_kind status;
    size_t n_ran, n_probes, n_closed;
    struct op_checkpoint_put put; /* the last one, as it came down */
    struct value rows[2];
};

static bool run(struct backend *self, struct op *const ops[], size_t n, struct err *err)
{
    struct below *b = (struct below *)self;

    if (b->fail.kind != ERR_OK) {
        *err = b->fail;
        return false;
    }
    b->n_ran += n;
    for (size_t i = 0; i < n; i++) {
        ops[i]->status.kind = b->status;
        if (ops[i]->type == OP_CHECKPOINT_PUT) {
            b->put = ops[i]->checkpoint_put;
            memcpy(b->rows, b->put.values, b->put.n_values * sizeof(*b->rows));
        }
        if (ops[i]->type == OP_CHECKPOINT_GET && b->status == ERR_OK)
            ops[i]->checkpoint_get.out.checkpoint = &b->checkpoint;
        if (ops[i]->type == OP_CHECKPOINT_LIST && b->status == ERR_OK) {
            ops[i]->checkpoint_list.out.items = b->items;
            ops[i]->checkpoint_list.out.n = 2;
        }
    }
    return true;
}

static bool probe(struct backend *self, int64_t deadline_ns UNUSED, struct err *err)
{
    struct below *b = (struct below *)self;

    b->n_probes++;
    *err = b->fail;
    return b->fail.kind == ERR_OK;
}

static void close_below(struct backend *self)
{
    ((struct below *)self)->n_closed++;
}

static const struct backend_ops below_ops = {"below", run, probe, close_below};

static struct arena arena;
static struct below below;
static struct backend *versions;
static struct value value;
static const struct value *values[1], *more_values[1];
static struct checkpoint second;
static struct err err;

static struct blob stored(const char *type, const char *bytes)
{
    struct blob blob = {.id = stamp_next(), .type = slice_of(type), .bytes = slice_of(bytes)};

    blob_hash(blob.type, blob.bytes, blob.hash);
    return blob;
}

static void open_versions(void)
{
    value = (struct value){.of = {SLICE("ch"), SLICE("1")}, .blob = stored("msgpack", "xx")};
    values[0] = more_values[0] = &value;
    below = (struct below){.base = {&below_ops, BACKEND_DURABLE},
                           .items = {&below.checkpoint, &second}};
    below.checkpoint = (struct checkpoint){
        .head = stored("", "{}"), .values = values, .n_values = 1};
    second = (struct checkpoint){.head = stored("", "[]"), .values = more_values, .n_values = 1};
    versions = versions_open(&below.base, &(struct encoding_rules){0}, &err);
    ck_assert_ptr_nonnull(versions);
}

static void close_versions(void)
{
    backend_close(versions);
    ck_assert_uint_eq(below.n_closed, 1);
    arena_done(&arena);
}

static struct op op_of(enum op_type type)
{
    return (struct op){.type = type, .arena = &arena};
}

static enum err_kind execute(struct op *op)
{
    struct op *ops[] = {op};

    ck_assert(backend_execute(versions, ops, 1, &err));
    return op->status.kind;
}

START_TEST(caps_probe_and_failure_pass_through)
{
    struct op op = op_of(OP_THREAD_GET), *ops[] = {&op};

    ck_assert_uint_eq(versions->caps, BACKEND_DURABLE);
    below.base.caps = BACKEND_SHARED; /* another server than before */
    ck_assert(backend_probe(versions, 0, &err));
    ck_assert_uint_eq(versions->caps, BACKEND_SHARED);
    ck_assert_int_eq(execute(&op), ERR_OK);
    below.status = ERR_NOT_FOUND;
    ck_assert_int_eq(execute(&op), ERR_NOT_FOUND);
    op = op_of(OP_CHECKPOINT_GET);
    ck_assert_int_eq(execute(&op), ERR_NOT_FOUND);
    err_fill(&below.fail, ERR_IN_DOUBT, "lost");
    ck_assert(!backend_probe(versions, 0, &err));
    ck_assert(!backend_execute(versions, ops, 1, &err));
    ck_assert_int_eq(err.kind, ERR_IN_DOUBT);
    ck_assert_uint_eq(below.n_probes, 2);
}
END_TEST

START_TEST(puts_get_ids_and_hashes)
{
    struct op op = op_of(OP_CHECKPOINT_PUT);
    struct value sent[2] = {{.blob = {.type = SLICE("msgpack"), .bytes = SLICE("xx")}},
                            {.blob = {.type = SLICE("t"), .bytes = SLICE("y"), .base_id = 7}}};
    int64_t first;

    op.checkpoint_put.values = sent;
    op.checkpoint_put.n_values = 2;
    op.checkpoint_put.head = (struct blob){.type = SLICE(""), .bytes = SLICE("{}")};
    ck_assert_int_eq(execute(&op), ERR_OK);
    first = below.rows[0].blob.id;
    ck_assert_int_gt(first, 0);
    ck_assert_int_gt(below.rows[1].blob.id, first);
    ck_assert_int_gt(below.put.head.id, below.rows[1].blob.id);
    ck_assert_int_gt(stamp_next(), below.put.head.id);
    ck_assert_int_eq(below.rows[1].blob.base_id, 0);
    ck_assert_int_eq(below.rows[1].blob.encoding, BLOB_WHOLE);
    ck_assert_mem_eq(below.rows[0].blob.hash, value.blob.hash, BLOB_HASH_LEN);
    ck_assert_mem_eq(below.put.head.hash, below.checkpoint.head.hash, BLOB_HASH_LEN);
    ck_assert_int_eq(execute(&op), ERR_OK);
    ck_assert_int_ne(below.rows[0].blob.id, first);
    ck_assert_ptr_eq(op.checkpoint_put.values, sent); /* the op is as it came */
}
END_TEST

START_TEST(reads_are_whole_and_shared)
{
    struct op op = op_of(OP_CHECKPOINT_LIST);
    struct checkpoint **items;

    ck_assert_int_eq(execute(&op), ERR_OK);
    items = op.checkpoint_list.out.items;
    ck_assert_ptr_eq(items[0]->values[0], items[1]->values[0]);
    ck_assert_ptr_eq(items[0]->values[0]->blob.bytes.at, value.blob.bytes.at); /* no copy */
    ck_assert_ptr_null(items[0]->values[0]->blob.base);
    op = op_of(OP_CHECKPOINT_GET);
    ck_assert_int_eq(execute(&op), ERR_OK);
}
END_TEST

static void fails_both(void)
{
    struct op get = op_of(OP_CHECKPOINT_GET), list = op_of(OP_CHECKPOINT_LIST);

    ck_assert_int_eq(execute(&get), ERR_DAMAGED);
    ck_assert_int_eq(execute(&list), ERR_DAMAGED);
}

START_TEST(wrong_hash)
{
    value.blob.hash[0] ^= 1;
    fails_both();
}
END_TEST

START_TEST(wrong_hash_of_a_head)
{
    below.checkpoint.head.bytes = SLICE("[]");
    fails_both();
}
END_TEST

START_TEST(wrong_type)
{
    value.blob.type = SLICE("json");
    fails_both();
}
END_TEST

START_TEST(unknown_encoding)
{
    value.blob.encoding = 99;
    fails_both();
}
END_TEST

static bool list_once(struct arena *a, struct err *e)
{
    struct op op = op_of(OP_CHECKPOINT_LIST), *ops[] = {&op};

    op.arena = a;
    values[0] = more_values[0] = &value;
    if (!versions->ops->execute(versions, ops, 1, e))
        return false;
    *e = op.status;
    return op.status.kind == ERR_OK;
}

START_TEST(memory_may_end_anywhere)
{
    oom_sweep(list_once);
}
END_TEST

START_TEST(no_memory_to_open)
{
    struct backend *opened;

    oom_set(true);
    opened = versions_open(&below.base, &(struct encoding_rules){0}, &err);
    oom_set(false);
    ck_assert_ptr_null(opened);
    ck_assert_int_eq(err.kind, ERR_NO_MEMORY);
    ck_assert_uint_eq(below.n_closed, 1);
    below.n_closed = 0;
}
END_TEST

Suite *suite_versions(void)
{
    Suite *suite = suite_create("versions");
    TCase *tc = tcase_create("versions");

    tcase_add_checked_fixture(tc, open_versions, close_versions);
    tcase_add_test(tc, caps_probe_and_failure_pass_through);
    tcase_add_test(tc, puts_get_ids_and_hashes);
    tcase_add_test(tc, reads_are_whole_and_shared);
    tcase_add_test(tc, wrong_hash);
    tcase_add_test(tc, wrong_hash_of_a_head);
    tcase_add_test(tc, wrong_type);
    tcase_add_test(tc, unknown_encoding);
    tcase_add_test(tc, memory_may_end_anywhere);
    tcase_add_test(tc, no_memory_to_open);
    suite_add_tcase(suite, tc);
    return suite;
}

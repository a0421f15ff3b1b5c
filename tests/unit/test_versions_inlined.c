/* test_versions_inlined.c - batches whose values heads hold, above a backend that answers as told. */
#include <check.h>

#include "blob_hash.h"
#include "clock.h"
#include "oom.h"
#include "pack.h"
#include "value_cache.h"
#include "versions.h"

Suite *suite_versions_inlined(void);

enum { RAN_MAX = 32, ITEMS = 2 };

/* Keeps what it was asked, and the checkpoints that every list gives. */
struct below {
    struct backend base;
    enum op_type ran[RAN_MAX];
    struct op_checkpoint_put puts[RAN_MAX];
    size_t n_ran, n_puts, n_executes;
    size_t fails_at;          /* the first execute that fails, from 1 on; 0: none */
    enum err_kind fails_with; /* the kind, for that one and later ones */
    size_t no_base;           /* how many more puts end in ERR_NO_BASE */
    struct checkpoint stored[ITEMS], items[ITEMS];
    struct checkpoint *list[ITEMS];
    size_t n_items;
};

static struct arena arena;
static struct err err;
static struct value_cache *cache;
static struct below below;
static struct backend *versions;
static struct value sent[1];
static struct channel_version carried[1];

static void answer(struct below *b, struct op *op)
{
    op->status = (struct err){.kind = ERR_OK};
    if (op->type == OP_CHECKPOINT_PUT) {
        b->puts[b->n_puts++] = op->checkpoint_put;
        op->status.kind = b->n_puts <= b->no_base ? ERR_NO_BASE : ERR_OK;
    }
    if (op->type == OP_CHECKPOINT_LIST) {
        memcpy(b->items, b->stored, sizeof(b->items));
        for (size_t i = 0; i < b->n_items; i++)
            b->list[i] = &b->items[i];
        op->checkpoint_list.out.items = b->list;
        op->checkpoint_list.out.n = b->n_items;
    }
    if (op->type == OP_VALUES_GET)
        op->values_get.out.items = arena_zalloc(&arena, op->values_get.n, sizeof(void *));
}

static bool run(struct backend *self, struct op *const ops[], size_t n, struct err *e)
{
    struct below *b = (struct below *)self;

    b->n_executes++;
    if (b->fails_at && b->n_executes >= b->fails_at)
        return err_set(e, b->fails_with, "told to fail");
    for (size_t i = 0; i < n; i++) {
        b->ran[b->n_ran++] = ops[i]->type;
        answer(b, ops[i]);
    }
    return true;
}

static void close_below(struct backend *self UNUSED)
{
}

static const struct backend_ops below_ops = {"below", run, NULL, close_below};

static void open_with(struct value_cache *with)
{
    below = (struct below){.base = {.ops = &below_ops}};
    versions = versions_open(&below.base, &(struct encoding_rules){with, 1024}, &err);
    ck_assert_ptr_nonnull(versions);
}

static void setup(void)
{
    arena_init(&arena, NULL, 0);
    cache = value_cache_new(1 << 24);
    sent[0] = (struct value){.of = {SLICE("a"), SLICE("1")},
                             .blob = {.type = SLICE("json"), .bytes = SLICE("A")}};
    carried[0] = sent[0].of;
    open_with(NULL);
}

static void teardown(void)
{
    backend_close(versions);
    value_cache_free(cache);
    arena_done(&arena);
}

static void use_cache(void)
{
    backend_close(versions);
    open_with(cache);
}

static struct op op_of(enum op_type type)
{
    return (struct op){.type = type,
                       .tenant = SLICE("t"),
                       .id = SLICE("thread"),
                       .status = {.kind = ERR_STORAGE},
                       .arena = &arena};
}

static struct op put_of(const char *id)
{
    struct op op = op_of(OP_CHECKPOINT_PUT);

    op.checkpoint_put = (struct op_checkpoint_put){
        .ns = SLICE(""),
        .checkpoint_id = slice_of(id),
        .form = FORM_CHANNEL,
        .head = {.type = SLICE(""), .bytes = SLICE("{\"v\":4}")},
        .metadata = SLICE("{}"),
        .values = sent,
        .carried = carried,
    };
    return op;
}

static struct op sending(const char *id)
{
    struct op op = put_of(id);

    op.checkpoint_put.n_values = 1;
    return op;
}

static struct op carrying(const char *id)
{
    struct op op = put_of(id);

    op.checkpoint_put.n_carried = 1;
    return op;
}

/* A head that holds these bytes for channel a, version 1. */
static struct blob head_with(const char *bytes)
{
    struct inlined in = {{SLICE("a"), SLICE("1")}, IN_HEAD, SLICE("json"), slice_of(bytes)};
    struct blob blob = {.id = stamp_next(), .type = SLICE("")};

    ck_assert(
        pack_head(&(struct packed_head){SLICE("{}"), &in, 1, true}, &arena, &blob.bytes, &err));
    blob_hash(blob.type, blob.bytes, blob.hash);
    return blob;
}

static bool run_both(struct op *a, struct op *b)
{
    struct op *ops[] = {a, b};

    return versions->ops->execute(versions, ops, 2, &err);
}

static enum err_kind run_one(struct op *op)
{
    struct op *ops[] = {op};

    ck_assert(versions->ops->execute(versions, ops, 1, &err));
    return op->status.kind;
}

/* What the i-th put that came down says of the channel. */
static const struct inlined *said(size_t i)
{
    const struct inlined *found;
    struct packed_head head;

    ck_assert_uint_lt(i, below.n_puts);
    ck_assert(unpack_head(below.puts[i].head.bytes, &arena, &head, &err));
    found = head_find(&head, &carried[0]);
    ck_assert_ptr_nonnull(found);
    return found;
}

START_TEST(a_put_that_carries_waits_for_those_before)
{
    struct op first = sending("c1"), second = carrying("c2");

    use_cache();
    ck_assert(run_both(&first, &second));
    ck_assert_int_eq(first.status.kind, ERR_OK);
    ck_assert_int_eq(second.status.kind, ERR_OK);
    ck_assert_uint_eq(below.n_executes, 2);
    ck_assert_uint_eq(below.n_puts, 2);
    ck_assert(slice_equal(said(1)->bytes, SLICE("A")));
    ck_assert_uint_eq(below.puts[1].n_sources, 1);
    ck_assert_int_eq(below.puts[1].sources[0], first.checkpoint_put.head.id);
}
END_TEST

START_TEST(without_a_cache_it_reads)
{
    struct op first = sending("c1"), second = carrying("c2");

    below.n_items = 1;
    below.stored[0].head = head_with("A");
    ck_assert(run_both(&first, &second));
    ck_assert_uint_eq(below.n_executes, 3);
    ck_assert_int_eq(below.ran[0], OP_CHECKPOINT_PUT);
    ck_assert_int_eq(below.ran[1], OP_CHECKPOINT_LIST);
    ck_assert_int_eq(below.ran[2], OP_CHECKPOINT_PUT);
    ck_assert(slice_equal(said(1)->bytes, SLICE("A")));
}
END_TEST

/* A put that has found everything, or nothing, does not search again while another one still reads. */
START_TEST(each_searches_once)
{
    struct op one = carrying("c2"), other = carrying("c2"), *ops[] = {&one, &other};

    other.id = SLICE("other");
    other.checkpoint_put.parent_id = SLICE("c1");
    ck_assert(versions->ops->execute(versions, ops, 2, &err));
    ck_assert_uint_eq(below.n_ran, 3 + 2); /* the newest; the parent and the newest; both puts */
    ck_assert_int_eq(below.ran[3], OP_CHECKPOINT_PUT);
}
END_TEST

/* Puts that have nothing to do with each other are one batch. */
START_TEST(others_do_not_wait)
{
    static const struct slice other = {"other", 5};
    struct op first[5], second;

    use_cache();
    for (size_t i = 0; i < COUNT_OF(first); i++)
        first[i] = sending("c1");
    first[0].id = first[1].tenant = first[2].checkpoint_put.ns = other;
    first[3].type = OP_WRITES_PUT;
    for (size_t i = 0; i < 4; i++) {
        second = carrying("c2");
        below.n_executes = 0;
        ck_assert(run_both(&first[i], &second));
        ck_assert_uint_eq(below.n_executes, 2); /* reads what nobody knows, then runs all */
    }
    second = sending("c3");
    below.n_executes = 0;
    ck_assert(run_both(&first[4], &second));
    ck_assert_uint_eq(below.n_executes, 1);
}
END_TEST

/* How many executes these two take, if the cache knows what is carried. */
static size_t executes_of(struct op *first)
{
    struct op second = carrying("c2");

    below.n_executes = 0;
    ck_assert(run_both(first, &second));
    ck_assert_int_eq(second.status.kind, ERR_OK);
    return below.n_executes;
}

START_TEST(what_changes_a_thread_is_waited_for)
{
    static const enum op_type types[] = {OP_MERGE, OP_THREAD_DELETE, OP_THREAD_PRUNE};
    struct op op = sending("c1");

    use_cache();
    ck_assert_int_eq(run_one(&op), ERR_OK);
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        op = op_of(types[i]);
        ck_assert_uint_eq(executes_of(&op), 2);
        op.id = SLICE("other");
        ck_assert_uint_eq(executes_of(&op), 1);
    }
    op = op_of(OP_MERGE);
    op.id = (struct slice){NULL, 0};
    ck_assert_uint_eq(executes_of(&op), 2);
    op = op_of(OP_THREAD_COPY);
    op.thread_copy.to = SLICE("other");
    ck_assert_uint_eq(executes_of(&op), 1);
    op.id = SLICE("other");
    op.thread_copy.to = SLICE("thread");
    ck_assert_uint_eq(executes_of(&op), 2);
}
END_TEST

static const enum err_kind failures[] = {ERR_UNAVAILABLE, ERR_IN_DOUBT, ERR_NO_MEMORY};

START_TEST(the_second_piece_fails)
{
    struct op first = sending("c1"), second = carrying("c2");
    struct op_checkpoint_put was = second.checkpoint_put;

    use_cache();
    below.fails_at = 2;
    below.fails_with = failures[_i];
    ck_assert(run_both(&first, &second));
    ck_assert_int_eq(first.status.kind, ERR_OK);
    ck_assert_int_eq(second.status.kind, failures[_i]);
    ck_assert_str_eq(second.status.text, "told to fail");
    ck_assert(slice_equal(second.checkpoint_put.head.bytes, was.head.bytes));
    ck_assert_uint_eq(second.checkpoint_put.n_carried, 1);
    ck_assert_ptr_null(second.checkpoint_put.sources);
}
END_TEST

START_TEST(the_first_piece_fails)
{
    struct op first = sending("c1"), second = carrying("c2");

    below.fails_at = 1;
    below.fails_with = failures[_i];
    ck_assert(!run_both(&first, &second));
    ck_assert_int_eq(err.kind, failures[_i]);
    ck_assert_uint_eq(below.n_executes, 1);
    ck_assert_ptr_eq(first.checkpoint_put.values, sent);
}
END_TEST

/* The head that the cache knows has gone, so what is carried is read. */
START_TEST(no_base_leads_to_a_read)
{
    struct op first = sending("c1"), second = carrying("c2");

    use_cache();
    ck_assert_int_eq(run_one(&first), ERR_OK);
    below.n_executes = below.n_ran = below.n_puts = 0;
    below.no_base = 1;
    below.n_items = 1;
    below.stored[0].head = head_with("B");
    ck_assert_int_eq(run_one(&second), ERR_OK);
    ck_assert_uint_eq(below.n_executes, 3);
    ck_assert_int_eq(below.ran[0], OP_CHECKPOINT_PUT);
    ck_assert_int_eq(below.ran[1], OP_CHECKPOINT_LIST);
    ck_assert_int_eq(below.ran[2], OP_CHECKPOINT_PUT);
    ck_assert(slice_equal(said(0)->bytes, SLICE("A")));
    ck_assert(slice_equal(said(1)->bytes, SLICE("B")));
    ck_assert_int_eq(below.puts[1].sources[0], below.stored[0].head.id);
    ck_assert_int_eq(below.puts[1].head.base_id, 0);
}
END_TEST

START_TEST(no_base_five_times_stays)
{
    struct op op = carrying("c2");

    below.no_base = SIZE_MAX;
    ck_assert_int_eq(run_one(&op), ERR_NO_BASE);
    ck_assert_uint_eq(below.n_puts, 5);
    below.n_puts = below.n_ran = 0;
    below.no_base = 4;
    ck_assert_int_eq(run_one(&op), ERR_OK);
    ck_assert_uint_eq(below.n_puts, 5);
}
END_TEST

/* A search that fails takes its put along, and no other. */
START_TEST(a_damaged_head_fails_the_put)
{
    struct op first = carrying("c2"), second = sending("c1");

    below.n_items = 1;
    below.stored[0].head = head_with("A");
    below.stored[0].head.hash[0] ^= 1;
    second.id = SLICE("other");
    ck_assert(run_both(&first, &second));
    ck_assert_int_eq(first.status.kind, ERR_DAMAGED);
    ck_assert_int_eq(second.status.kind, ERR_OK);
    ck_assert_uint_eq(below.n_puts, 1);
}
END_TEST

static const struct value *value_of(size_t i)
{
    ck_assert_uint_eq(below.items[i].n_values, 1);
    return below.items[i].values[0];
}

START_TEST(neighbours_share_a_value)
{
    struct op op = op_of(OP_CHECKPOINT_LIST);

    below.n_items = 2;
    below.stored[0].head = head_with("A");
    below.stored[1].head = head_with("A");
    ck_assert_int_eq(run_one(&op), ERR_OK);
    ck_assert_ptr_eq(value_of(0), value_of(1));
    ck_assert(slice_equal(value_of(0)->blob.bytes, SLICE("A")));
    ck_assert(slice_equal(value_of(0)->blob.type, SLICE("json")));
    ck_assert(slice_equal(value_of(0)->of.channel, SLICE("a")));
    ck_assert_int_lt(value_of(0)->blob.id, 0);
    ck_assert(slice_equal(below.items[0].head.bytes, SLICE("{}")));
    ck_assert(slice_equal(below.items[0].packed, below.stored[0].head.bytes));
}
END_TEST

START_TEST(others_have_their_own)
{
    struct op op = op_of(OP_CHECKPOINT_LIST);
    uint8_t hash[BLOB_HASH_LEN];

    below.n_items = 2;
    below.stored[0].head = head_with("A");
    below.stored[1].head = head_with("B");
    ck_assert_int_eq(run_one(&op), ERR_OK);
    ck_assert_ptr_ne(value_of(0), value_of(1));
    ck_assert_int_lt(value_of(0)->blob.id, 0);
    ck_assert_int_lt(value_of(1)->blob.id, 0);
    ck_assert_int_ne(value_of(0)->blob.id, value_of(1)->blob.id);
    ck_assert(slice_equal(value_of(1)->blob.bytes, SLICE("B")));
    blob_hash(SLICE("json"), SLICE("B"), hash);
    ck_assert_mem_eq(value_of(1)->blob.hash, hash, sizeof(hash));
}
END_TEST

static struct value_ask ask;
static uint8_t asked_hash[BLOB_HASH_LEN];

/* Asks for the value of the channel that has these bytes. */
static struct op asking(const char *bytes)
{
    struct op op = op_of(OP_VALUES_GET);

    blob_hash(SLICE("json"), slice_of(bytes), asked_hash);
    ask = (struct value_ask){.of = carried[0], .hash = asked_hash};
    op.values_get = (struct op_values_get){.ns = SLICE(""), .asks = &ask, .n = 1};
    return op;
}

START_TEST(a_base_in_the_head_that_the_cache_knows)
{
    struct op put = sending("c1"), get = asking("A");
    const struct value *got;

    use_cache();
    ck_assert_int_eq(run_one(&put), ERR_OK);
    below.n_executes = 0;
    ck_assert_int_eq(run_one(&get), ERR_OK);
    ck_assert_uint_eq(below.n_executes, 0);
    got = get.values_get.out.items[0];
    ck_assert_ptr_nonnull(got);
    ck_assert(slice_equal(got->blob.bytes, SLICE("A")));
    ck_assert(slice_equal(got->blob.type, SLICE("json")));
    ck_assert(slice_equal(got->of.channel, SLICE("a")));
    ck_assert_int_le(got->blob.id, 0); /* it is no base for a row */
    get = asking("B");                 /* another value than the cached one */
    ck_assert_int_eq(run_one(&get), ERR_OK);
    ck_assert_uint_eq(below.n_executes, 2);
    ck_assert_ptr_null(get.values_get.out.items[0]);
}
END_TEST

START_TEST(a_base_in_a_head_that_is_read)
{
    struct op get = asking("A");

    below.n_items = 2;
    below.stored[0].head = (struct blob){.id = 4, .type = SLICE(""), .bytes = SLICE("{}")};
    blob_hash(SLICE(""), SLICE("{}"), below.stored[0].head.hash);
    below.stored[1].head = head_with("A");
    ck_assert_int_eq(run_one(&get), ERR_OK);
    ck_assert_uint_eq(below.n_ran, 2);
    ck_assert_int_eq(below.ran[0], OP_VALUES_GET);
    ck_assert_int_eq(below.ran[1], OP_CHECKPOINT_LIST);
    ck_assert_ptr_nonnull(get.values_get.out.items[0]);
    ck_assert(slice_equal(get.values_get.out.items[0]->blob.bytes, SLICE("A")));
    ck_assert_int_le(get.values_get.out.items[0]->blob.id, 0);
}
END_TEST

START_TEST(a_base_that_is_nowhere)
{
    struct op get = asking("A");

    carried[0].version = SLICE("2");
    get = asking("A");
    below.n_items = 1;
    below.stored[0].head = head_with("A");
    ck_assert_int_eq(run_one(&get), ERR_OK);
    ck_assert_ptr_null(get.values_get.out.items[0]);
    ask.id = 5; /* by its id: no head is read */
    below.n_ran = 0;
    ck_assert_int_eq(run_one(&get), ERR_OK);
    ck_assert_uint_eq(below.n_ran, 1);
    ck_assert_ptr_null(get.values_get.out.items[0]);
}
END_TEST

/* A change in the same batch is stored, whatever becomes of the reads behind it. */
START_TEST(reads_behind_a_change_fail_alone)
{
    struct op change = op_of(OP_CONTEXT_PUT), get = asking("A");

    below.fails_at = 2;
    below.fails_with = failures[_i];
    ck_assert(run_both(&change, &get));
    ck_assert_int_eq(change.status.kind, ERR_OK);
    ck_assert_int_eq(get.status.kind, failures[_i]);
}
END_TEST

START_TEST(puts_again_behind_a_change_fail_alone)
{
    struct op change = op_of(OP_CONTEXT_PUT), put = sending("c1");

    below.no_base = 1;
    below.fails_at = 2;
    below.fails_with = failures[_i];
    ck_assert(run_both(&change, &put));
    ck_assert_int_eq(change.status.kind, ERR_OK);
    ck_assert_int_eq(put.status.kind, failures[_i]);
    ck_assert_ptr_eq(put.checkpoint_put.values, sent);
}
END_TEST

static bool go(struct arena *a, struct err *e)
{
    struct op op = op_of(OP_CHECKPOINT_LIST), *ops[] = {&op};

    op.arena = a;
    below.n_ran = 0; /* runs until memory is enough */
    if (!versions->ops->execute(versions, ops, 1, e))
        return false;
    *e = op.status;
    return op.status.kind == ERR_OK;
}

START_TEST(memory_may_end_anywhere)
{
    below.n_items = 2;
    below.stored[0].head = head_with("A");
    below.stored[1].head = head_with("B");
    oom_sweep(go);
}
END_TEST

Suite *suite_versions_inlined(void)
{
    Suite *suite = suite_create("versions_inlined");
    TCase *tc = tcase_create("versions_inlined");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, a_put_that_carries_waits_for_those_before);
    tcase_add_test(tc, without_a_cache_it_reads);
    tcase_add_test(tc, each_searches_once);
    tcase_add_test(tc, others_do_not_wait);
    tcase_add_test(tc, what_changes_a_thread_is_waited_for);
    tcase_add_loop_test(tc, the_second_piece_fails, 0, COUNT_OF(failures));
    tcase_add_loop_test(tc, the_first_piece_fails, 0, COUNT_OF(failures));
    tcase_add_test(tc, no_base_leads_to_a_read);
    tcase_add_test(tc, no_base_five_times_stays);
    tcase_add_test(tc, a_damaged_head_fails_the_put);
    tcase_add_test(tc, neighbours_share_a_value);
    tcase_add_test(tc, others_have_their_own);
    tcase_add_test(tc, a_base_in_the_head_that_the_cache_knows);
    tcase_add_test(tc, a_base_in_a_head_that_is_read);
    tcase_add_test(tc, a_base_that_is_nowhere);
    tcase_add_loop_test(tc, reads_behind_a_change_fail_alone, 0, COUNT_OF(failures));
    tcase_add_loop_test(tc, puts_again_behind_a_change_fail_alone, 0, COUNT_OF(failures));
    tcase_add_test(tc, memory_may_end_anywhere);
    suite_add_tcase(suite, tc);
    return suite;
}

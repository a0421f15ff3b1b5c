/* contract_messages.c - contexts and messages. */
#include "support.h"

static struct store s;

static void open_store(void)
{
    store_open(&s, store_config(), 0);
    store_session(&s, "s1");
}

static void close_store(void)
{
    store_close(&s);
}

static struct op context_op(const char *id, const char *json)
{
    struct op op = store_op(&s, OP_CONTEXT_PUT, id);

    op.context_put.context = slice_of(json);
    return op;
}

START_TEST(contexts_have_versions)
{
    struct op op, list;

    for (int i = 1; i <= 5; i++) {
        struct slice json = arena_printf(&s.arena, "[%d, 1e400]", i);

        s.now_us += SECOND;
        ck_assert_int_eq(store_context(&s, "s1", json.at), i);
    }
    op = store_op(&s, OP_CONTEXT_GET, "s1");
    store_ok(&s, &op);
    ck_assert_int_eq(op.context_get.out.context.version, 5);
    ck_assert_int_eq(op.context_get.out.context.updated_us, s.now_us);
    ck_assert_slice(op.context_get.out.context.body, "[5, 1e400]");
    op.context_get.version = 3;
    store_ok(&s, &op);
    ck_assert_slice(op.context_get.out.context.body, "[3, 1e400]");
    op.context_get.version = 2;
    store_fails(&s, &op, ERR_NOT_FOUND);
    list = store_op(&s, OP_CONTEXT_LIST, "s1");
    list.context_list.limit = 2;
    store_ok(&s, &list);
    ck_assert_uint_eq(list.context_list.out.n, 2);
    ck_assert_int_eq(list.context_list.out.items[0].version, 5);
    ck_assert_int_eq(list.context_list.out.items[1].version, 4);
    ck_assert_uint_eq(list.context_list.out.items[1].body_len, 10);
    list.context_list.limit = 100;
    store_ok(&s, &list);
    ck_assert_uint_eq(list.context_list.out.n, 3);
    ck_assert_int_eq(store_get(&s, "s1").last_activity_us, s.now_us);
    ck_assert_int_eq(store_get(&s, "s1").version, 1);
}
END_TEST

START_TEST(contexts_guard_their_version)
{
    struct op op = context_op("s1", "1");

    op.context_put.if_version = IF_EXISTS;
    store_fails(&s, &op, ERR_PRECONDITION);
    op.context_put.if_version = 1;
    store_fails(&s, &op, ERR_PRECONDITION);
    op.context_put.if_version = IF_NONE;
    store_ok(&s, &op);
    op = context_op("s1", "2");
    op.context_put.if_version = 1;
    store_ok(&s, &op);
    op = context_op("s1", "3");
    op.context_put.if_version = 1;
    store_fails(&s, &op, ERR_PRECONDITION);
    op.context_put.if_version = IF_EXISTS;
    store_ok(&s, &op);
    ck_assert_int_eq(op.context_put.out.version, 3);
}
END_TEST

START_TEST(contexts_may_need_a_session)
{
    struct op op = context_op("none", "{}"), get = store_op(&s, OP_CONTEXT_GET, "none");
    struct op list = store_op(&s, OP_CONTEXT_LIST, "none");

    op.context_put.require_session = true;
    store_fails(&s, &op, ERR_NO_SESSION);
    store_fails(&s, &get, ERR_NO_SESSION);
    list.context_list.limit = 5;
    store_ok(&s, &list);
    ck_assert_uint_eq(list.context_list.out.n, 0);
    op.context_put.require_session = false;
    store_ok(&s, &op);
    store_ok(&s, &get);
    ck_assert_slice(get.context_get.out.context.body, "{}");
    ck_assert(!store_has(&s, "none"));
    get = store_op(&s, OP_CONTEXT_GET, "s1");
    store_fails(&s, &get, ERR_NOT_FOUND);
    op = context_op("s1", "{}");
    op.context_put.require_session = true;
    store_ok(&s, &op);
}
END_TEST

START_TEST(contexts_without_session_stay_when_it_comes)
{
    ck_assert_int_eq(store_context(&s, "x", "1"), 1);
    store_session(&s, "x");
    ck_assert_int_eq(store_context(&s, "x", "2"), 2);
}
END_TEST

START_TEST(append_is_idempotent_by_id)
{
    struct message m[3] = {
        {.id = SLICE("a"),
         .role = SLICE("user"),
         .content = SLICE("\"\\u0000\""),
         .metadata = SLICE("{\"k\":1}")},
        {.id = SLICE("b"), .role = SLICE("ai"), .content = SLICE("[]")},
        {.id = SLICE("a"), .role = SLICE("other"), .content = SLICE("2")},
    };
    struct op list, op = store_op(&s, OP_MESSAGE_APPEND, "s1");

    op.message_append.messages = m;
    op.message_append.n = 3;
    op.message_append.require_session = true;
    store_ok(&s, &op);
    ck_assert(m[0].created && m[1].created && !m[2].created);
    ck_assert_int_eq(m[0].seq, s.now_us);
    ck_assert_int_eq(m[1].seq, s.now_us + 1);
    ck_assert_int_eq(m[2].seq, m[0].seq);
    op.now_us += SECOND;
    store_ok(&s, &op);
    ck_assert(!m[0].created && !m[1].created);
    ck_assert_int_eq(m[1].seq, s.now_us + 1);
    list = store_op(&s, OP_MESSAGE_LIST, "s1");
    list.message_list.limit = 50;
    store_ok(&s, &list);
    ck_assert_uint_eq(list.message_list.out.n, 2);
    ck_assert_slice(list.message_list.out.items[0].id, "a");
    ck_assert_slice(list.message_list.out.items[0].role, "user");
    ck_assert_slice(list.message_list.out.items[0].content, "\"\\u0000\"");
    ck_assert_slice(list.message_list.out.items[0].metadata, "{\"k\":1}");
    ck_assert_slice(list.message_list.out.items[1].metadata, "{}");
    ck_assert_int_eq(list.message_list.out.items[1].seq, s.now_us + 1);
    ck_assert_int_eq(store_get(&s, "s1").last_activity_us, s.now_us + SECOND);
    ck_assert_int_eq(store_get(&s, "s1").version, 1);
}
END_TEST

START_TEST(seq_rises_when_the_clock_does_not)
{
    int64_t first = store_message(&s, "s1", "a").seq;

    ck_assert_int_eq(store_message(&s, "s1", "b").seq, first + 1);
    s.now_us -= HOUR;
    ck_assert_int_eq(store_message(&s, "s1", "c").seq, first + 2);
    s.now_us += 2 * HOUR;
    ck_assert_int_eq(store_message(&s, "s1", "d").seq, s.now_us);
}
END_TEST

START_TEST(append_may_need_a_session)
{
    struct message m = {.id = SLICE("a"), .role = SLICE("user"), .content = SLICE("1")};
    struct op op = store_op(&s, OP_MESSAGE_APPEND, "none");

    op.message_append.messages = &m;
    op.message_append.n = 1;
    op.message_append.require_session = true;
    store_fails(&s, &op, ERR_NO_SESSION);
    op.message_append.require_session = false;
    store_ok(&s, &op);
    ck_assert(!store_has(&s, "none"));
    store_session(&s, "none");
    op.message_append.require_session = true;
    store_ok(&s, &op);
    ck_assert(!m.created);
}
END_TEST

enum { BATCH = 12, LARGE = 3, ABSENT, FREE, AGAIN, NOTED, FOREIGN };

/* The appends of a batch: one message each, to conversations of which most are in use. */
static void make_batch(struct op ops[BATCH], struct message m[BATCH])
{
    for (int i = 0; i < BATCH; i++) {
        struct slice id = arena_printf(&s.arena, "b%d", i);

        s.tenant = slice_of(i == FOREIGN ? "other" : "default");
        if (i != ABSENT && i != FREE) {
            store_session(&s, id.at);
            (void)store_message(&s, id.at, "first");
        }
        m[i] = (struct message){.id = slice_of(i == AGAIN ? "first" : "second"),
                                .role = SLICE("user"),
                                .content = slice_of(i == LARGE ? store_big(&s, 2 << 20) : "1"),
                                .fresh = i != AGAIN};
        if (i == NOTED)
            m[i].metadata = SLICE("{\"k\":1}");
    }
    for (int i = 0; i < BATCH; i++) {
        s.tenant = slice_of(i == FOREIGN ? "other" : "default");
        s.now_us += 1000;
        ops[i] = store_op(&s, OP_MESSAGE_APPEND, arena_printf(&s.arena, "b%d", i).at);
        ops[i].message_append.messages = &m[i];
        ops[i].message_append.n = 1;
        ops[i].message_append.require_session = i != FREE;
    }
}

START_TEST(appends_of_a_batch)
{
    struct message m[BATCH];
    struct op ops[BATCH], *batch[BATCH], list;
    struct err err;

    make_batch(ops, m);
    for (int i = 0; i < BATCH; i++)
        batch[i] = &ops[i];
    ck_assert_msg(backend_execute(s.backend, batch, BATCH, &err), "%s", err.text);
    for (int i = 0; i < BATCH; i++) {
        const struct message *last;

        ck_assert_int_eq(ops[i].status.kind, i == ABSENT ? ERR_NO_SESSION : ERR_OK);
        ck_assert(i == ABSENT || m[i].created == (i != AGAIN));
        s.tenant = ops[i].tenant;
        list = store_op(&s, OP_MESSAGE_LIST, arena_printf(&s.arena, "b%d", i).at);
        list.message_list.limit = 10;
        store_ok(&s, &list);
        ck_assert_uint_eq(list.message_list.out.n, i == ABSENT               ? 0
                                                   : i == FREE || i == AGAIN ? 1
                                                                             : 2);
        if (i == ABSENT)
            continue;
        last = &list.message_list.out.items[list.message_list.out.n - 1];
        ck_assert(slice_equal(last->id, m[i].id) && last->seq == m[i].seq);
        ck_assert(i == AGAIN || slice_equal(last->content, m[i].content));
        ck_assert_slice(last->metadata, i == NOTED ? "{\"k\":1}" : "{}");
        ck_assert(i == FREE ||
                  store_get(&s, arena_printf(&s.arena, "b%d", i).at).last_activity_us ==
                      ops[i].now_us);
    }
}
END_TEST

static void fill(struct message_pos *pos, int n)
{
    for (int i = 0; i < n; i++) {
        struct message m;
        struct slice id = arena_printf(&s.arena, "m%02d", i);

        s.now_us += SECOND;
        m = store_message(&s, "s1", id.at);
        pos[i] = (struct message_pos){m.seq, id};
    }
}

struct page {
    int limit, after, before; /* bounds: index of a message; -1: none */
    int first, n;
    bool more_before, more_after;
};

static void check_page(const struct page *p, const struct message_pos *pos, size_t i)
{
    struct op op = store_op(&s, OP_MESSAGE_LIST, "s1");

    op.message_list.limit = p->limit;
    op.message_list.has_after = p->after >= 0;
    op.message_list.has_before = p->before >= 0;
    if (p->after >= 0)
        op.message_list.after = pos[p->after];
    if (p->before >= 0)
        op.message_list.before = pos[p->before];
    store_ok(&s, &op);
    ck_assert_msg(op.message_list.out.n == (size_t)p->n, "page %zu: %zu items", i,
                  op.message_list.out.n);
    for (int k = 0; k < p->n; k++)
        ck_assert_int_eq(op.message_list.out.items[k].seq, pos[p->first + k].seq);
    ck_assert_msg(op.message_list.out.more_before == p->more_before, "page %zu", i);
    ck_assert_msg(op.message_list.out.more_after == p->more_after, "page %zu", i);
}

START_TEST(pages_know_what_is_around_them)
{
    static const struct page pages[] = {
        {4, -1, -1, 6, 4, true, false}, /* newest */
        {10, -1, -1, 0, 10, false, false}, {11, -1, -1, 0, 10, false, false},
        {4, -1, 6, 2, 4, true, true},      {4, -1, 4, 0, 4, false, true},
        {4, -1, 3, 0, 3, false, true},     {4, -1, 0, 0, 0, false, true}, /* nothing is older */
        {4, 1, -1, 2, 4, true, true},      {4, 5, -1, 6, 4, true, false},
        {4, 6, -1, 7, 3, true, false},     {4, 9, -1, 0, 0, true, false}, /* nothing is newer */
        {4, 1, 4, 2, 2, true, true},       {2, 1, 8, 2, 2, true, true},
        {4, 1, 2, 0, 0, true, true}, /* between neighbours */
        {4, 5, 9, 6, 3, true, true},
    };
    struct message_pos pos[10];

    fill(pos, 10);
    for (size_t i = 0; i < COUNT_OF(pages); i++)
        check_page(&pages[i], pos, i);
}
END_TEST

/* Two messages fill a page, from whichever end it is read. */
START_TEST(pages_hold_so_many_bytes)
{
    static const struct page pages[] = {
        {9, -1, -1, 3, 2, true, false}, {9, -1, 3, 1, 2, true, true},
        {9, -1, 1, 0, 1, false, true},  {9, 0, -1, 1, 2, true, true},
        {9, 2, -1, 3, 2, true, false},  {9, 1, 4, 2, 2, true, true},
        {1, -1, -1, 4, 1, true, false},
    };
    struct slice half = slice_of(store_big(&s, PAGE_BYTES_MAX / 2));
    struct op op = store_op(&s, OP_MESSAGE_APPEND, "s1");
    struct message_pos pos[5];
    struct message m[5];

    for (size_t i = 0; i < COUNT_OF(m); i++)
        m[i] = (struct message){
            .id = arena_printf(&s.arena, "m%zu", i), .role = SLICE("user"), .content = half};
    op.message_append.messages = m;
    op.message_append.n = COUNT_OF(m);
    store_ok(&s, &op);
    for (size_t i = 0; i < COUNT_OF(m); i++)
        pos[i] = (struct message_pos){m[i].seq, m[i].id};
    for (size_t i = 0; i < COUNT_OF(pages); i++)
        check_page(&pages[i], pos, i);
}
END_TEST

START_TEST(unknown_conversation_is_empty)
{
    struct op op = store_op(&s, OP_MESSAGE_LIST, "none");

    op.message_list.limit = 10;
    store_ok(&s, &op);
    ck_assert_uint_eq(op.message_list.out.n, 0);
    ck_assert(!op.message_list.out.more_before && !op.message_list.out.more_after);
}
END_TEST

/* Messages with the same seq, which two stores may give, are ordered by id. */
START_TEST(ties_are_by_id)
{
    struct record records[5] = {0};
    struct op op = store_op(&s, OP_MESSAGE_LIST, "s1");
    const char *ids[] = {"c", "a", "e", "b", "d"};

    for (int i = 0; i < 5; i++) {
        records[i].kind = RECORD_MESSAGE;
        records[i].key.id = SLICE("s1");
        records[i].key.sub = slice_of(ids[i]);
        records[i].message = (struct record_message){
            .stamp = 1000 + i, .seq = 77, .role = SLICE("r"), .content = SLICE("1")};
    }
    ck_assert_uint_eq(store_merge(&s, records, 5), 5);
    op.message_list.limit = 2;
    op.message_list.has_after = true;
    op.message_list.after = (struct message_pos){77, SLICE("a")};
    store_ok(&s, &op);
    ck_assert_uint_eq(op.message_list.out.n, 2);
    ck_assert_slice(op.message_list.out.items[0].id, "b");
    ck_assert_slice(op.message_list.out.items[1].id, "c");
    ck_assert(op.message_list.out.more_before && op.message_list.out.more_after);
    op.message_list.has_after = false;
    op.message_list.has_before = true;
    op.message_list.before = (struct message_pos){77, SLICE("c")};
    store_ok(&s, &op);
    ck_assert_uint_eq(op.message_list.out.n, 2);
    ck_assert_slice(op.message_list.out.items[0].id, "a");
    ck_assert_slice(op.message_list.out.items[1].id, "b");
    ck_assert(!op.message_list.out.more_before && op.message_list.out.more_after);
}
END_TEST

static int64_t trim(const struct message_pos *before, int64_t keep_last)
{
    struct op op = store_op(&s, OP_MESSAGE_TRIM, "s1");

    op.message_trim.has_before = before != NULL;
    if (before)
        op.message_trim.before = *before;
    op.message_trim.keep_last = keep_last;
    store_ok(&s, &op);
    return op.message_trim.out.removed;
}

START_TEST(trim_keeps_the_newest)
{
    struct message_pos pos[10];
    struct op op = store_op(&s, OP_MESSAGE_TRIM, "none");

    fill(pos, 10);
    ck_assert_int_eq(trim(&pos[2], 0), 2);
    ck_assert_int_eq(trim(&pos[2], 0), 0);
    ck_assert_int_eq(trim(&pos[9], 6), 2);
    ck_assert_int_eq(trim(&pos[5], 1), 1);
    ck_assert_int_eq(trim(NULL, 100), 0);
    ck_assert_int_eq(trim(NULL, 5), 0);
    ck_assert_int_eq(trim(NULL, 2), 3);
    op.message_trim.keep_last = 1;
    store_ok(&s, &op);
    ck_assert_int_eq(op.message_trim.out.removed, 0);
}
END_TEST

START_TEST(a_thousand_at_once)
{
    struct op list, op = store_op(&s, OP_MESSAGE_APPEND, "s1");
    struct message m[1000] = {0};

    for (int i = 0; i < 1000; i++) {
        m[i].id = arena_printf(&s.arena, "m%d", i);
        m[i].role = SLICE("user");
        m[i].content = SLICE("\"\"");
    }
    op.message_append.messages = m;
    op.message_append.n = 1000;
    store_ok(&s, &op);
    list = store_op(&s, OP_MESSAGE_LIST, "s1");
    list.message_list.limit = 1000;
    store_ok(&s, &list);
    ck_assert_uint_eq(list.message_list.out.n, 1000);
    ck_assert_slice(list.message_list.out.items[999].id, "m999");
    ck_assert(!list.message_list.out.more_before);
}
END_TEST

TCase *contract_messages_case(void)
{
    TCase *tc = tcase_create("messages");

    tcase_add_checked_fixture(tc, open_store, close_store);
    tcase_add_test(tc, contexts_have_versions);
    tcase_add_test(tc, contexts_guard_their_version);
    tcase_add_test(tc, contexts_may_need_a_session);
    tcase_add_test(tc, contexts_without_session_stay_when_it_comes);
    tcase_add_test(tc, append_is_idempotent_by_id);
    tcase_add_test(tc, seq_rises_when_the_clock_does_not);
    tcase_add_test(tc, append_may_need_a_session);
    tcase_add_test(tc, appends_of_a_batch);
    tcase_add_test(tc, pages_know_what_is_around_them);
    tcase_add_test(tc, pages_hold_so_many_bytes);
    tcase_add_test(tc, unknown_conversation_is_empty);
    tcase_add_test(tc, ties_are_by_id);
    tcase_add_test(tc, trim_keeps_the_newest);
    tcase_add_test(tc, a_thousand_at_once);
    return tc;
}

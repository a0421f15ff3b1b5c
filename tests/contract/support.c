/* support.c - see support.h. */
#include "support.h"

#include <stdlib.h>

#include "clock.h"
#include "value_cache.h"

enum { CACHE_BYTES = 1 << 26 };

const struct contract_target *contract_target;

static struct value_cache *cache; /* shared by all stores: ids of values are unique */

int contract_run(const struct contract_target *target)
{
    Suite *suite = suite_create(target->name);
    SRunner *runner;
    int failed;

    contract_target = target;
    cache = target->cached ? value_cache_new(CACHE_BYTES) : NULL;
    suite_add_tcase(suite, contract_sessions_case());
    suite_add_tcase(suite, contract_messages_case());
    suite_add_tcase(suite, contract_records_case());
    suite_add_tcase(suite, contract_expiry_case());
    suite_add_tcase(suite, contract_threads_case());
    suite_add_tcase(suite, contract_inlined_case());
    suite_add_tcase(suite, contract_inlined_cached_case());
    suite_add_tcase(suite, contract_random_case());
    if (!target->stamps_anew) {
        suite_add_tcase(suite, contract_batches_case());
        suite_add_tcase(suite, contract_singles_case());
        suite_add_tcase(suite, contract_pair_case());
    }
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    value_cache_free(cache);
    cache = NULL;
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

struct backend_config store_config(void)
{
    return (struct backend_config){.role = BACKEND_WRITER, .context_versions = 3, .cache = cache};
}

void store_open(struct store *s, struct backend_config cfg, int number)
{
    struct err err = {0};

    clock_fake(1, INT64_C(1800000000) * SECOND);
    *s = (struct store){.tenant = SLICE("default"), .now_us = INT64_C(1800000000) * SECOND};
    s->backend = contract_target->open(cfg, number, &err);
    ck_assert_msg(s->backend != NULL, "open: %s", err.text);
}

void store_open_ageing(struct store *s)
{
    struct backend_config cfg = store_config();

    cfg.checkpoint_ttl_us = HOUR;
    store_open(s, cfg, 2);
    clock_fake(1, s->now_us);
}

void store_close(struct store *s)
{
    backend_close(s->backend);
    value_cache_free(s->cache);
    arena_done(&s->arena);
}

struct op store_op(struct store *s, enum op_type type, const char *id)
{
    return (struct op){
        .type = type,
        .tenant = s->tenant,
        .id = slice_of(id),
        .now_us = s->now_us,
        .stamp = stamp_next(),
        .arena = &s->arena,
    };
}

enum err_kind store_run(struct store *s, struct op *op)
{
    struct op *ops[] = {op};
    struct err err = {0};
    bool ran;

    while ((ran = backend_execute(s->backend, ops, 1, &err)) && op->again)
        if (s->between)
            s->between(s);
    ck_assert_msg(ran, "%s: %s", op_name(op->type), err.text);
    return op->status.kind;
}

void store_ok(struct store *s, struct op *op)
{
    enum err_kind kind = store_run(s, op);

    ck_assert_msg(kind == ERR_OK, "%s: %s", op_name(op->type), op->status.text);
}

void store_fails(struct store *s, struct op *op, enum err_kind kind)
{
    enum err_kind got = store_run(s, op);

    ck_assert_msg(got == kind, "%s: %s (%s), not %s", op_name(op->type), err_wire_name(got),
                  op->status.text, err_wire_name(kind));
    ck_assert_str_ne(op->status.text, "");
}

struct session store_session(struct store *s, const char *id)
{
    struct op op = store_op(s, OP_SESSION_PUT, id);

    op.session_put.user_id = SLICE("u");
    op.session_put.metadata = SLICE("{}");
    store_ok(s, &op);
    return op.session_put.out.session;
}

struct session store_get(struct store *s, const char *id)
{
    struct op op = store_op(s, OP_SESSION_GET, id);

    store_ok(s, &op);
    return op.session_get.out.session;
}

bool store_has(struct store *s, const char *id)
{
    struct op op = store_op(s, OP_SESSION_GET, id);
    enum err_kind kind = store_run(s, &op);

    ck_assert(kind == ERR_OK || kind == ERR_NO_SESSION);
    return kind == ERR_OK;
}

struct message store_message(struct store *s, const char *id, const char *message_id)
{
    struct op op = store_op(s, OP_MESSAGE_APPEND, id);
    struct message m = {
        .id = slice_of(message_id),
        .role = SLICE("user"),
        .content = arena_printf(&s->arena, "\"%s\"", message_id),
    };

    op.message_append.messages = &m;
    op.message_append.n = 1;
    store_ok(s, &op);
    return m;
}

int64_t store_context(struct store *s, const char *id, const char *json)
{
    struct op op = store_op(s, OP_CONTEXT_PUT, id);

    op.context_put.context = slice_of(json);
    store_ok(s, &op);
    return op.context_put.out.version;
}

struct record *store_records(struct store *s, enum record_kind kind, int64_t page, size_t *n)
{
    struct op op = store_op(s, OP_READ_RANGE, NULL);
    struct record *all = NULL;

    *n = 0;
    op.read_range.kind = kind;
    op.read_range.limit = page;
    do {
        size_t got;

        store_ok(s, &op);
        got = op.read_range.out.n;
        ck_assert_uint_le(got, (size_t)page);
        all = arena_resize(&s->arena, all, *n * sizeof(*all), (*n + got) * sizeof(*all));
        ck_assert_ptr_nonnull(all);
        if (got) {
            memcpy(all + *n, op.read_range.out.items, got * sizeof(*all));
            op.read_range.after = all[*n + got - 1].key;
        }
        *n += got;
        ck_assert(got || !op.read_range.out.more);
    } while (op.read_range.out.more);
    return all;
}

size_t store_merge(struct store *s, const struct record *records, size_t n)
{
    struct op op = store_op(s, OP_MERGE, NULL);

    op.merge.items = records;
    op.merge.n = n;
    store_ok(s, &op);
    return op.merge.out.applied;
}

size_t store_count(struct store *s, const char *id)
{
    struct op op = store_op(s, OP_MESSAGE_LIST, id);

    op.message_list.limit = 1000;
    store_ok(s, &op);
    return op.message_list.out.n;
}

const char *store_big(struct store *s, size_t len)
{
    char *text = arena_alloc(&s->arena, len + 1);

    ck_assert_ptr_nonnull(text);
    memset(text, 'x', len);
    text[0] = text[len - 1] = '"';
    text[len] = '\0';
    return text;
}

struct op_cleanup store_clean(struct store *s, int64_t idle_us, int64_t limit)
{
    struct op op = store_op(s, OP_CLEANUP, NULL);

    op.cleanup.expired = idle_us == 0;
    op.cleanup.idle_us = idle_us;
    op.cleanup.limit = limit;
    store_ok(s, &op);
    return op.cleanup;
}

struct op_stats store_stats(struct store *s)
{
    struct op op = store_op(s, OP_STATS, NULL);

    store_ok(s, &op);
    return op.stats;
}

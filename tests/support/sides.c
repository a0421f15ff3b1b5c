/* sides.c - see sides.h. */
#include "sides.h"

#include <check.h>

#include "alone.h"
#include "clock.h"
#include "drivers.h"

void sides_open(struct sides *s)
{
    struct backend_config cfg = {.url = "memory:", .role = BACKEND_ANY, .context_versions = 3};
    struct err err = {0};

    *s = (struct sides){.arena = {0}};
    for (int i = 0; i < 2; i++) {
        s->stores[i] = chain_open(&cfg, &err);
        ck_assert_msg(s->stores[i] != NULL, "%s", err.text);
        s->faults[i] = fault_open(s->stores[i], &s->plans[i], &err);
        ck_assert_msg(s->faults[i] != NULL, "%s", err.text);
    }
}

void sides_close(struct sides *s)
{
    backend_close(s->faults[0]);
    backend_close(s->faults[1]);
    arena_done(&s->arena);
}

struct failover *sides_begin(struct sides *s, unsigned failures, int64_t pause_max_ns)
{
    struct failover_config cfg = {
        .breaker = {.failures = failures,
                    .window_ns = INT64_C(10000000000),
                    .pause_min_ns = INT64_C(100000000),
                    .pause_max_ns = pause_max_ns},
        .start_wait_ms = 15000,
        .poll_ms = 1000,
        .seed = 7,
    };
    struct err err = {0};
    struct failover *f;

    clock_fake(INT64_C(1000000000), INT64_C(1800000000000000));
    sides_open(s);
    f = failover_new(&cfg, &err);
    ck_assert_msg(f != NULL, "%s", err.text);
    return f;
}

void sides_end(struct sides *s, struct failover *f)
{
    failover_free(f);
    sides_close(s);
    clock_fake(0, 0);
}

void sides_pass(int64_t ms)
{
    clock_fake(clock_now_ns() + ms * 1000000, clock_now_us() + ms * 1000);
}

struct backend *sides_use_alone(struct sides *s, int side)
{
    struct err err = {0};

    s->faults[side] = alone_open(s->faults[side], &(struct backend_config){.existing = true}, &err);
    ck_assert_msg(s->faults[side] != NULL, "%s", err.text);
    return s->faults[side];
}

struct op sides_op(struct sides *s, enum op_type type, const char *id)
{
    return (struct op){.type = type,
                       .tenant = SLICE("default"),
                       .id = slice_of(id),
                       .now_us = clock_now_us(),
                       .stamp = stamp_next(),
                       .arena = &s->arena};
}

void sides_run(struct sides *s, int side, struct op *op)
{
    struct err err = {0};

    ck_assert_msg(backend_execute(s->stores[side], &op, 1, &err), "%s", err.text);
    ck_assert_msg(op->status.kind == ERR_OK, "%s: %s", op_name(op->type), op->status.text);
}

void sides_session(struct sides *s, int side, const char *id)
{
    struct op op = sides_op(s, OP_SESSION_PUT, id);

    op.session_put.user_id = SLICE("u");
    op.session_put.metadata = SLICE("{}");
    sides_run(s, side, &op);
}

void sides_message(struct sides *s, int side, const char *id, const char *message)
{
    struct op op = sides_op(s, OP_MESSAGE_APPEND, id);
    struct message m = {.id = slice_of(message),
                        .role = SLICE("user"),
                        .content = SLICE("\"hello\""),
                        .metadata = SLICE("{}")};

    op.message_append.messages = &m;
    op.message_append.n = 1;
    sides_run(s, side, &op);
}

void sides_checkpoint(struct sides *s, int side, const char *thread, const char *id)
{
    sides_child(s, side, thread, id, (struct slice){NULL, 0});
}

void sides_child(struct sides *s, int side, const char *thread, const char *id, struct slice parent)
{
    struct op op = sides_op(s, OP_CHECKPOINT_PUT, thread);

    op.checkpoint_put.ns = SLICE("");
    op.checkpoint_put.checkpoint_id = slice_of(id);
    op.checkpoint_put.parent_id = parent;
    op.checkpoint_put.form = FORM_CHANNEL;
    op.checkpoint_put.head.type = SLICE("");
    op.checkpoint_put.head.bytes = SLICE("{\"v\":4}");
    op.checkpoint_put.metadata = SLICE("{}");
    sides_run(s, side, &op);
}

void sides_writes(struct sides *s, int side, const char *thread, const char *id, const char *task)
{
    struct op op = sides_op(s, OP_WRITES_PUT, thread);
    struct write w = {.channel = SLICE("a"),
                      .blob = {.type = SLICE("msgpack"), .bytes = SLICE("\x01")}};

    op.writes_put = (struct op_writes_put){.ns = SLICE(""),
                                           .checkpoint_id = slice_of(id),
                                           .task_id = slice_of(task),
                                           .task_path = SLICE(""),
                                           .form = FORM_CHANNEL,
                                           .writes = &w,
                                           .n = 1};
    sides_run(s, side, &op);
}

const struct record *sides_read(struct sides *s, int side, enum record_kind kind, size_t *n)
{
    struct op op = sides_op(s, OP_READ_RANGE, NULL);

    op.read_range.kind = kind;
    op.read_range.limit = 1000;
    sides_run(s, side, &op);
    *n = op.read_range.out.n;
    return op.read_range.out.items;
}

size_t sides_count(struct sides *s, int side, enum record_kind kind)
{
    size_t n;

    (void)sides_read(s, side, kind, &n);
    return n;
}

void sides_fail(struct sides *s, int side, size_t call)
{
    struct fault_plan *plan = &s->plans[side];

    plan->mode = FAULT_BEFORE;
    atomic_store(&plan->at, call ? atomic_load(&plan->calls) + call : 0);
}

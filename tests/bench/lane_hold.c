/*
 * lane_hold.c - how long an op on much data takes, and how long other writes wait meanwhile.
 *
 *     lane_hold URL CHECKPOINTS
 *
 * Fills a thread, then runs each op on a copy of it, while another session gets one message after
 * the other. One line an op: its time, and the longest time that a message took.
 */
#include <stdio.h>
#include <stdlib.h>

#include "arena.h"
#include "clock.h"
#include "drivers.h"
#include "inbox.h"
#include "lane.h"

enum { GROUP = 100 };

struct bench {
    struct lanes *lanes;
    struct inbox big, small;
    int n;
    int appended;
};

static void die(const char *what, const struct err *err)
{
    fprintf(stderr, "%s: %s\n", what, err->text);
    exit(1);
}

static struct backend *open_chain(void *url, enum backend_role role, struct err *err)
{
    struct backend_config cfg = {.url = url, .role = role, .context_versions = 10};

    return chain_open(&cfg, err);
}

static struct op new_op(struct bench *b, enum op_type type, const char *id, struct arena *arena)
{
    return (struct op){
        .type = type,
        .tenant = SLICE("default"),
        .id = slice_of(id),
        .now_us = clock_now_us(),
        .stamp = stamp_next(),
        .arena = arena,
        .home = &b->big,
    };
}

static void submit(struct bench *b, struct op *first, size_t n)
{
    struct err err;

    if (!lanes_admit(b->lanes, n, &err))
        die("admit", &err);
    lanes_submit(b->lanes, first);
}

static void wait_all(struct inbox *home, size_t n)
{
    for (size_t got = 0; got < n;)
        for (struct op *op = inbox_wait(home, -1); op; op = op->next, got++)
            if (op->status.kind != ERR_OK)
                die(op_name(op->type), &op->status);
}

/* One message; how long it took. */
static int64_t append(struct bench *b)
{
    struct arena arena = {0};
    struct op op = new_op(b, OP_MESSAGE_APPEND, "other", &arena);
    struct message message = {
        .id = arena_printf(&arena, "m%d", b->appended++),
        .role = SLICE("user"),
        .content = SLICE("\"a short message\""),
    };
    int64_t before = clock_now_ns();

    op.home = &b->small;
    op.message_append.messages = &message;
    op.message_append.n = 1;
    submit(b, &op, 1);
    wait_all(&b->small, 1);
    arena_done(&arena);
    return clock_now_ns() - before;
}

static void measure(struct bench *b, const char *name, struct op *op)
{
    int64_t start = clock_now_ns(), longest = 0;
    int writes = 0;
    struct op *done;

    submit(b, op, 1);
    while (!(done = inbox_take(&b->big))) {
        int64_t took = append(b);

        writes++;
        longest = took > longest ? took : longest;
    }
    if (done->status.kind != ERR_OK)
        die(name, &done->status);
    printf("%-34s %8.0f ms  longest wait %7.1f ms  (%d messages)\n", name,
           (double)(clock_now_ns() - start) / 1e6, (double)longest / 1e6, writes);
    fflush(stdout);
    arena_reset(op->arena);
}

static void fill_checkpoint(struct op *op, int i, struct arena *arena)
{
    struct op_checkpoint_put *put = &op->checkpoint_put;
    struct value *values = arena_zalloc(arena, 1, sizeof(*values));
    struct channel_version *carried = arena_zalloc(arena, 3, sizeof(*carried));

    put->ns = SLICE("");
    put->checkpoint_id = arena_printf(arena, "%012d", i);
    put->parent_id = i ? arena_printf(arena, "%012d", i - 1) : (struct slice){NULL, 0};
    put->form = FORM_CHANNEL;
    put->head = (struct blob){.type = SLICE(""),
                              .bytes = arena_printf(arena, "{\"v\":4,\"x\":\"%0180d\"}", i)};
    put->metadata = arena_printf(arena, "{\"source\":\"loop\",\"step\":%d,\"run_id\":\"r%d\"}", i,
                                 i % 2);
    put->run_id = arena_printf(arena, "r%d", i % 2);
    values[0].of = (struct channel_version){SLICE("messages"), arena_printf(arena, "%d", i)};
    values[0].blob = (struct blob){.type = SLICE("msgpack"),
                                   .bytes = arena_printf(arena, "%0100d", i)};
    put->values = values;
    put->n_values = 1;
    for (int c = 0; c < 3; c++)
        carried[c] = (struct channel_version){arena_printf(arena, "c%d", c), SLICE("1")};
    put->carried = carried;
    put->n_carried = i ? 3 : 0;
    if (i == 0) {
        put->values = arena_zalloc(arena, 3, sizeof(*values));
        for (int c = 0; c < 3; c++)
            put->values[c] = (struct value){
                .of = {carried[c].channel, SLICE("1")},
                .blob = {.type = SLICE("msgpack"), .bytes = SLICE("x")}};
        put->n_values = 3;
    }
}

static void fill_writes(struct op *op, int i, struct arena *arena)
{
    struct op_writes_put *put = &op->writes_put;

    put->ns = SLICE("");
    put->checkpoint_id = arena_printf(arena, "%012d", i);
    put->task_id = SLICE("task");
    put->task_path = SLICE("");
    put->form = FORM_CHANNEL;
    put->writes = arena_zalloc(arena, 1, sizeof(*put->writes));
    put->writes[0].channel = SLICE("messages");
    put->writes[0].blob = (struct blob){.type = SLICE("msgpack"), .bytes = SLICE("0123456789")};
    put->n = 1;
}

static void fill_message(struct op *op, int i, struct arena *arena)
{
    struct message *m = arena_zalloc(arena, 1, sizeof(*m));

    *m = (struct message){.id = arena_printf(arena, "m%d", i),
                          .role = SLICE("user"),
                          .content = SLICE("\"a message of some words\"")};
    op->message_append.messages = m;
    op->message_append.n = 1;
}

static void fill(struct bench *b, enum op_type type, const char *id,
                 void (*one)(struct op *op, int i, struct arena *arena))
{
    struct op ops[GROUP];
    struct arena arenas[GROUP] = {{0}};

    for (int i = 0; i < b->n; i += GROUP) {
        for (int j = 0; j < GROUP; j++) {
            ops[j] = new_op(b, type, id, &arenas[j]);
            one(&ops[j], i + j, &arenas[j]);
            ops[j].next = j + 1 < GROUP ? &ops[j + 1] : NULL;
        }
        submit(b, ops, GROUP);
        wait_all(&b->big, GROUP);
        for (int j = 0; j < GROUP; j++)
            arena_reset(&arenas[j]);
    }
}

static void copy_to(struct bench *b, const char *name, const char *to)
{
    struct arena arena = {0};
    struct op op = new_op(b, OP_THREAD_COPY, "source", &arena);

    op.thread_copy.to = slice_of(to);
    measure(b, name, &op);
}

static void run(struct bench *b)
{
    struct arena arena = {0};
    const char *const copies[] = {"t0", "t1", "t2", "t3", "t4", "t5"};
    struct slice run_id = SLICE("r0");
    struct op op;

    for (size_t i = 0; i < COUNT_OF(copies); i++)
        copy_to(b, "thread copy", copies[i]);
    op = new_op(b, OP_THREAD_DELETE, "t0", &arena);
    measure(b, "thread delete", &op);
    op = new_op(b, OP_THREAD_PRUNE, "t1", &arena);
    op.thread_prune.keep_last = 10;
    measure(b, "prune, 10 stay", &op);
    op = new_op(b, OP_THREAD_PRUNE, "t2", &arena);
    op.thread_prune.keep_last = b->n - 10;
    measure(b, "prune, 10 go", &op);
    op = new_op(b, OP_THREAD_PRUNE, "t3", &arena);
    op.thread_prune.keep_last = b->n / 2;
    measure(b, "prune, half", &op);
    op = new_op(b, OP_RUNS_DELETE, NULL, &arena);
    op.runs_delete.run_ids = &run_id;
    op.runs_delete.n = 1;
    measure(b, "delete-runs, half of 3 threads", &op);
    op = new_op(b, OP_MESSAGE_TRIM, "talk", &arena);
    op.message_trim.keep_last = b->n / 2;
    measure(b, "message trim, half", &op);
    op = new_op(b, OP_SESSION_DELETE, "talk", &arena);
    op.session_delete.threads = true;
    measure(b, "session delete", &op);
    arena_done(&arena);
}

int main(int argc, char **argv)
{
    struct bench b = {.n = argc > 2 ? atoi(argv[2]) : 100000};
    struct lanes_config cfg = {
        .layout = LANES_WRITER_READERS,
        .n_readers = 1,
        .batch_max_ops = 100,
        .queue_max = 1000,
        .open = open_chain,
        .ctx = argv[1],
    };
    struct err err = {0};
    int64_t start = clock_now_ns();

    if (argc < 2) {
        fprintf(stderr, "lane_hold URL [CHECKPOINTS]\n");
        return 2;
    }
    if (!inbox_init(&b.big, &err) || !inbox_init(&b.small, &err))
        die("inbox", &err);
    b.lanes = lanes_open(&cfg, &err);
    if (!b.lanes)
        die("open", &err);
    fill(&b, OP_CHECKPOINT_PUT, "source", fill_checkpoint);
    fill(&b, OP_WRITES_PUT, "source", fill_writes);
    fill(&b, OP_MESSAGE_APPEND, "talk", fill_message);
    printf("filled in %.1f s\n", (double)(clock_now_ns() - start) / 1e9);
    append(&b);
    run(&b);
    lanes_close(b.lanes);
    inbox_done(&b.big);
    inbox_done(&b.small);
    return 0;
}

/* threads.c - see threads.h. */
#include "threads.h"

#include <stdio.h>
#include <stdlib.h>

static struct slice text_or(const char *text, const char *other)
{
    return slice_of(text ? text : other);
}

static struct slice upto(const char **at, const char *ends)
{
    struct slice s = {*at, strcspn(*at, ends)};

    *at += s.len;
    if (**at)
        ++*at;
    return s;
}

/* How many items a text names, and one more. */
static size_t room_for(const char *text)
{
    size_t n = 1;

    for (; text && *text; text++)
        n += *text == '=';
    return n;
}

static struct value *parse_values(struct store *s, const char *text, size_t *n)
{
    struct value *values = arena_zalloc(&s->arena, room_for(text), sizeof(*values));

    ck_assert_ptr_nonnull(values);
    for (*n = 0; text && *text; ++*n) {
        values[*n].of.channel = upto(&text, "=");
        values[*n].of.version = upto(&text, ":");
        values[*n].blob.type = SLICE("msgpack");
        values[*n].blob.bytes = upto(&text, " ");
    }
    return values;
}

struct op put_op(struct store *s, struct checkpoint_in in)
{
    struct op op = store_op(s, OP_CHECKPOINT_PUT, in.thread);
    struct op_checkpoint_put *put = &op.checkpoint_put;
    struct channel_version *carried = arena_zalloc(&s->arena, room_for(in.carried),
                                                   sizeof(*carried));

    ck_assert_ptr_nonnull(carried);
    put->ns = text_or(in.ns, "");
    put->checkpoint_id = slice_of(in.id);
    put->parent_id = slice_of(in.parent);
    put->form = in.form ? in.form : FORM_CHANNEL;
    put->head.type = SLICE("");
    put->head.bytes = in.head ? slice_of(in.head)
                              : arena_printf(&s->arena, "{\"v\":4,\"id\":\"%s\"}", in.id);
    put->metadata = text_or(in.metadata, "{}");
    put->run_id = slice_of(in.run);
    put->values = parse_values(s, in.values, &put->n_values);
    put->carried = carried;
    for (const char *at = in.carried; at && *at; put->n_carried++) {
        carried[put->n_carried].channel = upto(&at, "=");
        carried[put->n_carried].version = upto(&at, " ");
    }
    return op;
}

bool put(struct store *s, struct checkpoint_in in)
{
    struct op op = put_op(s, in);

    store_ok(s, &op);
    return op.checkpoint_put.out.created;
}

struct op writes_op(struct store *s, struct writes_in in)
{
    struct op op = store_op(s, OP_WRITES_PUT, in.thread);
    struct op_writes_put *put = &op.writes_put;
    const char *at = in.writes;

    put->ns = text_or(in.ns, "");
    put->checkpoint_id = slice_of(in.checkpoint);
    put->task_id = slice_of(in.task);
    put->task_path = text_or(in.path, "");
    put->form = in.form ? in.form : FORM_CHANNEL;
    put->mode = in.mode;
    put->writes = arena_zalloc(&s->arena, 32, sizeof(*put->writes));
    ck_assert_ptr_nonnull(put->writes);
    for (; *at; put->n++) {
        put->writes[put->n].idx = strtoll(at, NULL, 10);
        upto(&at, ":");
        put->writes[put->n].channel = upto(&at, "=");
        put->writes[put->n].blob.type = SLICE("msgpack");
        put->writes[put->n].blob.bytes = upto(&at, " ");
    }
    return op;
}

bool put_writes(struct store *s, struct writes_in in)
{
    struct op op = writes_op(s, in);

    store_ok(s, &op);
    return op.writes_put.out.created;
}

struct checkpoint *get(struct store *s, const char *thread, const char *ns, const char *id)
{
    struct op op = store_op(s, OP_CHECKPOINT_GET, thread);
    enum err_kind kind;

    op.checkpoint_get.ns = slice_of(ns);
    op.checkpoint_get.checkpoint_id = slice_of(id);
    kind = store_run(s, &op);
    ck_assert_msg(kind == ERR_OK || kind == ERR_NOT_FOUND, "get: %s", op.status.text);
    return kind == ERR_OK ? op.checkpoint_get.out.checkpoint : NULL;
}

static const char *joined(struct store *s, const char *before, struct slice more)
{
    struct slice out = arena_printf(&s->arena, "%s%s%.*s", before, *before ? " " : "",
                                    SLICE_ARGS(more));

    ck_assert_ptr_nonnull(out.at);
    return out.at;
}

void put_two(const char *thread)
{
    put(&here, (struct checkpoint_in){.thread = thread, .id = "c1", .values = "a=1:xx b=1:yy"});
    put(&here, (struct checkpoint_in){.thread = thread,
                                      .id = "c2",
                                      .parent = "c1",
                                      .run = "r",
                                      .metadata = "{\"run_id\":\"r\"}",
                                      .values = "a=2:xz",
                                      .carried = "b=1"});
    put_writes(&here, (struct writes_in){.thread = thread,
                                         .checkpoint = "c2",
                                         .task = "t1",
                                         .path = "p",
                                         .writes = "0:a=b 1:c=d"});
}

const char *values_text(struct store *s, const struct checkpoint *checkpoint)
{
    const char *text = "";

    for (size_t i = 0; i < checkpoint->n_values; i++) {
        const struct value *v = checkpoint->values[i];

        ck_assert_slice(v->blob.type, "msgpack");
        ck_assert_ptr_null(v->blob.base);
        text = joined(s, text,
                      arena_printf(&s->arena, "%.*s=%.*s:%.*s", SLICE_ARGS(v->of.channel),
                                   SLICE_ARGS(v->of.version), SLICE_ARGS(v->blob.bytes)));
    }
    return text;
}

const char *writes_text(struct store *s, const struct write *writes, size_t n)
{
    const char *text = "";

    for (size_t i = 0; i < n; i++)
        text = joined(s, text,
                      arena_printf(&s->arena, "%.*s/%.*s/%d:%.*s=%.*s",
                                   SLICE_ARGS(writes[i].task_id), SLICE_ARGS(writes[i].task_path),
                                   (int)writes[i].idx, SLICE_ARGS(writes[i].channel),
                                   SLICE_ARGS(writes[i].blob.bytes)));
    return text;
}

const char *get_writes(struct store *s, const char *thread, const char *ns, const char *id)
{
    struct op op = store_op(s, OP_WRITES_GET, thread);

    op.writes_get.ns = slice_of(ns);
    op.writes_get.checkpoint_id = slice_of(id);
    store_ok(s, &op);
    return writes_text(s, op.writes_get.out.items, op.writes_get.out.n);
}

const char *items_text(struct store *s, const struct op *op)
{
    const char *text = "";

    for (size_t i = 0; i < op->checkpoint_list.out.n; i++) {
        const struct checkpoint *c = op->checkpoint_list.out.items[i];

        text = joined(s, text,
                      arena_printf(&s->arena, "%.*s/%.*s/%.*s", SLICE_ARGS(c->thread),
                                   SLICE_ARGS(c->ns), SLICE_ARGS(c->id)));
    }
    return text;
}

struct op list_op(struct store *s, const char *thread, const char *ns)
{
    struct op op = store_op(s, OP_CHECKPOINT_LIST, thread);

    op.checkpoint_list.ns = slice_of(ns);
    op.checkpoint_list.limit = 1000;
    op.checkpoint_list.values = true;
    return op;
}

const char *list(struct store *s, struct op op)
{
    store_ok(s, &op);
    return items_text(s, &op);
}

const char *thread_text(struct store *s, const char *id)
{
    struct op op = store_op(s, OP_THREAD_GET, id);
    const struct thread *t = &op.thread_get.out.thread;
    const char *text = "";
    enum err_kind kind = store_run(s, &op);

    ck_assert_msg(kind == ERR_OK || kind == ERR_NOT_FOUND, "thread: %s", op.status.text);
    if (kind == ERR_NOT_FOUND)
        return "none";
    for (size_t i = 0; i < t->n_namespaces; i++)
        text = joined(s, text, arena_printf(&s->arena, "<%.*s>", SLICE_ARGS(t->namespaces[i])));
    return arena_printf(&s->arena, "%s|%d|%.*s|%d", text, (int)t->checkpoints,
                        SLICE_ARGS(t->latest), (int)t->bytes)
        .at;
}

void delete_thread(struct store *s, const char *id)
{
    struct op op = store_op(s, OP_THREAD_DELETE, id);

    store_ok(s, &op);
}

struct record *thread_records(struct store *s, int64_t page, size_t *n)
{
    struct record *all = NULL;

    *n = 0;
    for (enum record_kind kind = RECORD_THREAD; kind < RECORD_KIND_COUNT; kind++) {
        size_t more;
        struct record *records = store_records(s, kind, page, &more);

        all = arena_resize(&s->arena, all, *n * sizeof(*all), (*n + more + 1) * sizeof(*all));
        ck_assert_ptr_nonnull(all);
        if (more)
            memcpy(all + *n, records, more * sizeof(*all));
        *n += more;
    }
    return all;
}

size_t count_records(struct store *s, enum record_kind kind)
{
    size_t n;

    store_records(s, kind, 7, &n);
    return n;
}

static struct slice record_text(struct store *s, const struct record *r)
{
    const struct record_checkpoint *c = &r->checkpoint;
    const struct record_task *k = &r->task;
    const char *refs = "";

    switch (r->kind) {
    case RECORD_THREAD:
        return arena_printf(&s->arena, "tomb %jd updated %jd", (intmax_t)r->thread.tomb,
                            (intmax_t)r->thread.updated_us);
    case RECORD_VALUE:
        return arena_printf(&s->arena, "%jd %.*s=%.*s:%.*s", (intmax_t)r->key.number,
                            SLICE_ARGS(r->value.of.channel), SLICE_ARGS(r->value.of.version),
                            SLICE_ARGS(r->value.blob.bytes));
    case RECORD_CHECKPOINT:
        for (size_t i = 0; i < c->n_refs; i++)
            refs = joined(s, refs, arena_printf(&s->arena, "%jd", (intmax_t)c->refs[i]));
        return arena_printf(&s->arena, "%.*s %jd %jd %d %.*s %.*s %.*s %jd [%s]",
                            SLICE_ARGS(r->key.sub), (intmax_t)c->stamp, (intmax_t)c->created_us,
                            (int)c->form, SLICE_ARGS(c->parent_id), SLICE_ARGS(c->metadata),
                            SLICE_ARGS(c->run_id), (intmax_t)c->head, refs);
    case RECORD_TASK:
        return arena_printf(&s->arena, "%.*s %.*s %jd %jd %d %s", SLICE_ARGS(r->key.sub),
                            SLICE_ARGS(r->key.task), (intmax_t)k->stamp, (intmax_t)k->seq,
                            (int)k->form, writes_text(s, k->writes, k->n_writes));
    case RECORD_SESSION:
    case RECORD_MESSAGE:
    case RECORD_CONTEXT:
    case RECORD_KIND_COUNT:
    case RECORD_PENDING:
    case RECORD_MESSAGES:
    case RECORD_CHECKPOINTS:
    case RECORD_CONTENTS:
        break;
    }
    ck_abort_msg("no record of a thread");
}

const char *dump(struct store *s)
{
    const char *text = "";

    for (enum record_kind kind = RECORD_THREAD; kind < RECORD_KIND_COUNT; kind++) {
        size_t n;
        struct record *records = store_records(s, kind, 3, &n);

        for (size_t i = 0; i < n; i++)
            text = joined(s, text,
                          arena_printf(&s->arena, "\n%d %.*s/%.*s %s", (int)kind,
                                       SLICE_ARGS(records[i].key.id), SLICE_ARGS(records[i].key.ns),
                                       record_text(s, &records[i]).at));
    }
    return text;
}

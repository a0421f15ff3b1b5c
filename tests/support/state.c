/* state.c - see state.h. */
#include "state.h"

#include <inttypes.h>
#include <stdlib.h>

#include "text.h"

enum { PAGE = 500 };

struct state {
    struct backend *backend;
    unsigned detail;
    struct arena *arena;
    struct slice lines[PAGE * (RECORD_KIND_COUNT + 1)];
    size_t n_lines;
    const struct record *values;
    size_t n_values;
};

/* Stamps and ids differ from run to run, so STATE_CONTENT leaves them out. */
static void put_number(const struct state *s, struct text *t, const char *name, int64_t n)
{
    if (!(s->detail & STATE_CONTENT))
        text_printf(t, " %s=%" PRId64, name, n);
}

static void put_slice(struct text *t, const char *name, struct slice text)
{
    if (slice_present(text))
        text_printf(t, " %s=\"%.*s\"", name, SLICE_ARGS(text));
}

static void put_hash(struct text *t, const struct blob *blob)
{
    text_printf(t, " %.*s:", SLICE_ARGS(blob->type));
    for (size_t i = 0; i < BLOB_HASH_LEN; i++)
        text_printf(t, "%02x", blob->hash[i]);
}

static void put_cell(const struct state *s, struct text *t, const char *name,
                     const struct cell *cell)
{
    put_slice(t, name, cell->text);
    put_number(s, t, "stamp", cell->stamp);
}

static void put_session(const struct state *s, struct text *t, const struct record_session *r)
{
    put_cell(s, t, "user", &r->user_id);
    put_cell(s, t, "status", &r->status);
    put_cell(s, t, "metadata", &r->metadata);
    put_number(s, t, "gen", r->gen);
    put_number(s, t, "tomb", r->tomb);
    text_printf(t, " live=%d tomb=%d requests=%" PRId64 " errors=%" PRId64 " time=%g",
                r->gen > r->tomb, r->tomb > 0, r->request_count, r->error_count,
                r->total_processing_time);
    text_printf(t, " created=%" PRId64 " updated=%" PRId64 " active=%" PRId64, r->created_us,
                r->updated_us, r->last_activity_us);
    text_printf(t, " version=%" PRId64 " seq=%" PRId64 " context=%" PRId64, r->version, r->last_seq,
                r->last_context);
}

static void put_value_of(const struct state *s, struct text *t, int64_t id)
{
    for (size_t i = 0; i < s->n_values; i++)
        if (s->values[i].key.number == id) {
            put_hash(t, &s->values[i].value.blob);
            return;
        }
    text_puts(t, " absent");
}

static void put_checkpoint(const struct state *s, struct text *t, const struct record_checkpoint *r)
{
    put_number(s, t, "stamp", r->stamp);
    text_printf(t, " created=%" PRId64 " form=%d", r->created_us, r->form);
    put_slice(t, "parent", r->parent_id);
    put_slice(t, "metadata", r->metadata);
    put_slice(t, "run", r->run_id);
    put_number(s, t, "head", r->head);
    put_value_of(s, t, r->head);
    for (size_t i = 0; i < r->n_refs; i++) {
        put_number(s, t, "ref", r->refs[i]);
        put_value_of(s, t, r->refs[i]);
    }
}

static void put_task(const struct state *s, struct text *t, const struct record_task *r)
{
    put_number(s, t, "stamp", r->stamp);
    put_number(s, t, "seq", r->seq);
    text_printf(t, " form=%d", r->form);
    put_slice(t, "path", r->task_path);
    for (size_t i = 0; i < r->n_writes; i++) {
        text_printf(t, " [%" PRId64, r->writes[i].idx);
        put_slice(t, "channel", r->writes[i].channel);
        put_slice(t, "type", r->writes[i].blob.type);
        put_slice(t, "bytes", r->writes[i].blob.bytes);
        text_puts(t, "]");
    }
}

static void put_body(const struct state *s, struct text *t, const struct record *r)
{
    switch (r->kind) {
    case RECORD_SESSION:
        put_session(s, t, &r->session);
        break;
    case RECORD_MESSAGE:
        put_number(s, t, "stamp", r->message.stamp);
        text_printf(t, " seq=%" PRId64, r->message.seq);
        put_slice(t, "role", r->message.role);
        put_slice(t, "content", r->message.content);
        put_slice(t, "metadata", r->message.metadata);
        break;
    case RECORD_CONTEXT:
        put_number(s, t, "stamp", r->key.stamp);
        text_printf(t, " version=%" PRId64 " at=%" PRId64, r->key.number, r->context.updated_us);
        put_slice(t, "body", r->context.body);
        break;
    case RECORD_THREAD:
        put_number(s, t, "tomb", r->thread.tomb);
        text_printf(t, " tomb=%d at=%" PRId64, r->thread.tomb > 0, r->thread.updated_us);
        break;
    case RECORD_VALUE:
        put_number(s, t, "id", r->key.number);
        put_slice(t, "channel", r->value.of.channel);
        put_slice(t, "version", r->value.of.version);
        put_slice(t, "bytes", r->value.blob.bytes);
        put_hash(t, &r->value.blob);
        break;
    case RECORD_CHECKPOINT:
        put_checkpoint(s, t, &r->checkpoint);
        break;
    case RECORD_TASK:
        put_task(s, t, &r->task);
        break;
    case RECORD_KIND_COUNT:
    case RECORD_PENDING:
    case RECORD_MESSAGES:
    case RECORD_CHECKPOINTS:
    case RECORD_CONTENTS:
        break;
    }
}

static bool keep_line(struct state *s, const struct text *t, struct err *err)
{
    if (t->failed)
        return err_no_memory(err);
    if (s->n_lines == COUNT_OF(s->lines))
        return err_set(err, ERR_INTERNAL, "more than is compared");
    s->lines[s->n_lines++] = text_slice(t);
    return true;
}

static void put_key(struct text *t, enum record_kind kind, const struct record_key *key)
{
    text_printf(t, "%d", kind);
    put_slice(t, "id", key->id);
    put_slice(t, "ns", key->ns);
    put_slice(t, "sub", key->sub);
    put_slice(t, "task", key->task);
}

static bool put_record(struct state *s, const struct record *r, struct err *err)
{
    struct text t;

    text_init(&t, s->arena);
    put_key(&t, r->kind, &r->key);
    put_body(s, &t, r);
    text_puts(&t, "\n");
    return keep_line(s, &t, err);
}

static bool put_entry(struct state *s, const struct outbox_entry *e, struct err *err)
{
    struct text t;

    text_init(&t, s->arena);
    text_printf(&t, "outbox tenant=%.*s", SLICE_ARGS(e->tenant));
    put_slice(&t, "id", e->id);
    put_number(s, &t, "number", e->number);
    for (size_t i = 0; i < e->n_names; i++) {
        text_puts(&t, " [");
        put_key(&t, e->names[i].kind, &e->names[i].key);
        text_puts(&t, "]");
    }
    text_puts(&t, "\n");
    return keep_line(s, &t, err);
}

static bool put_texts(struct state *s, const char *what, struct slice a, struct slice b,
                      struct err *err)
{
    struct text t;

    text_init(&t, s->arena);
    text_printf(&t, "%s %.*s: %.*s\n", what, SLICE_ARGS(a), SLICE_ARGS(b));
    return keep_line(s, &t, err);
}

static bool read_pair(struct state *s, struct err *err)
{
    struct op op = {.type = OP_PAIR_READ, .tenant = SLICE("default"), .arena = s->arena};
    const struct op_pair_read *read = &op.pair_read;
    bool ok;

    op.pair_read.limit = PAGE / 2;
    ok = backend_run(s->backend, &op, err);
    for (size_t i = 0; ok && i < read->out.n; i++)
        ok = put_entry(s, &read->out.entries[i], err);
    for (size_t i = 0; ok && i < read->out.n_missing; i++)
        ok = put_texts(s, "missing", read->out.missing[i].tenant, read->out.missing[i].id, err);
    for (size_t i = 0; ok && i < read->out.n_notes; i++)
        ok = put_texts(s, "note", read->out.notes[i].name, read->out.notes[i].text, err);
    return ok;
}

static bool read_kind(struct state *s, enum record_kind kind, struct err *err)
{
    struct op op = {.type = OP_READ_RANGE, .tenant = SLICE("default"), .arena = s->arena};

    op.read_range.kind = kind;
    op.read_range.limit = PAGE;
    if (!backend_run(s->backend, &op, err))
        return false;
    if (op.read_range.out.more)
        return err_set(err, ERR_INTERNAL, "more than is compared");
    if (kind == RECORD_VALUE) {
        s->values = op.read_range.out.items;
        s->n_values = op.read_range.out.n;
    }
    for (size_t i = 0; i < op.read_range.out.n; i++)
        if (!put_record(s, &op.read_range.out.items[i], err))
            return false;
    return true;
}

/* Sorts lines: values come in the order of their ids, which is not the same in every run. */
static int by_text(const void *left, const void *right)
{
    const struct slice *a = left, *b = right;

    return slice_compare(*a, *b);
}

bool state_read(struct backend *b, unsigned detail, struct arena *arena, struct slice *out,
                struct err *err)
{
    struct state s = {.backend = b, .detail = detail, .arena = arena};
    struct text t;

    for (int kind = 0; kind < RECORD_KIND_COUNT; kind++)
        if (!read_kind(&s, (enum record_kind)kind, err))
            return false;
    if ((detail & STATE_PAIR) && !read_pair(&s, err))
        return false;
    qsort(s.lines, s.n_lines, sizeof(*s.lines), by_text);
    text_init(&t, arena);
    for (size_t i = 0; i < s.n_lines; i++)
        if (!(detail & STATE_CONTENT) || i == 0 || !slice_equal(s.lines[i], s.lines[i - 1]))
            text_put(&t, s.lines[i]);
    if (t.failed)
        return err_no_memory(err);
    *out = text_slice(&t);
    return true;
}

struct slice state_difference(struct slice a, struct slice b)
{
    enum { SHOWN = 600 };
    size_t start = 0, len;

    for (size_t i = 0; i < a.len && i < b.len && a.at[i] == b.at[i]; i++)
        if (a.at[i] == '\n')
            start = i + 1;
    for (len = 0; start + len < a.len && len < SHOWN && a.at[start + len] != '\n'; len++)
        continue;
    return (struct slice){a.at + start, len};
}

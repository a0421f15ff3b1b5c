/* op_copy.c - see op_copy.h. */
#include "op_copy.h"

#include <assert.h>

static void *copy_items(struct arena *a, const void *items, size_t n, size_t size)
{
    void *copy = arena_alloc(a, n * size + 1);

    assert(copy);
    if (n > 0)
        memcpy(copy, items, n * size);
    return copy;
}

static void copy_slice(struct arena *a, struct slice *s)
{
    if (!slice_present(*s))
        return;
    *s = arena_copy(a, *s);
    assert(slice_present(*s));
}

static void copy_key(struct arena *a, struct record_key *k)
{
    copy_slice(a, &k->id);
    copy_slice(a, &k->ns);
    copy_slice(a, &k->sub);
    copy_slice(a, &k->task);
}

static void copy_blob(struct arena *a, struct blob *b)
{
    assert(!b->patch && !b->base);
    copy_slice(a, &b->type);
    copy_slice(a, &b->bytes);
}

static void copy_channel(struct arena *a, struct channel_version *of)
{
    copy_slice(a, &of->channel);
    copy_slice(a, &of->version);
}

static struct channel_version *copy_channels(struct arena *a, const struct channel_version *items,
                                             size_t n)
{
    struct channel_version *copy = copy_items(a, items, n, sizeof(*copy));

    for (size_t i = 0; i < n; i++)
        copy_channel(a, &copy[i]);
    return copy;
}

static struct write *copy_writes(struct arena *a, const struct write *writes, size_t n)
{
    struct write *copy = copy_items(a, writes, n, sizeof(*copy));

    for (size_t i = 0; i < n; i++) {
        copy_slice(a, &copy[i].task_id);
        copy_slice(a, &copy[i].task_path);
        copy_slice(a, &copy[i].channel);
        copy_blob(a, &copy[i].blob);
    }
    return copy;
}

static void copy_checkpoint(struct arena *a, struct record_checkpoint *c)
{
    copy_slice(a, &c->parent_id);
    copy_slice(a, &c->metadata);
    copy_slice(a, &c->run_id);
    c->refs = copy_items(a, c->refs, c->n_refs, sizeof(*c->refs));
}

static void copy_record(struct arena *a, struct record *r)
{
    copy_key(a, &r->key);
    if (r->gone)
        return;
    switch (r->kind) {
    case RECORD_SESSION:
        copy_slice(a, &r->session.user_id.text);
        copy_slice(a, &r->session.status.text);
        copy_slice(a, &r->session.metadata.text);
        break;
    case RECORD_MESSAGE:
        copy_slice(a, &r->message.role);
        copy_slice(a, &r->message.content);
        copy_slice(a, &r->message.metadata);
        break;
    case RECORD_CONTEXT:
        copy_slice(a, &r->context.body);
        break;
    case RECORD_VALUE:
        copy_channel(a, &r->value.of);
        copy_blob(a, &r->value.blob);
        break;
    case RECORD_CHECKPOINT:
        copy_checkpoint(a, &r->checkpoint);
        break;
    case RECORD_TASK:
        copy_slice(a, &r->task.task_path);
        r->task.writes = copy_writes(a, r->task.writes, r->task.n_writes);
        break;
    case RECORD_THREAD:
    case RECORD_REPEAT:
    case RECORD_PENDING:
    case RECORD_MESSAGES:
    case RECORD_CHECKPOINTS:
    case RECORD_CONTENTS:
        break;
    }
}

static void copy_merge(struct arena *a, struct op_merge *m)
{
    struct record *items = copy_items(a, m->items, m->n, sizeof(*items));

    for (size_t i = 0; i < m->n; i++)
        copy_record(a, &items[i]);
    m->items = items;
}

static struct pair_id *copy_ids(struct arena *a, const struct pair_id *ids, size_t n)
{
    struct pair_id *copy = copy_items(a, ids, n, sizeof(*copy));

    for (size_t i = 0; i < n; i++) {
        copy_slice(a, &copy[i].tenant);
        copy_slice(a, &copy[i].id);
    }
    return copy;
}

/* The names of entries are left out: the memory of a world need not hold them, since the number is enough
 * to clear an entry. */
static void copy_change(struct arena *a, struct op_pair_change *c)
{
    struct outbox_entry *clear = copy_items(a, c->clear, c->n_clear, sizeof(*clear));
    struct pair_note *notes = copy_items(a, c->notes, c->n_notes, sizeof(*notes));

    for (size_t i = 0; i < c->n_clear; i++) {
        copy_slice(a, &clear[i].tenant);
        copy_slice(a, &clear[i].id);
        clear[i].names = NULL;
        clear[i].n_names = 0;
    }
    for (size_t i = 0; i < c->n_notes; i++) {
        copy_slice(a, &notes[i].name);
        copy_slice(a, &notes[i].text);
    }
    c->clear = clear;
    c->notes = notes;
    c->missing = copy_ids(a, c->missing, c->n_missing);
    c->found = copy_ids(a, c->found, c->n_found);
}

static void copy_append(struct arena *a, struct op_message_append *append)
{
    append->messages = copy_items(a, append->messages, append->n, sizeof(*append->messages));
    for (size_t i = 0; i < append->n; i++) {
        copy_slice(a, &append->messages[i].id);
        copy_slice(a, &append->messages[i].role);
        copy_slice(a, &append->messages[i].content);
        copy_slice(a, &append->messages[i].metadata);
    }
}

static void copy_put(struct arena *a, struct op_checkpoint_put *put)
{
    copy_slice(a, &put->ns);
    copy_slice(a, &put->checkpoint_id);
    copy_slice(a, &put->parent_id);
    copy_slice(a, &put->metadata);
    copy_slice(a, &put->run_id);
    copy_blob(a, &put->head);
    put->values = copy_items(a, put->values, put->n_values, sizeof(*put->values));
    for (size_t i = 0; i < put->n_values; i++) {
        copy_channel(a, &put->values[i].of);
        copy_blob(a, &put->values[i].blob);
    }
    put->carried = copy_channels(a, put->carried, put->n_carried);
    put->removed = copy_channels(a, put->removed, put->n_removed);
    put->sources = copy_items(a, put->sources, put->n_sources, sizeof(*put->sources));
    if (put->carried_ids)
        put->carried_ids = copy_items(a, put->carried_ids, put->n_carried,
                                      sizeof(*put->carried_ids));
    copy_slice(a, &put->settled);
}

static void copy_writes_put(struct arena *a, struct op_writes_put *put)
{
    copy_slice(a, &put->ns);
    copy_slice(a, &put->checkpoint_id);
    copy_slice(a, &put->task_id);
    copy_slice(a, &put->task_path);
    put->writes = copy_writes(a, put->writes, put->n);
}

static void copy_patch(struct arena *a, struct op_session_patch *patch)
{
    copy_slice(a, &patch->user_id);
    copy_slice(a, &patch->status);
    copy_slice(a, &patch->metadata);
    copy_slice(a, &patch->metadata_merge);
}

static void copy_runs(struct arena *a, struct op_runs_delete *runs)
{
    struct slice *ids = copy_items(a, runs->run_ids, runs->n, sizeof(*ids));

    for (size_t i = 0; i < runs->n; i++)
        copy_slice(a, &ids[i]);
    runs->run_ids = ids;
}

static void copy_inputs(struct op *op)
{
    struct arena *a = op->arena;

    if (op->type == OP_SESSION_PUT) {
        copy_slice(a, &op->session_put.user_id);
        copy_slice(a, &op->session_put.metadata);
    } else if (op->type == OP_SESSION_PATCH) {
        copy_patch(a, &op->session_patch);
    } else if (op->type == OP_CONTEXT_PUT) {
        copy_slice(a, &op->context_put.context);
    } else if (op->type == OP_MESSAGE_APPEND) {
        copy_append(a, &op->message_append);
    } else if (op->type == OP_MESSAGE_TRIM) {
        copy_slice(a, &op->message_trim.before.id);
    } else if (op->type == OP_CHECKPOINT_PUT) {
        copy_put(a, &op->checkpoint_put);
    } else if (op->type == OP_WRITES_PUT) {
        copy_writes_put(a, &op->writes_put);
    } else if (op->type == OP_THREAD_COPY) {
        copy_slice(a, &op->thread_copy.to);
    } else if (op->type == OP_RUNS_DELETE) {
        copy_runs(a, &op->runs_delete);
    } else if (op->type == OP_MERGE) {
        copy_merge(a, &op->merge);
    } else if (op->type == OP_PAIR_CHANGE) {
        copy_change(a, &op->pair_change);
    }
}

struct op op_copy(const struct op *op, struct arena *arena)
{
    struct op copy = *op;

    copy.arena = arena;
    copy_slice(arena, &copy.tenant);
    copy_slice(arena, &copy.id);
    if (op_writes(op))
        copy_inputs(&copy);
    return copy;
}

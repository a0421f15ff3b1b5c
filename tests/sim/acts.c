/* acts.c - see acts.h. */
#include "acts.h"

#include <assert.h>

#include "blob_hash.h"
#include "clock.h"

static const char *const names[ACTS] = {
    [ACT_PUT] = "put",
    [ACT_PATCH] = "patch",
    [ACT_APPEND] = "append",
    [ACT_DELETE] = "delete",
    [ACT_CHECKPOINT] = "checkpoint",
    [ACT_WRITES] = "writes",
    [ACT_THREAD_DELETE] = "thread delete",
    [ACT_CONTEXT] = "context",
    [ACT_TRIM] = "trim",
    [ACT_PRUNE] = "prune",
    [ACT_COPY] = "copy",
    [ACT_RUNS_DELETE] = "runs delete",
    [ACT_CLEANUP] = "cleanup",
    [ACT_SWEEP] = "sweep",
};

static const enum op_type types[ACTS] = {
    [ACT_PUT] = OP_SESSION_PUT,
    [ACT_PATCH] = OP_SESSION_PATCH,
    [ACT_APPEND] = OP_MESSAGE_APPEND,
    [ACT_DELETE] = OP_SESSION_DELETE,
    [ACT_CHECKPOINT] = OP_CHECKPOINT_PUT,
    [ACT_WRITES] = OP_WRITES_PUT,
    [ACT_THREAD_DELETE] = OP_THREAD_DELETE,
    [ACT_CONTEXT] = OP_CONTEXT_PUT,
    [ACT_TRIM] = OP_MESSAGE_TRIM,
    [ACT_PRUNE] = OP_THREAD_PRUNE,
    [ACT_COPY] = OP_THREAD_COPY,
    [ACT_RUNS_DELETE] = OP_RUNS_DELETE,
    [ACT_CLEANUP] = OP_CLEANUP,
    [ACT_SWEEP] = OP_CLEANUP,
};

static const struct cell_place places[CELLS] = {
    {{"", 0}, {"x", 1}, FORM_DOCUMENT},
    {{"", 0}, {"y", 1}, FORM_DOCUMENT},
    {{"ns", 2}, {"z", 1}, FORM_CHANNEL},
};

struct cell_place acts_place(int cell)
{
    return places[cell];
}

enum op_type acts_type(enum act act)
{
    return types[act];
}

const char *acts_name(enum act act)
{
    return names[act];
}

bool acts_has_cell(enum act act)
{
    return act == ACT_CHECKPOINT || act == ACT_WRITES;
}

bool acts_removes(enum act act)
{
    return act == ACT_DELETE || act == ACT_THREAD_DELETE || act == ACT_TRIM || act == ACT_PRUNE ||
           act == ACT_RUNS_DELETE || act == ACT_CLEANUP;
}

/* Long enough that the next value is stored as a delta of this one. */
static struct slice text_of(struct world *w, const char *token)
{
    struct slice text = arena_printf(
        &w->arena,
        "{\"token\":\"%s\",\"text\":\"what is the same in each value, and long enough that a delta "
        "of an earlier one is worth the while, as it is for most values of agents in real life\"}",
        token);

    assert(text.at);
    return text;
}

struct slice acts_token(struct slice text)
{
    struct slice start = SLICE("{\"token\":\"");
    const char *at = text.at ? text.at + start.len : NULL, *end;

    if (!slice_starts(text, start))
        return (struct slice){NULL, 0};
    end = memchr(at, '"', text.len - start.len);
    return (struct slice){at, end ? (size_t)(end - at) : 0};
}

/* As routes do it: an id made of the session and the key, a hash of what is asked. */
static struct op_repeat repeat_of(const struct entry *e)
{
    struct slice id = slice_of(world_ids[e->id]);
    struct op_repeat repeat = {.present = true};

    blob_hash(id, slice_of(e->token), repeat.op_id);
    blob_hash(slice_of(names[e->act]), slice_of(e->token), repeat.body_hash);
    return repeat;
}

static struct op_session_patch make_patch(struct world *w, const struct entry *e)
{
    struct op_session_patch patch = {
        .increment_requests = true,
        .mark_error = true,
        .add_processing_time = 1,
        .if_version = e->if_version,
    };

    if (e->sets)
        patch.status = slice_of(e->token);
    else if (e->cell == 0)
        patch.metadata_merge = text_of(w, e->token);
    return patch;
}

/* One message, or two: of these both are stored, or none. */
static struct op_message_append make_append(struct world *w, const struct entry *e)
{
    struct op_message_append append = {.n = e->sets ? 2 : 1};

    append.messages = world_alloc(w, append.n * sizeof(*append.messages));
    for (size_t i = 0; i < append.n; i++)
        append.messages[i] = (struct message){
            .id = arena_printf(&w->arena, "%s%s", e->token, i ? ".2" : ""),
            .role = SLICE("user"),
            .content = SLICE("\"text\""),
            .metadata = SLICE("{}"),
        };
    return append;
}

static struct op_checkpoint_put make_checkpoint(struct world *w, const struct entry *e)
{
    const struct cell_place *place = &places[e->cell];
    struct op_checkpoint_put put = {
        .ns = place->ns,
        .checkpoint_id = place->checkpoint_id,
        .form = place->form,
        .head = {.type = SLICE(""), .bytes = text_of(w, e->token)},
        .metadata = SLICE("{}"),
    };

    if (e->sets && e->id >= ID_STAYS) {
        put.run_id = SLICE("run");
        put.metadata = SLICE("{\"run_id\":\"run\"}");
    }
    if (place->form != FORM_CHANNEL)
        return put;
    put.values = world_alloc(w, sizeof(*put.values));
    put.n_values = 1;
    put.values[0].of.channel = SLICE("channel");
    put.values[0].of.version = arena_printf(&w->arena, "\"%s\"", e->token);
    put.values[0].blob.type = SLICE("json");
    put.values[0].blob.bytes = put.head.bytes;
    return put;
}

static struct op_writes_put make_writes(struct world *w, const struct entry *e)
{
    const struct cell_place *place = &places[e->cell];
    struct op_writes_put put = {
        .ns = place->ns,
        .checkpoint_id = place->checkpoint_id,
        .task_id = SLICE("task"),
        .task_path = SLICE(""),
        .form = place->form,
        .mode = WRITES_REPLACE,
        .writes = world_alloc(w, sizeof(*put.writes)),
        .n = 1,
    };

    put.writes[0].task_id = put.task_id;
    put.writes[0].task_path = put.task_path;
    put.writes[0].channel = SLICE("channel");
    put.writes[0].blob.type = place->form == FORM_CHANNEL ? SLICE("json") : SLICE("");
    put.writes[0].blob.bytes = text_of(w, e->token);
    return put;
}

struct op acts_op(struct world *w, enum op_type type, int id)
{
    return (struct op){
        .type = type,
        .tenant = world_tenant(id),
        .id = slice_of(world_ids[id]),
        .now_us = clock_now_us(),
        .stamp = stamp_next(),
        .arena = &w->arena,
    };
}

static void make_removal(struct world *w, const struct entry *e, struct op *op)
{
    static const struct slice run = {"run", 3};

    if (e->act == ACT_DELETE) {
        op->session_delete.threads = true;
    } else if (e->act == ACT_TRIM) {
        op->message_trim.keep_last = 2;
    } else if (e->act == ACT_PRUNE) {
        op->thread_prune.keep_last = 1;
    } else if (e->act == ACT_COPY) {
        op->thread_copy.to = arena_printf(&w->arena, "copy-%s", e->token);
        assert(op->thread_copy.to.at);
    } else if (e->act != ACT_THREAD_DELETE) { /* these concern a whole tenant */
        op->id = (struct slice){NULL, 0};
        if (e->act == ACT_RUNS_DELETE)
            op->runs_delete = (struct op_runs_delete){.run_ids = &run, .n = 1};
        else
            op->cleanup = (struct op_cleanup){.expired = e->act == ACT_SWEEP,
                                              .idle_us = op->now_us - 2 * SEC * w->wall_scale,
                                              .limit = 100};
    }
}

struct op acts_make(struct world *w, const struct entry *e)
{
    struct op op = acts_op(w, types[e->act], e->id);

    switch (e->act) {
    case ACT_PUT:
        op.session_put.user_id = slice_of(e->token);
        op.session_put.metadata = text_of(w, e->token);
        op.session_put.with_context = e->sets;
        op.session_put.create_only = e->create_only;
        break;
    case ACT_PATCH:
        op.session_patch = make_patch(w, e);
        break;
    case ACT_APPEND:
        op.message_append = make_append(w, e);
        break;
    case ACT_CHECKPOINT:
        op.checkpoint_put = make_checkpoint(w, e);
        break;
    case ACT_WRITES:
        op.writes_put = make_writes(w, e);
        break;
    case ACT_CONTEXT:
        op.context_put.context = text_of(w, e->token);
        break;
    case ACT_DELETE:
    case ACT_THREAD_DELETE:
    case ACT_TRIM:
    case ACT_PRUNE:
    case ACT_COPY:
    case ACT_RUNS_DELETE:
    case ACT_CLEANUP:
    case ACT_SWEEP:
        make_removal(w, e, &op);
        break;
    case ACTS:
        break;
    }
    if (e->keyed)
        op.repeat = repeat_of(e);
    return op;
}

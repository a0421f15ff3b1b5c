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

const char *acts_name(enum act act)
{
    return names[act];
}

bool acts_has_cell(enum act act)
{
    return act == ACT_CHECKPOINT || act == ACT_WRITES;
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

/* As routes do it: the request is known by the key, and by what it says. */
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
        .increment_requests = true, .mark_error = true, .add_processing_time = 1};

    if (e->sets)
        patch.status = slice_of(e->token);
    else if (e->cell == 0)
        patch.metadata_merge = text_of(w, e->token);
    return patch;
}

/* One message, or two of which both or none may be there. */
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
        .tenant = SLICE("default"),
        .id = slice_of(world_ids[id]),
        .now_us = clock_now_us(),
        .stamp = stamp_next(),
        .arena = &w->arena,
    };
}

struct op acts_make(struct world *w, const struct entry *e)
{
    struct op op = acts_op(w, types[e->act], e->id);

    switch (e->act) {
    case ACT_PUT:
        op.session_put.user_id = slice_of(e->token);
        op.session_put.metadata = text_of(w, e->token);
        op.session_put.with_context = e->sets;
        break;
    case ACT_PATCH:
        op.session_patch = make_patch(w, e);
        break;
    case ACT_APPEND:
        op.message_append = make_append(w, e);
        break;
    case ACT_DELETE:
        op.session_delete.threads = true;
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
    case ACT_THREAD_DELETE:
    case ACTS:
        break;
    }
    if (e->keyed)
        op.repeat = repeat_of(e);
    return op;
}

/* checkpoint_json.c - see checkpoint_json.h. */
#include "checkpoint_json.h"

#include <assert.h>

#include "arena.h"
#include "json.h"

/* The distinct values of a list, in order of first use, found by the id of their rows. */
struct shared {
    const struct value **values;
    size_t n;
    size_t *slots; /* open addressing: index into values + 1, 0 = free */
    unsigned shift;
};

static void put_value(struct response *res, const struct value *value)
{
    struct text *t = &res->body;

    json_open(t, '{');
    json_member_string(t, "channel", value->of.channel);
    json_member_raw(t, "version", value->of.version);
    json_member_string(t, "type", value->blob.type);
    response_bytes(res, value->blob.bytes);
    json_close(t, '}');
}

static void put_values(struct response *res, const struct value *const *values, size_t n)
{
    json_key(&res->body, "values");
    json_open(&res->body, '[');
    for (size_t i = 0; i < n; i++)
        put_value(res, values[i]);
    json_close(&res->body, ']');
}

static void put_write(struct response *res, const struct write *write)
{
    struct text *t = &res->body;

    json_open(t, '{');
    json_member_string(t, "task_id", write->task_id);
    json_member_string(t, "task_path", write->task_path);
    json_member_int(t, "idx", write->idx);
    json_member_string(t, "channel", write->channel);
    if (write->blob.type.len == 0) {
        json_member_raw(t, "value", write->blob.bytes);
    } else {
        json_member_string(t, "type", write->blob.type);
        response_bytes(res, write->blob.bytes);
    }
    json_close(t, '}');
}

void checkpoint_json_writes(struct response *res, const struct write *writes, size_t n)
{
    json_key(&res->body, "writes");
    json_open(&res->body, '[');
    for (size_t i = 0; i < n; i++)
        put_write(res, &writes[i]);
    json_close(&res->body, ']');
}

/* Writes all members of a checkpoint except values and writes. */
static void put_header(struct text *t, const struct checkpoint *c)
{
    json_member_string(t, "thread_id", c->thread);
    json_member_string(t, "ns", c->ns);
    json_member_string(t, "checkpoint_id", c->id);
    json_member_string(t, "parent_checkpoint_id", c->parent_id);
    json_member_raw(t, c->form == FORM_DOCUMENT ? "checkpoint_data" : "checkpoint", c->head.bytes);
    json_member_raw(t, "metadata", c->metadata);
    json_member_time(t, "created_at", c->created_us);
}

void checkpoint_json_object(struct response *res, const struct checkpoint *checkpoint)
{
    json_open(&res->body, '{');
    put_header(&res->body, checkpoint);
    if (checkpoint->form == FORM_CHANNEL)
        put_values(res, checkpoint->values, checkpoint->n_values);
    checkpoint_json_writes(res, checkpoint->writes, checkpoint->n_writes);
    json_close(&res->body, '}');
}

static bool shared_init(struct shared *s, const struct checkpoint_items *items, struct arena *arena,
                        struct err *err)
{
    size_t total = 0;
    unsigned bits = 1;

    for (size_t i = 0; items->values && i < items->n; i++)
        total += items->at[i]->n_values;
    while ((size_t)1 << bits < total * 2)
        bits++;
    *s = (struct shared){
        .values = arena_zalloc(arena, total, sizeof(*s->values)),
        .slots = arena_zalloc(arena, (size_t)1 << bits, sizeof(*s->slots)),
        .shift = 64 - bits,
    };
    return (s->values && s->slots) || err_no_memory(err);
}

/* The index of a value; a new one is added. */
static size_t shared_index(struct shared *s, const struct value *value)
{
    size_t mask = SIZE_MAX >> s->shift;
    size_t slot = (uint64_t)value->blob.id * UINT64_C(0x9E3779B97F4A7C15) >> s->shift;

    assert(value->blob.id != 0);
    while (s->slots[slot] && s->values[s->slots[slot] - 1]->blob.id != value->blob.id)
        slot = (slot + 1) & mask;
    if (!s->slots[slot]) {
        s->values[s->n++] = value;
        s->slots[slot] = s->n;
    }
    return s->slots[slot] - 1;
}

static void put_item(struct response *res, const struct checkpoint *c, struct shared *shared)
{
    struct text *t = &res->body;

    json_open(t, '{');
    put_header(t, c);
    if (shared && c->form == FORM_CHANNEL) {
        json_key(t, "values");
        json_open(t, '[');
        for (size_t i = 0; i < c->n_values; i++)
            json_int(t, (int64_t)shared_index(shared, c->values[i]));
        json_close(t, ']');
    }
    checkpoint_json_writes(res, c->writes, c->n_writes);
    json_close(t, '}');
}

bool checkpoint_json_items(struct response *res, const struct checkpoint_items *items,
                           struct arena *arena, struct err *err)
{
    struct shared shared;

    if (!shared_init(&shared, items, arena, err))
        return false;
    if (items->values) {
        for (size_t i = 0; i < items->n; i++)
            for (size_t v = 0; v < items->at[i]->n_values; v++)
                (void)shared_index(&shared, items->at[i]->values[v]);
        put_values(res, shared.values, shared.n);
    }
    json_key(&res->body, "items");
    json_open(&res->body, '[');
    for (size_t i = 0; i < items->n; i++)
        put_item(res, items->at[i], items->values ? &shared : NULL);
    json_close(&res->body, ']');
    return true;
}
